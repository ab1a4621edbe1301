/* factors: a secret is on once it is confirmed, steps and recovery codes work once. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/factors.h"

static struct test_store store;

static int set_up(void **state)
{
    test_store_open(&store, test_store_options());
    *state = test_user_writing(&store);
    return 0;
}

static int tear_down(void **state)
{
    space_release(*state);
    test_store_close(&store);
    return 0;
}

static bool is_on(struct space *sp)
{
    bool on;
    assert_int_equal(factors_is_on(sp, &on), OK);
    return on;
}

static int64_t left(struct space *sp)
{
    int64_t n;
    assert_int_equal(factors_recovery_left(sp, &n), OK);
    return n;
}

static void a_secret_is_on_once_it_is_confirmed(void **state)
{
    struct space *sp = *state;
    struct totp t;
    assert_int_equal(factors_totp(sp, &store.mem, &t), ERR_NOT_FOUND);
    assert_int_equal(factors_confirm(sp, 7, 1), ERR_NOT_FOUND);
    assert_int_equal(factors_begin(sp, STR("A"), 1), OK);
    assert_int_equal(factors_begin(sp, STR("B"), 2), OK);
    assert_false(is_on(sp));
    assert_int_equal(factors_use_step(sp, 8), ERR_INVALID_CREDENTIALS);
    assert_int_equal(factors_confirm(sp, 7, 3), OK);
    assert_true(is_on(sp));
    assert_int_equal(factors_totp(sp, &store.mem, &t), OK);
    assert_true(str_eq(t.secret, STR("B")) && t.confirmed && t.last_step == 7);
    assert_int_equal(factors_begin(sp, STR("C"), 4), ERR_CONFLICT);
    assert_int_equal(factors_confirm(sp, 9, 4), ERR_NOT_FOUND);
}

static void a_step_works_once(void **state)
{
    struct space *sp = *state;
    assert_int_equal(factors_begin(sp, STR("A"), 1), OK);
    assert_int_equal(factors_confirm(sp, 7, 1), OK);
    assert_int_equal(factors_use_step(sp, 7), ERR_INVALID_CREDENTIALS);
    assert_int_equal(factors_use_step(sp, 9), OK);
    assert_int_equal(factors_use_step(sp, 8), ERR_INVALID_CREDENTIALS);
}

static void a_recovery_code_works_once_and_new_ones_end_the_old(void **state)
{
    struct space *sp = *state;
    const struct str first[] = {STR("a"), STR("b")}, second[] = {STR("c")};
    assert_int_equal(factors_set_recovery(sp, first, 2), OK);
    assert_int_equal(factors_use_recovery(sp, STR("x"), 1), ERR_INVALID_CREDENTIALS);
    assert_int_equal(factors_use_recovery(sp, STR("a"), 1), OK);
    assert_int_equal(factors_use_recovery(sp, STR("a"), 2), ERR_INVALID_CREDENTIALS);
    assert_int_equal(left(sp), 1);
    assert_int_equal(factors_set_recovery(sp, second, 1), OK);
    assert_int_equal(factors_use_recovery(sp, STR("b"), 3), ERR_INVALID_CREDENTIALS);
    assert_int_equal(left(sp), 1);
}

static void removed_everything_is_gone(void **state)
{
    struct space *sp = *state;
    const struct str code = STR("a");
    assert_int_equal(factors_begin(sp, STR("A"), 1), OK);
    assert_int_equal(factors_confirm(sp, 7, 1), OK);
    assert_int_equal(factors_set_recovery(sp, &code, 1), OK);
    assert_int_equal(factors_remove(sp), OK);
    assert_false(is_on(sp));
    assert_int_equal(left(sp), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(a_secret_is_on_once_it_is_confirmed),
        TEST(a_step_works_once),
        TEST(a_recovery_code_works_once_and_new_ones_end_the_old),
        TEST(removed_everything_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
