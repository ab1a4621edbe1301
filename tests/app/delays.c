/* Delays that grow with failed sign-ins: whose, after which proofs, and what ends them. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/totp.h"
#include "lib/app/app.h"

#define NOW       INT64_C(1800000000000)
#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define EMAIL     "a@example.org"

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    int rc = test_app_set_up_user(state);
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 1000;
    t->conf.delay_after_failures = 3;
    t->conf.delay_after_failures_per_ip = 0;
    t->conf.delay_max = 8;
    return rc;
}

static void wait(int64_t ms)
{
    clock_set_for_test(clock_wall_ms() + ms);
}

static struct test_reply post(struct test_app *t, const char *target, const char *token,
                              struct str body)
{
    return test_call(t, (struct test_call){.target = target, .body = body.p, .token = token});
}

static struct test_reply log_in(struct test_app *t, const char *email, const char *password)
{
    return post(t, "/api/login", NULL,
                arena_printf(&t->mem, "{\"email\":\"%s\",\"password\":\"%s\"}", email, password));
}

static void expect_delay(const struct test_reply *r, int seconds)
{
    int64_t said;
    test_expect_error(r, 429, "rate_limited");
    assert_true(str_to_i64(test_header(r, "Retry-After", 0), 0, 1000, &said));
    assert_int_equal(said, seconds);
}

static void fail_often(struct test_app *t, const char *email, int times)
{
    for (int i = 0; i < times; i++) {
        struct test_reply r = log_in(t, email, "a wrong one");
        test_expect_error(&r, 401, "invalid_credentials");
    }
}

static void known_and_unknown_addresses_wait_longer_each_time(void **state)
{
    static const char *const emails[] = {EMAIL, "nobody@example.org"};
    static const int waits[] = {1, 2, 4, 8, 8};
    struct test_app *t = *state;
    for (size_t k = 0; k < ARRAY_LEN(emails); k++) {
        fail_often(t, emails[k], 3);
        for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
            struct test_reply r = log_in(t, emails[k], "a wrong one");
            expect_delay(&r, waits[i]);
            r = log_in(t, emails[k], TEST_PASSWORD);
            expect_delay(&r, waits[i]);
            wait(waits[i] * SECOND_MS);
            fail_often(t, emails[k], 1);
        }
    }
}

static void a_sign_in_ends_them_for_its_address(void **state)
{
    struct test_app *t = *state;
    fail_often(t, EMAIL, 3);
    wait(SECOND_MS);
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD).status, 200);
    fail_often(t, EMAIL, 3);
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD);
    expect_delay(&r, 1);
}

static void sign_ins_are_no_failures(void **state)
{
    struct test_app *t = *state;
    t->conf.delay_after_failures_per_ip = 3;
    for (int i = 0; i < 10; i++)
        assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD).status, 200);
}

static void a_client_waits_whatever_addresses_it_tries(void **state)
{
    struct test_app *t = *state;
    t->conf.delay_after_failures = 0;
    t->conf.delay_after_failures_per_ip = 3;
    fail_often(t, "b@example.org", 1);
    fail_often(t, "c@example.org", 1);
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD).status, 200); /* does not start it anew */
    fail_often(t, "d@example.org", 1);
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD);
    expect_delay(&r, 1);
    struct str body = STR("{\"email\":\"" EMAIL "\",\"password\":\"" TEST_PASSWORD "\"}");
    r = test_call(
        t, (struct test_call){.target = "/api/login", .body = body.p, .from = "198.51.100.7"});
    assert_int_equal(r.status, 200);
    wait(4 * MINUTE_MS);
    fail_often(t, "b@example.org", 3);
}

