/* OpenID providers: their files, what they publish and how long it is kept, a code for a person. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/oidc.h"
#include "lib/signer.h"
#include "lib/website.h"

#define CONFIGURATION "/.well-known/openid-configuration"
#define START_MS      INT64_C(1800000000000)

struct fixture {
    struct website *site;
    struct signer *key;
    struct oidc *oidc;
    const struct oidc_provider *provider;
    struct arena mem;
    struct fetch_options options;
    struct oidc_attempt attempt;
    char dir[32];
    int64_t now;
};

/* --- a provider ------------------------------------------------------------------------------- */

static void publish_configuration(struct fixture *f, const char *lines, const char *more)
{
    struct str u = website_url(f->site);
    struct str text =
        arena_printf(&f->mem,
                     "{\"issuer\":\"%.*s\",\"authorization_endpoint\":\"%.*s/auth\","
                     "\"token_endpoint\":\"%.*s/token\",\"jwks_uri\":\"%.*s/keys\"%s}",
                     STR_ARG(u), STR_ARG(u), STR_ARG(u), STR_ARG(u), more);
    website_publish(f->site, CONFIGURATION, lines, text);
}

static void publish_key(struct fixture *f, const char *lines, const char *kid)
{
    struct buf set = BUF_INIT;
    buf_append_lit(&set, "{\"keys\":[");
    signer_append_jwk(&set, f->key, kid);
    buf_append_lit(&set, "]}");
    website_publish(f->site, "/keys", lines, buf_str(&set));
    buf_release(&set);
}

