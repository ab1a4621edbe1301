/* census: whose files there should be, by main.db. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/backup.h"
#include "store/accounts.h"
#include "store/census.h"
#include "store/outbox.h"

#define GONE "00000000000000000000000000000000"

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

static enum err read_it(struct test_store *t, struct census *c)
{
    struct space *main_db;
    assert_int_equal(OK, space_acquire(t->store, SPACE_MAIN, STR_NULL, &main_db));
    enum err e = census_read(c, main_db->db, &t->mem);
    space_release(main_db);
    return e;
}

static void has_every_account_by_its_path(void **state)
{
    struct census c = CENSUS_INIT;
    test_account_make(*state, TEST_ANN, "ann");
    test_account_make(*state, TEST_BOB, "bob");
    assert_int_equal(OK, read_it(*state, &c));
    assert_int_equal(2, c.by_path.count);
    const struct census_entry *ann = map_get(&c.by_path, STR("users/01/" TEST_ANN ".db"));
    assert_non_null(ann);
    assert_int_equal(SPACE_USER, ann->kind);
    assert_true(str_eq(ann->id, STR(TEST_ANN)));
    assert_false(ann->leaving);
    census_release(&c);
}

static void knows_who_is_leaving(void **state)
{
    struct test_store *t = *state;
    struct census c = CENSUS_INIT;
    struct space *main_db;
    test_account_make(t, TEST_ANN, "ann");
    assert_int_equal(OK, space_enter(t->store, SPACE_MAIN, STR_NULL, &main_db));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(OK, outbox_add(main_db, SPACE_USER, i ? STR(TEST_ANN) : STR(GONE),
                                        STR("news"), STR("{}"), 1));
        assert_int_equal(
            OK, outbox_add(main_db, SPACE_SHARED, STR("counters"), STR("news"), STR("{}"), 1));
    }
    assert_int_equal(OK, space_leave(main_db, OK));
    assert_int_equal(OK, read_it(t, &c));
    assert_int_equal(2, c.by_path.count);
    const struct census_entry *gone = map_get(&c.by_path, STR("users/00/" GONE ".db"));
    const struct census_entry *ann = map_get(&c.by_path, STR("users/01/" TEST_ANN ".db"));
    assert_true(gone && gone->leaving);
    assert_true(ann && !ann->leaving);
    census_release(&c);
}

static void ids_that_are_none_have_no_file(void **state)
{
    struct test_store *t = *state;
    struct census c = CENSUS_INIT;
    const struct account odd = {.id = STR("../../etc/passwd"),
                                .email = STR("odd@example.org"),
                                .password_hash = STR("x"),
                                .created_at = 1};
    assert_int_equal(OK, accounts_create(t->store, &odd));
    assert_int_equal(OK, read_it(t, &c));
    assert_int_equal(0, c.by_path.count);
    census_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(has_every_account_by_its_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_who_is_leaving, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_that_are_none_have_no_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
