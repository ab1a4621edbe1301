/* login_codes: one code an address, one use, few attempts, an end. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/login_codes.h"

#define NOW  INT64_C(1800000000000)
#define LATE (NOW + 600000)
#define ANN  STR("ann@example.org")
#define BOB  STR("bob@example.org")

static void set(struct space *sp, struct str email, struct str hash)
{
    assert_int_equal(login_codes_set(sp, email, hash, LATE, NOW), OK);
}

static enum err use(struct space *sp, struct str email, struct str hash)
{
    return login_codes_use(sp, email, hash, NOW + 1);
}

static void a_code_works_once_for_its_address(void **state)
{
    struct space *sp = *state;
    set(sp, ANN, STR("h1"));
    assert_int_equal(use(sp, BOB, STR("h1")), ERR_INVALID_CREDENTIALS);
    assert_int_equal(use(sp, ANN, STR("h1")), OK);
    assert_int_equal(use(sp, ANN, STR("h1")), ERR_INVALID_CREDENTIALS);
}

static void a_new_code_ends_the_one_before_and_its_attempts(void **state)
{
    struct space *sp = *state;
    set(sp, ANN, STR("h1"));
    for (int i = 0; i < LOGIN_CODE_ATTEMPTS - 1; i++)
        assert_int_equal(use(sp, ANN, STR("no")), ERR_INVALID_CREDENTIALS);
    set(sp, ANN, STR("h2"));
    assert_int_equal(use(sp, ANN, STR("h1")), ERR_INVALID_CREDENTIALS);
    assert_int_equal(use(sp, ANN, STR("h2")), OK);
}

static void the_last_attempt_may_be_right_but_none_comes_after_it(void **state)
{
    struct space *sp = *state;
    set(sp, ANN, STR("h1"));
    set(sp, BOB, STR("h2"));
    for (int i = 0; i < LOGIN_CODE_ATTEMPTS - 1; i++) {
        assert_int_equal(use(sp, ANN, STR("")), ERR_INVALID_CREDENTIALS);
        assert_int_equal(use(sp, BOB, STR("h")), ERR_INVALID_CREDENTIALS);
    }
    assert_int_equal(use(sp, ANN, STR("h1")), OK);
    assert_int_equal(use(sp, BOB, STR("h")), ERR_INVALID_CREDENTIALS);
    assert_int_equal(use(sp, BOB, STR("h2")), ERR_INVALID_CREDENTIALS);
}

static void a_dropped_code_is_none(void **state)
{
    struct space *sp = *state;
    set(sp, ANN, STR("h1"));
    set(sp, BOB, STR("h2"));
    assert_int_equal(login_codes_drop(sp, ANN), OK);
    assert_int_equal(use(sp, ANN, STR("h1")), ERR_INVALID_CREDENTIALS);
    assert_int_equal(use(sp, BOB, STR("h2")), OK);
}

static void past_its_end_a_code_is_none(void **state)
{
    struct space *sp = *state;
    set(sp, ANN, STR("h1"));
    set(sp, BOB, STR("h2"));
    assert_int_equal(login_codes_use(sp, ANN, STR("h1"), LATE - 1), OK);
    assert_int_equal(login_codes_use(sp, BOB, STR("h2"), LATE), ERR_INVALID_CREDENTIALS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_main_set_up, test_main_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(a_code_works_once_for_its_address),
        TEST(a_new_code_ends_the_one_before_and_its_attempts),
        TEST(the_last_attempt_may_be_right_but_none_comes_after_it),
        TEST(a_dropped_code_is_none),
        TEST(past_its_end_a_code_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
