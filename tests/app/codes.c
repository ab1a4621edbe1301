/* Signing in by a code from a mail: who gets one, how often, and everything that is refused. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/totp.h"
#include "lib/app/app.h"

#define NOW       INT64_C(1800000000000)
#define MINUTE_MS INT64_C(60000)
#define EMAIL     "a@example.org"

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    int rc = test_app_set_up_user(state);
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 0;
    test_verify(t, EMAIL);
    return rc;
}

static void wait(int64_t ms)
{
    clock_set_for_test(clock_wall_ms() + ms);
}

static struct test_reply ask(struct test_app *t, const char *email)
{
    struct str body = arena_printf(&t->mem, "{\"email\":\"%s\"}", email);
    return test_call(t, (struct test_call){.target = "/api/login/code/request", .body = body.p});
}

static struct test_reply use(struct test_app *t, const char *email, const char *code)
{
    struct str body = arena_printf(&t->mem, "{\"email\":\"%s\",\"code\":\"%s\"}", email, code);
    return test_call(t, (struct test_call){.target = "/api/login/code", .body = body.p});
}

static const char *mailed(struct test_app *t, const char *email)
{
    return test_mailed(t, email, "login_code", "code");
}

static const char *get_code(struct test_app *t)
{
    assert_int_equal(ask(t, EMAIL).status, 200);
    const char *code = mailed(t, EMAIL);
    assert_non_null(code);
    return code;
}

static const char *wrong(struct test_app *t, const char *code)
{
    char *other = (char *)arena_dup(&t->mem, str_from_c(code)).p;
    other[5] = other[5] == '0' ? '1' : '0';
    return other;
}

static void expect_refused(struct test_app *t, const char *email, const char *code)
{
    struct test_reply r = use(t, email, code);
    test_expect_error(&r, 401, "invalid_credentials");
    assert_non_null(strstr(r.body.p, "The code is wrong, too old or was used"));
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

static void six_digits_sign_in_once(void **state)
{
    struct test_app *t = *state;
    const char *code = get_code(t);
    assert_int_equal(strlen(code), 6);
    assert_int_equal(strspn(code, "0123456789"), 6);
    struct test_reply r =
        use(t, " A@Example.org", arena_printf(&t->mem, " %.3s %s", code, code + 3).p);
    assert_int_equal(r.status, 200);
    assert_non_null(test_cookie(t, &r, "refreshToken"));
    assert_string_equal(test_string(t, &r, "user.email"), EMAIL);
    expect_refused(t, EMAIL, code);
    assert_int_equal(lines_of(t, "login_code_requested"), 1);
    assert_int_equal(lines_of(t, "login"), 1);
    assert_int_equal(lines_of(t, "login_failed"), 1);
}

static void all_addresses_get_the_same_answer_but_only_verified_ones_a_mail(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "b@example.org");
    struct test_reply known = ask(t, EMAIL);
    const char *others[] = {"b@example.org", "nobody@example.org"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct test_reply r = ask(t, others[i]);
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body.p, known.body.p);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        expect_refused(t, others[i], "123456");
        assert_null(mailed(t, others[i]));
    }
}

static void a_new_code_ends_the_one_before(void **state)
{
    struct test_app *t = *state;
    const char *old = get_code(t), *code = get_code(t);
    if (strcmp(old, code) != 0)
        expect_refused(t, EMAIL, old);
    assert_int_equal(use(t, EMAIL, code).status, 200);
}

static void a_code_is_good_for_ten_minutes(void **state)
{
    struct test_app *t = *state;
    const char *code = get_code(t);
    wait(10 * MINUTE_MS - 1);
    assert_int_equal(use(t, EMAIL, code).status, 200);
    code = get_code(t);
    wait(10 * MINUTE_MS);
    expect_refused(t, EMAIL, code);
}

static void a_code_has_five_attempts(void **state)
{
    struct test_app *t = *state;
    const char *code = get_code(t);
    for (int i = 0; i < 5; i++)
        expect_refused(t, EMAIL, wrong(t, code));
    wait(MINUTE_MS);
    expect_refused(t, EMAIL, code);
}

static void guesses_are_five_a_minute_whatever_the_settings_say(void **state)
{
    struct test_app *t = *state;
    for (int i = 0; i < 5; i++) {
        const char *code = get_code(t);
        expect_refused(t, EMAIL, wrong(t, code));
    }
    struct test_reply r = use(t, EMAIL, get_code(t));
    test_expect_error(&r, 429, "rate_limited");
    assert_true(test_header(&r, "Retry-After", 0).n > 0);
}

static void asking_and_guessing_count_as_attempts_for_every_address(void **state)
{
    static const char *const emails[] = {EMAIL, "nobody@example.org"};
    struct test_app *t = *state;
    wait(MINUTE_MS); /* the sign-up counted too */
    t->conf.limit_auth_per_address = 3;
    for (size_t k = 0; k < ARRAY_LEN(emails); k++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ask(t, emails[k]).status, 200);
            expect_refused(t, emails[k], "no");
        }
        struct test_reply r = ask(t, emails[k]);
        test_expect_error(&r, 429, "rate_limited");
        r = use(t, emails[k], "no");
        test_expect_error(&r, 429, "rate_limited");
    }
}

