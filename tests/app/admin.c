/* The admin page's calls: whom they are there for, how a sign-in ages, what is kept of failures. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/totp.h"
#include "lib/app/app.h"
#include "lookout.h"
#include "store/admins.h"

#define NOW    INT64_C(1800000000000)
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define EMAIL  "admin@example.org"

static int set_up(void **state)
{
    struct space *sp;
    struct admin a = {.id = STR("0123456789abcdef0123456789abcdef"),
                      .email = STR(EMAIL),
                      .totp_secret = STR(SECRET),
                      .created_at = NOW};
    test_app_set_up_user(state);
    struct test_app *t = *state;
    t->conf.admin = true;
    t->conf.admin_from = (struct conf_list){1, {STR("192.0.2.0/24")}};
    clock_set_for_test(NOW);
    if (password_hash(t->app.passwords, STR(TEST_PASSWORD), &t->mem, &a.password_hash) ||
        space_enter(t->app.store, SPACE_MAIN, STR_NULL, &sp))
        return 1;
    return space_leave(sp, admins_create_within(sp, &a)) != OK;
}

static struct test_reply get(struct test_app *t, const char *target, const char *cookie)
{
    return test_call(t, (struct test_call){.target = target, .cookie = cookie});
}

static struct test_reply log_in(struct test_app *t, const char *email, const char *password,
                                int64_t now_ms)
{
    char code[TOTP_CODE_LEN + 1];
    assert_true(totp_code(STR(SECRET), now_ms / 1000 / TOTP_STEP_S, code));
    struct str body =
        arena_printf(&t->mem, "{\"email\":\"%s\",\"password\":\"%s\",\"code\":\"%.3s %s\"}", email,
                     password, code, code + 3);
    return test_call(t, (struct test_call){.target = "/api/admin/login", .body = body.p});
}

/* The cookie of a session. */
static const char *sign_in(struct test_app *t)
{
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD, clock_wall_ms());
    assert_int_equal(r.status, 200);
    return arena_printf(&t->mem, "adminSession=%s", test_cookie(t, &r, "adminSession")).p;
}

static void it_is_there_for_the_addresses_of_the_setting(void **state)
{
    struct test_app *t = *state;
    struct test_call other = {.target = "/admin", .from = "198.51.100.1"};
    assert_int_equal(get(t, "/admin", NULL).status, 200);
    test_expect_error((struct test_reply[]){test_call(t, other)}, 404, "not_found");
    struct test_call proxied = {.target = "/admin", .headers.forwarded_for = STR("198.51.100.1")};
    test_expect_error((struct test_reply[]){test_call(t, proxied)}, 404, "not_found");
    t->conf.admin = false;
    test_expect_error((struct test_reply[]){get(t, "/admin", NULL)}, 404, "not_found");
    test_expect_error((struct test_reply[]){get(t, "/api/%61dmin/users", NULL)}, 404, "not_found");
    other = (struct test_call){.method = METHOD_DELETE, .target = "/api/admin/login"};
    test_expect_error((struct test_reply[]){test_call(t, other)}, 404, "not_found");
    t->conf.admin = true;
    test_expect_error((struct test_reply[]){test_call(t, other)}, 405, "method_not_allowed");
}

static void no_path_of_it_is_a_collection(void **state)
{
    struct test_app *t = *state;
    static const char *const paths[] = {"/api/admin", "/api/admin/count", "/api/admin/x/y"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct test_call c = {.target = paths[i], .token = t->token};
        test_expect_error((struct test_reply[]){test_call(t, c)}, 404, "not_found");
    }
}

static void whoever_is_wrong_hears_the_same(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = log_in(t, "nobody@example.org", TEST_PASSWORD, NOW);
    test_expect_error(&r, 401, "invalid_credentials");
    struct test_reply wrong = log_in(t, EMAIL, "not this one", NOW);
    assert_true(str_eq(wrong.body, r.body));
    wrong = log_in(t, EMAIL, TEST_PASSWORD, NOW + 3600000);
    assert_true(str_eq(wrong.body, r.body));
    wrong = log_in(t, "a@example.org", TEST_PASSWORD, NOW);
    assert_true(str_eq(wrong.body, r.body));
}

static void attempts_are_few_whatever_the_settings_say(void **state)
{
    struct test_app *t = *state;
    t->conf.limit_auth_per_address = t->conf.limit_auth_per_ip = 0;
    for (int i = 0; i < 5; i++)
        assert_int_equal(log_in(t, EMAIL, "not this one", NOW).status, 401);
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD, NOW);
    test_expect_error(&r, 429, "rate_limited");
    clock_set_for_test(NOW + 61000);
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD, NOW + 61000).status, 200);
}

static void failures_make_the_next_ones_wait(void **state)
{
    struct test_app *t = *state;
    t->conf.delay_after_failures = 2;
    for (int i = 0; i < 2; i++)
        assert_int_equal(log_in(t, EMAIL, "not this one", NOW).status, 401);
    struct test_reply r = log_in(t, EMAIL, TEST_PASSWORD, NOW);
    test_expect_error(&r, 429, "rate_limited");
    assert_true(test_header(&r, "Retry-After", 0).n > 0);
}

