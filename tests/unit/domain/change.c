/* change: rows and keys with their events and effects, in one transaction. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/change.h"
#include "lib/store/space.h"
#include "store/kv.h"

#define NOW INT64_C(1800000000000)

struct fixture {
    struct test_store store;
    struct collections all;
    const struct collection *posts, *notifications;
    struct space *sp;
    struct change c;
    struct arena mem;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct str message;
    struct store_options o = test_store_options();
    f = (struct fixture){.mem = ARENA_INIT};
    clock_set_for_test(NOW);
    assert_int_equal(collections_load(&f.all, "fcgi-app/collections", &f.mem, &message), OK);
    o.tables = collections_tables(&f.all, &o.table_count);
    f.posts = collections_find(&f.all, STR("posts"));
    f.notifications = collections_find(&f.all, STR("notifications"));
    test_store_open(&f.store, o);
    assert_int_equal(space_create(f.store.store, SPACE_USER, STR(TEST_USER), &f.sp), OK);
    assert_int_equal(change_begin(&f.c, f.sp, &f.all, NULL, &f.mem), OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    space_release(f->sp);
    test_store_close(&f->store);
    collections_release(&f->all);
    arena_release(&f->mem);
    clock_set_for_test(-1);
    return 0;
}

static enum err append_name(void *arg, const struct event *e)
{
    buf_appendf(arg, "%llu %.*s|", (unsigned long long)e->seq, STR_ARG(e->name));
    return OK;
}

/* "1 kv:set|2 …" of the log. */
static const char *logged(struct fixture *f)
{
    struct buf b = BUF_INIT;
    buf_reserve(&b, 0);
    assert_int_equal(event_read(f->sp, 0, 100, 100000, append_name, &b), OK);
    const char *names = arena_dup(&f->mem, buf_str(&b)).p;
    buf_release(&b);
    return names;
}

static void expect_event(const struct fixture *f, size_t i, const char *name, const char *data)
{
    assert_true(i < f->c.event_count);
    if (!str_eq(f->c.events[i].name, str_from_c(name)) ||
        !str_eq(f->c.events[i].data, str_from_c(data)))
        fail_msg("expected %s %s, got %.*s %.*s", name, data, STR_ARG(f->c.events[i].name),
                 STR_ARG(f->c.events[i].data));
}

static void create(struct fixture *f, const char *data, struct row *row)
{
    assert_int_equal(change_row_create(&f->c, f->posts, str_from_c(data), row), OK);
}

static enum err update(struct fixture *f, struct str id, const char *patch, enum change_merge how,
                       int64_t if_version, struct row *row)
{
    struct problems problems = {.count = 0};
    struct json doc;
    assert_int_equal(json_parse(&doc, str_from_c(patch), JSON_STRICT, &f->mem), OK);
    return change_row_update(&f->c, f->posts, id, json_root(&doc), how, if_version, &problems, row);
}

static void keys_raise_events_of_exactly_their_members(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(change_last_seq(&f->c), 0);
    assert_int_equal(change_kv_set(&f->c, STR("k\""), STR("{\"n\": 1.0}")), OK);
    assert_int_equal(change_kv_delete(&f->c, STR("k\"")), OK);
    assert_int_equal(change_kv_delete(&f->c, STR("k\"")), OK);
    assert_int_equal(f->c.event_count, 2);
    expect_event(f, 0, "kv:set",
                 "{\"key\":\"k\\\"\",\"value\":{\"n\": 1.0},\"userId\":\"" TEST_USER "\"}");
    expect_event(f, 1, "kv:delete", "{\"key\":\"k\\\"\",\"userId\":\"" TEST_USER "\"}");
    assert_int_equal(change_last_seq(&f->c), 2);
}

static void a_rows_event_is_the_row_and_effects_have_their_own(void **state)
{
    struct fixture *f = *state;
    struct buf printed = BUF_INIT;
    struct row row;
    create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    assert_int_equal(row.created_at, NOW);
    assert_int_equal(row.version, 1);
    row_append(&printed, &row, STR(TEST_USER));
    expect_event(f, 0, "table:posts:create", printed.p);
    assert_string_equal(logged(f), "1 table:posts:create|2 table:notifications:create|");
    assert_non_null(strstr(f->c.events[1].data.p, "\"New post created: \\\"T\\\"\""));
    buf_release(&printed);
}

