/* The second factor: turned on and off, asked for, and everything that is refused. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/totp.h"
#include "lib/app/app.h"

#define NOW       INT64_C(1800000000000)
#define STEP_MS   (TOTP_STEP_S * INT64_C(1000))
#define MINUTE_MS INT64_C(60000)

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    int rc = test_app_set_up_user(state);
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 0;
    return rc;
}

static struct test_reply ask(struct test_app *t, enum method method, const char *target,
                             const char *token, struct str body)
{
    return test_call(
        t, (struct test_call){.method = method, .target = target, .body = body.p, .token = token});
}

static struct test_reply post(struct test_app *t, const char *target, const char *token,
                              struct str body)
{
    return ask(t, METHOD_POST, target, token, body);
}

static const char *code_now(struct test_app *t, const char *secret)
{
    char code[TOTP_CODE_LEN + 1];
    assert_true(totp_code(str_from_c(secret), clock_wall_ms() / STEP_MS, code));
    return arena_dup(&t->mem, str_from_c(code)).p;
}

static struct test_reply begin(struct test_app *t, const char *password)
{
    return post(t, "/api/totp", t->token, arena_printf(&t->mem, "{\"password\":\"%s\"}", password));
}

static struct test_reply confirm(struct test_app *t, const char *code)
{
    return post(t, "/api/totp/confirm", t->token, arena_printf(&t->mem, "{\"code\":\"%s\"}", code));
}

/* Both proofs, to an address that wants them. */
static struct test_reply with_both(struct test_app *t, enum method method, const char *target,
                                   const char *password, const char *code)
{
    return ask(t, method, target, t->token,
               arena_printf(&t->mem, "{\"password\":\"%s\",\"code\":\"%s\"}", password, code));
}

static struct test_reply log_in(struct test_app *t)
{
    return post(t, "/api/login", NULL,
                STR("{\"email\":\"a@example.org\",\"password\":\"" TEST_PASSWORD "\"}"));
}

static struct test_reply second(struct test_app *t, const char *how, const char *token,
                                const char *code)
{
    return post(t, arena_printf(&t->mem, "/api/login/%s", how).p, NULL,
                arena_printf(&t->mem, "{\"loginToken\":\"%s\",\"code\":\"%s\"}", token, code));
}

static const char *login_token(struct test_app *t)
{
    struct test_reply r = log_in(t);
    test_expect_error(&r, 401, "second_factor_required");
    assert_null(test_cookie(t, &r, "token"));
    assert_null(strstr(r.body.p, "refreshToken"));
    assert_non_null(strstr(r.body.p, "\"methods\":[\"totp\",\"recovery\"]"));
    return test_string(t, &r, "loginToken");
}

static const char *first_of(struct test_app *t, struct json_value list)
{
    return arena_dup(&t->mem, json_string(json_first(list), &t->mem)).p;
}

/* On, and past the limit and the step of that. *recovery: the first code, may be NULL. */
static const char *turn_on(struct test_app *t, const char **recovery)
{
    struct test_reply r = begin(t, TEST_PASSWORD);
    assert_int_equal(r.status, 200);
    const char *secret = test_string(t, &r, "secret");
    r = confirm(t, code_now(t, secret));
    assert_int_equal(r.status, 200);
    struct json_value codes = json_get(json_root(&r.json), STR("recoveryCodes"));
    assert_int_equal(json_count(codes), 10);
    assert_int_equal(strlen(first_of(t, codes)), 6 * 5 - 1); /* 120 bits in groups of four */
    if (recovery)
        *recovery = first_of(t, codes);
    clock_set_for_test(clock_wall_ms() + MINUTE_MS);
    return secret;
}

static int lines_of(struct test_app *t, const char *kind)
{
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/account/activity", .token = t->token});
    struct str wanted = arena_printf(&t->mem, "\"kind\":\"%s\"", kind);
    int n = 0;
    assert_int_equal(r.status, 200);
    for (const char *p = r.body.p; (p = strstr(p, wanted.p)) != NULL; p++)
        n++;
    return n;
}

/* By mail, which proves whose the address is. */
static void reset_password(struct test_app *t, const char *password)
{
    struct test_reply r =
        post(t, "/api/password-reset/request", NULL, STR("{\"email\":\"a@example.org\"}"));
    assert_int_equal(r.status, 200);
    r = post(t, "/api/password-reset/confirm", NULL,
             arena_printf(&t->mem, "{\"resetToken\":\"%s\",\"newPassword\":\"%s\"}",
                          test_mailed_token(t, "a@example.org", "reset_password"), password));
    assert_int_equal(r.status, 200);
}

static bool state_is(struct test_app *t, const char *state)
{
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/totp", .token = t->token});
    return r.status == 200 && strstr(r.body.p, state);
}

