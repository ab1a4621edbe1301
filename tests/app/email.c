/* Addresses: verified after sign-up, changed by a link to the new one. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"

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

static struct test_reply change(struct test_app *t, const char *email, const char *password)
{
    const char *body =
        arena_printf(&t->mem, "{\"newEmail\":\"%s\",\"password\":\"%s\"}", email, password).p;
    return test_call(t,
                     (struct test_call){.target = "/api/email", .body = body, .token = t->token});
}

static struct test_reply verify(struct test_app *t, const char *token)
{
    const char *body = arena_printf(&t->mem, "{\"token\":\"%s\"}", token).p;
    return test_call(t, (struct test_call){.target = "/api/email/verify", .body = body});
}

/* Ask for the change and take the token out of the mail. */
static const char *change_token(struct test_app *t, const char *email)
{
    assert_int_equal(change(t, email, TEST_PASSWORD).status, 200);
    const char *token = test_mailed_token(t, email, "verify_email");
    assert_non_null(token);
    return token;
}

static void expect_address(struct test_app *t, const char *email, bool verified)
{
    struct test_reply r = test_call(t, (struct test_call){.target = "/api/me", .token = t->token});
    assert_string_equal(test_string(t, &r, "user.email"), email);
    assert_non_null(
        strstr(r.body.p, verified ? "\"emailVerified\":true" : "\"emailVerified\":false"));
}

static void the_link_after_sign_up_verifies_the_address_once(void **state)
{
    struct test_app *t = *state;
    const char *token = test_mailed_token(t, "ann@example.org", "verify_email");
    assert_non_null(token);
    struct test_reply r = verify(t, token);
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(t, &r, "email"), "ann@example.org");
    expect_address(t, "ann@example.org", true);
    r = verify(t, token);
    test_expect_error(&r, 400, "invalid_token");
}

static void a_change_takes_effect_when_verified_and_the_old_address_hears_of_it(void **state)
{
    struct test_app *t = *state;
    test_verify(t, "ann@example.org");
    const char *token = change_token(t, "ann@example.com");
    expect_address(t, "ann@example.org", true);
    assert_int_equal(verify(t, token).status, 200);
    expect_address(t, "ann@example.com", true);
    assert_non_null(test_mailed_token(t, "ann@example.org", "email_changed"));
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/account/activity", .token = t->token});
    assert_non_null(strstr(r.body.p, "\"kind\":\"email_changed\""));
    assert_non_null(strstr(r.body.p, "\"detail\":\"ann@example.com\""));
}

static void an_old_address_that_may_be_a_strangers_hears_nothing(void **state)
{
    struct test_app *t = *state;
    assert_int_equal(verify(t, change_token(t, "ann@example.com")).status, 200);
    assert_null(test_mailed(t, "ann@example.org", "email_changed", NULL));
}

static void a_change_wants_the_password_and_an_address(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = change(t, "ann@example.com", "a wrong one");
    test_expect_error(&r, 401, "invalid_credentials");
    r = change(t, "nowhere", TEST_PASSWORD);
    test_expect_error(&r, 400, "invalid");
    assert_null(test_mailed_token(t, "ann@example.com", "verify_email"));
}

static void an_address_taken_meanwhile_is_a_conflict(void **state)
{
    struct test_app *t = *state;
    const char *token = change_token(t, "ann@example.com");
    test_sign_up(t, "ann@example.com");
    struct test_reply r = verify(t, token);
    test_expect_error(&r, 409, "email_taken");
    expect_address(t, "ann@example.org", false);
}

static void asking_does_not_tell_whether_the_address_has_an_account(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "bob@example.org");
    struct test_reply taken = change(t, "bob@example.org", TEST_PASSWORD);
    struct test_reply free_one = change(t, "nobody@example.org", TEST_PASSWORD);
    assert_int_equal(taken.status, 200);
    assert_true(str_eq(taken.body, free_one.body));
}

static void of_two_changes_the_first_one_verified_ends_the_other(void **state)
{
    struct test_app *t = *state;
    const char *first = change_token(t, "ann@example.com"),
               *second = change_token(t, "ann@example.net");
    assert_int_equal(verify(t, second).status, 200);
    struct test_reply r = verify(t, first);
    test_expect_error(&r, 400, "invalid_token");
    expect_address(t, "ann@example.net", true);
}

static void a_link_to_the_old_address_does_not_bring_it_back(void **state)
{
    struct test_app *t = *state;
    const char *old = test_mailed_token(t, "ann@example.org", "verify_email");
    assert_int_equal(verify(t, change_token(t, "ann@example.com")).status, 200);
    struct test_reply r = verify(t, old);
    test_expect_error(&r, 400, "invalid_token");
    expect_address(t, "ann@example.com", true);
}

static void a_new_password_ends_changes_that_wait(void **state)
{
    struct test_app *t = *state;
    const char *token = change_token(t, "mallory@example.com");
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/password",
                                        .token = t->token,
                                        .body = "{\"oldPassword\":\"" TEST_PASSWORD
                                                "\",\"newPassword\":\"another phrase\"}"});
    assert_int_equal(r.status, 200);
    r = verify(t, token);
    test_expect_error(&r, 400, "invalid_token");
    expect_address(t, "ann@example.org", false);
}

static void tokens_that_are_none_are_refused(void **state)
{
    struct test_app *t = *state;
    const char *good = change_token(t, "ann@example.com");
    const char *const bad[] = {"", "a.b.c", t->token,
                               arena_printf(&t->mem, "%.*s", (int)strlen(good) - 1, good).p,
                               arena_printf(&t->mem, "%s.x", good).p};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = verify(t, bad[i]);
        test_expect_error(&r, 400, "invalid_token");
    }
    clock_set_for_test(NOW + 24 * 3600 * 1000);
    struct test_reply r = verify(t, good);
    test_expect_error(&r, 400, "invalid_token");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(the_link_after_sign_up_verifies_the_address_once),
        TEST(a_change_takes_effect_when_verified_and_the_old_address_hears_of_it),
        TEST(an_old_address_that_may_be_a_strangers_hears_nothing),
        TEST(a_change_wants_the_password_and_an_address),
        TEST(an_address_taken_meanwhile_is_a_conflict),
        TEST(asking_does_not_tell_whether_the_address_has_an_account),
        TEST(of_two_changes_the_first_one_verified_ends_the_other),
        TEST(a_link_to_the_old_address_does_not_bring_it_back),
        TEST(a_new_password_ends_changes_that_wait),
        TEST(tokens_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