static void a_code_is_of_one_address(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "b@example.org");
    test_verify(t, "b@example.org");
    const char *code = get_code(t);
    ask(t, "b@example.org");
    const char *theirs = mailed(t, "b@example.org");
    if (strcmp(code, theirs) != 0)
        expect_refused(t, "b@example.org", code);
    assert_int_equal(use(t, "b@example.org", theirs).status, 200);
}

static void the_second_factor_is_asked_for_afterwards(void **state)
{
    struct test_app *t = *state;
    char code[TOTP_CODE_LEN + 1];
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/api/totp",
                                        .body = "{\"password\":\"" TEST_PASSWORD "\"}",
                                        .token = t->token});
    struct str secret = str_from_c(test_string(t, &r, "secret"));
    assert_true(totp_code(secret, clock_wall_ms() / 1000 / TOTP_STEP_S, code));
    struct str body = arena_printf(&t->mem, "{\"code\":\"%s\"}", code);
    struct test_call confirm = {.target = "/api/totp/confirm", .body = body.p, .token = t->token};
    assert_int_equal(test_call(t, confirm).status, 200);
    r = use(t, EMAIL, get_code(t));
    test_expect_error(&r, 401, "second_factor_required");
    assert_null(test_cookie(t, &r, "token"));
    wait(MINUTE_MS);
    assert_true(totp_code(secret, clock_wall_ms() / 1000 / TOTP_STEP_S, code));
    body = arena_printf(&t->mem, "{\"loginToken\":\"%s\",\"code\":\"%s\"}",
                        test_string(t, &r, "loginToken"), code);
    r = test_call(t, (struct test_call){.target = "/api/login/totp", .body = body.p});
    assert_int_equal(r.status, 200);
}

static void what_is_no_address_or_code_is_400(void **state)
{
    static const char *const bodies[] = {"{}", "{\"email\":7,\"code\":\"123456\"}",
                                         "{\"email\":\"a@example.org\",\"code\":123456}",
                                         "{\"email\":\"a\",\"code\":\"123456\"}"};
    struct test_app *t = *state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct test_reply r =
            test_call(t, (struct test_call){.target = "/api/login/code", .body = bodies[i]});
        test_expect_error(&r, 400, "invalid");
    }
    struct test_reply r = ask(t, "a");
    test_expect_error(&r, 400, "invalid");
}

static void a_setting_switches_them_off(void **state)
{
    struct test_app *t = *state;
    t->conf.login_codes = false;
    struct test_reply r = ask(t, EMAIL);
    test_expect_error(&r, 404, "not_found");
    r = use(t, EMAIL, "123456");
    test_expect_error(&r, 404, "not_found");
    assert_null(mailed(t, EMAIL));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(six_digits_sign_in_once),
        TEST(all_addresses_get_the_same_answer_but_only_verified_ones_a_mail),
        TEST(a_new_code_ends_the_one_before),
        TEST(a_code_is_good_for_ten_minutes),
        TEST(a_code_has_five_attempts),
        TEST(guesses_are_five_a_minute_whatever_the_settings_say),
        TEST(asking_and_guessing_count_as_attempts_for_every_address),
        TEST(a_code_is_of_one_address),
        TEST(the_second_factor_is_asked_for_afterwards),
        TEST(what_is_no_address_or_code_is_400),
        TEST(a_setting_switches_them_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
