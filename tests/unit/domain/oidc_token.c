/* ID tokens: a good one, and each way in which one can be none. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/oidc_token.h"
#include "lib/guard.h"
#include "lib/signer.h"

#define NOW    1800000000
#define HEADER "{\"alg\":\"RS256\",\"kid\":\"k\"}"
#define TIMES  "\"iat\":1799999990,\"exp\":1800000300"
#define CLIENT "\"iss\":\"https://op.example\",\"aud\":\"us\""
#define PERSON "\"sub\":\"p\",\"email\":\"a@example.org\",\"email_verified\":true"
#define REST   TIMES "," PERSON ",\"nonce\":\"n\""
#define CLAIMS "{" CLIENT "," REST "}"

static const struct oidc_provider provider = {
    .name = {"op", 2},
    .issuer = {"https://op.example", 18},
    .client_id = {"us", 2},
};

struct fixture {
    struct signer *rsa, *ec;
    struct jwks keys;
    struct arena mem;
    struct oidc_person person;
    const char *why;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct buf set = BUF_INIT;
    f = (struct fixture){
        .rsa = signer_new(SIGNATURE_RS256), .ec = signer_new(SIGNATURE_ES256), .mem = ARENA_INIT};
    buf_append_lit(&set, "{\"keys\":[");
    signer_append_jwk(&set, f.rsa, "k");
    buf_append_ch(&set, ',');
    signer_append_jwk(&set, f.ec, "e");
    buf_append_lit(&set, "]}");
    assert_int_equal(jwks_parse(&f.keys, arena_dup(&f.mem, buf_str(&set)), &f.mem), OK);
    assert_int_equal(f.keys.count, 2);
    buf_release(&set);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    signer_free(f->rsa);
    signer_free(f->ec);
    arena_release(&f->mem);
    return 0;
}

static enum err verify_text(struct fixture *f, const struct oidc_provider *p, struct str token)
{
    f->why = NULL;
    enum err e = oidc_token_verify(&f->person, guard_copy(token), &f->keys, p, STR("n"), NOW,
                                   &f->mem, &f->why);
    if (e)
        assert_true(f->why && strlen(f->why) > 3);
    return e;
}

static enum err verify_as(struct fixture *f, const struct oidc_provider *p,
                          const struct signer *key, const char *header, const char *claims)
{
    struct buf token = BUF_INIT;
    signer_append_jws(&token, key, header, claims);
    enum err e = verify_text(f, p, buf_str(&token));
    buf_release(&token);
    return e;
}

static enum err verify(struct fixture *f, const char *claims)
{
    return verify_as(f, &provider, f->rsa, HEADER, claims);
}

static void assert_all(struct fixture *f, const char *const *claims, size_t count, enum err wanted)
{
    for (size_t i = 0; i < count; i++) {
        enum err e = verify(f, claims[i]);
        if (e != wanted)
            fail_msg("%s: %s", claims[i], f->why ? f->why : "taken");
    }
}

static void a_good_token_names_a_person(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(verify(f, CLAIMS), OK);
    assert_true(str_eq(f->person.subject, STR("p")));
    assert_true(str_eq(f->person.email, STR("a@example.org")));
    assert_true(f->person.email_verified);
    assert_int_equal(
        verify_as(f, &provider, f->ec, "{\"alg\":\"ES256\",\"kid\":\"e\",\"typ\":\"jwt\"}", CLAIMS),
        OK);
    assert_int_equal(verify_as(f, &provider, f->rsa, "{\"alg\":\"RS256\"}", CLAIMS), OK);
}

static void addresses_are_vouched_for_or_not(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *claims;
        bool verified;
    } cases[] = {
        {"\"email_verified\":\"true\"", true},
        {"\"email_verified\":false", false},
        {"\"email_verified\":\"false\"", false},
        {"\"email_verified\":1", false},
        {"\"email_verified\":null", false},
        {"\"email_verified\":\"TRUE\"", false},
        {"\"x\":1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str claims = arena_printf(&f->mem,
                                         "{" CLIENT "," TIMES ",\"nonce\":\"n\",\"sub\":\"p\","
                                         "%s}",
                                         cases[i].claims);
        assert_int_equal(verify(f, claims.p), OK);
        assert_int_equal(f->person.email_verified, cases[i].verified);
        assert_int_equal(f->person.email.n, 0);
    }
}

static void the_issuer_is_exact(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "{\"aud\":\"us\"," REST "}",
        "{\"iss\":\"https://op.example/\",\"aud\":\"us\"," REST "}",
        "{\"iss\":\"https://OP.example\",\"aud\":\"us\"," REST "}",
        "{\"iss\":\"\",\"aud\":\"us\"," REST "}",
        "{\"iss\":null,\"aud\":\"us\"," REST "}",
        "{\"iss\":[\"https://op.example\"],\"aud\":\"us\"," REST "}",
        "{\"iss\":\"op.example\",\"aud\":\"us\"," REST "}",
    };
    assert_all(f, bad, ARRAY_LEN(bad), ERR_INVALID_TOKEN);
    struct oidc_provider google = provider;
    google.issuer_also = STR("op.example");
    assert_int_equal(verify_as(f, &google, f->rsa, HEADER, bad[6]), OK);
    assert_int_equal(verify_as(f, &google, f->rsa, HEADER, CLAIMS), OK);
    assert_int_equal(verify_as(f, &google, f->rsa, HEADER, bad[3]), ERR_INVALID_TOKEN);
}

#define FOR(audience) "{\"iss\":\"https://op.example\"," audience REST "}"

static void the_audience_is_us(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {
        FOR("\"aud\":[\"us\"],"),
        FOR("\"aud\":[\"us\"],\"azp\":\"us\","),
        FOR("\"aud\":\"us\",\"azp\":\"us\","),
        FOR("\"aud\":[\"x\",\"us\"],\"azp\":\"us\","),
    };
    static const char *const bad[] = {
        FOR(""),
        FOR("\"aud\":\"them\","),
        FOR("\"aud\":\"us2\","),
        FOR("\"aud\":[],"),
        FOR("\"aud\":[7],"),
        FOR("\"aud\":7,"),
        FOR("\"aud\":null,"),
        FOR("\"aud\":{\"us\":1},"),
        FOR("\"aud\":[\"us\",\"them\"],"),
        FOR("\"aud\":[\"us\",7],"),
        FOR("\"aud\":[\"us\",\"them\"],\"azp\":\"them\","),
        FOR("\"aud\":\"us\",\"azp\":\"them\","),
        FOR("\"aud\":\"us\",\"azp\":7,"),
        FOR("\"aud\":[\"them\"],\"azp\":\"us\","),
    };
    assert_all(f, good, ARRAY_LEN(good), OK);
    assert_all(f, bad, ARRAY_LEN(bad), ERR_INVALID_TOKEN);
}

#define AT(times) "{" CLIENT "," times PERSON ",\"nonce\":\"n\"}"

static void it_was_made_just_now(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {
        AT("\"iat\":1800000000,\"exp\":1799999941,"),
        AT("\"iat\":1799999400,\"exp\":1800000001,"),
        AT("\"iat\":1800000060,\"exp\":1e300,"),
        AT("\"iat\":1799999999.5,\"exp\":1800000000.5,\"nbf\":1800000060,"),
    };
    static const char *const bad[] = {
        AT(""),
        AT("\"iat\":1800000000,"),
        AT("\"exp\":1800000300,"),
        AT("\"iat\":1800000000,\"exp\":1799999940,"),
        AT("\"iat\":1800000000,\"exp\":\"1800000300\","),
        AT("\"iat\":1800000000,\"exp\":null,"),
        AT("\"iat\":1799999399,\"exp\":1800000300,"),
        AT("\"iat\":1800000061,\"exp\":1800000300,"),
        AT("\"iat\":true,\"exp\":1800000300,"),
        AT("\"iat\":1800000000,\"exp\":1800000300,\"nbf\":1800000061,"),
        AT("\"iat\":1800000000,\"exp\":1800000300,\"nbf\":\"0\","),
    };
    assert_all(f, good, ARRAY_LEN(good), OK);
    assert_all(f, bad, ARRAY_LEN(bad), ERR_INVALID_TOKEN);
}

static void the_nonce_is_ours(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "{" CLIENT "," TIMES "," PERSON "}",
        "{" CLIENT "," TIMES "," PERSON ",\"nonce\":\"\"}",
        "{" CLIENT "," TIMES "," PERSON ",\"nonce\":\"N\"}",
        "{" CLIENT "," TIMES "," PERSON ",\"nonce\":\"nn\"}",
        "{" CLIENT "," TIMES "," PERSON ",\"nonce\":[\"n\"]}",
    };
    assert_all(f, bad, ARRAY_LEN(bad), ERR_INVALID_TOKEN);
}

#define NAMED(sub) "{" CLIENT "," TIMES ",\"nonce\":\"n\"" sub "}"

static void somebody_is_named(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {NAMED(""), NAMED(",\"sub\":\"\""), NAMED(",\"sub\":7"),
                                      NAMED(",\"sub\":null"), NAMED(",\"sub\":\"a\\u0000\"")};
    assert_all(f, bad, ARRAY_LEN(bad), ERR_INVALID_TOKEN);
    struct str longest = arena_printf(&f->mem, NAMED(",\"sub\":\"%0255d\""), 1);
    struct str longer = arena_printf(&f->mem, NAMED(",\"sub\":\"%0256d\""), 1);
    assert_int_equal(verify(f, longest.p), OK);
    assert_int_equal(verify(f, longer.p), ERR_INVALID_TOKEN);
}

static void headers_that_do_not_count(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "{}",
        "[]",
        "x",
        "",
        "{\"alg\":\"none\"}",
        "{\"alg\":\"HS256\",\"kid\":\"k\"}",
        "{\"alg\":\"RS512\",\"kid\":\"k\"}",
        "{\"alg\":\"rs256\",\"kid\":\"k\"}",
        "{\"alg\":[\"RS256\"],\"kid\":\"k\"}",
        "{\"alg\":\"RS256\",\"kid\":7}",
        "{\"alg\":\"RS256\",\"kid\":null}",
        "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":\"at+jwt\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":7}",
        "{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"k\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (verify_as(f, &provider, f->rsa, bad[i], CLAIMS) != ERR_INVALID_TOKEN)
            fail_msg("%s", bad[i]);
}

/* Newer keys may have signed these: whoever asks fetches them. */
static void keys_that_are_not_known_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct signer *other = signer_new(SIGNATURE_RS256);
    assert_int_equal(verify_as(f, &provider, f->rsa, "{\"alg\":\"RS256\",\"kid\":\"new\"}", CLAIMS),
                     ERR_NOT_FOUND);
    assert_int_equal(verify_as(f, &provider, f->ec, "{\"alg\":\"ES256\",\"kid\":\"k\"}", CLAIMS),
                     ERR_NOT_FOUND);
    assert_int_equal(verify_as(f, &provider, other, HEADER, CLAIMS), ERR_NOT_FOUND);
    assert_int_equal(verify_as(f, &provider, f->ec, HEADER, CLAIMS), ERR_NOT_FOUND);
    signer_free(other);
}

