/* accounts: created once per address, found by either key, listed page by page. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/accounts.h"

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

static enum err create(struct test_store *t, struct str id, struct str email)
{
    struct account a = {id, email, STR("$argon2id$x"), 1234, true, 0};
    return accounts_create(t->store, &a);
}

static void an_account_is_found_by_id_and_by_address(void **state)
{
    struct test_store *t = *state;
    struct account a;
    assert_int_equal(create(t, STR("id1"), STR("a@x")), OK);
    assert_int_equal(accounts_by_email(t->store, STR("a@x"), &t->mem, &a), OK);
    assert_true(str_eq(a.id, STR("id1")));
    assert_int_equal(accounts_by_id(t->store, STR("id1"), &t->mem, &a), OK);
    assert_true(str_eq(a.email, STR("a@x")));
    assert_true(str_eq(a.password_hash, STR("$argon2id$x")));
    assert_int_equal(a.created_at, 1234);
    assert_true(a.email_verified);
    assert_int_equal(accounts_by_id(t->store, STR("id2"), &t->mem, &a), ERR_NOT_FOUND);
    assert_int_equal(accounts_by_email(t->store, STR("A@x"), &t->mem, &a), ERR_NOT_FOUND);
}

static void an_address_is_taken_once(void **state)
{
    struct test_store *t = *state;
    struct account a;
    assert_int_equal(create(t, STR("id1"), STR("a@x")), OK);
    assert_int_equal(create(t, STR("id2"), STR("a@x")), ERR_EMAIL_TAKEN);
    assert_int_equal(accounts_by_id(t->store, STR("id2"), &t->mem, &a), ERR_NOT_FOUND);
    assert_int_equal(create(t, STR("id2"), STR("b@x")), OK);
}

static void a_new_password_replaces_the_old(void **state)
{
    struct test_store *t = *state;
    struct account a;
    assert_int_equal(create(t, STR("id1"), STR("a@x")), OK);
    assert_int_equal(accounts_set_password(t->store, STR("id1"), STR("new")), OK);
    assert_int_equal(accounts_by_id(t->store, STR("id1"), &t->mem, &a), OK);
    assert_true(str_eq(a.password_hash, STR("new")));
    assert_int_equal(accounts_set_password(t->store, STR("id9"), STR("new")), ERR_NOT_FOUND);
}

/* main.db in a write transaction. */
static struct space *begin(struct test_store *t)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

static void a_new_address_is_verified_and_nobody_elses(void **state)
{
    struct test_store *t = *state;
    struct account a;
    assert_int_equal(create(t, STR("id1"), STR("a@x")), OK);
    assert_int_equal(create(t, STR("id2"), STR("b@x")), OK);
    struct space *sp = begin(t);
    assert_int_equal(accounts_set_email_within(sp, STR("id1"), STR("b@x")), ERR_EMAIL_TAKEN);
    assert_int_equal(accounts_set_email_within(sp, STR("id9"), STR("c@x")), ERR_NOT_FOUND);
    assert_int_equal(accounts_set_email_within(sp, STR("id1"), STR("c@x")), OK);
    assert_int_equal(accounts_by_email_within(sp, STR("c@x"), &t->mem, &a), OK);
    assert_true(a.email_verified);
    assert_int_equal(accounts_by_email_within(sp, STR("a@x"), &t->mem, &a), ERR_NOT_FOUND);
    space_release(sp);
}

static void a_removed_account_is_gone_and_its_address_free(void **state)
{
    struct test_store *t = *state;
    struct account a;
    assert_int_equal(create(t, STR("id1"), STR("a@x")), OK);
    struct space *sp = begin(t);
    assert_int_equal(accounts_remove_within(sp, STR("id1")), OK);
    assert_int_equal(accounts_remove_within(sp, STR("id1")), ERR_NOT_FOUND);
    assert_int_equal(accounts_by_id_within(sp, STR("id1"), &t->mem, &a), ERR_NOT_FOUND);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_int_equal(create(t, STR("id2"), STR("a@x")), OK);
}

static void pages_of_ids_cover_every_account_once(void **state)
{
    struct test_store *t = *state;
    static const struct str all[] = {SQL("c"), SQL("a"), SQL("e"), SQL("b"), SQL("d")};
    struct str ids[2], after = STR("");
    size_t count, seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(create(t, all[i], all[i]), OK);
    do {
        assert_int_equal(accounts_list_ids(t->store, after, 2, &t->mem, ids, &count), OK);
        for (size_t i = 0; i < count; i++, seen++)
            assert_int_equal(ids[i].p[0], "abcde"[seen]);
        after = count ? ids[count - 1] : after;
    } while (count > 0);
    assert_int_equal(seen, ARRAY_LEN(all));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_account_is_found_by_id_and_by_address),
        TEST(an_address_is_taken_once),
        TEST(a_new_password_replaces_the_old),
        TEST(a_new_address_is_verified_and_nobody_elses),
        TEST(a_removed_account_is_gone_and_its_address_free),
        TEST(pages_of_ids_cover_every_account_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
