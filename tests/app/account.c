/* Accounts: sign-up, log-in, log-out, me, refresh; cookies and bearer tokens; limits. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/enc.h"
#include "lib/app/app.h"

#define NOW INT64_C(1800000000000)

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    return test_app_set_up(state);
}

static void advance(int64_t ms)
{
    clock_set_for_test(clock_wall_ms() + ms);
}

static struct test_reply sign_up(struct test_app *t, const char *email, const char *password)
{
    const char *body =
        arena_printf(&t->mem, "{\"email\":\"%s\",\"password\":\"%s\"}", email, password).p;
    return test_call(t, (struct test_call){.target = "/api/signup", .body = body});
}

static struct test_reply log_in(struct test_app *t, const char *email, const char *password)
{
    const char *body =
        arena_printf(&t->mem, "{\"email\":\"%s\",\"password\":\"%s\"}", email, password).p;
    return test_call(t, (struct test_call){.target = "/api/login", .body = body});
}

static struct test_reply me(struct test_app *t, const char *token)
{
    return test_call(t, (struct test_call){.target = "/api/me", .token = token});
}

static struct test_reply me_by_cookie(struct test_app *t, const char *cookie)
{
    return test_call(t, (struct test_call){.target = "/api/me", .cookie = cookie});
}

static struct test_reply refresh(struct test_app *t, const char *token)
{
    const char *body = arena_printf(&t->mem, "{\"refreshToken\":\"%s\"}", token).p;
    return test_call(t, (struct test_call){.target = "/api/refresh", .body = body});
}

/* A token of the secret's holder. */
static const char *mint(struct test_app *t, const char *claims)
{
    struct buf b = BUF_INIT;
    jwt_sign(&b, &t->app.keys.key[0], str_from_c(claims));
    const char *token = arena_dup(&t->mem, buf_str(&b)).p;
    buf_release(&b);
    return token;
}

static void assert_cookies_cleared(struct test_app *t, const struct test_reply *r)
{
    assert_string_equal(test_cookie(t, r, "token"), "");
    assert_string_equal(test_cookie(t, r, "refreshToken"), "");
    assert_non_null(strstr(r->head.p, "Max-Age=0"));
}

/* --- sign-up and log-in ----------------------------------------------------------------------- */

static void sign_up_answers_user_tokens_and_cookies(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, " Ann@Example.org ", TEST_PASSWORD);
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(t, &r, "user.email"), "ann@example.org");
    assert_string_equal(test_string(t, &r, "user.createdAt"), "2027-01-15T08:00:00.000Z");
    assert_int_equal(strlen(test_string(t, &r, "user.id")), 32);
    assert_string_equal(test_cookie(t, &r, "token"), test_string(t, &r, "token"));
    assert_string_equal(test_cookie(t, &r, "refreshToken"), test_string(t, &r, "refreshToken"));
    struct str cookie = test_header(&r, "Set-Cookie", 0);
    assert_non_null(strstr(cookie.p, "Path=/; Max-Age=900; HttpOnly; SameSite=Lax"));
    assert_null(strstr(r.body.p, "argon2"));
}

static void sign_up_refuses_a_taken_address_in_any_case(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "ann@example.org");
    struct test_reply r = sign_up(t, "ANN@example.org", TEST_PASSWORD);
    test_expect_error(&r, 409, "email_taken");
    assert_string_equal(test_string(t, &r, "error"), "Email already registered");
    assert_null(test_cookie(t, &r, "token"));
}

static void sign_up_refuses_bad_addresses_and_short_passwords(void **state)
{
    struct test_app *t = *state;
    static const char *const bad[] = {"",         "ann",        "@example.org", "ann@",
                                      "a b@c.de", "ann@-x.org", "ann@x..org",   "ann@x.org@y.org"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = sign_up(t, bad[i], TEST_PASSWORD);
        test_expect_error(&r, 400, "invalid");
    }
    struct test_reply r = sign_up(t, "ann@example.org", "1234567");
    test_expect_error(&r, 400, "invalid");
    r = test_call(t, (struct test_call){.target = "/api/signup", .body = "{\"email\":7}"});
    test_expect_error(&r, 400, "invalid");
    r = sign_up(t, "ann@example.org", "p\\u0000ssword");
    test_expect_error(&r, 400, "invalid_json");
}