static void a_code_works_once(void **state)
{
    struct test_app *t = *state;
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD, NOW).status, 200);
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD, NOW).status, 401);
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD, NOW - 30000).status, 401);
    assert_int_equal(log_in(t, EMAIL, TEST_PASSWORD, NOW + 30000).status, 200);
}

static void what_the_page_asks_by_itself_keeps_no_session_awake(void **state)
{
    struct test_app *t = *state;
    const char *cookie = sign_in(t);
    clock_set_for_test(NOW + 20 * 60000);
    assert_int_equal(get(t, "/api/admin/overview", cookie).status, 200);
    assert_int_equal(get(t, "/api/admin/errors", cookie).status, 200);
    clock_set_for_test(NOW + ADMIN_IDLE_MS);
    test_expect_error((struct test_reply[]){get(t, "/api/admin/overview", cookie)}, 401,
                      "unauthorized");
}

static void use_keeps_a_session_awake_until_it_is_old(void **state)
{
    struct test_app *t = *state;
    const char *cookie = sign_in(t);
    for (int64_t at = 0; at < ADMIN_AGE_MS; at += 20 * 60000) {
        clock_set_for_test(NOW + at);
        assert_int_equal(get(t, "/api/admin/users", cookie).status, 200);
    }
    clock_set_for_test(NOW + ADMIN_AGE_MS);
    assert_int_equal(get(t, "/api/admin/users", cookie).status, 401);
}

static void accounts_come_in_pages(void **state)
{
    struct test_app *t = *state;
    clock_set_for_test(-1);
    test_sign_up(t, "b@example.org");
    test_sign_up(t, "c@elsewhere.test");
    clock_set_for_test(NOW);
    const char *cookie = sign_in(t);
    struct test_reply r = get(t, "/api/admin/users?limit=2", cookie);
    assert_non_null(strstr(r.body.p, "a@example.org"));
    assert_non_null(strstr(r.body.p, "b@example.org"));
    const char *target =
        arena_printf(&t->mem, "/api/admin/users?limit=2&cursor=%s", test_string(t, &r, "next")).p;
    r = get(t, target, cookie);
    assert_non_null(strstr(r.body.p, "c@elsewhere.test"));
    assert_null(strstr(r.body.p, "b@example.org"));
    assert_null(strstr(r.body.p, "\"next\""));
    r = get(t, "/api/admin/users?query=ELSEWHERE", cookie);
    assert_non_null(strstr(r.body.p, "c@elsewhere.test"));
    assert_null(strstr(r.body.p, "example.org"));
    static const char *const bad[] = {"limit=0", "limit=51", "limit=x", "cursor=%20"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        target = arena_printf(&t->mem, "/api/admin/users?%s", bad[i]).p;
        test_expect_error((struct test_reply[]){get(t, target, cookie)}, 400, "invalid_query");
    }
}

static void note(struct test_app *t, const char *method, enum err e, const char *id)
{
    const struct req r = {.app = &t->app, .status = 500, .request_id = str_from_c(id)};
    lookout_note(t->app.lookout, &r, method, e, "what was wrong");
}

static void failures_of_a_kind_are_one_and_the_kinds_are_bounded(void **state)
{
    struct test_app *t = *state;
    struct lookout_failure list[LOOKOUT_FAILURES_MAX];
    note(t, "GET", ERR_INTERNAL, "first");
    note(t, "POST", ERR_INTERNAL, "other");
    note(t, "GET", ERR_INTERNAL, "second");
    assert_int_equal(lookout_failures(t->app.lookout, list), 2);
    assert_string_equal(list[0].request_id, "second");
    assert_int_equal(list[0].count, 2);
    assert_string_equal(list[1].request_id, "other");
    static char names[LOOKOUT_FAILURES_MAX][16];
    for (int i = 0; i < LOOKOUT_FAILURES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "M%d", i);
        note(t, names[i], ERR_CORRUPT, "many");
    }
    assert_int_equal(lookout_failures(t->app.lookout, list), LOOKOUT_FAILURES_MAX);
    assert_string_equal(list[0].method, names[LOOKOUT_FAILURES_MAX - 1]);
    assert_int_equal(list[LOOKOUT_FAILURES_MAX - 1].e, ERR_CORRUPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_there_for_the_addresses_of_the_setting),
        TEST(no_path_of_it_is_a_collection),
        TEST(whoever_is_wrong_hears_the_same),
        TEST(attempts_are_few_whatever_the_settings_say),
        TEST(failures_make_the_next_ones_wait),
        TEST(a_code_works_once),
        TEST(what_the_page_asks_by_itself_keeps_no_session_awake),
        TEST(use_keeps_a_session_awake_until_it_is_old),
        TEST(accounts_come_in_pages),
        TEST(failures_of_a_kind_are_one_and_the_kinds_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
