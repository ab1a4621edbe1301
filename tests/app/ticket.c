/* POST /api/ticket: what a ticket says, who gets one, and what it is not good for. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"

#define NOW   INT64_C(1800000000000)
#define NOW_S (NOW / 1000)

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    return test_app_set_up_user(state);
}

/* Ask with this token; the ticket. */
static struct who_ticket ask(struct test_app *t, const char *token)
{
    struct who_ticket ticket;
    struct test_reply r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/ticket", .token = token});
    assert_int_equal(r.status, 200);
    const char *text = test_string(t, &r, "ticket");
    assert_true(str_eq(
        r.body, arena_printf(&t->mem, "{\"ok\":true,\"ticket\":\"%s\",\"expiresIn\":30}", text)));
    assert_int_equal(who_verify_ticket(&ticket, str_from_c(text), &t->app.keys, NOW_S, &t->mem),
                     OK);
    return ticket;
}

static struct who whoami(struct test_app *t)
{
    struct who who;
    assert_int_equal(who_verify(&who, str_from_c(t->token), &t->app.keys, NOW_S, &t->mem), OK);
    return who;
}

static const char *mint(struct test_app *t, struct str claims)
{
    struct buf token = BUF_INIT;
    jwt_sign(&token, &t->app.keys.key[0], claims);
    const char *text = arena_dup(&t->mem, buf_str(&token)).p;
    buf_release(&token);
    return text;
}

static void a_ticket_names_the_session_that_asked(void **state)
{
    struct test_app *t = *state;
    struct who me = whoami(t);
    struct who_ticket a = ask(t, t->token), b = ask(t, t->token);
    assert_true(str_eq(a.user_id, me.user_id) && str_eq(a.sid, me.sid));
    assert_int_equal(a.iat, NOW_S);
    assert_int_equal(a.exp, NOW_S + 30);
    assert_int_equal(a.until, 0);
    assert_false(str_eq(a.jti, b.jti));
}

static void a_backend_tokens_ticket_carries_its_end(void **state)
{
    struct test_app *t = *state;
    struct who me = whoami(t);
    struct who_ticket forever =
        ask(t, mint(t, arena_printf(&t->mem, "{\"userId\":\"%.*s\"}", STR_ARG(me.user_id))));
    struct who_ticket bound =
        ask(t, mint(t, arena_printf(&t->mem, "{\"userId\":\"%.*s\",\"exp\":1800000007}",
                                    STR_ARG(me.user_id))));
    assert_true(str_eq(forever.user_id, me.user_id));
    assert_null(forever.sid.p);
    assert_int_equal(forever.until, 0);
    assert_int_equal(bound.until, 1800000007);
}

static void visitors_get_none(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        test_call(t, (struct test_call){.method = METHOD_POST, .target = "/api/ticket"});
    test_expect_error(&r, 401, "unauthorized");
    r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/logout", .token = t->token});
    assert_int_equal(r.status, 200);
    r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/ticket", .token = t->token});
    test_expect_error(&r, 401, "unauthorized");
}

static void another_site_gets_none_by_cookie(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {.method = METHOD_POST,
                          .target = "/api/ticket",
                          .cookie = arena_printf(&t->mem, "token=%s", t->token).p,
                          .headers = {.origin = STR("http://elsewhere.test")}};
    struct test_reply r = test_call(t, c);
    assert_int_equal(r.status, 403);
    c.headers.origin = STR("http://cubby.test");
    assert_int_equal(test_call(t, c).status, 200);
}

static void a_ticket_is_no_token(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/ticket", .token = t->token});
    const char *ticket = test_string(t, &r, "ticket");
    static const char *const targets[] = {"/api/me", "/api/posts", "/data", "/api/changes"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        r = test_call(t, (struct test_call){.target = targets[i], .token = ticket});
        test_expect_error(&r, 401, "unauthorized");
        const char *cookies = arena_printf(&t->mem, "token=%s; refreshToken=%s", ticket, ticket).p;
        r = test_call(t, (struct test_call){.target = targets[i], .cookie = cookies});
        test_expect_error(&r, 401, "unauthorized");
        const char *target = arena_printf(&t->mem, "%s?ticket=%s", targets[i], ticket).p;
        r = test_call(t, (struct test_call){.target = target});
        test_expect_error(&r, 401, "unauthorized");
    }
    r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/ticket", .token = ticket});
    test_expect_error(&r, 401, "unauthorized");
    r = test_call(t, (struct test_call){
                         .target = "/api/refresh",
                         .body = arena_printf(&t->mem, "{\"refreshToken\":\"%s\"}", ticket).p});
    test_expect_error(&r, 401, "unauthorized");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_names_the_session_that_asked),
        TEST(a_backend_tokens_ticket_carries_its_end),
        TEST(visitors_get_none),
        TEST(another_site_gets_none_by_cookie),
        TEST(a_ticket_is_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