static void log_in_gives_a_working_token(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "ann@example.org");
    struct test_reply r = log_in(t, "Ann@Example.ORG", TEST_PASSWORD);
    assert_int_equal(r.status, 200);
    r = me(t, test_string(t, &r, "token"));
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(t, &r, "user.email"), "ann@example.org");
    assert_non_null(strstr(r.body.p, "\"emailVerified\":false"));
}

static void wrong_password_and_unknown_address_look_the_same(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "ann@example.org");
    struct test_reply wrong = log_in(t, "ann@example.org", "something else");
    struct test_reply unknown = log_in(t, "bob@example.org", TEST_PASSWORD);
    test_expect_error(&wrong, 401, "invalid_credentials");
    assert_string_equal(test_string(t, &wrong, "error"), "Invalid credentials");
    assert_true(str_eq(wrong.body, unknown.body));
    assert_true(str_eq(wrong.head, unknown.head));
}

static void forms_sign_up_and_redirect(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {
        .target = "/signup",
        .body = "email=ann%40example.org&password=correct+horse",
        .headers = {.content_type = STR("application/x-www-form-urlencoded")},
    };
    struct test_reply r = test_call(t, c);
    assert_int_equal(r.status, 303);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/")));
    assert_non_null(test_cookie(t, &r, "token"));
    t->conf.base_path = STR("/cubby");
    c.target = "/login";
    r = test_call(t, c);
    assert_int_equal(r.status, 303);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/cubby/")));
    assert_non_null(strstr(r.head.p, "Path=/cubby;"));
}

static void attempts_of_an_address_are_limited(void **state)
{
    struct test_app *t = *state;
    test_sign_up(t, "ann@example.org");
    for (int i = 0; i < 4; i++)
        assert_int_equal(log_in(t, "ann@example.org", TEST_PASSWORD).status, 200);
    struct test_reply r = log_in(t, "ann@example.org", TEST_PASSWORD);
    test_expect_error(&r, 429, "rate_limited");
    assert_string_equal(test_string(t, &r, "error"), "Too many requests");
    int64_t seconds;
    assert_true(str_to_i64(test_header(&r, "Retry-After", 0), 1, 60, &seconds));
    assert_int_equal(log_in(t, "bob@example.org", TEST_PASSWORD).status, 401);
    advance(61000);
    assert_int_equal(log_in(t, "ann@example.org", TEST_PASSWORD).status, 200);
    t->conf.limit_auth_per_address = 0;
    for (int i = 0; i < 6; i++)
        assert_int_equal(log_in(t, "ann@example.org", TEST_PASSWORD).status, 200);
}

static void addresses_beyond_any_account_count_by_their_beginning(void **state)
{
    struct test_app *t = *state;
    char *address = arena_alloc(&t->mem, 302);
    memset(address, 'a', 300);
    address[301] = '\0';
    for (int i = 0; i < 5; i++) {
        address[300] = (char)('0' + i);
        assert_int_equal(log_in(t, address, TEST_PASSWORD).status, 401);
    }
    address[300] = 'x';
    assert_int_equal(log_in(t, address, TEST_PASSWORD).status, 429);
}

static void attempts_of_a_client_are_limited(void **state)
{
    struct test_app *t = *state;
    t->conf.limit_auth_per_ip = 2;
    assert_int_equal(log_in(t, "a@example.org", TEST_PASSWORD).status, 401);
    assert_int_equal(log_in(t, "b@example.org", TEST_PASSWORD).status, 401);
    assert_int_equal(log_in(t, "c@example.org", TEST_PASSWORD).status, 429);
    struct test_reply r = test_call(
        t, (struct test_call){.target = "/api/login",
                              .body = "{\"email\":\"c@example.org\",\"password\":\"whatever\"}",
                              .from = "198.51.100.7"});
    assert_int_equal(r.status, 401);
}

/* --- who is it -------------------------------------------------------------------------------- */

static void tokens_that_are_not_access_tokens_are_refused(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *token = test_string(t, &r, "token"), *other = test_string(t, &r, "refreshToken");
    assert_int_equal(me(t, token).status, 200);
    assert_int_equal(me(t, other).status, 401);
    assert_int_equal(me(t, "x.y.z").status, 401);
    assert_int_equal(me(t, "").status, 401);
    advance(15 * 60 * 1000);
    r = me(t, token);
    test_expect_error(&r, 401, "unauthorized");
    assert_null(test_cookie(t, &r, "token"));
}

