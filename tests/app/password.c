/* Passwords: change, reset by mail, and tokens that are not what they should be. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"

#define NOW INT64_C(1800000000000)
#define NEW "quite another phrase"

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    int rc = test_app_set_up(state);
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 0;
    t->token = test_sign_up(t, "ann@example.org");
    return rc;
}

static struct test_reply post(struct test_app *t, const char *target, const char *token,
                              const char *fmt, const char *a, const char *b)
{
    char body[4096];
    snprintf(body, sizeof body, fmt, a, b);
    return test_call(t, (struct test_call){.target = target,
                                           .body = arena_dup(&t->mem, str_from_c(body)).p,
                                           .token = token});
}

static struct test_reply log_in(struct test_app *t, const char *email, const char *password)
{
    return post(t, "/api/login", NULL, "{\"email\":\"%s\",\"password\":\"%s\"}", email, password);
}

static struct test_reply ask(struct test_app *t, const char *email)
{
    return post(t, "/api/password-reset/request", NULL, "{\"email\":\"%s\"}%s", email, "");
}

static struct test_reply confirm(struct test_app *t, const char *token, const char *password)
{
    return post(t, "/api/password-reset/confirm", NULL,
                "{\"resetToken\":\"%s\",\"newPassword\":\"%s\"}", token, password);
}

static struct test_reply change(struct test_app *t, const char *token, const char *old,
                                const char *password)
{
    return post(t, "/api/password", token, "{\"oldPassword\":\"%s\",\"newPassword\":\"%s\"}", old,
                password);
}

static int me(struct test_app *t, const char *token)
{
    return test_call(t, (struct test_call){.target = "/api/me", .token = token}).status;
}

static const char *reset_token(struct test_app *t)
{
    struct test_reply r = ask(t, "ann@example.org");
    assert_int_equal(r.status, 200);
    const char *token = test_mailed_token(t, "ann@example.org", "reset_password");
    assert_non_null(token);
    return token;
}

/* The kinds of the newest lines, oldest first, that begin with `prefix`. */
static int lines_of(struct test_app *t, const char *token, const char *kind)
{
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/account/activity", .token = token});
    char wanted[64];
    int n = 0;
    assert_int_equal(r.status, 200);
    snprintf(wanted, sizeof wanted, "\"kind\":\"%s\"", kind);
    for (const char *p = r.body.p; (p = strstr(p, wanted)) != NULL; p++)
        n++;
    return n;
}

/* --- change ----------------------------------------------------------------------------------- */

static void a_change_ends_the_other_sessions(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = log_in(t, "ann@example.org", TEST_PASSWORD);
    const char *other = test_string(t, &r, "token");
    r = change(t, t->token, TEST_PASSWORD, NEW);
    assert_int_equal(r.status, 200);
    assert_int_equal(me(t, t->token), 200);
    assert_int_equal(me(t, other), 401);
    assert_int_equal(log_in(t, "ann@example.org", TEST_PASSWORD).status, 401);
    assert_int_equal(log_in(t, "ann@example.org", NEW).status, 200);
    assert_int_equal(lines_of(t, t->token, "password_changed"), 1);
}

static void a_change_wants_the_old_password_and_a_good_new_one(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = change(t, t->token, "a wrong one", NEW);
    test_expect_error(&r, 401, "invalid_credentials");
    r = change(t, t->token, TEST_PASSWORD, "short");
    test_expect_error(&r, 400, "invalid");
    r = change(t, NULL, TEST_PASSWORD, NEW);
    test_expect_error(&r, 401, "unauthorized");
    r = post(t, "/api/password", t->token, "{\"newPassword\":\"%s\"}%s", NEW, "");
    test_expect_error(&r, 400, "invalid");
    assert_int_equal(log_in(t, "ann@example.org", TEST_PASSWORD).status, 200);
    assert_int_equal(lines_of(t, t->token, "login_failed"), 1);
}