/* --- on and off ------------------------------------------------------------------------------- */

static void it_is_on_once_the_app_has_shown_a_code(void **state)
{
    struct test_app *t = *state;
    assert_true(state_is(t, "\"enabled\":false,\"recoveryCodesLeft\":0"));
    struct test_reply r = begin(t, TEST_PASSWORD);
    const char *secret = test_string(t, &r, "secret");
    assert_non_null(strstr(test_string(t, &r, "uri"), secret));
    assert_int_equal(log_in(t).status, 200); /* not yet */
    r = confirm(t, "000000");
    test_expect_error(&r, 401, "invalid_credentials");
    r = confirm(t, code_now(t, secret));
    assert_int_equal(r.status, 200);
    assert_true(state_is(t, "\"enabled\":true,\"recoveryCodesLeft\":10"));
    r = begin(t, TEST_PASSWORD);
    test_expect_error(&r, 409, "conflict");
    r = confirm(t, code_now(t, secret));
    test_expect_error(&r, 409, "conflict");
    assert_int_equal(lines_of(t, "totp_enabled"), 1);
    assert_int_equal(lines_of(t, "totp_failed"), 1);
}

static void it_wants_the_password_a_sign_in_and_a_beginning(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = begin(t, "a wrong one");
    test_expect_error(&r, 401, "invalid_credentials");
    r = confirm(t, "123456");
    test_expect_error(&r, 404, "not_found");
    r = post(t, "/api/totp/confirm", t->token, STR("{\"code\":123456}"));
    test_expect_error(&r, 400, "invalid");
    r = with_both(t, METHOD_DELETE, "/api/totp", TEST_PASSWORD, "123456");
    test_expect_error(&r, 404, "not_found");
    r = post(t, "/api/totp", NULL, STR("{\"password\":\"" TEST_PASSWORD "\"}"));
    test_expect_error(&r, 401, "unauthorized");
}

static void it_is_turned_off_by_password_and_code(void **state)
{
    struct test_app *t = *state;
    const char *secret = turn_on(t, NULL);
    struct test_reply r =
        with_both(t, METHOD_DELETE, "/api/totp", "a wrong one", code_now(t, secret));
    test_expect_error(&r, 401, "invalid_credentials");
    r = with_both(t, METHOD_DELETE, "/api/totp", TEST_PASSWORD, "000000");
    test_expect_error(&r, 401, "invalid_credentials");
    r = with_both(t, METHOD_DELETE, "/api/totp", TEST_PASSWORD, code_now(t, secret));
    assert_int_equal(r.status, 200);
    assert_true(state_is(t, "\"enabled\":false,\"recoveryCodesLeft\":0"));
    assert_int_equal(log_in(t).status, 200);
    assert_int_equal(lines_of(t, "totp_disabled"), 1);
}

static void new_recovery_codes_end_the_old_ones(void **state)
{
    struct test_app *t = *state;
    const char *old;
    const char *secret = turn_on(t, &old);
    struct test_reply r =
        with_both(t, METHOD_POST, "/api/totp/recovery-codes", TEST_PASSWORD, code_now(t, secret));
    assert_int_equal(r.status, 200);
    const char *fresh = first_of(t, json_get(json_root(&r.json), STR("recoveryCodes")));
    const char *token = login_token(t);
    r = second(t, "recovery", token, old);
    test_expect_error(&r, 401, "invalid_credentials");
    assert_int_equal(second(t, "recovery", token, fresh).status, 200);
    assert_int_equal(lines_of(t, "recovery_codes_made"), 1);
}

/* --- signing in ------------------------------------------------------------------------------- */

static void a_sign_in_needs_both_and_neither_works_twice(void **state)
{
    struct test_app *t = *state;
    const char *secret = turn_on(t, NULL);
    const char *token = login_token(t), *code = code_now(t, secret);
    struct test_reply r = second(t, "totp", token, code);
    assert_int_equal(r.status, 200);
    assert_non_null(test_cookie(t, &r, "refreshToken"));
    assert_string_equal(test_string(t, &r, "user.email"), "a@example.org");
    r = second(t, "totp", token, code);
    test_expect_error(&r, 400, "invalid_token");
    r = second(t, "totp", login_token(t), code);
    test_expect_error(&r, 401, "invalid_credentials");
    assert_int_equal(lines_of(t, "token_refused"), 1);
    assert_int_equal(lines_of(t, "totp_failed"), 1);
}