static void backend_tokens_speak_for_existing_accounts_only(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *id = test_string(t, &r, "user.id");
    const char *claims[] = {"{\"sub\":\"%s\"}", "{\"userId\":\"%s\"}",
                            "{\"sub\":\"shop\",\"userId\":\"%s\"}"};
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        struct str before = str_make(claims[i], str_find(str_from_c(claims[i]), '%'));
        const char *text = arena_printf(&t->mem, "%.*s%s\"}", STR_ARG(before), id).p;
        assert_int_equal(me(t, mint(t, text)).status, 200);
    }
    assert_int_equal(me(t, mint(t, "{\"sub\":\"00112233445566778899aabbccddeeff\"}")).status, 401);
    assert_int_equal(me(t, mint(t, "{\"sub\":\"../main\"}")).status, 401);
    assert_int_equal(me(t, mint(t, "{\"sub\":\" \"}")).status, 401);
}

static void keys_of_the_previous_secret_stay_good(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    struct str old = t->conf.jwt_secret;
    t->conf.jwt_secret = STR("another secret, thirty-two bytes long");
    who_keys_init(&t->app.keys, &t->conf);
    assert_int_equal(me(t, token).status, 401);
    t->conf.jwt_secret_previous = old;
    who_keys_init(&t->app.keys, &t->conf);
    assert_int_equal(me(t, token).status, 200);
}

static void change_secret(struct test_app *t, const char *secret, struct str previous)
{
    t->conf.jwt_secret = str_from_c(secret);
    t->conf.jwt_secret_previous = previous;
    who_keys_init(&t->app.keys, &t->conf);
}

/* Whoever was here within the seven days of a refresh token stays signed in. */
static void a_rotation_of_the_secret_signs_nobody_out(void **state)
{
    struct test_app *t = *state;
    struct str old = t->conf.jwt_secret;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *cookie =
        arena_printf(&t->mem, "token=%s; refreshToken=%s", test_string(t, &r, "token"),
                     test_string(t, &r, "refreshToken"))
            .p;
    const char *before = test_string(t, &r, "refreshToken");
    change_secret(t, "another secret, thirty-two bytes long", old);
    assert_int_equal(me_by_cookie(t, cookie).status, 200);

    r = refresh(t, before);
    assert_int_equal(r.status, 200);
    const char *after = test_string(t, &r, "refreshToken");
    struct test_reply again = refresh(t, before); /* the grace, signed by the new key too */
    assert_string_equal(test_string(t, &again, "refreshToken"), after);

    change_secret(t, "another secret, thirty-two bytes long", STR_NULL);
    assert_int_equal(refresh(t, before).status, 401);
    assert_int_equal(me(t, test_string(t, &r, "token")).status, 200);
    assert_int_equal(refresh(t, after).status, 200);
}

/* A successor signed by a key that is gone since cannot be signed again: that is a 401, no more. */
static void a_secret_that_is_gone_ends_its_tokens_only(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *first = test_string(t, &r, "refreshToken");
    change_secret(t, "another secret, thirty-two bytes long", STR_NULL);
    assert_int_equal(refresh(t, first).status, 401);
    r = log_in(t, "ann@example.org", TEST_PASSWORD);
    assert_int_equal(r.status, 200);
}

static void profile_is_me_for_existing_pages(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/protected/profile", .token = token});
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(t, &r, "user.email"), "ann@example.org");
    r = test_call(t, (struct test_call){.target = "/protected/profile"});
    test_expect_error(&r, 401, "unauthorized");
}

/* --- log-out ---------------------------------------------------------------------------------- */

static void log_out_ends_this_session_only(void **state)
{
    struct test_app *t = *state;
    const char *first = test_sign_up(t, "ann@example.org");
    struct test_reply r = log_in(t, "ann@example.org", TEST_PASSWORD);
    const char *second = test_string(t, &r, "token"), *renew = test_string(t, &r, "refreshToken");
    r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/logout", .token = second});
    assert_int_equal(r.status, 200);
    assert_true(str_eq(r.body, STR("{\"ok\":true}")));
    assert_cookies_cleared(t, &r);
    assert_int_equal(me(t, second).status, 401);
    assert_int_equal(refresh(t, renew).status, 401);
    assert_int_equal(me(t, first).status, 200);
}

