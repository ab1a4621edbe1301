/* The loop: timers, posted work, what is put off. */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop.h"

#define START INT64_C(1000000)

struct alarm {
    struct loop_timer timer;
    struct loop *loop;
    int64_t fired_at; /* 0: not yet */
    int again;        /* fires once more after so many ms, 0: no */
};

static void ring(struct loop_timer *t)
{
    struct alarm *a = container_of(t, struct alarm, timer);
    a->fired_at = loop_now(a->loop);
    if (a->again > 0)
        loop_timer_set(a->loop, t, loop_now(a->loop) + a->again);
}

static struct alarm alarm_of(struct loop *l)
{
    struct alarm a = {.loop = l};
    return a;
}

static int set_up(void **state)
{
    clock_set_for_test(START);
    *state = loop_new();
    return 0;
}

static int tear_down(void **state)
{
    loop_free(*state);
    clock_set_for_test(-1);
    return 0;
}

/* Time goes from `from` to `to` in steps. */
static void pass(struct loop *l, int64_t from, int64_t to, int64_t step)
{
    for (int64_t now = from; now <= to; now += step) {
        clock_set_for_test(now);
        loop_round(l, 0);
    }
}

static void a_timer_fires_once_at_its_time_and_never_early(void **state)
{
    static const int64_t delays[] = {1, 9, 10, 11, 999, 25000, 40950, 40960, 50000, 7200000};
    struct loop *l = *state;
    int64_t now = START;
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        struct alarm a = alarm_of(l);
        loop_timer_init(&a.timer, ring);
        int64_t due = now + delays[i];
        loop_timer_set(l, &a.timer, due);
        pass(l, now, due - 1, 7);
        clock_set_for_test(due - 1);
        loop_round(l, 0);
        assert_int_equal(a.fired_at, 0);
        clock_set_for_test(due + LOOP_TICK_MS);
        loop_round(l, 0);
        assert_int_equal(a.fired_at, due + LOOP_TICK_MS);
        a.fired_at = 0;
        now = due + LOOP_TICK_MS + 100000;
        pass(l, due + LOOP_TICK_MS, now, 5000);
        assert_int_equal(a.fired_at, 0);
    }
}

static void a_timer_can_be_moved_and_cleared(void **state)
{
    struct loop *l = *state;
    struct alarm a = alarm_of(l), b = alarm_of(l);
    loop_timer_init(&a.timer, ring);
    loop_timer_init(&b.timer, ring);
    loop_timer_set(l, &a.timer, START + 100);
    loop_timer_set(l, &b.timer, START + 100);
    loop_timer_set(l, &a.timer, START + 5000);
    loop_timer_clear(&b.timer);
    pass(l, START, START + 4990, 10);
    assert_int_equal(a.fired_at, 0);
    pass(l, START + 5000, START + 5020, 10);
    assert_true(a.fired_at >= START + 5000);
    assert_int_equal(b.fired_at, 0);
}

static void a_timer_may_set_itself_again(void **state)
{
    struct loop *l = *state;
    struct alarm a = alarm_of(l);
    a.again = 250;
    loop_timer_init(&a.timer, ring);
    loop_timer_set(l, &a.timer, START + 250);
    for (int i = 1; i <= 400; i++) {
        clock_set_for_test(START + i * 260);
        loop_round(l, 0);
        assert_int_equal(a.fired_at, START + i * 260);
    }
}

static void a_clock_that_jumps_fires_everything_that_is_due(void **state)
{
    struct loop *l = *state;
    struct alarm a[50];
    for (int i = 0; i < 50; i++) {
        a[i] = alarm_of(l);
        loop_timer_init(&a[i].timer, ring);
        loop_timer_set(l, &a[i].timer, START + 1 + i * 1700);
    }
    clock_set_for_test(START + 100 * 1700);
    loop_round(l, 0);
    for (int i = 0; i < 50; i++)
        assert_true(a[i].fired_at > 0);
}

struct note {
    struct loop_work work;
    struct loop *loop;
    int *log;
    int value;
};

static void write_down(struct loop_work *w)
{
    struct note *n = container_of(w, struct note, work);
    *n->log = *n->log * 10 + n->value;
}

static void *post_three(void *arg)
{
    struct note *n = arg;
    for (int i = 0; i < 3; i++) {
        n[i].work.run = write_down;
        loop_post(n[i].loop, &n[i].work);
    }
    return NULL;
}

static void posted_work_runs_in_the_loop_in_order(void **state)
{
    struct loop *l = *state;
    int log = 0;
    struct note n[3] = {{.loop = l, .log = &log, .value = 1},
                        {.loop = l, .log = &log, .value = 2},
                        {.loop = l, .log = &log, .value = 3}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_three, n), 0);
    pthread_join(thread, NULL);
    assert_int_equal(log, 0);
    loop_round(l, 1000);
    assert_int_equal(log, 123);
}

struct hooked {
    struct alarm *late;
    bool was_early;
};

static void look(void *arg)
{
    struct hooked *h = arg;
    h->was_early = h->late->fired_at == 0;
}

static void what_is_deferred_comes_after_the_round_hook(void **state)
{
    struct loop *l = *state;
    struct alarm a = alarm_of(l);
    struct hooked h = {&a, false};
    loop_timer_init(&a.timer, ring);
    loop_on_round(l, look, &h);
    loop_timer_set(l, &a.timer, START + 60000);
    loop_defer(l, &a.timer);
    loop_round(l, 1000);
    assert_true(h.was_early);
    assert_int_equal(a.fired_at, START);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_timer_fires_once_at_its_time_and_never_early, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timer_can_be_moved_and_cleared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_timer_may_set_itself_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_jumps_fires_everything_that_is_due, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(posted_work_runs_in_the_loop_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_deferred_comes_after_the_round_hook, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
