/* notes: rows in the form of /api/notes, the list newest first and bounded. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/notes.h"

#define ME      STR("me")
#define EPOCH_0 "1970-01-01T00:00:00.000Z"
#define EPOCH_1 "1970-01-01T00:00:01.000Z"

static struct rows_table table = {.name = {"notes", 5}, .scope = SPACE_USER};

static int set_up(void **state)
{
    static struct test_store t;
    struct store_options o = test_store_options();
    rows_table_prepare(&table);
    o.table_count = 1;
    o.tables = &table;
    test_store_open(&t, o);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    rows_table_release(&table);
    return 0;
}

static void insert(struct test_store *t, struct space *sp, int number, struct str data)
{
    struct row row = {.id = arena_printf(&t->mem, "01890000-0000-7000-8000-%012d", number),
                      .data = data,
                      .updated_at = 1000,
                      .version = 1};
    assert_int_equal(rows_insert(sp, &table, &row), OK);
}

static void expect_list(struct space *sp, const char *wanted)
{
    struct buf out = BUF_INIT;
    assert_int_equal(notes_list(sp, ME, &out), OK);
    assert_string_equal(out.p, wanted);
    buf_release(&out);
}

static size_t count_listed(struct space *sp)
{
    struct buf out = BUF_INIT;
    size_t count = 0;
    assert_int_equal(notes_list(sp, ME, &out), OK);
    for (const char *at = out.p; (at = strstr(at, "{\"id\":")); at++)
        count++;
    buf_release(&out);
    return count;
}

static void the_newest_comes_first_and_texts_keep_their_bytes(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    expect_list(sp, "[]");
    insert(t, sp, 1, STR("{\"text\":\"\\u0041 \xc3\xa9\"}"));
    insert(t, sp, 2, STR("{\"mood\":\"text\",\"text\":\"b\",\"x\":{\"text\":\"c\"}}"));
    expect_list(sp,
                "[{\"id\":\"01890000-0000-7000-8000-000000000002\",\"text\":\"b\","
                "\"userId\":\"me\",\"created\":\"" EPOCH_0 "\",\"updated\":\"" EPOCH_1 "\"},"
                "{\"id\":\"01890000-0000-7000-8000-000000000001\",\"text\":\"\\u0041 \xc3\xa9\","
                "\"userId\":\"me\",\"created\":\"" EPOCH_0 "\",\"updated\":\"" EPOCH_1 "\"}]");
    space_release(sp);
}

static void a_row_without_text_is_an_empty_note(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    insert(t, sp, 1, STR("{\"text\":7}"));
    expect_list(sp, "[{\"id\":\"01890000-0000-7000-8000-000000000001\",\"text\":\"\","
                    "\"userId\":\"me\",\"created\":\"" EPOCH_0 "\",\"updated\":\"" EPOCH_1 "\"}]");
    space_release(sp);
}

static void a_list_ends_after_its_most_notes(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    for (int i = 0; i <= NOTES_MAX; i++)
        insert(t, sp, i, STR("{\"text\":\"x\"}"));
    assert_int_equal(count_listed(sp), NOTES_MAX);
    space_release(sp);
}

static void a_list_ends_before_its_texts_are_too_large(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    size_t n = NOTES_TEXT_BYTES / 4;
    char *data = arena_alloc(&t->mem, n + 16);
    memcpy(data, "{\"text\":\"", 9);
    memset(data + 9, 'x', n - 2);
    memcpy(data + 9 + n - 2, "\"}", 2);
    for (int i = 0; i < 5; i++)
        insert(t, sp, i, str_make(data, n + 9));
    assert_int_equal(count_listed(sp), 4);
    space_release(sp);
}

static void a_reader_lists_what_is_committed(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct store_options o = t->options;
    insert(t, sp, 1, STR("{\"text\":\"x\"}"));
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    o.reader = true;
    o.table_count = 0;
    test_store_reopen(t, o);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    assert_int_equal(space_begin_read(sp), OK);
    assert_int_equal(count_listed(sp), 1);
    space_release(sp);
}

static void a_file_without_the_table_has_no_notes(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    o.table_count = 0;
    test_store_reopen(t, o);
    struct space *sp = test_user_writing(t);
    expect_list(sp, "[]");
    space_release(sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_comes_first_and_texts_keep_their_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_row_without_text_is_an_empty_note, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_ends_after_its_most_notes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_ends_before_its_texts_are_too_large, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reader_lists_what_is_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_without_the_table_has_no_notes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
