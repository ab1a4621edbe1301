/* Signing in with OpenID providers: whose account it is, who may link, and how answers are told.
 * The provider is a few files of a website; tests/stack/oauth.mjs has a real one. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"
#include "lib/signer.h"
#include "lib/website.h"
#include "store/accounts.h"
#include "store/factors.h"

#define NOW INT64_C(1800000000000)

struct fixture {
    struct test_app *t;
    struct website *site;
    struct signer *key;
    char dir[32];
};

/* --- a provider ------------------------------------------------------------------------------- */

static void write_provider(struct fixture *f)
{
    struct arena *mem = &f->t->mem;
    FILE *file = fopen(arena_printf(mem, "%s/op.json", f->dir).p, "w");
    assert_non_null(file);
    fprintf(file, "{\"issuer\":\"%.*s\",\"clientId\":\"us\"}", STR_ARG(website_url(f->site)));
    fclose(file);
}

static void publish(struct fixture *f)
{
    struct str u = website_url(f->site);
    struct buf keys = BUF_INIT;
    struct str configuration =
        arena_printf(&f->t->mem,
                     "{\"issuer\":\"%.*s\",\"authorization_endpoint\":\"%.*s/auth\","
                     "\"token_endpoint\":\"%.*s/token\",\"jwks_uri\":\"%.*s/keys\"}",
                     STR_ARG(u), STR_ARG(u), STR_ARG(u), STR_ARG(u));
    website_publish(f->site, "/.well-known/openid-configuration", "", configuration);
    buf_append_lit(&keys, "{\"keys\":[");
    signer_append_jwk(&keys, f->key, "k");
    buf_append_lit(&keys, "]}");
    website_publish(f->site, "/keys", "", buf_str(&keys));
    buf_release(&keys);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct str message;
    clock_set_for_test(NOW);
    test_app_set_up_user((void **)&f.t);
    f.site = website_new();
    f.key = signer_new(SIGNATURE_ES256);
    memcpy(f.dir, "/tmp/cubby-oauth-XXXXXX", 24);
    assert_non_null(mkdtemp(f.dir));
    write_provider(&f);
    publish(&f);
    oidc_close(f.t->app.oidc);
    const struct fetch_options o = {
        .timeout_ms = 2000, .max_body = OIDC_ANSWER_MAX, .allow_loopback = true};
    assert_int_equal(oidc_open(&f.t->app.oidc, f.dir, &o, &f.t->mem, &message), OK);
    f.t->conf.limit_auth_per_ip = 0;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    website_free(f->site);
    signer_free(f->key);
    unlink(arena_printf(&f->t->mem, "%s/op.json", f->dir).p);
    rmdir(f->dir);
    return test_app_tear_down((void **)&f->t);
}

/* --- a browser -------------------------------------------------------------------------------- */

/* A sign-in under way: what the browser has of it. */
struct begun {
    const char *cookie, *state, *nonce;
};

static const char *parameter(struct fixture *f, struct str url, const char *name)
{
    struct arena *mem = &f->t->mem;
    struct str mark = arena_printf(mem, "&%s=", name);
    const char *at = strstr(arena_dup(mem, url).p, mark.p);
    assert_non_null(at);
    return arena_dup(mem, str_make(at + mark.n, strcspn(at + mark.n, "&"))).p;
}

static struct test_reply call(struct fixture *f, enum method method, const char *target,
                              const char *cookie, const char *token)
{
    return test_call(
        f->t,
        (struct test_call){.method = method, .target = target, .cookie = cookie, .token = token});
}

static struct begun begun_at(struct fixture *f, const struct test_reply *r, struct str url)
{
    struct str cookie = arena_printf(&f->t->mem, "oauth=%s", test_cookie(f->t, r, "oauth"));
    return (struct begun){cookie.p, parameter(f, url, "state"), parameter(f, url, "nonce")};
}

static struct begun begin(struct fixture *f)
{
    struct test_reply r = call(f, METHOD_GET, "/api/auth/oauth/op", NULL, NULL);
    assert_int_equal(r.status, 303);
    return begun_at(f, &r, test_header(&r, "Location", 0));
}

