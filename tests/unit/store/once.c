/* once: what was used is used, until it would have ended anyway. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/once.h"

#define NOW 1800000000

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

static bool is_used(struct space *sp, struct str id)
{
    bool used;
    assert_int_equal(once_is_used(sp, id, &used), OK);
    return used;
}

static void a_token_works_once(void **state)
{
    struct space *sp = *state;
    assert_false(is_used(sp, STR("a")));
    assert_int_equal(once_use(sp, STR("a"), NOW + 60, NOW), OK);
    assert_true(is_used(sp, STR("a")));
    assert_int_equal(once_use(sp, STR("a"), NOW + 60, NOW + 59), ERR_INVALID_TOKEN);
    assert_int_equal(once_use(sp, STR("b"), NOW + 60, NOW), OK);
}

static void what_was_rolled_back_was_not_used(void **state)
{
    struct space *sp = *state;
    assert_int_equal(once_use(sp, STR("a"), NOW + 60, NOW), OK);
    space_rollback(sp);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(once_use(sp, STR("a"), NOW + 60, NOW), OK);
}

static void past_its_end_a_token_is_nothing_and_is_not_remembered(void **state)
{
    struct space *sp = *state;
    assert_int_equal(once_use(sp, STR("a"), NOW, NOW), ERR_INVALID_TOKEN);
    assert_int_equal(once_use(sp, STR(""), NOW + 60, NOW), ERR_INVALID_TOKEN);
    assert_int_equal(once_use(sp, STR("a"), NOW + 60, NOW), OK);
    assert_int_equal(once_use(sp, STR("b"), NOW + 120, NOW + 60), OK);
    assert_false(is_used(sp, STR("a")));
}

static void main_db_has_the_table_too(void **state)
{
    (void)state;
    struct space *main_db;
    assert_int_equal(space_acquire(store.store, SPACE_MAIN, STR_NULL, &main_db), OK);
    assert_int_equal(space_begin_write(main_db), OK);
    assert_int_equal(once_use(main_db, STR("a"), NOW + 60, NOW), OK);
    space_release(main_db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(a_token_works_once),
        TEST(what_was_rolled_back_was_not_used),
        TEST(past_its_end_a_token_is_nothing_and_is_not_remembered),
        TEST(main_db_has_the_table_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