static void a_recovery_code_works_once_however_it_is_typed(void **state)
{
    struct test_app *t = *state;
    const char *recovery;
    turn_on(t, &recovery);
    struct str typed = arena_printf(&t->mem, " %.4s%s ", recovery, recovery + 4);
    struct test_reply r = second(t, "recovery", login_token(t), typed.p);
    assert_int_equal(r.status, 200);
    r = second(t, "recovery", login_token(t), recovery);
    test_expect_error(&r, 401, "invalid_credentials");
    assert_true(state_is(t, "\"recoveryCodesLeft\":9"));
    assert_int_equal(lines_of(t, "recovery_used"), 1);
}

static void codes_of_one_kind_are_none_of_the_other(void **state)
{
    struct test_app *t = *state;
    const char *recovery, *secret = turn_on(t, &recovery), *token = login_token(t);
    struct test_reply r = second(t, "totp", token, recovery);
    test_expect_error(&r, 401, "invalid_credentials");
    r = second(t, "recovery", token, code_now(t, secret));
    test_expect_error(&r, 401, "invalid_credentials");
    r = second(t, "totp", token, "");
    test_expect_error(&r, 401, "invalid_credentials");
}

static void five_attempts_a_minute(void **state)
{
    struct test_app *t = *state;
    const char *secret = turn_on(t, NULL), *token = login_token(t);
    struct test_reply r;
    for (int i = 0; i < 5; i++) {
        r = second(t, "totp", token, "000000");
        test_expect_error(&r, 401, "invalid_credentials");
    }
    r = second(t, "totp", token, code_now(t, secret));
    test_expect_error(&r, 429, "rate_limited");
    assert_true(test_header(&r, "Retry-After", 0).n > 0);
    clock_set_for_test(clock_wall_ms() + MINUTE_MS);
    assert_int_equal(second(t, "totp", token, code_now(t, secret)).status, 200);
}

static void tokens_that_are_not_good_are_refused(void **state)
{
    struct test_app *t = *state;
    const char *secret = turn_on(t, NULL), *token = login_token(t), *code = code_now(t, secret);
    const char *const bad[] = {"", "a.b.c", t->token,
                               arena_printf(&t->mem, "%.*s", (int)strlen(token) - 3, token).p};
    struct test_reply r;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        r = second(t, "totp", bad[i], code);
        test_expect_error(&r, 400, "invalid_token");
    }
    r = test_call(t, (struct test_call){.target = "/api/me", .token = token});
    test_expect_error(&r, 401, "unauthorized");
    clock_set_for_test(clock_wall_ms() + 5 * MINUTE_MS);
    r = second(t, "totp", token, code_now(t, secret));
    test_expect_error(&r, 400, "invalid_token");
}

/* Whoever signed up with the address of another could keep its owner out with his own app. */
static void a_reset_that_verifies_the_address_turns_it_off_any_later_one_does_not(void **state)
{
    struct test_app *t = *state;
    turn_on(t, NULL);
    reset_password(t, TEST_PASSWORD);
    struct test_reply r = log_in(t);
    assert_int_equal(r.status, 200);
    t->token = test_string(t, &r, "token");
    assert_int_equal(lines_of(t, "totp_disabled"), 1);
    turn_on(t, NULL);
    reset_password(t, TEST_PASSWORD);
    login_token(t);
}

static void a_form_goes_on_at_a_page(void **state)
{
    struct test_app *t = *state;
    turn_on(t, NULL);
    struct test_call c = {.target = "/login",
                          .body = "email=a%40example.org&password=correct+horse",
                          .headers.content_type = STR("application/x-www-form-urlencoded")};
    struct test_reply r = test_call(t, c);
    assert_int_equal(r.status, 303);
    assert_true(str_starts_with(test_header(&r, "Location", 0), STR("/#loginToken=ey")));
    assert_null(test_cookie(t, &r, "token"));
}

static void the_export_tells_of_it_without_the_secret(void **state)
{
    struct test_app *t = *state;
    const char *secret = turn_on(t, NULL);
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/account/export", .token = t->token});
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body.p, "\"totp\":{\"enabled\":true,\"recoveryCodesLeft\":10}"));
    assert_null(strstr(r.body.p, secret));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(it_is_on_once_the_app_has_shown_a_code),
        TEST(it_wants_the_password_a_sign_in_and_a_beginning),
        TEST(it_is_turned_off_by_password_and_code),
        TEST(new_recovery_codes_end_the_old_ones),
        TEST(a_sign_in_needs_both_and_neither_works_twice),
        TEST(a_recovery_code_works_once_however_it_is_typed),
        TEST(codes_of_one_kind_are_none_of_the_other),
        TEST(five_attempts_a_minute),
        TEST(tokens_that_are_not_good_are_refused),
        TEST(a_reset_that_verifies_the_address_turns_it_off_any_later_one_does_not),
        TEST(a_form_goes_on_at_a_page),
        TEST(the_export_tells_of_it_without_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