static void guesses_of_the_old_password_count_as_attempts(void **state)
{
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = 5;
    for (int i = 0; i < 5; i++)
        assert_int_equal(change(t, t->token, "a wrong one", NEW).status, 401);
    struct test_reply r = change(t, t->token, TEST_PASSWORD, NEW);
    test_expect_error(&r, 429, "rate_limited");
    assert_non_null(test_header(&r, "Retry-After", 0).p);
}

static void a_setting_asks_for_longer_ones(void **state)
{
    struct test_app *t = *state;
    t->conf.password_min = 12;
    struct test_reply r = change(t, t->token, TEST_PASSWORD, "eleven char");
    test_expect_error(&r, 400, "invalid");
    assert_non_null(strstr(r.body.p, "at least 12 characters"));
    assert_int_equal(change(t, t->token, TEST_PASSWORD, "twelve chars").status, 200);
}

static void what_many_have_nobody_may_set(void **state)
{
    static const struct str common[] = {STR("abcdefgh"), STR("password1")};
    struct test_app *t = *state;
    t->app.weak = (struct weak_list){common, ARRAY_LEN(common)};
    struct test_reply r = change(t, t->token, TEST_PASSWORD, "Password1");
    test_expect_error(&r, 400, "invalid");
    r = confirm(t, reset_token(t), "abcdefgh");
    test_expect_error(&r, 400, "invalid");
    r = post(t, "/api/signup", NULL, "{\"email\":\"%s\",\"password\":\"%s\"}", "bob@example.org",
             "password1");
    test_expect_error(&r, 400, "invalid");
    assert_int_equal(change(t, t->token, TEST_PASSWORD, "password2").status, 200);
}

/* --- reset ------------------------------------------------------------------------------------ */

static void a_reset_sets_the_password_and_ends_every_session(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = confirm(t, reset_token(t), NEW);
    assert_int_equal(r.status, 200);
    test_string(t, &r, "message");
    assert_int_equal(me(t, t->token), 401);
    assert_int_equal(log_in(t, "ann@example.org", TEST_PASSWORD).status, 401);
    r = log_in(t, "ann@example.org", NEW);
    const char *token = test_string(t, &r, "token");
    assert_int_equal(lines_of(t, token, "password_reset_requested"), 1);
    assert_int_equal(lines_of(t, token, "password_reset"), 1);
    r = test_call(t, (struct test_call){.target = "/api/me", .token = token});
    assert_non_null(strstr(r.body.p, "\"emailVerified\":true"));
}

static void known_and_unknown_addresses_get_the_same_answer(void **state)
{
    struct test_app *t = *state;
    struct test_reply known = ask(t, "Ann@Example.org "), unknown = ask(t, "bob@example.org");
    assert_int_equal(known.status, 200);
    assert_true(str_eq(known.body, unknown.body));
    assert_true(str_eq(known.head, unknown.head));
    assert_null(test_mailed_token(t, "bob@example.org", "reset_password"));
    struct test_reply r = ask(t, "no address");
    test_expect_error(&r, 400, "invalid");
}

static void development_shows_the_token(void **state)
{
    struct test_app *t = *state;
    t->conf.dev_show_reset_token = true;
    struct test_reply r = ask(t, "ann@example.org");
    const char *token = test_string(t, &r, "resetToken");
    assert_int_equal(confirm(t, token, NEW).status, 200);
    r = ask(t, "bob@example.org");
    assert_null(strstr(r.body.p, "resetToken"));
}

static void a_token_works_once(void **state)
{
    struct test_app *t = *state;
    const char *token = reset_token(t);
    assert_int_equal(confirm(t, token, NEW).status, 200);
    struct test_reply r = confirm(t, token, "a third phrase");
    test_expect_error(&r, 400, "invalid_token");
    r = log_in(t, "ann@example.org", NEW);
    assert_int_equal(r.status, 200);
    assert_int_equal(lines_of(t, test_string(t, &r, "token"), "token_refused"), 1);
}

