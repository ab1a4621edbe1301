/* Identities at providers: one account each, one of a provider each, gone with their account. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"
#include "store/accounts.h"
#include "store/identities.h"

struct fixture {
    struct test_store store;
    struct space *main;
};

static void make_account(struct fixture *f, const char *id)
{
    struct str name = str_from_c(id);
    assert_int_equal(
        accounts_create_within(
            f->main, &(struct account){.id = name, .email = name, .password_hash = STR("")}),
        OK);
}

static int set_up(void **state)
{
    static struct fixture f;
    test_store_open(&f.store, test_store_options());
    assert_int_equal(space_acquire(f.store.store, SPACE_MAIN, STR_NULL, &f.main), OK);
    assert_int_equal(space_begin_write(f.main), OK);
    make_account(&f, "a");
    make_account(&f, "b");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    space_release(f->main);
    test_store_close(&f->store);
    return 0;
}

static enum identity_added add(struct fixture *f, const char *provider, const char *subject,
                               const char *user_id)
{
    enum identity_added result;
    struct identity i = {str_from_c(provider), str_from_c(subject), str_from_c(user_id),
                         STR("x@y.z"), 1000};
    assert_int_equal(identities_add(f->main, &i, &result), OK);
    return result;
}

/* Whose account; NULL: nobody's. */
static const char *find(struct fixture *f, const char *provider, const char *subject)
{
    struct str user_id;
    enum err e = identities_find(f->main, str_from_c(provider), str_from_c(subject), &f->store.mem,
                                 &user_id);
    assert_true(e == OK || e == ERR_NOT_FOUND);
    return e ? NULL : user_id.p;
}

static void append(void *arg, const struct identity *i)
{
    assert_int_equal(i->linked_at, 1000);
    assert_true(str_eq(i->email, STR("x@y.z")));
    buf_appendf(arg, "%.*s %.*s,", STR_ARG(i->provider), STR_ARG(i->subject));
}

static void assert_list(struct fixture *f, const char *user_id, const char *expected)
{
    struct buf text = BUF_INIT;
    buf_append_lit(&text, "");
    assert_int_equal(identities_list(f->main, str_from_c(user_id), append, &text), OK);
    assert_true(str_eq(buf_str(&text), str_from_c(expected)));
    buf_release(&text);
}

static void an_identity_leads_to_its_account(void **state)
{
    struct fixture *f = *state;
    assert_null(find(f, "p", "1"));
    assert_int_equal(add(f, "p", "1", "a"), IDENTITY_ADDED);
    assert_string_equal(find(f, "p", "1"), "a");
    assert_null(find(f, "p", "2"));
    assert_null(find(f, "q", "1"));
    assert_null(find(f, "P", "1"));
    assert_int_equal(add(f, "q", "1", "b"), IDENTITY_ADDED); /* another provider's 1 */
    assert_string_equal(find(f, "q", "1"), "b");
    assert_int_equal(add(f, "q", "9", "a"), IDENTITY_ADDED);
    assert_list(f, "a", "p 1,q 9,");
    assert_list(f, "b", "q 1,");
    assert_list(f, "c", "");
}

static void an_identity_has_one_account(void **state)
{
    struct fixture *f = *state;
    add(f, "p", "1", "a");
    assert_int_equal(add(f, "p", "1", "b"), IDENTITY_TAKEN);
    assert_int_equal(add(f, "p", "1", "a"), IDENTITY_ADDED); /* it was before */
    assert_string_equal(find(f, "p", "1"), "a");
    assert_list(f, "b", "");
}

static void an_account_has_one_identity_of_a_provider(void **state)
{
    struct fixture *f = *state;
    add(f, "p", "1", "a");
    assert_int_equal(add(f, "p", "2", "a"), IDENTITY_SECOND);
    assert_null(find(f, "p", "2"));
}

static void identities_are_removed(void **state)
{
    struct fixture *f = *state;
    add(f, "p", "1", "a");
    add(f, "q", "1", "a");
    add(f, "p", "2", "b");
    assert_int_equal(identities_remove(f->main, STR("a"), STR("p")), OK);
    assert_int_equal(identities_remove(f->main, STR("a"), STR("p")), ERR_NOT_FOUND);
    assert_list(f, "a", "q 1,");
    assert_int_equal(identities_remove_all(f->main, STR("a")), OK);
    assert_int_equal(identities_remove_all(f->main, STR("a")), OK);
    assert_list(f, "a", "");
    assert_string_equal(find(f, "p", "2"), "b");
}

static void what_an_account_leaves_behind_does_not_count(void **state)
{
    struct fixture *f = *state;
    add(f, "p", "1", "a");
    assert_int_equal(accounts_remove_within(f->main, STR("a")), OK);
    assert_null(find(f, "p", "1"));
    assert_int_equal(add(f, "p", "1", "b"), IDENTITY_ADDED);
    assert_string_equal(find(f, "p", "1"), "b");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_identity_leads_to_its_account),
        TEST(an_identity_has_one_account),
        TEST(an_account_has_one_identity_of_a_provider),
        TEST(identities_are_removed),
        TEST(what_an_account_leaves_behind_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