/* What the token endpoint gives for any code. */
static void give_token(struct fixture *f, const char *kid, const char *claims, const char *more)
{
    struct buf text = BUF_INIT;
    long long now = f->now / 1000;
    struct str header = arena_printf(&f->mem, "{\"alg\":\"ES256\",\"kid\":\"%s\"}", kid);
    struct str payload = arena_printf(&f->mem,
                                      "{\"iss\":\"%.*s\",\"aud\":\"us\",\"sub\":\"p\",\"nonce\":"
                                      "\"nnn\",\"iat\":%lld,\"exp\":%lld%s}",
                                      STR_ARG(website_url(f->site)), now, now + 300, claims);
    buf_append_lit(&text, "{\"token_type\":\"Bearer\",\"id_token\":\"");
    signer_append_jws(&text, f->key, header.p, payload.p);
    buf_appendf(&text, "\"%s}", more);
    website_publish(f->site, "/token", "", buf_str(&text));
    buf_release(&text);
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
    FILE *file = fopen(arena_printf(&f->mem, "%s/%s", f->dir, name).p, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void remove_file(struct fixture *f, const char *name)
{
    unlink(arena_printf(&f->mem, "%s/%s", f->dir, name).p);
}

static void open_providers(struct fixture *f)
{
    struct str message = STR_NULL;
    if (oidc_open(&f->oidc, f->dir, &f->options, &f->mem, &message))
        fail_msg("%.*s", STR_ARG(message));
    f->provider = oidc_find(f->oidc, STR("test"));
}

static void pass(struct fixture *f, int64_t ms)
{
    f->now += ms;
    clock_set_for_test(f->now);
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){
        .site = website_new(),
        .key = signer_new(SIGNATURE_ES256),
        .mem = ARENA_INIT,
        .options = {.timeout_ms = 2000, .max_body = OIDC_ANSWER_MAX, .allow_loopback = true},
        .attempt = {STR("sss"), STR("nnn"), STR("vvv"), STR("https://us.example/cb?a")},
        .dir = "/tmp/cubby-oidc-XXXXXX",
    };
    assert_non_null(mkdtemp(f.dir));
    struct str text =
        arena_printf(&f.mem, "{\"issuer\":\"%.*s\",\"clientId\":\"us\",\"clientSecret\":\"s e:c\"}",
                     STR_ARG(website_url(f.site)));
    write_file(&f, "test.json", text.p);
    pass(&f, START_MS);
    open_providers(&f);
    publish_configuration(&f, "", "");
    publish_key(&f, "", "k");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    oidc_close(f->oidc);
    website_free(f->site);
    signer_free(f->key);
    remove_file(f, "test.json");
    rmdir(f->dir);
    arena_release(&f->mem);
    clock_set_for_test(-1);
    return 0;
}

static enum err authorize(struct fixture *f, struct str *url)
{
    const char *why = NULL;
    enum err e = oidc_authorize(f->oidc, f->provider, &f->attempt, &f->mem, url, &why);
    assert_true(e == OK || (why && strlen(why) > 3));
    return e;
}

static enum err redeem(struct fixture *f, struct str iss, struct oidc_person *person)
{
    const char *why = NULL;
    enum err e =
        oidc_redeem(f->oidc, f->provider, &f->attempt, STR("a code+"), iss, &f->mem, person, &why);
    assert_true(e == OK || (why && strlen(why) > 3));
    return e;
}

static void assert_sent(struct fixture *f, const char *text, bool wanted)
{
    struct buf sent = website_last(f->site);
    if (!!strstr(sent.p, text) != wanted)
        fail_msg("%s in %s", text, sent.p);
    buf_release(&sent);
}

/* --- files ------------------------------------------------------------------------------------ */

static void google_needs_an_id_and_a_secret_only(void **state)
{
    struct fixture *f = *state;
    write_file(f, "google.json", "{\"clientId\":\"i\",\"clientSecret\":\"s\"}");
    oidc_close(f->oidc);
    open_providers(f);
    remove_file(f, "google.json");
    const struct oidc_provider *p = oidc_find(f->oidc, STR("google"));
    assert_non_null(p);
    assert_string_equal(p->issuer.p, "https://accounts.google.com");
    assert_string_equal(p->scope.p, "openid email profile");
    assert_true(str_eq(p->issuer_also, STR("accounts.google.com")));
    assert_non_null(f->provider);
    assert_null(oidc_find(f->oidc, STR("Google")));
    assert_null(oidc_find(f->oidc, STR("")));
}

static void files_that_are_wrong_are_explained(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *text, *said;
    } bad[] = {
        {"a.json", "", "not JSON"},
        {"a.json", "[]", "expected a JSON object"},
        {"a.json", "{}", "issuer is missing"},
        {"a.json", "{\"issuer\":\"https://a.example\"}", "clientId is missing"},
        {"a.json", "{\"issuer\":\"http://a.example\",\"clientId\":\"x\"}", "https URL"},
        {"a.json", "{\"issuer\":\"https://a.example?b\",\"clientId\":\"x\"}", "https URL"},
        {"a.json", "{\"issuer\":\"https://a.example\",\"clientId\":1}", "must be a string"},
        {"a.json", "{\"issuer\":\"https://a.example\",\"clientId\":\"x\",\"name\":\"y\"}",
         "expected only"},
        {"a.json", "{\"issuer\":\"https://a.example\",\"clientId\":\"x\",\"scope\":\"email\"}",
         "openid"},
        {"A.json", "{}", "expected a name"},
        {"a b.json", "{}", "expected a name"},
        {"a234567890123456789012345678901234.json", "{}", "expected a name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct oidc *o;
        struct str message = STR_NULL;
        write_file(f, bad[i].name, bad[i].text);
        assert_int_equal(oidc_open(&o, f->dir, &f->options, &f->mem, &message), ERR_INVALID);
        if (!strstr(message.p, bad[i].said) || !strstr(message.p, bad[i].name))
            fail_msg("%s", message.p);
        remove_file(f, bad[i].name);
    }
}

static void no_folder_is_no_provider(void **state)
{
    struct fixture *f = *state;
    struct oidc *o;
    struct str message;
    assert_int_equal(oidc_open(&o, NULL, &f->options, &f->mem, &message), OK);
    assert_null(oidc_find(o, STR("google")));
    oidc_close(o);
    assert_int_equal(oidc_open(&o, "/nonexistent", &f->options, &f->mem, &message), ERR_INVALID);
    oidc_close(NULL);
}

/* --- there ------------------------------------------------------------------------------------ */

static void the_browser_is_sent_with_all_that_is_needed(void **state)
{
    struct fixture *f = *state;
    struct str url;
    assert_int_equal(authorize(f, &url), OK);
    struct str expected = arena_printf(
        &f->mem,
        "%.*s/auth?response_type=code&client_id=us"
        "&redirect_uri=https%%3A%%2F%%2Fus.example%%2Fcb%%3Fa&scope=openid%%20email%%20profile"
        "&state=sss&nonce=nnn&code_challenge_method=S256&code_challenge=",
        STR_ARG(website_url(f->site)));
    assert_true(str_starts_with(url, expected));
    assert_int_equal(url.n, expected.n + 43);
}

/* RFC 7636 appendix B. */
static void the_challenge_is_that_of_rfc_7636(void **state)
{
    struct fixture *f = *state;
    struct str url;
    f->attempt.verifier = STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_int_equal(authorize(f, &url), OK);
    assert_true(
        str_ends_with(url, STR("&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")));
}

static void what_is_published_is_kept_as_long_as_it_says(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *lines;
        int64_t kept_s;
    } cases[] = {
        {"", OIDC_KEEP_DEFAULT_S},
        {"Cache-Control: max-age=600\r\n", 600},
        {"Cache-Control: max-age=1\r\n", OIDC_KEEP_MIN_S},
        {"Cache-Control: no-store\r\n", OIDC_KEEP_MIN_S},
        {"Cache-Control: max-age=31536000\r\n", OIDC_KEEP_MAX_S},
    };
    struct str url;
    int hits = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        publish_configuration(f, cases[i].lines, "");
        assert_int_equal(authorize(f, &url), OK);
        assert_int_equal(website_hits(f->site, CONFIGURATION), ++hits);
        pass(f, cases[i].kept_s * 1000 - 1);
        assert_int_equal(authorize(f, &url), OK);
        assert_int_equal(website_hits(f->site, CONFIGURATION), hits);
        pass(f, 1);
    }
}