static void zero_switches_them_off_and_so_does_a_limit_of_zero(void **state)
{
    struct test_app *t = *state;
    int64_t *const settings[] = {&t->conf.delay_after_failures, &t->conf.delay_max,
                                 &t->conf.limit_auth_per_address};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        int64_t was = *settings[i];
        *settings[i] = 0;
        fail_often(t, EMAIL, 20);
        *settings[i] = was;
    }
    t->conf.delay_after_failures = t->conf.limit_auth_per_ip = 0;
    t->conf.delay_after_failures_per_ip = 3;
    fail_often(t, EMAIL, 20);
}

static void guesses_of_who_is_signed_in_count_too(void **state)
{
    struct test_app *t = *state;
    struct str wrong = STR("{\"oldPassword\":\"a wrong one\",\"newPassword\":\"another phrase\"}");
    struct str right =
        STR("{\"oldPassword\":\"" TEST_PASSWORD "\",\"newPassword\":\"another phrase\"}");
    for (int i = 0; i < 3; i++) {
        struct test_reply r = post(t, "/api/password", t->token, wrong);
        test_expect_error(&r, 401, "invalid_credentials");
    }
    struct test_reply r = post(t, "/api/password", t->token, right);
    expect_delay(&r, 1);
    wait(SECOND_MS);
    assert_int_equal(post(t, "/api/password", t->token, right).status, 200);
}

static void codes_by_mail_count(void **state)
{
    struct test_app *t = *state;
    struct str body = STR("{\"email\":\"" EMAIL "\",\"code\":\"none\"}");
    for (int i = 0; i < 3; i++) {
        struct test_reply r = post(t, "/api/login/code", NULL, body);
        test_expect_error(&r, 401, "invalid_credentials");
    }
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD);
    expect_delay(&r, 1);
}

static struct str turn_on(struct test_app *t)
{
    char code[TOTP_CODE_LEN + 1];
    struct test_reply r =
        post(t, "/api/totp", t->token, STR("{\"password\":\"" TEST_PASSWORD "\"}"));
    struct str secret = str_from_c(test_string(t, &r, "secret"));
    assert_true(totp_code(secret, clock_wall_ms() / 1000 / TOTP_STEP_S, code));
    r = post(t, "/api/totp/confirm", t->token, arena_printf(&t->mem, "{\"code\":\"%s\"}", code));
    assert_int_equal(r.status, 200);
    wait(MINUTE_MS);
    return secret;
}

static struct test_reply second(struct test_app *t, const char *token, const char *code)
{
    return post(t, "/api/login/totp", NULL,
                arena_printf(&t->mem, "{\"loginToken\":\"%s\",\"code\":\"%s\"}", token, code));
}

static void who_knows_the_password_does_not_guess_the_second_factor_the_faster(void **state)
{
    struct test_app *t = *state;
    char code[TOTP_CODE_LEN + 1];
    struct str secret = turn_on(t);
    const char *token = NULL;
    for (int i = 0; i < 3; i++) {
        struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD);
        test_expect_error(&r, 401, "second_factor_required");
        token = test_string(t, &r, "loginToken");
        r = second(t, token, "000000");
        test_expect_error(&r, 401, "invalid_credentials");
    }
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD);
    expect_delay(&r, 1);
    wait(MINUTE_MS);
    r = log_in(t, EMAIL, TEST_PASSWORD);
    test_expect_error(&r, 401, "second_factor_required");
    assert_true(totp_code(secret, clock_wall_ms() / 1000 / TOTP_STEP_S, code));
    assert_int_equal(second(t, token, code).status, 200);
    fail_often(t, EMAIL, 3); /* anew */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(known_and_unknown_addresses_wait_longer_each_time),
        TEST(a_sign_in_ends_them_for_its_address),
        TEST(sign_ins_are_no_failures),
        TEST(a_client_waits_whatever_addresses_it_tries),
        TEST(zero_switches_them_off_and_so_does_a_limit_of_zero),
        TEST(guesses_of_who_is_signed_in_count_too),
        TEST(codes_by_mail_count),
        TEST(who_knows_the_password_does_not_guess_the_second_factor_the_faster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