static void ids_rise_within_one_millisecond(void **state)
{
    struct fixture *f = *state;
    struct row before, row;
    create(f, "{\"title\":\"0\",\"content\":\"C\"}", &before);
    for (int i = 0; i < 50; i++, before = row) {
        create(f, "{\"title\":\"n\",\"content\":\"C\"}", &row);
        assert_true(str_cmp(before.id, row.id) < 0);
    }
    assert_int_equal(change_commit(&f->c), OK);
    clock_set_for_test(NOW - 5000); /* a clock that goes back does not turn the order round */
    assert_int_equal(change_begin(&f->c, f->sp, &f->all, NULL, &f->mem), OK);
    create(f, "{\"title\":\"n\",\"content\":\"C\"}", &row);
    assert_true(str_cmp(before.id, row.id) < 0);
    assert_true(row.created_at >= before.created_at);
}

static void an_update_counts_and_keeps_what_was_not_given(void **state)
{
    struct fixture *f = *state;
    struct row row;
    create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    assert_int_equal(update(f, row.id, "{\"title\":\"U\",\"version\":9}", MERGE_MEMBERS, 0, &row),
                     OK);
    assert_true(str_eq(row.data, STR("{\"title\":\"U\",\"content\":\"C\"}")));
    assert_int_equal(row.version, 2);
    assert_string_equal(logged(f), "1 table:posts:create|2 table:notifications:create|"
                                   "3 table:posts:update|4 table:notifications:create|");
    assert_int_equal(update(f, row.id, "{\"content\":null}", MERGE_PATCH, 0, &row), ERR_VALIDATION);
    assert_int_equal(update(f, STR("x"), "{}", MERGE_MEMBERS, 0, &row), ERR_NOT_FOUND);
}

static void an_update_of_another_version_is_refused(void **state)
{
    struct fixture *f = *state;
    struct row row, current;
    create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    size_t events = f->c.event_count;
    assert_int_equal(update(f, row.id, "{\"title\":\"U\"}", MERGE_MEMBERS, 2, &current),
                     ERR_PRECONDITION);
    assert_true(str_eq(current.data, row.data));
    assert_int_equal(f->c.event_count, events);
    assert_int_equal(update(f, row.id, "{\"title\":\"U\"}", MERGE_MEMBERS, 1, &current), OK);
}

static void a_delete_raises_id_and_user_alone(void **state)
{
    struct fixture *f = *state;
    struct row row;
    create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    f->c.event_count = 0; /* look at those of the delete alone */
    assert_int_equal(change_row_delete(&f->c, f->posts, row.id), OK);
    expect_event(
        f, 0, "table:posts:delete",
        arena_printf(&f->mem, "{\"id\":\"%.*s\",\"userId\":\"" TEST_USER "\"}", STR_ARG(row.id)).p);
    assert_non_null(strstr(f->c.events[1].data.p, "\"Post deleted: \\\"T\\\"\""));
    assert_int_equal(change_row_delete(&f->c, f->posts, row.id), ERR_NOT_FOUND);
}

static void clearing_is_bounded_and_says_what_is_left(void **state)
{
    struct fixture *f = *state;
    struct row row;
    size_t deleted;
    bool more;
    for (int i = 0; i < 3; i++)
        create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    assert_int_equal(change_rows_clear(&f->c, f->notifications, 2, &deleted, &more), OK);
    assert_int_equal(deleted, 2);
    assert_true(more);
    assert_int_equal(change_rows_clear(&f->c, f->notifications, 2, &deleted, &more), OK);
    assert_int_equal(deleted, 1);
    assert_false(more);
}

static void a_rollback_leaves_neither_rows_nor_events(void **state)
{
    struct fixture *f = *state;
    struct row row;
    int64_t count;
    create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    change_rollback(&f->c);
    assert_int_equal(rows_count(f->sp, &f->posts->table, &count), OK);
    assert_int_equal(count, 0);
    assert_string_equal(logged(f), "");
}

static void a_commit_keeps_rows_and_events(void **state)
{
    struct fixture *f = *state;
    struct row row;
    create(f, "{\"title\":\"T\",\"content\":\"C\"}", &row);
    assert_int_equal(change_commit(&f->c), OK);
    assert_int_equal(rows_get(f->sp, &f->posts->table, row.id, &f->mem, &row), OK);
    assert_string_equal(logged(f), "1 table:posts:create|2 table:notifications:create|");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(keys_raise_events_of_exactly_their_members),
        TEST(a_rows_event_is_the_row_and_effects_have_their_own),
        TEST(ids_rise_within_one_millisecond),
        TEST(an_update_counts_and_keeps_what_was_not_given),
        TEST(an_update_of_another_version_is_refused),
        TEST(a_delete_raises_id_and_user_alone),
        TEST(clearing_is_bounded_and_says_what_is_left),
        TEST(a_rollback_leaves_neither_rows_nor_events),
        TEST(a_commit_keeps_rows_and_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
