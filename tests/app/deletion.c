/* The end of an account, and of what a crash leaves of it. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/relay.h"
#include "lib/app/app.h"
#include "store/accounts.h"
#include "store/backlog.h"
#include "store/mailbox.h"
#include "store/outbox.h"

#define NOW INT64_C(1800000000000)

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    int rc = test_app_set_up(state);
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 0;
    t->token = test_sign_up(t, "ann@example.org");
    return rc;
}

static struct test_reply call(struct test_app *t, enum method method, const char *target,
                              const char *token, const char *body)
{
    return test_call(
        t, (struct test_call){.method = method, .target = target, .token = token, .body = body});
}

static struct test_reply delete_account(struct test_app *t, const char *token, const char *password)
{
    const char *body = arena_printf(&t->mem, "{\"password\":\"%s\"}", password).p;
    return call(t, METHOD_DELETE, "/api/account", token, body);
}

static struct test_reply log_in(struct test_app *t, const char *email)
{
    const char *body =
        arena_printf(&t->mem, "{\"email\":\"%s\",\"password\":\"" TEST_PASSWORD "\"}", email).p;
    return call(t, METHOD_POST, "/api/login", NULL, body);
}

static const char *id_of(struct test_app *t, const char *token)
{
    struct test_reply r = call(t, METHOD_GET, "/api/me", token, NULL);
    return test_string(t, &r, "user.id");
}

static bool has_file(struct test_app *t, const char *id)
{
    const char *below = arena_printf(&t->mem, "users/%.2s/%s.db", id, id).p;
    return access(test_store_path(&t->store, below), F_OK) == 0;
}

static const char *make_organization(struct test_app *t)
{
    struct test_reply r =
        call(t, METHOD_POST, "/api/organizations", t->token, "{\"name\":\"Club\"}");
    return test_string(t, &r, "organization.id");
}

static void nothing_is_left(void **state)
{
    struct test_app *t = *state;
    const char *id = id_of(t, t->token), *bob = test_sign_up(t, "bob@example.org");
    assert_true(has_file(t, id));
    struct test_reply r = delete_account(t, t->token, TEST_PASSWORD);
    assert_int_equal(r.status, 200);
    assert_string_equal(test_cookie(t, &r, "token"), "");
    assert_false(has_file(t, id));
    r = call(t, METHOD_GET, "/api/me", t->token, NULL);
    test_expect_error(&r, 401, "unauthorized");
    r = log_in(t, "ann@example.org");
    test_expect_error(&r, 401, "invalid_credentials");
    assert_int_equal(call(t, METHOD_GET, "/api/me", bob, NULL).status, 200);
    assert_string_not_equal(id_of(t, test_sign_up(t, "ann@example.org")), id);
}

static void mail_that_waits_for_its_address_goes_with_it(void **state)
{
    struct test_app *t = *state;
    const char *bob = test_sign_up(t, "bob@example.org");
    assert_int_equal(delete_account(t, t->token, TEST_PASSWORD).status, 200);
    struct backlog waiting[BACKLOGS];
    assert_int_equal(backlog_read(t->app.store, waiting), OK);
    assert_int_equal(waiting[BACKLOG_MAIL].count, 1);
    assert_non_null(test_mailed_token(t, "bob@example.org", "verify_email"));
    assert_int_equal(call(t, METHOD_GET, "/api/me", bob, NULL).status, 200);
}

static void it_wants_the_password(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = delete_account(t, t->token, "a wrong one");
    test_expect_error(&r, 401, "invalid_credentials");
    r = call(t, METHOD_DELETE, "/api/account", t->token, NULL);
    test_expect_error(&r, 400, "invalid");
    r = delete_account(t, NULL, TEST_PASSWORD);
    test_expect_error(&r, 401, "unauthorized");
    assert_int_equal(call(t, METHOD_GET, "/api/me", t->token, NULL).status, 200);
}

static void without_a_password_a_fresh_sign_in_counts(void **state)
{
    struct test_app *t = *state;
    const char *id = id_of(t, t->token);
    assert_int_equal(accounts_set_password(t->store.store, str_from_c(id), STR("")), OK);
    clock_set_for_test(NOW + 5 * 60 * 1000);
    struct test_reply r = call(t, METHOD_DELETE, "/api/account", t->token, NULL);
    test_expect_error(&r, 401, "invalid_credentials");
    clock_set_for_test(NOW + 5 * 60 * 1000 - 1);
    assert_int_equal(call(t, METHOD_DELETE, "/api/account", t->token, NULL).status, 200);
    assert_false(has_file(t, id));
}

static void not_while_an_organization_with_members_is_owned(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "bob@example.org");
    const char *org = make_organization(t);
    const char *members = arena_printf(&t->mem, "/api/organizations/%s/members", org).p;
    struct test_reply r =
        call(t, METHOD_POST, members, t->token, "{\"email\":\"bob@example.org\"}");
    const char *bob = test_string(t, &r, "member.userId");
    r = delete_account(t, t->token, TEST_PASSWORD);
    test_expect_error(&r, 409, "conflict");
    assert_int_equal(call(t, METHOD_GET, "/api/me", t->token, NULL).status, 200);
    r = call(t, METHOD_DELETE, arena_printf(&t->mem, "%s/%s", members, bob).p, t->token, NULL);
    assert_int_equal(r.status, 200);
    assert_int_equal(delete_account(t, t->token, TEST_PASSWORD).status, 200);
    const char *below = arena_printf(&t->mem, "orgs/%.2s/%s.db", org, org).p;
    assert_int_not_equal(access(test_store_path(&t->store, below), F_OK), 0);
}

static void a_members_account_leaves_its_organizations(void **state)
{
    struct test_app *t = *state;
    const char *bob = test_sign_up(t, "bob@example.org"), *org = make_organization(t);
    const char *path = arena_printf(&t->mem, "/api/organizations/%s", org).p;
    struct test_reply r = call(t, METHOD_POST, arena_printf(&t->mem, "%s/members", path).p,
                               t->token, "{\"email\":\"bob@example.org\"}");
    assert_int_equal(r.status, 200);
    assert_int_equal(delete_account(t, bob, TEST_PASSWORD).status, 200);
    r = call(t, METHOD_GET, path, t->token, NULL);
    assert_non_null(strstr(r.body.p, "\"members\":[]"));
}

static void after_a_crash_between_sessions_and_rows_it_can_be_tried_again(void **state)
{
    struct test_app *t = *state;
    const char *id = id_of(t, t->token);
    struct test_reply r = call(t, METHOD_POST, "/api/logout?all=1", t->token, NULL);
    r = delete_account(t, t->token, TEST_PASSWORD);
    test_expect_error(&r, 401, "unauthorized");
    r = log_in(t, "ann@example.org");
    assert_int_equal(delete_account(t, test_string(t, &r, "token"), TEST_PASSWORD).status, 200);
    assert_false(has_file(t, id));
}

static void after_a_crash_between_rows_and_file_the_relay_deletes_the_file(void **state)
{
    struct test_app *t = *state;
    const char *id = id_of(t, t->token);
    struct space *main_db;
    assert_int_equal(space_acquire(t->store.store, SPACE_MAIN, STR_NULL, &main_db), OK);
    assert_int_equal(space_begin_write(main_db), OK);
    assert_int_equal(accounts_remove_within(main_db, str_from_c(id)), OK);
    assert_int_equal(
        outbox_add(main_db, SPACE_USER, str_from_c(id), STR("account:deleted"), STR("{}"), NOW),
        OK);
    assert_int_equal(space_commit(main_db), OK);
    space_release(main_db);
    assert_true(has_file(t, id));

    const struct relay_line line = {.store = t->store.store};
    assert_int_equal(relay_pending(&line, 0), OK);
    assert_false(has_file(t, id));
    assert_int_equal(relay_pending(&line, 0), OK);
}

static void a_log_in_that_began_before_does_not_outlive_it(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = log_in(t, "ann@example.org");
    const char *other = test_string(t, &r, "token");
    assert_int_equal(delete_account(t, t->token, TEST_PASSWORD).status, 200);
    r = call(t, METHOD_GET, "/data", other, NULL);
    test_expect_error(&r, 401, "unauthorized");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(nothing_is_left),
        TEST(mail_that_waits_for_its_address_goes_with_it),
        TEST(it_wants_the_password),
        TEST(without_a_password_a_fresh_sign_in_counts),
        TEST(not_while_an_organization_with_members_is_owned),
        TEST(a_members_account_leaves_its_organizations),
        TEST(after_a_crash_between_sessions_and_rows_it_can_be_tried_again),
        TEST(after_a_crash_between_rows_and_file_the_relay_deletes_the_file),
        TEST(a_log_in_that_began_before_does_not_outlive_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
