/* Mails that tell the owner what was done to the account. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/totp.h"
#include "lib/app/app.h"
#include "store/mailbox.h"

#define NOW   INT64_C(1800000000000)
#define EMAIL "a@example.org"
#define NEW   "quite another phrase"

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    int rc = test_app_set_up_user(state);
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 0;
    return rc;
}

static int set_up_verified(void **state)
{
    int rc = set_up(state);
    test_verify(*state, EMAIL);
    return rc;
}

static struct test_reply ask(struct test_app *t, enum method method, const char *target,
                             struct str body)
{
    struct test_reply r = test_call(
        t,
        (struct test_call){.method = method, .target = target, .body = body.p, .token = t->token});
    assert_int_equal(r.status, 200);
    return r;
}

static void expect_notice(struct test_app *t, const char *template)
{
    const char *from = test_mailed(t, EMAIL, template, "ip");
    assert_non_null(from);
    assert_string_equal(from, "192.0.2.1");
}

static struct str code_of(struct test_app *t, const char *secret)
{
    char code[TOTP_CODE_LEN + 1];
    clock_set_for_test(clock_wall_ms() + 2 * TOTP_STEP_S * INT64_C(1000));
    assert_true(totp_code(str_from_c(secret), clock_wall_ms() / 1000 / TOTP_STEP_S, code));
    return arena_dup(&t->mem, str_from_c(code));
}

static struct str both(struct test_app *t, struct str code)
{
    return arena_printf(&t->mem, "{\"password\":\"" TEST_PASSWORD "\",\"code\":\"%.*s\"}",
                        STR_ARG(code));
}

static struct test_reply turn_on(struct test_app *t, const char **secret)
{
    struct test_reply r =
        ask(t, METHOD_POST, "/api/totp", STR("{\"password\":\"" TEST_PASSWORD "\"}"));
    *secret = test_string(t, &r, "secret");
    return ask(t, METHOD_POST, "/api/totp/confirm",
               arena_printf(&t->mem, "{\"code\":\"%s\"}", code_of(t, *secret).p));
}

static void change_password(struct test_app *t)
{
    ask(t, METHOD_POST, "/api/password",
        STR("{\"oldPassword\":\"" TEST_PASSWORD "\",\"newPassword\":\"" NEW "\"}"));
}

static void a_new_password_is_told(void **state)
{
    struct test_app *t = *state;
    change_password(t);
    expect_notice(t, "notice_password");
}

static void so_is_one_by_mail_which_verifies_the_address(void **state)
{
    struct test_app *t = *state;
    ask(t, METHOD_POST, "/api/password-reset/request", STR("{\"email\":\"" EMAIL "\"}"));
    const char *token = test_mailed_token(t, EMAIL, "reset_password");
    ask(t, METHOD_POST, "/api/password-reset/confirm",
        arena_printf(&t->mem, "{\"resetToken\":\"%s\",\"newPassword\":\"" NEW "\"}", token));
    expect_notice(t, "notice_password");
}

static void the_second_factor_is_told_of_from_on_to_off(void **state)
{
    struct test_app *t = *state;
    const char *secret;
    turn_on(t, &secret);
    expect_notice(t, "notice_factor_on");
    struct test_reply r =
        ask(t, METHOD_POST, "/api/totp/recovery-codes", both(t, code_of(t, secret)));
    expect_notice(t, "notice_recovery_made");
    struct json_value codes = json_get(json_root(&r.json), STR("recoveryCodes"));
    ask(t, METHOD_DELETE, "/api/totp", both(t, json_string(json_first(codes), &t->mem)));
    expect_notice(t, "notice_factor_off");
}

static void a_recovery_code_that_signs_in_is_told(void **state)
{
    struct test_app *t = *state;
    const char *secret;
    struct test_reply r = turn_on(t, &secret);
    struct json_value codes = json_get(json_root(&r.json), STR("recoveryCodes"));
    const char *code = arena_dup(&t->mem, json_string(json_first(codes), &t->mem)).p;
    const char *log_in = "{\"email\":\"" EMAIL "\",\"password\":\"" TEST_PASSWORD "\"}";
    r = test_call(t, (struct test_call){.target = "/api/login", .body = log_in});
    const char *token = test_string(t, &r, "loginToken");
    ask(t, METHOD_POST, "/api/login/recovery",
        arena_printf(&t->mem, "{\"loginToken\":\"%s\",\"code\":\"%s\"}", token, code));
    expect_notice(t, "notice_recovery_used");
}

static void an_address_that_was_never_verified_hears_nothing(void **state)
{
    struct test_app *t = *state;
    change_password(t);
    assert_null(test_mailed(t, EMAIL, "notice_password", NULL));
}

static void other_mails_do_not_keep_a_notice_back(void **state)
{
    struct test_app *t = *state;
    static const struct mailbox one = {.per_address = 1};
    struct store_options o = t->store.options;
    o.mail = &one;
    test_store_reopen(&t->store, o);
    t->app.store = t->store.store;
    for (int i = 0; i < 3; i++)
        ask(t, METHOD_POST, "/api/login/code/request", STR("{\"email\":\"" EMAIL "\"}"));
    change_password(t);
    expect_notice(t, "notice_password");
}

int main(void)
{
#define TEST(f)     cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
#define VERIFIED(f) cmocka_unit_test_setup_teardown(f, set_up_verified, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        VERIFIED(a_new_password_is_told),
        TEST(so_is_one_by_mail_which_verifies_the_address),
        VERIFIED(the_second_factor_is_told_of_from_on_to_off),
        VERIFIED(a_recovery_code_that_signs_in_is_told),
        TEST(an_address_that_was_never_verified_hears_nothing),
        VERIFIED(other_mails_do_not_keep_a_notice_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