static void log_out_of_all_ends_every_session(void **state)
{
    struct test_app *t = *state;
    const char *first = test_sign_up(t, "ann@example.org");
    struct test_reply r = log_in(t, "ann@example.org", TEST_PASSWORD);
    const char *cookie =
        arena_printf(&t->mem, "refreshToken=%s", test_string(t, &r, "refreshToken")).p;
    r = test_call(t, (struct test_call){
                         .method = METHOD_POST, .target = "/api/logout?all=1", .cookie = cookie});
    assert_int_equal(r.status, 200);
    assert_int_equal(me(t, first).status, 401);
}

static void log_out_without_a_session_is_fine(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        test_call(t, (struct test_call){.method = METHOD_POST, .target = "/api/logout"});
    assert_int_equal(r.status, 200);
    assert_cookies_cleared(t, &r);
    r = test_call(t, (struct test_call){.target = "/logout"});
    assert_int_equal(r.status, 303);
    assert_cookies_cleared(t, &r);
}

/* --- refresh ---------------------------------------------------------------------------------- */

static void refresh_rotates(void **state)
{
    struct test_app *t = *state;
    struct test_reply first = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *old = test_string(t, &first, "refreshToken");
    advance(1000);
    struct test_reply r = refresh(t, old);
    assert_int_equal(r.status, 200);
    assert_string_not_equal(test_string(t, &r, "refreshToken"), old);
    assert_string_equal(test_cookie(t, &r, "refreshToken"), test_string(t, &r, "refreshToken"));
    assert_int_equal(me(t, test_string(t, &r, "token")).status, 200);
}

static void previous_token_gives_the_same_successor_for_30_seconds(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *old = test_string(t, &r, "refreshToken");
    advance(1000);
    struct test_reply one = refresh(t, old);
    advance(29000);
    struct test_reply two = refresh(t, old);
    assert_int_equal(two.status, 200);
    assert_string_equal(test_string(t, &one, "refreshToken"), test_string(t, &two, "refreshToken"));
}

static void reuse_after_the_grace_revokes_the_session(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *old = test_string(t, &r, "refreshToken");
    struct test_reply next = refresh(t, old);
    advance(30001);
    r = refresh(t, old);
    test_expect_error(&r, 401, "unauthorized");
    assert_cookies_cleared(t, &r);
    assert_int_equal(me(t, test_string(t, &next, "token")).status, 401);
    assert_int_equal(refresh(t, test_string(t, &next, "refreshToken")).status, 401);
}

static void no_refresh_keeps_a_session_beyond_its_time(void **state)
{
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    struct test_app *t = *state;
    t->conf.session_max_age = 9 * 24 * 3600;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    for (int days = 0; days < 9; days += 3) {
        r = refresh(t, test_string(t, &r, "refreshToken"));
        assert_int_equal(r.status, 200);
        advance(days < 6 ? 3 * day_ms : 3 * day_ms - 1000);
    }
    r = refresh(t, test_string(t, &r, "refreshToken"));
    assert_int_equal(r.status, 200);
    assert_int_equal(me(t, test_string(t, &r, "token")).status, 200);
    advance(1000);
    assert_int_equal(me(t, test_string(t, &r, "token")).status, 401);
    assert_int_equal(refresh(t, test_string(t, &r, "refreshToken")).status, 401);
}

static void a_shorter_time_holds_for_sessions_that_are_older(void **state)
{
    struct test_app *t = *state;
    t->conf.session_max_age = 0;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    advance(100 * 1000);
    t->conf.session_max_age = 100;
    struct test_reply late = refresh(t, test_string(t, &r, "refreshToken"));
    test_expect_error(&late, 401, "unauthorized");
    assert_string_equal(test_cookie(t, &late, "refreshToken"), "");
    assert_int_equal(me(t, test_string(t, &r, "token")).status, 401); /* it has ended */
}

static void refresh_takes_the_cookie_too(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *cookie =
        arena_printf(&t->mem, "refreshToken=%s", test_string(t, &r, "refreshToken")).p;
    r = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/refresh", .cookie = cookie});
    assert_int_equal(r.status, 200);
    r = test_call(t, (struct test_call){.method = METHOD_POST, .target = "/api/refresh"});
    test_expect_error(&r, 401, "unauthorized");
    assert_cookies_cleared(t, &r);
}

