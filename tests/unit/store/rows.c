/* rows: insert, update, delete, get, ids, count, and the row as clients see it. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/rows.h"

#define ID_A "01890000-0000-7000-8000-00000000000a"
#define ID_B "01890000-0000-7000-8000-00000000000b"

static struct rows_table table = {.name = {"posts", 5}, .scope = SPACE_USER};

static struct store_options options(int64_t quota_rows)
{
    struct store_options o = test_store_options();
    o.table_count = 1;
    o.tables = &table;
    o.quota_rows = quota_rows;
    return o;
}

static int set_up(void **state)
{
    static struct test_store t;
    rows_table_prepare(&table);
    test_store_open(&t, options(0));
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    rows_table_release(&table);
    return 0;
}

static struct row row_of(struct str id, struct str data)
{
    return (struct row){id, data, 1000, 1000, 1};
}

static void insert(struct space *sp, struct str id, struct str data)
{
    struct row row = row_of(id, data);
    assert_int_equal(rows_insert(sp, &table, &row), OK);
}

static void a_row_reads_back_byte_for_byte(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct row row;
    insert(sp, STR(ID_A), STR("{\"n\":1.00,\"s\":\"\xc3\xa9\\u0041\"}"));
    assert_int_equal(rows_get(sp, &table, STR(ID_A), &t->mem, &row), OK);
    assert_true(str_eq(row.data, STR("{\"n\":1.00,\"s\":\"\xc3\xa9\\u0041\"}")));
    assert_true(str_eq(row.id, STR(ID_A)));
    assert_int_equal(row.created_at, 1000);
    assert_int_equal(row.version, 1);
    assert_int_equal(rows_get(sp, &table, STR(ID_B), &t->mem, &row), ERR_NOT_FOUND);
    space_release(sp);
}

static void an_update_keeps_the_creation_time(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct row row = row_of(STR(ID_A), STR("{\"a\":2}"));
    insert(sp, STR(ID_A), STR("{}"));
    row.created_at = 9;
    row.updated_at = 2000;
    row.version = 2;
    assert_int_equal(rows_update(sp, &table, &row), OK);
    assert_int_equal(rows_get(sp, &table, STR(ID_A), &t->mem, &row), OK);
    assert_true(str_eq(row.data, STR("{\"a\":2}")));
    assert_int_equal(row.created_at, 1000);
    assert_int_equal(row.updated_at, 2000);
    assert_int_equal(row.version, 2);
    space_release(sp);
}

static void delete_says_whether_there_was_a_row(void **state)
{
    struct space *sp = test_user_writing(*state);
    bool existed;
    insert(sp, STR(ID_A), STR("{}"));
    assert_int_equal(rows_delete(sp, &table, STR(ID_A), &existed), OK);
    assert_true(existed);
    assert_int_equal(rows_delete(sp, &table, STR(ID_A), &existed), OK);
    assert_false(existed);
    space_release(sp);
}

static void ids_come_oldest_first_and_bounded(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct str *ids;
    size_t count;
    int64_t total;
    insert(sp, STR(ID_B), STR("{}"));
    insert(sp, STR(ID_A), STR("{}"));
    assert_int_equal(rows_ids(sp, &table, 5, &t->mem, &ids, &count), OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(ids[0], STR(ID_A)));
    assert_int_equal(rows_ids(sp, &table, 1, &t->mem, &ids, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows_count(sp, &table, &total), OK);
    assert_int_equal(total, 2);
    space_release(sp);
}

/* Two rows at most of each look. */
static bool see(void *arg, const struct row *row)
{
    struct buf *seen = arg;
    buf_append_str(seen, row->data);
    return seen->n < 4;
}

static void rows_come_by_id_as_many_as_are_wanted(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct buf seen = BUF_INIT;
    bool more;
    insert(sp, STR(ID_B), STR("{}"));
    insert(sp, STR(ID_A), STR("[]"));
    insert(sp, STR(ID_B "x"), STR("00"));
    assert_int_equal(rows_each(sp, &table, STR(""), &more, see, &seen), OK);
    assert_true(str_eq(buf_str(&seen), STR("[]{}")));
    assert_true(more);
    buf_reset(&seen);
    assert_int_equal(rows_each(sp, &table, STR(ID_A), &more, see, &seen), OK);
    assert_true(str_eq(buf_str(&seen), STR("{}00")));
    assert_false(more);
    buf_reset(&seen);
    assert_int_equal(rows_each(sp, &table, STR(ID_B "x"), &more, see, &seen), OK);
    assert_int_equal(seen.n, 0);
    buf_release(&seen);
    space_release(sp);
}

static void an_id_cannot_be_inserted_twice(void **state)
{
    struct space *sp = test_user_writing(*state);
    struct row row = row_of(STR(ID_A), STR("{}"));
    insert(sp, STR(ID_A), STR("{}"));
    assert_int_equal(rows_insert(sp, &table, &row), ERR_CONFLICT);
    space_release(sp);
}

static void the_quota_of_rows_refuses_one_more(void **state)
{
    struct test_store *t = *state;
    test_store_reopen(t, options(1));
    struct space *sp = test_user_writing(t);
    struct row row = row_of(STR(ID_B), STR("{}"));
    bool existed;
    insert(sp, STR(ID_A), STR("{}"));
    assert_int_equal(rows_insert(sp, &table, &row), ERR_QUOTA);
    assert_int_equal(rows_delete(sp, &table, STR(ID_A), &existed), OK);
    assert_int_equal(rows_insert(sp, &table, &row), OK);
    space_release(sp);
}

static void expect_printed(struct str data, const char *expected)
{
    struct buf b = BUF_INIT;
    struct row row = row_of(STR(ID_A), data);
    row.updated_at = 86400000;
    row.version = 3;
    row_append(&b, &row, STR("u1"));
    assert_string_equal(b.p, expected);
    buf_release(&b);
}

static void a_row_is_printed_with_its_data_spliced_in(void **state)
{
    (void)state;
    expect_printed(STR("{\"x\":1e400}"),
                   "{\"id\":\"" ID_A "\",\"x\":1e400,\"createdAt\":\"1970-01-01T00:00:01.000Z\","
                   "\"updatedAt\":\"1970-01-02T00:00:00.000Z\",\"version\":3,\"userId\":\"u1\"}");
    expect_printed(STR("{}"),
                   "{\"id\":\"" ID_A "\",\"createdAt\":\"1970-01-01T00:00:01.000Z\","
                   "\"updatedAt\":\"1970-01-02T00:00:00.000Z\",\"version\":3,\"userId\":\"u1\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_reads_back_byte_for_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_update_keeps_the_creation_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(delete_says_whether_there_was_a_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_come_oldest_first_and_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_come_by_id_as_many_as_are_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_cannot_be_inserted_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_quota_of_rows_refuses_one_more, set_up, tear_down),
        cmocka_unit_test(a_row_is_printed_with_its_data_spliced_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
