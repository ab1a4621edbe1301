/* lib/base/process.c: the soft limit of descriptors becomes the hard one; what a program ends
 * with that cannot begin. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/process.h"

static void the_soft_limit_of_descriptors_becomes_the_hard_one(void **state)
{
    struct rlimit limit;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(process_raise_descriptors());
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, limit.rlim_max);
}

static void only_what_a_new_start_may_heal_is_worth_one(void **state)
{
    (void)state;
    assert_int_equal(process_status(OK), 0);
    assert_int_equal(process_status(ERR_INVALID), 78);
    assert_int_equal(process_status(ERR_TOO_NEW), 78);
    assert_int_equal(process_status(ERR_BUSY), 1);
    assert_int_equal(process_status(ERR_INTERNAL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_soft_limit_of_descriptors_becomes_the_hard_one),
        cmocka_unit_test(only_what_a_new_start_may_heal_is_worth_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
