/* wake: waiting for the next change of a space. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/wake.h"

static const struct space one = {.kind = SPACE_USER, .id = "1"},
                          two = {.kind = SPACE_USER, .id = "2"},
                          org = {.kind = SPACE_ORG, .id = "1"};

static bool waits(struct wake_waiter *me, int64_t ms)
{
    int64_t start = clock_mono_ms();
    wake_wait(me, ms);
    return clock_mono_ms() - start >= ms;
}

static void a_change_before_the_wait_is_not_missed(void **state)
{
    struct wake *w = wake_new();
    struct wake_waiter me;
    (void)state;
    wake_enter(w, &me, &one);
    wake_notify(w, &one);
    assert_false(waits(&me, 2000));
    assert_true(waits(&me, 20)); /* once told is told */
    wake_leave(&me);
    wake_free(w);
}

static void other_spaces_wake_nobody(void **state)
{
    struct wake *w = wake_new();
    struct wake_waiter me;
    (void)state;
    wake_enter(w, &me, &one);
    wake_notify(w, &two);
    wake_notify(w, &org);
    assert_true(waits(&me, 20));
    wake_leave(&me);
    wake_free(w);
}

static void *notify_later(void *w)
{
    usleep(50 * 1000);
    wake_notify(w, &one);
    return NULL;
}

static void a_change_ends_all_waits_for_it(void **state)
{
    struct wake *w = wake_new();
    struct wake_waiter first, second;
    pthread_t other;
    (void)state;
    wake_enter(w, &first, &one);
    wake_enter(w, &second, &one);
    assert_int_equal(pthread_create(&other, NULL, notify_later, w), 0);
    assert_false(waits(&first, 5000));
    assert_false(waits(&second, 5000));
    pthread_join(other, NULL);
    wake_leave(&first);
    wake_leave(&second);
    wake_free(w);
}

static void nobody_waits_after_the_stop(void **state)
{
    struct wake *w = wake_new();
    struct wake_waiter me;
    (void)state;
    wake_enter(w, &me, &one);
    assert_true(wake_wait(&me, 1));
    wake_stop(w);
    assert_false(wake_wait(&me, 5000));
    wake_leave(&me);
    wake_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_before_the_wait_is_not_missed),
        cmocka_unit_test(other_spaces_wake_nobody),
        cmocka_unit_test(a_change_ends_all_waits_for_it),
        cmocka_unit_test(nobody_waits_after_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