/* What the provider says of whoever comes next. */
static void give(struct fixture *f, const struct begun *b, const char *claims)
{
    struct buf text = BUF_INIT;
    struct str payload = arena_printf(
        &f->t->mem,
        "{\"iss\":\"%.*s\",\"aud\":\"us\",\"nonce\":\"%s\",\"iat\":%lld,\"exp\":%lld,%s}",
        STR_ARG(website_url(f->site)), b->nonce, (long long)NOW / 1000, (long long)NOW / 1000 + 300,
        claims);
    buf_append_lit(&text, "{\"id_token\":\"");
    signer_append_jws(&text, f->key, "{\"alg\":\"ES256\",\"kid\":\"k\"}", payload.p);
    buf_append_lit(&text, "\"}");
    website_publish(f->site, "/token", "", buf_str(&text));
    buf_release(&text);
}

static struct test_reply finish_as(struct fixture *f, const struct begun *b, const char *token)
{
    struct str target =
        arena_printf(&f->t->mem, "/api/auth/oauth/op/callback?code=c&state=%s", b->state);
    return call(f, METHOD_GET, target.p, b->cookie, token);
}

static struct test_reply sign_in(struct fixture *f, const char *claims)
{
    struct begun b = begin(f);
    give(f, &b, claims);
    return finish_as(f, &b, NULL);
}

#define VERIFIED(subject, email)                                                                   \
    "\"sub\":\"" subject "\",\"email\":\"" email "\",\"email_verified\":true"

static const char *id_of(struct fixture *f, const struct test_reply *r)
{
    const char *token = test_cookie(f->t, r, "token");
    assert_non_null(token);
    struct test_reply me = call(f, METHOD_GET, "/api/me", NULL, token);
    return test_string(f->t, &me, "user.id");
}

static const char *own_id(struct fixture *f)
{
    struct test_reply me = call(f, METHOD_GET, "/api/me", NULL, f->t->token);
    return test_string(f->t, &me, "user.id");
}