static void a_failure_is_tried_again_soon_not_at_once(void **state)
{
    struct fixture *f = *state;
    struct str url;
    website_publish(f->site, CONFIGURATION, "", STR("{}"));
    assert_int_equal(authorize(f, &url), ERR_PROVIDER);
    publish_configuration(f, "", "");
    assert_int_equal(authorize(f, &url), ERR_PROVIDER);
    assert_int_equal(website_hits(f->site, CONFIGURATION), 1);
    pass(f, OIDC_RETRY_MS);
    assert_int_equal(authorize(f, &url), OK);
}

/* --- and back --------------------------------------------------------------------------------- */

static void a_code_is_redeemed_for_a_person(void **state)
{
    struct fixture *f = *state;
    struct oidc_person p;
    give_token(f, "k", ",\"email\":\"a@b.c\",\"email_verified\":true", "");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    assert_true(str_eq(p.subject, STR("p")) && str_eq(p.email, STR("a@b.c")) && p.email_verified);
    assert_int_equal(redeem(f, website_url(f->site), &p), OK);
    assert_int_equal(website_hits(f->site, "/keys"), 1);
    assert_int_equal(redeem(f, STR("https://other.example"), &p), ERR_INVALID_TOKEN);
    assert_int_equal(website_hits(f->site, "/token"), 2);
    assert_sent(f, "\r\nAuthorization: Basic dXM6cyUyMGUlM0Fj\r\n", true); /* us:s%20e%3Ac */
    assert_sent(f,
                "\r\n\r\ngrant_type=authorization_code&code=a%20code%2B"
                "&redirect_uri=https%3A%2F%2Fus.example%2Fcb%3Fa&code_verifier=vvv",
                true);
}