/* Not one byte of it can be changed, nor is any part of it good. */
static void nothing_of_it_can_be_changed(void **state)
{
    struct fixture *f = *state;
    struct buf token = BUF_INIT;
    signer_append_jws(&token, f->ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS);
    for (size_t i = 0; i < token.n; i++) {
        char was = token.p[i];
        token.p[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify_text(f, &provider, buf_str(&token)), OK);
        token.p[i] = was;
        assert_int_not_equal(verify_text(f, &provider, str_make(token.p, i)), OK);
    }
    assert_int_equal(verify_text(f, &provider, buf_str(&token)), OK);
    buf_append_lit(&token, ".x");
    assert_int_equal(verify_text(f, &provider, buf_str(&token)), ERR_INVALID_TOKEN);
    buf_release(&token);
}

static void claims_are_a_json_object(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"", "[]", "7", "{", CLAIMS "x", "{\"sub\":1,\"sub\":2}"};
    assert_all(f, bad, ARRAY_LEN(bad), ERR_INVALID_TOKEN);
}

static void long_tokens_are_not_looked_at(void **state)
{
    struct fixture *f = *state;
    char *text = arena_zalloc(&f->mem, 1, OIDC_TOKEN_MAX + 1);
    memset(text, '.', OIDC_TOKEN_MAX + 1);
    assert_int_equal(verify_text(f, &provider, str_make(text, OIDC_TOKEN_MAX + 1)),
                     ERR_INVALID_TOKEN);
    assert_int_equal(verify_text(f, &provider, STR_NULL), ERR_INVALID_TOKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_names_a_person),
        cmocka_unit_test(addresses_are_vouched_for_or_not),
        cmocka_unit_test(the_issuer_is_exact),
        cmocka_unit_test(the_audience_is_us),
        cmocka_unit_test(it_was_made_just_now),
        cmocka_unit_test(the_nonce_is_ours),
        cmocka_unit_test(somebody_is_named),
        cmocka_unit_test(headers_that_do_not_count),
        cmocka_unit_test(keys_that_are_not_known_are_told_apart),
        cmocka_unit_test(nothing_of_it_can_be_changed),
        cmocka_unit_test(claims_are_a_json_object),
        cmocka_unit_test(long_tokens_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