static void verify_own_address(struct fixture *f)
{
    struct str id = str_from_c(own_id(f));
    struct space *sp;
    assert_int_equal(space_acquire(f->t->app.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(accounts_set_email_within(sp, id, STR("a@example.org")), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

/* --- signing in ------------------------------------------------------------------------------- */

static void an_unknown_person_gets_an_account(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = sign_in(f, VERIFIED("1", "B@Example.org"));
    assert_int_equal(r.status, 303);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/")));
    assert_string_equal(test_cookie(f->t, &r, "oauth"), "");
    assert_non_null(test_cookie(f->t, &r, "refreshToken"));
    const char *id = id_of(f, &r);
    r = sign_in(f, "\"sub\":\"1\"");
    assert_string_equal(id_of(f, &r), id);
}

static void an_account_is_joined_when_both_sides_have_verified_its_address(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = sign_in(f, VERIFIED("1", "a@example.org"));
    test_expect_error(&r, 409, "account_unverified");
    assert_null(test_cookie(f->t, &r, "token"));
    verify_own_address(f);
    r = sign_in(f, "\"sub\":\"1\",\"email\":\"a@example.org\",\"email_verified\":false");
    test_expect_error(&r, 403, "email_unverified");
    r = sign_in(f, VERIFIED("1", "a@example.org"));
    assert_string_equal(id_of(f, &r), own_id(f));
    assert_string_equal(test_mailed(f->t, "a@example.org", "notice_provider_linked", "provider"),
                        "op");
    r = sign_in(f, VERIFIED("2", "a@example.org"));
    test_expect_error(&r, 409, "already_linked");
}

static void a_state_works_once_in_its_browser_in_time(void **state)
{
    struct fixture *f = *state;
    struct begun b = begin(f), other = begin(f);
    give(f, &b, VERIFIED("1", "b@example.org"));
    const struct begun mixed = {other.cookie, b.state, b.nonce};
    struct test_reply r = finish_as(f, &mixed, NULL);
    test_expect_error(&r, 400, "invalid_token");
    const struct begun bare = {NULL, b.state, b.nonce};
    r = finish_as(f, &bare, NULL);
    test_expect_error(&r, 400, "invalid_token");
    r = finish_as(f, &b, NULL);
    assert_int_equal(r.status, 303);
    r = finish_as(f, &b, NULL);
    test_expect_error(&r, 400, "invalid_token");
    b = begin(f);
    clock_set_for_test(NOW + 600 * 1000);
    r = finish_as(f, &b, NULL);
    test_expect_error(&r, 400, "invalid_token");
    assert_int_equal(website_hits(f->site, "/token"), 1);
}

/* A secret that was changed meanwhile is known as the previous one. */
static void a_sign_in_outlives_a_change_of_the_secret(void **state)
{
    struct fixture *f = *state;
    struct begun b = begin(f);
    give(f, &b, VERIFIED("1", "b@example.org"));
    f->t->conf.jwt_secret_previous = f->t->conf.jwt_secret;
    f->t->conf.jwt_secret = STR("another secret of tests, thirty-two bytes");
    who_keys_init(&f->t->app.keys, &f->t->conf);
    struct test_reply r = finish_as(f, &b, NULL);
    assert_int_equal(r.status, 303);
}

static void callbacks_count_as_attempts(void **state)
{
    struct fixture *f = *state;
    f->t->conf.limit_auth_per_ip = 1;
    struct begun b = begin(f), next = begin(f);
    give(f, &b, VERIFIED("1", "b@example.org"));
    clock_set_for_test(NOW + 70000); /* the fixture's sign-up is over */
    struct test_reply r = finish_as(f, &b, NULL);
    assert_int_equal(r.status, 303);
    r = finish_as(f, &next, NULL);
    test_expect_error(&r, 429, "rate_limited");
    assert_true(test_header(&r, "Retry-After", 0).n > 0);
    clock_set_for_test(NOW + 140000);
    give(f, &next, VERIFIED("1", "b@example.org"));
    r = finish_as(f, &next, NULL); /* it was not used up */
    assert_int_equal(r.status, 303);
}

/* --- how it is told --------------------------------------------------------------------------- */

static void browsers_are_sent_to_a_page_others_get_json(void **state)
{
    struct fixture *f = *state;
    struct test_call c = {.target = "/api/auth/oauth/op/callback?state=x&code=c",
                          .headers.accept = STR("application/xhtml+xml, text/html;q=0.9")};
    struct test_reply r = test_call(f->t, c);
    assert_int_equal(r.status, 303);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/?error=invalid_token")));
    f->t->conf.base_path = STR("/cubby");
    r = test_call(f->t, c);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/cubby/?error=invalid_token")));
    c.headers.accept = STR("application/json, */*");
    r = test_call(f->t, c);
    test_expect_error(&r, 400, "invalid_token");
}

static void turn_second_factor_on(struct fixture *f, const char *user_id)
{
    struct space *sp;
    assert_int_equal(space_acquire(f->t->app.store, SPACE_USER, str_from_c(user_id), &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(factors_begin(sp, STR("GEZDGNBVGY3TQOJQ"), NOW), OK);
    assert_int_equal(factors_confirm(sp, 1, NOW), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static void a_second_factor_is_asked_for_here_too(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = sign_in(f, VERIFIED("1", "b@example.org"));
    turn_second_factor_on(f, id_of(f, &r));
    r = sign_in(f, VERIFIED("1", "b@example.org"));
    test_expect_error(&r, 401, "second_factor_required");
    assert_null(test_cookie(f->t, &r, "token"));
    test_string(f->t, &r, "loginToken");
    struct begun b = begin(f);
    give(f, &b, VERIFIED("1", "b@example.org"));
    struct str target =
        arena_printf(&f->t->mem, "/api/auth/oauth/op/callback?code=c&state=%s", b.state);
    r = test_call(f->t, (struct test_call){.target = target.p,
                                           .cookie = b.cookie,
                                           .headers.accept = STR("text/html")});
    assert_int_equal(r.status, 303);
    assert_true(str_starts_with(test_header(&r, "Location", 0), STR("/#loginToken=ey")));
    assert_null(test_cookie(f->t, &r, "token"));
}

static void what_the_person_ended_is_told_apart_from_failures(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *error;
        int status;
        const char *code;
    } cases[] = {
        {"access_denied", 403, "access_denied"},
        {"login_required", 403, "access_denied"},
        {"server_error", 502, "provider_failed"},
        {"invalid_request", 502, "provider_failed"},
        {"", 502, "provider_failed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct begun b = begin(f);
        struct str target = arena_printf(
            &f->t->mem, "/api/auth/oauth/op/callback?error=%s&state=%s", cases[i].error, b.state);
        struct test_reply r = call(f, METHOD_GET, target.p, b.cookie, NULL);
        test_expect_error(&r, cases[i].status, cases[i].code);
    }
    struct test_reply r =
        call(f, METHOD_GET, "/api/auth/oauth/op/callback?error=access_denied", NULL, NULL);
    test_expect_error(&r, 400, "invalid_token"); /* of a sign-in that nobody began */
}

static void unknown_providers_are_not_found(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = call(f, METHOD_GET, "/api/auth/oauth/google", NULL, NULL);
    test_expect_error(&r, 404, "not_found");
    r = call(f, METHOD_GET, "/api/auth/oauth/google/callback", NULL, NULL);
    test_expect_error(&r, 404, "not_found");
}

static void the_redirect_uri_follows_the_public_url(void **state)
{
    struct fixture *f = *state;
    f->t->conf.public_url = STR("https://example.org");
    f->t->conf.base_path = STR("/cubby");
    struct test_reply r = call(f, METHOD_GET, "/api/auth/oauth/op", NULL, NULL);
    assert_string_equal(parameter(f, test_header(&r, "Location", 0), "redirect_uri"),
                        "https%3A%2F%2Fexample.org%2Fcubby%2Fapi%2Fauth%2Foauth%2Fop%2Fcallback");
    f->t->conf.public_url = STR("");
    r = test_call(f->t,
                  (struct test_call){.target = "/api/auth/oauth/op", .headers.host = STR("a/b")});
    test_expect_error(&r, 400, "invalid");
}

/* --- linking ---------------------------------------------------------------------------------- */

static struct test_reply ask_to_link(struct fixture *f, const char *password)
{
    struct str body = arena_printf(&f->t->mem, "{\"password\":\"%s\"}", password);
    return test_call(
        f->t,
        (struct test_call){.target = "/api/auth/oauth/op", .token = f->t->token, .body = body.p});
}

static struct begun begin_link(struct fixture *f)
{
    struct test_reply r = ask_to_link(f, TEST_PASSWORD);
    assert_int_equal(r.status, 200);
    return begun_at(f, &r, str_from_c(test_string(f->t, &r, "url")));
}

static struct test_reply link_own(struct fixture *f, const char *claims)
{
    struct begun b = begin_link(f);
    give(f, &b, claims);
    return finish_as(f, &b, f->t->token);
}

static struct test_reply unlink_own(struct fixture *f, const char *password)
{
    return test_call(
        f->t,
        (struct test_call){.method = METHOD_DELETE,
                           .target = "/api/account/identities/op",
                           .body = arena_printf(&f->t->mem, "{\"password\":\"%s\"}", password).p,
                           .token = f->t->token});
}

static void an_identity_is_linked_and_unlinked(void **state)
{
    struct fixture *f = *state;
    verify_own_address(f);
    struct test_reply r = link_own(f, "\"sub\":\"1\",\"email\":\"other@example.org\"");
    assert_int_equal(r.status, 303);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/?linked=op")));
    r = call(f, METHOD_GET, "/api/account/identities", NULL, f->t->token);
    assert_true(str_eq(r.body, STR("{\"ok\":true,\"data\":[{\"provider\":\"op\",\"email\":"
                                   "\"other@example.org\",\"linkedAt\":"
                                   "\"2027-01-15T08:00:00.000Z\"}]}")));
    r = sign_in(f, "\"sub\":\"1\"");
    assert_string_equal(id_of(f, &r), own_id(f));
    r = unlink_own(f, "a wrong one");
    test_expect_error(&r, 401, "invalid_credentials");
    r = unlink_own(f, TEST_PASSWORD);
    assert_true(str_eq(r.body, STR("{\"ok\":true}")));
    r = unlink_own(f, TEST_PASSWORD);
    test_expect_error(&r, 404, "not_found");
    r = call(f, METHOD_GET, "/api/account/identities", NULL, f->t->token);
    assert_true(str_eq(r.body, STR("{\"ok\":true,\"data\":[]}")));
}

static void only_who_is_signed_in_links_and_only_to_himself(void **state)
{
    struct fixture *f = *state;
    struct test_reply r =
        test_call(f->t, (struct test_call){.target = "/api/auth/oauth/op", .body = "{}"});
    test_expect_error(&r, 401, "unauthorized");
    struct begun b = begin_link(f);
    give(f, &b, VERIFIED("1", "x@example.org"));
    r = finish_as(f, &b, test_sign_up(f->t, "b@example.org"));
    test_expect_error(&r, 400, "invalid_token");
    b = begin_link(f);
    give(f, &b, VERIFIED("1", "x@example.org"));
    r = finish_as(f, &b, NULL);
    test_expect_error(&r, 401, "unauthorized");
}

static void to_link_wants_the_password(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = ask_to_link(f, "a wrong one");
    test_expect_error(&r, 401, "invalid_credentials");
    assert_null(test_cookie(f->t, &r, "oauth"));
    r = call(f, METHOD_POST, "/api/auth/oauth/op", NULL, f->t->token);
    test_expect_error(&r, 400, "invalid");
    r = call(f, METHOD_POST, "/api/auth/oauth/nobody", NULL, f->t->token);
    test_expect_error(&r, 404, "not_found");
}

static void without_a_password_a_fresh_sign_in_is_wanted_to_link(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = sign_in(f, VERIFIED("1", "new@example.org"));
    const char *token = test_cookie(f->t, &r, "token");
    r = call(f, METHOD_POST, "/api/auth/oauth/op", NULL, token);
    assert_int_equal(r.status, 200);
    clock_set_for_test(NOW + 5 * 60 * 1000);
    r = call(f, METHOD_POST, "/api/auth/oauth/op", NULL, token);
    test_expect_error(&r, 401, "invalid_credentials");
}

static void a_form_to_link_leads_to_the_provider(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = test_call(
        f->t, (struct test_call){.target = "/api/auth/oauth/op",
                                 .token = f->t->token,
                                 .headers.content_type = STR("application/x-www-form-urlencoded"),
                                 .body = "password=" TEST_PASSWORD});
    assert_int_equal(r.status, 303);
    assert_true(str_starts_with(test_header(&r, "Location", 0), website_url(f->site)));
}

/* Else who signed up with the address of another kept a way in for ever. */
static void an_account_is_linked_once_its_address_is_verified(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = link_own(f, VERIFIED("1", "other@example.org"));
    test_expect_error(&r, 409, "account_unverified");
    r = link_own(f, "\"sub\":\"1\",\"email\":\"a@example.org\",\"email_verified\":false");
    test_expect_error(&r, 409, "account_unverified");
    r = link_own(f, VERIFIED("1", "A@example.org")); /* which verifies it */
    assert_int_equal(r.status, 303);
    r = call(f, METHOD_GET, "/api/me", NULL, f->t->token);
    assert_non_null(strstr(r.body.p, "\"emailVerified\":true"));
}

static void an_identity_belongs_to_one_account(void **state)
{
    struct fixture *f = *state;
    verify_own_address(f);
    struct test_reply r = sign_in(f, VERIFIED("1", "b@example.org"));
    assert_int_equal(r.status, 303);
    r = link_own(f, "\"sub\":\"1\"");
    test_expect_error(&r, 409, "identity_taken");
    r = link_own(f, "\"sub\":\"2\"");
    assert_int_equal(r.status, 303);
    r = link_own(f, "\"sub\":\"3\"");
    test_expect_error(&r, 409, "already_linked");
}

static void the_only_way_in_stays(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = sign_in(f, VERIFIED("1", "b@example.org"));
    const char *token = test_cookie(f->t, &r, "token");
    r = call(f, METHOD_DELETE, "/api/account/identities/op", NULL, token);
    test_expect_error(&r, 409, "last_sign_in");
    r = sign_in(f, "\"sub\":\"1\"");
    assert_int_equal(r.status, 303);
}

static void a_verified_address_that_gets_codes_is_a_way_in(void **state)
{
    struct fixture *f = *state;
    struct test_reply r = sign_in(f, VERIFIED("1", "b@example.org"));
    f->t->conf.mail_sendmail = STR("/usr/sbin/sendmail");
    r = call(f, METHOD_DELETE, "/api/account/identities/op", NULL, test_cookie(f->t, &r, "token"));
    assert_int_equal(r.status, 200);
    assert_string_equal(test_mailed(f->t, "b@example.org", "notice_provider_unlinked", "provider"),
                        "op");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_person_gets_an_account),
        TEST(an_account_is_joined_when_both_sides_have_verified_its_address),
        TEST(a_state_works_once_in_its_browser_in_time),
        TEST(a_sign_in_outlives_a_change_of_the_secret),
        TEST(callbacks_count_as_attempts),
        TEST(browsers_are_sent_to_a_page_others_get_json),
        TEST(a_second_factor_is_asked_for_here_too),
        TEST(what_the_person_ended_is_told_apart_from_failures),
        TEST(unknown_providers_are_not_found),
        TEST(the_redirect_uri_follows_the_public_url),
        TEST(an_identity_is_linked_and_unlinked),
        TEST(only_who_is_signed_in_links_and_only_to_himself),
        TEST(to_link_wants_the_password),
        TEST(without_a_password_a_fresh_sign_in_is_wanted_to_link),
        TEST(a_form_to_link_leads_to_the_provider),
        TEST(an_account_is_linked_once_its_address_is_verified),
        TEST(an_identity_belongs_to_one_account),
        TEST(the_only_way_in_stays),
        TEST(a_verified_address_that_gets_codes_is_a_way_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
