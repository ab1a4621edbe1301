/* The outbox: order, who waits, how far a space is. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/backlog.h"
#include "store/outbox.h"

#define ANN STR("a0000000000000000000000000000000")
#define BOB STR("b0000000000000000000000000000000")

static struct space *begin(struct test_store *t)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

static int set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

static void add(struct space *main_db, enum space_kind kind, struct str id, const char *data)
{
    assert_int_equal(outbox_add(main_db, kind, id, STR("organization:x"), str_from_c(data), 1), OK);
}

/* The data of what waits behind `after`, joined. */
static const char *waiting(struct test_store *t, struct space *main_db, enum space_kind kind,
                           struct str id, int64_t after, size_t max)
{
    const struct outbox_space to = {kind, id};
    struct outbox_event *list;
    struct str all = STR("");
    size_t count;
    assert_int_equal(outbox_read(main_db, &to, after, max, &t->mem, &list, &count), OK);
    for (size_t i = 0; i < count; i++)
        all = arena_printf(&t->mem, "%.*s%.*s", STR_ARG(all), STR_ARG(list[i].data));
    return all.p;
}

static void the_backlog_counts_what_waits_and_tells_the_oldest(void **state)
{
    struct test_store *t = *state;
    struct backlog queues[BACKLOGS];
    assert_int_equal(backlog_read(t->store, queues), OK);
    assert_int_equal(queues[BACKLOG_OUTBOX].count, 0);
    assert_int_equal(queues[BACKLOG_OUTBOX].since, 0);
    struct space *sp = begin(t);
    assert_int_equal(outbox_add(sp, SPACE_USER, ANN, STR("x"), STR("{}"), 7), OK);
    assert_int_equal(outbox_add(sp, SPACE_USER, BOB, STR("x"), STR("{}"), 8), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_int_equal(backlog_read(t->store, queues), OK);
    assert_int_equal(queues[BACKLOG_OUTBOX].count, 2);
    assert_int_equal(queues[BACKLOG_OUTBOX].since, 7);
    assert_int_equal(queues[BACKLOG_MAIL].count, 0);
}

static void each_space_reads_its_own_in_order(void **state)
{
    struct test_store *t = *state;
    struct space *sp = begin(t);
    add(sp, SPACE_USER, ANN, "1");
    add(sp, SPACE_USER, BOB, "2");
    add(sp, SPACE_ORG, ANN, "3");
    add(sp, SPACE_USER, ANN, "4");
    assert_string_equal(waiting(t, sp, SPACE_USER, ANN, 0, 9), "14");
    assert_string_equal(waiting(t, sp, SPACE_USER, ANN, 0, 1), "1");
    assert_string_equal(waiting(t, sp, SPACE_USER, ANN, 1, 9), "4");
    assert_string_equal(waiting(t, sp, SPACE_ORG, ANN, 0, 9), "3");
    assert_string_equal(waiting(t, sp, SPACE_ORG, BOB, 0, 9), "");
    space_release(sp);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    struct test_store *t = *state;
    struct space *sp = begin(t);
    add(sp, SPACE_USER, ANN, "1");
    space_rollback(sp);
    assert_string_equal(waiting(t, sp, SPACE_USER, ANN, 0, 9), "");
    space_release(sp);
}

static void spaces_are_listed_once_those_that_wait_longest_first(void **state)
{
    struct test_store *t = *state;
    struct space *sp = begin(t);
    struct outbox_space list[2];
    int64_t after = 0;
    size_t count;
    add(sp, SPACE_USER, BOB, "1");
    add(sp, SPACE_USER, ANN, "2");
    add(sp, SPACE_USER, BOB, "3");
    add(sp, SPACE_ORG, ANN, "4");
    assert_int_equal(outbox_spaces(sp, &after, 2, &t->mem, list, &count), OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(list[0].id, BOB) && str_eq(list[1].id, ANN));
    assert_int_equal(outbox_spaces(sp, &after, 2, &t->mem, list, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].kind, SPACE_ORG);
    assert_int_equal(outbox_spaces(sp, &after, 2, &t->mem, list, &count), OK);
    assert_int_equal(count, 0);
    space_release(sp);
}

static void what_was_taken_is_removed_up_to_an_id(void **state)
{
    struct test_store *t = *state;
    struct space *sp = begin(t);
    add(sp, SPACE_USER, ANN, "1");
    add(sp, SPACE_USER, BOB, "2");
    add(sp, SPACE_USER, ANN, "3");
    assert_int_equal(outbox_remove(sp, &(struct outbox_space){SPACE_USER, ANN}, 2), OK);
    assert_string_equal(waiting(t, sp, SPACE_USER, ANN, 0, 9), "3");
    assert_string_equal(waiting(t, sp, SPACE_USER, BOB, 0, 9), "2");
    assert_int_equal(outbox_remove(sp, &(struct outbox_space){SPACE_USER, ANN}, 3), OK);
    add(sp, SPACE_USER, ANN, "4"); /* ids are never used again */
    assert_string_equal(waiting(t, sp, SPACE_USER, ANN, 3, 9), "4");
    space_release(sp);
}

static void a_space_knows_how_far_it_is_with_this_main_db(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    int64_t last = 7;
    assert_int_equal(outbox_position(sp, STR("00000001"), &last), OK);
    assert_int_equal(last, 0);
    assert_int_equal(outbox_set_position(sp, STR("00000001"), 5), OK);
    assert_int_equal(outbox_set_position(sp, STR("00000001"), 6), OK);
    assert_int_equal(outbox_position(sp, STR("00000001"), &last), OK);
    assert_int_equal(last, 6);
    assert_int_equal(outbox_position(sp, STR("00000002"), &last), OK);
    assert_int_equal(last, 0);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_backlog_counts_what_waits_and_tells_the_oldest),
        TEST(each_space_reads_its_own_in_order),
        TEST(what_is_rolled_back_was_never_there),
        TEST(spaces_are_listed_once_those_that_wait_longest_first),
        TEST(what_was_taken_is_removed_up_to_an_id),
        TEST(a_space_knows_how_far_it_is_with_this_main_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
