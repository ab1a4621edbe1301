/* limits: exact sliding windows over several limits at once. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/limits.h"

#define MINUTE 60000

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

static enum err attempt(struct test_store *t, struct str subject, int64_t now, int64_t *retry)
{
    struct limit l = {STR("login"), subject, 5, MINUTE};
    return limits_take(t->store, &l, 1, now, retry);
}

static void the_sixth_within_a_minute_is_refused_until_the_first_is_a_minute_old(void **state)
{
    int64_t retry;
    for (int64_t now = 1000; now < 1050; now += 10)
        assert_int_equal(attempt(*state, STR("a"), now, &retry), OK);
    assert_int_equal(attempt(*state, STR("a"), 1050, &retry), ERR_RATE_LIMIT);
    assert_int_equal(retry, 1000 + MINUTE - 1050);
    assert_int_equal(attempt(*state, STR("a"), 1000 + MINUTE - 1, &retry), ERR_RATE_LIMIT);
    assert_int_equal(retry, 1);
    assert_int_equal(attempt(*state, STR("a"), 1000 + MINUTE, &retry), OK);
    assert_int_equal(attempt(*state, STR("a"), 1000 + MINUTE, &retry), ERR_RATE_LIMIT);
    assert_int_equal(retry, 10);
}

static void several_in_one_millisecond_count_each(void **state)
{
    int64_t retry;
    for (int i = 0; i < 5; i++)
        assert_int_equal(attempt(*state, STR("a"), 7, &retry), OK);
    assert_int_equal(attempt(*state, STR("a"), 7, &retry), ERR_RATE_LIMIT);
}

static void subjects_and_scopes_do_not_share(void **state)
{
    struct test_store *t = *state;
    int64_t retry;
    for (int i = 0; i < 5; i++)
        assert_int_equal(attempt(t, STR("a"), i, &retry), OK);
    assert_int_equal(attempt(t, STR("b"), 5, &retry), OK);
    struct limit other = {STR("reset"), STR("a"), 5, MINUTE};
    assert_int_equal(limits_take(t->store, &other, 1, 5, &retry), OK);
}

static void when_one_of_two_is_used_up_neither_is_counted(void **state)
{
    struct test_store *t = *state;
    int64_t retry;
    struct limit both[] = {{STR("address"), STR("a"), 1, MINUTE},
                           {STR("ip"), STR("::1"), 3, MINUTE}};
    assert_int_equal(limits_take(t->store, both, 2, 0, &retry), OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(limits_take(t->store, both, 2, 1, &retry), ERR_RATE_LIMIT);
    assert_int_equal(limits_take(t->store, &both[1], 1, 2, &retry), OK);
    assert_int_equal(limits_take(t->store, &both[1], 1, 2, &retry), OK);
    assert_int_equal(limits_take(t->store, &both[1], 1, 2, &retry), ERR_RATE_LIMIT);
}

static void zero_is_no_limit(void **state)
{
    struct test_store *t = *state;
    int64_t retry;
    struct limit off = {STR("x"), STR("a"), 0, MINUTE};
    for (int i = 0; i < 50; i++)
        assert_int_equal(limits_take(t->store, &off, 1, 0, &retry), OK);
}

static void counts_survive_a_restart(void **state)
{
    struct test_store *t = *state;
    int64_t retry;
    for (int i = 0; i < 5; i++)
        assert_int_equal(attempt(t, STR("a"), i, &retry), OK);
    test_store_reopen(t, t->options);
    assert_int_equal(attempt(t, STR("a"), 5, &retry), ERR_RATE_LIMIT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void what_is_taken_within_a_transaction_ends_with_it(void **state)
{
    struct test_store *t = *state;
    struct limit l = {STR("mail"), STR("a"), 1, MINUTE};
    struct space *sp;
    int64_t retry;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
        assert_int_equal(space_begin_write(sp), OK);
        assert_int_equal(limits_take_within(sp, &l, 1, 1000, &retry), OK);
        assert_int_equal(limits_take_within(sp, &l, 1, 1000, &retry), ERR_RATE_LIMIT);
        space_release(sp); /* rolls back */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_sixth_within_a_minute_is_refused_until_the_first_is_a_minute_old),
        TEST(several_in_one_millisecond_count_each),
        TEST(subjects_and_scopes_do_not_share),
        TEST(when_one_of_two_is_used_up_neither_is_counted),
        TEST(zero_is_no_limit),
        TEST(counts_survive_a_restart),
        TEST(what_is_taken_within_a_transaction_ends_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