static void the_secret_goes_where_the_provider_wants_it(void **state)
{
    struct fixture *f = *state;
    struct oidc_person p;
    give_token(f, "k", ",\"email\":\"a@b.c\"", "");
    publish_configuration(f, "",
                          ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    assert_int_equal(redeem(f, STR_NULL, &p), OK); /* now with the keys at hand */
    assert_sent(f, "&client_id=us&client_secret=s%20e%3Ac", true);
    assert_sent(f, "Authorization", false);
}

static void the_answers_issuer_is_wanted_where_it_is_promised(void **state)
{
    struct fixture *f = *state;
    struct oidc_person p;
    give_token(f, "k", ",\"email\":\"a@b.c\"", "");
    publish_configuration(f, "", ",\"authorization_response_iss_parameter_supported\":true");
    assert_int_equal(redeem(f, STR_NULL, &p), ERR_INVALID_TOKEN);
    assert_int_equal(redeem(f, website_url(f->site), &p), OK);
}

static void new_keys_are_found_without_waiting_for_the_old_to_end(void **state)
{
    struct fixture *f = *state;
    struct oidc_person p;
    give_token(f, "k", "", "");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    publish_key(f, "", "k2");
    give_token(f, "k2", "", "");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    assert_int_equal(website_hits(f->site, "/keys"), 2);

    give_token(f, "unknown", "", ""); /* nor is the provider asked for each that nobody knows */
    for (int i = 0; i < 3; i++)
        assert_int_equal(redeem(f, STR_NULL, &p), ERR_INVALID_TOKEN);
    assert_int_equal(website_hits(f->site, "/keys"), 2);
    pass(f, OIDC_ROTATE_MS);
    give_token(f, "unknown", "", "");
    for (int i = 0; i < 3; i++)
        assert_int_equal(redeem(f, STR_NULL, &p), ERR_INVALID_TOKEN);
    assert_int_equal(website_hits(f->site, "/keys"), 3);
    give_token(f, "k2", "", "");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
}

/* The old ones stay good for what they have signed. */
static void keys_that_cannot_be_renewed_stay(void **state)
{
    struct fixture *f = *state;
    struct oidc_person p;
    give_token(f, "k", "", "");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    website_publish(f->site, "/keys", "", STR("oops"));
    give_token(f, "k2", "", "");
    assert_int_equal(redeem(f, STR_NULL, &p), ERR_PROVIDER);
    give_token(f, "k", "", "");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
}

static void codes_that_nobody_knows_are_told_apart(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *answer;
        enum err e;
    } cases[] = {
        {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"invalid_grant\"}", ERR_INVALID_TOKEN},
        {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"invalid_client\"}", ERR_PROVIDER},
        {"HTTP/1.1 401 No\r\n\r\n{\"error\":\"invalid_grant\"}", ERR_PROVIDER},
        {"HTTP/1.1 400 No\r\n\r\n", ERR_PROVIDER},
        {"HTTP/1.1 500 No\r\n\r\n{\"id_token\":\"a.b.c\"}", ERR_PROVIDER},
        {"HTTP/1.1 200 OK\r\n\r\n{}", ERR_PROVIDER},
        {"HTTP/1.1 200 OK\r\n\r\n[\"id_token\"]", ERR_PROVIDER},
        {"HTTP/1.1 200 OK\r\n\r\n{\"id_token\":7}", ERR_PROVIDER},
        {"HTTP/1.1 200 OK\r\n\r\n{\"id_token\":\"\"}", ERR_PROVIDER},
        {"HTTP/1.1 200 OK\r\n\r\n{\"id_token\":\"a.b.c\"}", ERR_INVALID_TOKEN},
        {"HTTP/1.1 302 No\r\nLocation: /\r\n\r\n", ERR_PROVIDER},
    };
    struct oidc_person p;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        website_say(f->site, "/token", str_from_c(cases[i].answer));
        if (redeem(f, STR_NULL, &p) != cases[i].e)
            fail_msg("%s", cases[i].answer);
    }
}

static void an_address_that_the_token_lacks_is_asked_for(void **state)
{
    struct fixture *f = *state;
    struct oidc_person p;
    struct str more =
        arena_printf(&f->mem, ",\"userinfo_endpoint\":\"%.*s/me\"", STR_ARG(website_url(f->site)));
    publish_configuration(f, "", more.p);
    website_publish(f->site, "/me", "",
                    STR("{\"sub\":\"p\",\"email\":\"a@b.c\",\"email_verified\":true}"));
    give_token(f, "k", "", ",\"access_token\":\"aaa\"");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    assert_true(str_eq(p.email, STR("a@b.c")) && p.email_verified);
    assert_sent(f, "\r\nAuthorization: Bearer aaa\r\n", true);
    give_token(f, "k", ",\"email\":\"x@y.z\"", ",\"access_token\":\"aaa\"");
    assert_int_equal(redeem(f, STR_NULL, &p), OK);
    assert_true(str_eq(p.email, STR("x@y.z")) && !p.email_verified);
    assert_int_equal(website_hits(f->site, "/me"), 1);

    give_token(f, "k", "", ",\"access_token\":\"aaa\"");
    static const char *const bad[] = {"{\"email\":\"a@b.c\"}",
                                      "{\"sub\":\"q\",\"email\":\"a@b.c\"}", "a.b.c", ""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        website_publish(f->site, "/me", "", str_from_c(bad[i]));
        assert_int_equal(redeem(f, STR_NULL, &p), ERR_PROVIDER);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(google_needs_an_id_and_a_secret_only),
        TEST(files_that_are_wrong_are_explained),
        TEST(no_folder_is_no_provider),
        TEST(the_browser_is_sent_with_all_that_is_needed),
        TEST(the_challenge_is_that_of_rfc_7636),
        TEST(what_is_published_is_kept_as_long_as_it_says),
        TEST(a_failure_is_tried_again_soon_not_at_once),
        TEST(a_code_is_redeemed_for_a_person),
        TEST(the_secret_goes_where_the_provider_wants_it),
        TEST(the_answers_issuer_is_wanted_where_it_is_promised),
        TEST(new_keys_are_found_without_waiting_for_the_old_to_end),
        TEST(keys_that_cannot_be_renewed_stay),
        TEST(codes_that_nobody_knows_are_told_apart),
        TEST(an_address_that_the_token_lacks_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
