/* The list of sessions, their end, and the account's activity. */
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

static const char *log_in(struct test_app *t, const char *password, const char *agent)
{
    const char *body =
        arena_printf(&t->mem, "{\"email\":\"ann@example.org\",\"password\":\"%s\"}", password).p;
    struct test_reply r = test_call(t, (struct test_call){.target = "/api/login",
                                                          .body = body,
                                                          .from = "192.0.2.77",
                                                          .headers.user_agent = str_from_c(agent)});
    return r.status == 200 ? test_string(t, &r, "token") : NULL;
}

static struct test_reply get(struct test_app *t, const char *target, const char *token)
{
    return test_call(t, (struct test_call){.target = target, .token = token});
}

static struct test_reply end(struct test_app *t, const char *token, const char *sid)
{
    return test_call(t,
                     (struct test_call){.method = METHOD_DELETE,
                                        .target = arena_printf(&t->mem, "/api/sessions/%s", sid).p,
                                        .token = token});
}

static struct json_value member_of(const struct test_reply *r, const char *list, int i)
{
    struct json_value all = json_get(json_root(&r->json), str_from_c(list));
    struct json_value v = json_first(all);
    while (i-- > 0)
        v = json_next(all, v);
    return v;
}

static const char *text_of(struct test_app *t, struct json_value v, const char *name)
{
    v = json_get(v, str_from_c(name));
    assert_true(json_is(v, JSON_STRING));
    return arena_dup(&t->mem, json_string(v, &t->mem)).p;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void the_list_has_every_session_and_says_which_is_this(void **state)
{
    struct test_app *t = *state;
    clock_set_for_test(NOW + 5000);
    const char *other = log_in(t, TEST_PASSWORD, "Testfox/1.0");
    struct test_reply r = get(t, "/api/sessions", t->token);
    assert_int_equal(r.status, 200);
    assert_int_equal(json_count(json_get(json_root(&r.json), STR("sessions"))), 2);
    struct json_value newest = member_of(&r, "sessions", 0), own = member_of(&r, "sessions", 1);
    assert_string_equal(text_of(t, newest, "userAgent"), "Testfox/1.0");
    assert_string_equal(text_of(t, newest, "ip"), "192.0.2.77");
    assert_string_equal(text_of(t, newest, "createdAt"), "2027-01-15T08:00:05.000Z");
    assert_string_equal(text_of(t, newest, "lastSeenAt"), "2027-01-15T08:00:05.000Z");
    assert_true(json_is(json_get(newest, STR("current")), JSON_FALSE));
    assert_true(json_is(json_get(own, STR("current")), JSON_TRUE));
    assert_null(strstr(r.body.p, "jti"));
    r = get(t, "/api/sessions", other);
    assert_true(json_is(json_get(member_of(&r, "sessions", 0), STR("current")), JSON_TRUE));
}

static void a_session_can_be_ended_from_another(void **state)
{
    struct test_app *t = *state;
    clock_set_for_test(NOW + 5000);
    const char *other = log_in(t, TEST_PASSWORD, "");
    struct test_reply r = get(t, "/api/sessions", t->token);
    const char *sid = text_of(t, member_of(&r, "sessions", 0), "id");
    r = end(t, t->token, sid);
    assert_int_equal(r.status, 200);
    assert_int_equal(get(t, "/api/me", other).status, 401);
    assert_int_equal(get(t, "/api/me", t->token).status, 200);
    r = end(t, t->token, sid);
    test_expect_error(&r, 404, "not_found");
}

static void another_users_session_is_not_found(void **state)
{
    struct test_app *t = *state;
    const char *bob = test_sign_up(t, "bob@example.org");
    struct test_reply r = get(t, "/api/sessions", bob);
    r = end(t, t->token, text_of(t, member_of(&r, "sessions", 0), "id"));
    test_expect_error(&r, 404, "not_found");
    assert_int_equal(get(t, "/api/me", bob).status, 200);
}

static void ending_the_own_session_by_cookie_clears_the_cookies(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = get(t, "/api/sessions", t->token);
    const char *sid = text_of(t, member_of(&r, "sessions", 0), "id");
    r = test_call(t, (struct test_call){.method = METHOD_DELETE,
                                        .target = arena_printf(&t->mem, "/api/sessions/%s", sid).p,
                                        .cookie = arena_printf(&t->mem, "token=%s", t->token).p});
    assert_int_equal(r.status, 200);
    assert_string_equal(test_cookie(t, &r, "token"), "");
    assert_int_equal(get(t, "/api/me", t->token).status, 401);
}

/* --- activity --------------------------------------------------------------------------------- */

static void expect_kinds(struct test_app *t, const struct test_reply *r, const char *expected)
{
    struct buf kinds = BUF_INIT;
    struct json_value all = json_get(json_root(&r->json), STR("data"));
    for (struct json_value v = json_first(all); !json_is_absent(v); v = json_next(all, v))
        buf_appendf(&kinds, "%s ", text_of(t, v, "kind"));
    buf_append_ch(&kinds, '\0');
    assert_string_equal(kinds.p, expected);
    buf_release(&kinds);
}

static void the_activity_tells_newest_first_what_happened(void **state)
{
    struct test_app *t = *state;
    assert_null(log_in(t, "a wrong one", "Testfox/1.0"));
    const char *other = log_in(t, TEST_PASSWORD, "Testfox/1.0");
    test_call(t,
              (struct test_call){.method = METHOD_POST, .target = "/api/logout", .token = other});
    struct test_reply r = get(t, "/api/account/activity", t->token);
    expect_kinds(t, &r, "logout login login_failed signup ");
    struct json_value failed = member_of(&r, "data", 2);
    assert_string_equal(text_of(t, failed, "ip"), "192.0.2.77");
    assert_string_equal(text_of(t, failed, "userAgent"), "Testfox/1.0");
    assert_string_equal(text_of(t, failed, "at"), "2027-01-15T08:00:00.000Z");
    assert_string_equal(text_of(t, member_of(&r, "data", 1), "detail"), "password");
}

static void the_activity_comes_in_pages(void **state)
{
    struct test_app *t = *state;
    for (int i = 0; i < 4; i++)
        log_in(t, TEST_PASSWORD, "");
    struct test_reply r = get(t, "/api/account/activity?limit=3", t->token);
    expect_kinds(t, &r, "login login login ");
    r = get(
        t,
        arena_printf(&t->mem, "/api/account/activity?limit=3&cursor=%s", test_string(t, &r, "next"))
            .p,
        t->token);
    expect_kinds(t, &r, "login signup ");
    assert_null(strstr(r.body.p, "\"next\""));
    static const char *const bad[] = {"limit=0", "limit=x", "cursor=-1", "cursor=", "limit=1.5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        r = get(t, arena_printf(&t->mem, "/api/account/activity?%s", bad[i]).p, t->token);
        test_expect_error(&r, 400, "invalid_query");
    }
}

static void a_refresh_token_used_again_is_told(void **state)
{
    struct test_app *t = *state;
    const char *body = "{\"email\":\"ann@example.org\",\"password\":\"" TEST_PASSWORD "\"}";
    struct test_reply r = test_call(t, (struct test_call){.target = "/api/login", .body = body});
    const char *again =
        arena_printf(&t->mem, "{\"refreshToken\":\"%s\"}", test_string(t, &r, "refreshToken")).p;
    for (int i = 0; i < 2; i++) {
        clock_set_for_test(NOW + 60000 * (i + 1));
        r = test_call(t, (struct test_call){.target = "/api/refresh", .body = again});
    }
    assert_int_equal(r.status, 401);
    r = get(t, "/api/account/activity?limit=1", t->token);
    expect_kinds(t, &r, "refresh_reused ");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(the_list_has_every_session_and_says_which_is_this),
        TEST(a_session_can_be_ended_from_another),
        TEST(another_users_session_is_not_found),
        TEST(ending_the_own_session_by_cookie_clears_the_cookies),
        TEST(the_activity_tells_newest_first_what_happened),
        TEST(the_activity_comes_in_pages),
        TEST(a_refresh_token_used_again_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
