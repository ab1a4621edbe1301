/* failures: delays grow with them, end with a success, and are forgotten. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/failures.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define NOW    INT64_C(1800000000000)

static struct failures of(const char *subject)
{
    return (struct failures){.scope = STR("address"),
                             .subject = str_from_c(subject),
                             .harmless = 3,
                             .max_ms = 5 * SECOND};
}

static enum err take(struct space *sp, struct failures *f, int64_t now, int64_t *retry)
{
    return failures_take_within(sp, f, 1, now, retry);
}

static void fail_often(struct space *sp, const char *subject, int times, int64_t now)
{
    struct failures f = of(subject);
    int64_t retry;
    for (int i = 0; i < times; i++)
        assert_int_equal(take(sp, &f, now, &retry), OK);
}

static int64_t wait_of(struct space *sp, const struct failures *f, int64_t now)
{
    int64_t retry;
    enum err e = failures_check(sp, f, 1, now, &retry);
    assert_int_equal(e, retry ? ERR_RATE_LIMIT : OK);
    return retry;
}

static void delays_begin_late_double_and_have_an_end(void **state)
{
    static const int64_t waits[] = {1, 2, 4, 5, 5, 5};
    struct failures f = of("a");
    int64_t now = NOW, retry;
    fail_often(*state, "a", 3, now);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_int_equal(take(*state, &f, now, &retry), ERR_RATE_LIMIT);
        assert_int_equal(retry, waits[i] * SECOND);
        now += waits[i] * SECOND;
        assert_int_equal(take(*state, &f, now - 1, &retry), ERR_RATE_LIMIT);
        assert_int_equal(retry, 1);
        assert_int_equal(take(*state, &f, now, &retry), OK);
    }
}

static void a_success_leaves_nothing_of_the_failures_before_it(void **state)
{
    struct failures f = of("a");
    int64_t retry;
    fail_often(*state, "a", 3, NOW);
    assert_int_equal(take(*state, &f, NOW + SECOND, &retry), OK);
    assert_int_equal(failures_clear_within(*state, &f), OK);
    fail_often(*state, "a", 3, NOW + SECOND);
    assert_int_equal(wait_of(*state, &f, NOW + SECOND), SECOND);
}

static void what_was_forgiven_was_no_failure(void **state)
{
    struct failures f = of("a");
    int64_t retry;
    for (int i = 0; i < 9; i++) {
        assert_int_equal(take(*state, &f, NOW + i, &retry), OK);
        assert_int_equal(failures_forgive_within(*state, &f), OK);
    }
    fail_often(*state, "a", 3, NOW);
    assert_int_equal(take(*state, &f, NOW + SECOND, &retry), OK);
    assert_int_equal(failures_forgive_within(*state, &f), OK);
    assert_int_equal(wait_of(*state, &f, NOW + SECOND - 1), 1);
    assert_int_equal(wait_of(*state, &f, NOW + SECOND), 0); /* not from the forgiven one on */
}

static void who_is_forgiven_leaves_the_failures_of_others(void **state)
{
    struct failures good = of("a"), bad = of("a");
    int64_t retry;
    fail_often(*state, "a", 1, NOW);
    assert_int_equal(take(*state, &good, NOW, &retry), OK);
    assert_int_equal(take(*state, &bad, NOW, &retry), OK);
    assert_int_equal(failures_forgive_within(*state, &good), OK);
    assert_int_equal(wait_of(*state, &bad, NOW), 0);
    fail_often(*state, "a", 1, NOW);
    assert_int_equal(wait_of(*state, &bad, NOW), SECOND);
}

static void attempts_at_the_same_time_are_failures_until_they_are_forgiven(void **state)
{
    struct failures first = of("a"), second = of("a");
    int64_t retry;
    fail_often(*state, "a", 3, NOW);
    assert_int_equal(take(*state, &first, NOW + SECOND, &retry), OK);
    assert_int_equal(take(*state, &second, NOW + SECOND, &retry), ERR_RATE_LIMIT);
    assert_int_equal(retry, 2 * SECOND);
}

static void one_who_waits_keeps_nobody_else_waiting_but_whom_he_comes_with(void **state)
{
    struct failures both[] = {of("a"), of("b")};
    int64_t retry;
    fail_often(*state, "a", 3, NOW);
    assert_int_equal(wait_of(*state, &both[1], NOW), 0);
    assert_int_equal(failures_take_within(*state, both, 2, NOW, &retry), ERR_RATE_LIMIT);
    fail_often(*state, "b", 2, NOW);
    assert_int_equal(wait_of(*state, &both[1], NOW), 0); /* the refused one did not count */
}

static void after_a_day_of_peace_all_is_forgotten(void **state)
{
    struct failures f = of("a");
    f.max_ms = 2 * FAILURES_KEEP_MS;
    fail_often(*state, "a", 3, NOW);
    assert_int_equal(wait_of(*state, &f, NOW + SECOND - 1), 1);
    fail_often(*state, "a", 1, NOW + FAILURES_KEEP_MS - 1);
    assert_int_equal(wait_of(*state, &f, NOW + FAILURES_KEEP_MS - 1), 2 * SECOND);
    fail_often(*state, "a", 1, NOW + 2 * FAILURES_KEEP_MS);
    assert_int_equal(wait_of(*state, &f, NOW + 2 * FAILURES_KEEP_MS), 0);
}

static void failures_may_be_forgotten_one_by_one(void **state)
{
    struct failures f = of("a");
    int64_t retry, now = NOW;
    f.forget_ms = MINUTE;
    for (int i = 0; i < 100; i++, now += MINUTE) /* as many as are forgotten */
        assert_int_equal(take(*state, &f, now, &retry), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(*state, &f, now, &retry), OK);
    assert_int_equal(wait_of(*state, &f, now), SECOND);
}

static void zero_switches_the_delays_off(void **state)
{
    struct failures never = of("a"), none = of("a");
    int64_t retry;
    never.harmless = 0;
    none.max_ms = 0;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(take(*state, &never, NOW, &retry), OK);
        assert_int_equal(take(*state, &none, NOW, &retry), OK);
    }
    assert_int_equal(failures_forgive_within(*state, &never), OK);
    assert_int_equal(failures_clear_within(*state, &none), OK);
    fail_often(*state, "a", 3, NOW);
}

static void a_clock_that_was_set_back_delays_no_longer(void **state)
{
    struct failures f = of("a");
    fail_often(*state, "a", 3, NOW);
    assert_int_equal(wait_of(*state, &f, NOW - 100 * MINUTE), SECOND);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_main_set_up, test_main_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(delays_begin_late_double_and_have_an_end),
        TEST(a_success_leaves_nothing_of_the_failures_before_it),
        TEST(what_was_forgiven_was_no_failure),
        TEST(who_is_forgiven_leaves_the_failures_of_others),
        TEST(attempts_at_the_same_time_are_failures_until_they_are_forgiven),
        TEST(one_who_waits_keeps_nobody_else_waiting_but_whom_he_comes_with),
        TEST(after_a_day_of_peace_all_is_forgotten),
        TEST(failures_may_be_forgotten_one_by_one),
        TEST(zero_switches_the_delays_off),
        TEST(a_clock_that_was_set_back_delays_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
