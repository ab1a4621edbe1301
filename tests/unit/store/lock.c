/* lock: one holder of a space's byte among all processes. */
#include "base/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/lock.h"

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

static void two_descriptions_exclude_each_other_and_other_bytes_are_free(void **state)
{
    struct test_store *t = *state;
    int a, b;
    assert_int_equal(lock_open(t->dir, &a), OK);
    assert_int_equal(lock_open(t->dir, &b), OK);
    assert_int_equal(lock_take(a, 1000, 0), OK);
    assert_int_equal(lock_take(b, 1000, 0), ERR_BUSY);
    assert_int_equal(lock_take(b, 1001, 0), OK);
    lock_drop(a, 1000);
    assert_int_equal(lock_take(b, 1000, 0), OK);
    close(a);
    close(b);
}

static void the_wait_is_bounded(void **state)
{
    struct test_store *t = *state;
    struct timespec before, after;
    int a, b;
    assert_int_equal(lock_open(t->dir, &a), OK);
    assert_int_equal(lock_open(t->dir, &b), OK);
    assert_int_equal(lock_take(a, 5, 0), OK);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(lock_take(b, 5, 50), ERR_BUSY);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 49 && ms < 2000);
    close(a);
    close(b);
}

static void it_ends_with_its_process(void **state)
{
    struct test_store *t = *state;
    int fd, ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (lock_open(t->dir, &fd) == OK && lock_take(fd, 77, 0) == OK)
            (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(lock_open(t->dir, &fd), OK);
    assert_int_equal(lock_take(fd, 77, 0), ERR_BUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(lock_take(fd, 77, 0), OK);
    close(fd);
    close(ready[0]);
    close(ready[1]);
}

static void places_differ_between_spaces_and_never_change(void **state)
{
    (void)state;
    assert_true(lock_place(STR("u" TEST_USER)) >= 0);
    assert_int_equal(lock_place(STR("u" TEST_USER)), lock_place(STR("u" TEST_USER)));
    assert_int_not_equal(lock_place(STR("u" TEST_USER)), lock_place(STR("o" TEST_USER)));
    assert_int_not_equal(lock_place(STR("m")), lock_place(STR("scounters")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_descriptions_exclude_each_other_and_other_bytes_are_free),
        TEST(the_wait_is_bounded),
        TEST(it_ends_with_its_process),
        TEST(places_differ_between_spaces_and_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