static void expired_access_cookie_is_refreshed_silently(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = sign_up(t, "ann@example.org", TEST_PASSWORD);
    const char *cookie =
        arena_printf(&t->mem, "token=%s; refreshToken=%s", test_string(t, &r, "token"),
                     test_string(t, &r, "refreshToken"))
            .p;
    assert_null(test_cookie(t, &r, "none"));
    r = me_by_cookie(t, cookie);
    assert_int_equal(r.status, 200);
    assert_null(test_cookie(t, &r, "token"));
    advance(16 * 60 * 1000);
    r = me_by_cookie(t, cookie);
    assert_int_equal(r.status, 200);
    assert_int_equal(me(t, test_cookie(t, &r, "token")).status, 200);
    assert_non_null(test_cookie(t, &r, "refreshToken"));
}

static void silent_refresh_wants_the_same_user(void **state)
{
    struct test_app *t = *state;
    struct test_reply ann = sign_up(t, "ann@example.org", TEST_PASSWORD);
    struct test_reply bob = sign_up(t, "bob@example.org", TEST_PASSWORD);
    const char *cookie =
        arena_printf(&t->mem, "token=%s; refreshToken=%s", test_string(t, &ann, "token"),
                     test_string(t, &bob, "refreshToken"))
            .p;
    advance(16 * 60 * 1000);
    struct test_reply r = me_by_cookie(t, cookie);
    test_expect_error(&r, 401, "unauthorized");
    assert_cookies_cleared(t, &r);
}

static void bad_refresh_cookie_is_cleared(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = me_by_cookie(t, "refreshToken=nonsense");
    test_expect_error(&r, 401, "unauthorized");
    assert_cookies_cleared(t, &r);
}

/* --- other sites ------------------------------------------------------------------------------ */

static void calls_that_set_cookies_refuse_other_sites(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {.target = "/api/login",
                          .body = "{\"email\":\"ann@example.org\",\"password\":\"whatever\"}",
                          .headers = {.origin = STR("https://evil.example")}};
    struct test_reply r = test_call(t, c);
    test_expect_error(&r, 403, "cross_site");
    c.headers.origin = STR("null");
    assert_int_equal(test_call(t, c).status, 403);
    c.headers = (struct req_headers){.sec_fetch_site = STR("cross-site")};
    assert_int_equal(test_call(t, c).status, 403);
    c.headers = (struct req_headers){.origin = STR("http://cubby.test")};
    assert_int_equal(test_call(t, c).status, 401);
}

static void writes_by_cookie_refuse_other_sites_and_bearers_do_not(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    struct test_call c = {.target = "/data",
                          .body = "{\"key\":\"a\",\"value\":1}",
                          .headers = {.origin = STR("https://evil.example")}};
    c.cookie = arena_printf(&t->mem, "token=%s", token).p;
    assert_int_equal(test_call(t, c).status, 403);
    c.cookie = NULL;
    c.token = token;
    assert_int_equal(test_call(t, c).status, 200);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(sign_up_answers_user_tokens_and_cookies),
        TEST(sign_up_refuses_a_taken_address_in_any_case),
        TEST(sign_up_refuses_bad_addresses_and_short_passwords),
        TEST(log_in_gives_a_working_token),
        TEST(wrong_password_and_unknown_address_look_the_same),
        TEST(forms_sign_up_and_redirect),
        TEST(attempts_of_an_address_are_limited),
        TEST(addresses_beyond_any_account_count_by_their_beginning),
        TEST(attempts_of_a_client_are_limited),
        TEST(tokens_that_are_not_access_tokens_are_refused),
        TEST(backend_tokens_speak_for_existing_accounts_only),
        TEST(keys_of_the_previous_secret_stay_good),
        TEST(a_rotation_of_the_secret_signs_nobody_out),
        TEST(a_secret_that_is_gone_ends_its_tokens_only),
        TEST(profile_is_me_for_existing_pages),
        TEST(log_out_ends_this_session_only),
        TEST(log_out_of_all_ends_every_session),
        TEST(log_out_without_a_session_is_fine),
        TEST(refresh_rotates),
        TEST(previous_token_gives_the_same_successor_for_30_seconds),
        TEST(reuse_after_the_grace_revokes_the_session),
        TEST(no_refresh_keeps_a_session_beyond_its_time),
        TEST(a_shorter_time_holds_for_sessions_that_are_older),
        TEST(refresh_takes_the_cookie_too),
        TEST(expired_access_cookie_is_refreshed_silently),
        TEST(silent_refresh_wants_the_same_user),
        TEST(bad_refresh_cookie_is_cleared),
        TEST(calls_that_set_cookies_refuse_other_sites),
        TEST(writes_by_cookie_refuse_other_sites_and_bearers_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