static void a_change_ends_the_tokens_sent_before(void **state)
{
    struct test_app *t = *state;
    const char *first = reset_token(t), *second = reset_token(t);
    assert_int_equal(change(t, t->token, TEST_PASSWORD, NEW).status, 200);
    struct test_reply r = confirm(t, first, "a third phrase");
    test_expect_error(&r, 400, "invalid_token");
    r = confirm(t, second, "a third phrase");
    test_expect_error(&r, 400, "invalid_token");
}

static void a_token_ends_after_an_hour(void **state)
{
    struct test_app *t = *state;
    const char *token = reset_token(t);
    clock_set_for_test(NOW + 3600 * 1000);
    struct test_reply r = confirm(t, token, NEW);
    test_expect_error(&r, 400, "invalid_token");
}

/* A token of our own key with these claims. */
static const char *forge(struct test_app *t, const char *claims)
{
    struct buf b = BUF_INIT;
    jwt_sign(&b, &t->app.keys.key[0], str_from_c(claims));
    const char *token = arena_dup(&t->mem, buf_str(&b)).p;
    buf_release(&b);
    return token;
}

static void tokens_of_another_kind_are_refused(void **state)
{
    struct test_app *t = *state;
    const char *good = reset_token(t);
    char cut[2048];
    snprintf(cut, sizeof cut, "%.*s", (int)strlen(good) - 3, good);
    struct test_reply r = log_in(t, "ann@example.org", TEST_PASSWORD);
    const char *const bad[] = {
        "",
        "x",
        "a.b.c",
        cut,
        t->token,
        test_string(t, &r, "refreshToken"),
        forge(t, "{\"type\":\"password_reset\"}"),
        forge(t, "{\"type\":\"password_reset\",\"sub\":\"00112233445566778899aabbccddeeff\","
                 "\"value\":\"0011223344556677\",\"jti\":\"00112233445566778899aabbccddeeff\","
                 "\"exp\":1900000000}"),
        forge(t, "{\"type\":\"password_reset\",\"sub\":\"../main\",\"value\":\"0011223344556677\","
                 "\"jti\":\"00112233445566778899aabbccddeeff\",\"exp\":1900000000}"),
        forge(t, "{\"type\":[\"password_reset\"],\"sub\":7,\"jti\":{},\"exp\":1900000000}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        r = confirm(t, bad[i], NEW);
        test_expect_error(&r, 400, "invalid_token");
    }
    r = post(t, "/api/password-reset/confirm", NULL, "{\"resetToken\":7,\"newPassword\":\"%s\"}%s",
             NEW, "");
    test_expect_error(&r, 400, "invalid");
    assert_int_equal(me(t, good), 401); /* nor is it an access token */
    assert_int_equal(confirm(t, good, NEW).status, 200);
}

static void a_refused_password_does_not_use_the_token_up(void **state)
{
    struct test_app *t = *state;
    const char *token = reset_token(t);
    struct test_reply r = confirm(t, token, "short");
    test_expect_error(&r, 400, "invalid");
    assert_int_equal(confirm(t, token, NEW).status, 200);
}

static void requests_are_limited_the_same_for_all(void **state)
{
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = 2;
    static const char *const addresses[] = {"ann@example.org", "bob@example.org"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        assert_int_equal(ask(t, addresses[i]).status, 200);
        assert_int_equal(ask(t, addresses[i]).status, 200);
        struct test_reply r = ask(t, addresses[i]);
        test_expect_error(&r, 429, "rate_limited");
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(a_change_ends_the_other_sessions),
        TEST(a_change_wants_the_old_password_and_a_good_new_one),
        TEST(guesses_of_the_old_password_count_as_attempts),
        TEST(a_setting_asks_for_longer_ones),
        TEST(what_many_have_nobody_may_set),
        TEST(a_reset_sets_the_password_and_ends_every_session),
        TEST(known_and_unknown_addresses_get_the_same_answer),
        TEST(development_shows_the_token),
        TEST(a_token_works_once),
        TEST(a_change_ends_the_tokens_sent_before),
        TEST(a_token_ends_after_an_hour),
        TEST(tokens_of_another_kind_are_refused),
        TEST(a_refused_password_does_not_use_the_token_up),
        TEST(requests_are_limited_the_same_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
