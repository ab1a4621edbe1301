/* Tokens: ours verify, everything that was tampered with does not. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/enc.h"
#include "lib/guard.h"
#include "wire/jwt.h"

#define NOW 1800000000

static const struct jwt_key keys[] = {
    {{"new", 3}, {"the secret of today, long enough", 32}},
    {{"old", 3}, {"the secret of yesterday", 23}},
};

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

/* Any header and claims, signed with the first key. */
static void make_token(struct buf *out, struct str header, struct str claims)
{
    unsigned char mac[SHA256_LEN];
    buf_reset(out);
    base64url_append(out, header.p, header.n);
    buf_append_ch(out, '.');
    base64url_append(out, claims.p, claims.n);
    hmac_sha256(keys[0].secret, buf_str(out), mac);
    buf_append_ch(out, '.');
    base64url_append(out, mac, sizeof mac);
}

static enum err verify(struct jwt *out, struct str token, struct arena *mem)
{
    return jwt_verify(out, guard_copy(token), keys, ARRAY_LEN(keys), NOW, mem);
}

static enum err outcome(const char *header, const char *claims)
{
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct jwt jwt;
    make_token(&token, str_from_c(header), str_from_c(claims));
    enum err e = verify(&jwt, buf_str(&token), &mem);
    buf_release(&token);
    arena_release(&mem);
    return e;
}

#define assert_good(header, claims) assert_int_equal(OK, outcome(header, claims))
#define assert_bad(header, claims)  assert_int_equal(ERR_UNAUTHORIZED, outcome(header, claims))
#define assert_text(expected, s)    assert_true(str_eq(STR(expected), s))

static void signs_stable_bytes(void **state)
{
    (void)state;
    struct buf token = BUF_INIT;
    jwt_sign(&token, &keys[1], STR("{\"sub\":\"a\"}"));
    assert_string_equal("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Im9sZCJ9.eyJzdWIiOiJhIn0."
                        "jVKVzDgVc_d3zVY2DpnURcSwnWVmG29HrPzTkMt3FAc",
                        token.p);
    buf_release(&token);
}

static void verifies_the_example_of_rfc_7515(void **state)
{
    (void)state;
    struct str secret = STR(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    unsigned char bytes[64];
    size_t n;
    struct arena mem = ARENA_INIT;
    struct jwt jwt;
    assert_true(base64url_decode(secret, bytes, sizeof bytes, &n));
    struct jwt_key key = {STR_NULL, str_make((char *)bytes, n)};
    struct str token = STR("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
                           ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                           "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
                           ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_int_equal(OK, jwt_verify(&jwt, token, &key, 1, 1300819379, &mem));
    assert_int_equal(1300819380, jwt.exp);
    assert_int_equal(ERR_UNAUTHORIZED, jwt_verify(&jwt, token, &key, 1, 1300819380, &mem));
    arena_release(&mem);
}

static void reads_the_claims_of_its_own_tokens(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct jwt jwt;
    jwt_sign(
        &token, &keys[1],
        STR("{\"sub\":\"s\",\"userId\":\"u\\u0041\",\"email\":\"e\",\"sid\":\"i\",\"jti\":\"j\","
            "\"type\":\"refresh\",\"iat\":1,\"nbf\":2,\"exp\":1900000000,\"x\":[{}]}"));
    assert_int_equal(OK, verify(&jwt, buf_str(&token), &mem));
    assert_text("s", jwt.sub);
    assert_text("uA", jwt.user_id);
    assert_text("e", jwt.email);
    assert_text("i", jwt.sid);
    assert_text("j", jwt.jti);
    assert_text("refresh", jwt.type);
    assert_text("old", jwt.kid);
    assert_true(jwt.has_type);
    assert_int_equal(1, jwt.iat);
    assert_int_equal(2, jwt.nbf);
    assert_int_equal(1900000000, jwt.exp);
    buf_release(&token);
    arena_release(&mem);
}

static void leaves_absent_claims_empty(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct jwt jwt;
    make_token(&token, STR(HS256), STR("{\"sub\":7,\"email\":null,\"type\":null,\"iat\":\"x\"}"));
    assert_int_equal(OK, verify(&jwt, buf_str(&token), &mem));
    assert_null(jwt.sub.p);
    assert_null(jwt.email.p);
    assert_null(jwt.sid.p);
    assert_null(jwt.kid.p);
    assert_null(jwt.type.p);
    assert_true(jwt.has_type);
    assert_int_equal(0, jwt.exp);
    assert_int_equal(0, jwt.iat);
    make_token(&token, STR(HS256), STR("{}"));
    assert_int_equal(OK, verify(&jwt, buf_str(&token), &mem));
    assert_false(jwt.has_type);
    buf_release(&token);
    arena_release(&mem);
}

static void a_sid_of_another_type_is_there_and_empty(void **state)
{
    static const char *const sids[] = {"null", "7", "[]", "{}", "true", "\"\""};
    struct arena mem = ARENA_INIT;
    struct jwt jwt;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sids); i++) {
        struct buf token = BUF_INIT;
        make_token(&token, STR(HS256), arena_printf(&mem, "{\"sid\":%s}", sids[i]));
        assert_int_equal(OK, verify(&jwt, buf_str(&token), &mem));
        assert_non_null(jwt.sid.p);
        assert_int_equal(jwt.sid.n, 0);
        buf_release(&token);
    }
    arena_release(&mem);
}

static void accepts_no_other_algorithm(void **state)
{
    (void)state;
    assert_good("{\"alg\":\"HS256\"}", "{}");
    assert_bad("{\"alg\":\"none\"}", "{}");
    assert_bad("{\"alg\":\"hs256\"}", "{}");
    assert_bad("{\"alg\":\"HS512\"}", "{}");
    assert_bad("{\"alg\":[\"HS256\"]}", "{}");
    assert_bad("{\"alg\":\"HS256 \"}", "{}");
    assert_bad("{\"ALG\":\"HS256\"}", "{}");
    assert_bad("{\"alg\":\"none\",\"alg\":\"HS256\"}", "{}");
    assert_bad("{}", "{}");
    assert_bad("", "{}");
    assert_bad("[\"HS256\"]", "{}");
}

static void refuses_what_a_header_makes_critical(void **state)
{
    (void)state;
    assert_bad("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"crit\":[]}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"crit\":null}", "{}");
}

static void picks_the_key_by_kid(void **state)
{
    (void)state;
    assert_good("{\"alg\":\"HS256\",\"kid\":\"new\"}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"kid\":\"old\"}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"kid\":\"other\"}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"kid\":\"\"}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"kid\":1}", "{}");
    assert_bad("{\"alg\":\"HS256\",\"kid\":null}", "{}");
}

static void tries_each_key_without_kid(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct jwt jwt;
    const struct jwt_key nameless = {STR_NULL, keys[1].secret}, stranger = {STR_NULL, STR("x")},
                         empty = {STR_NULL, STR_NULL};
    jwt_sign(&token, &nameless, STR("{}"));
    assert_int_equal(OK, verify(&jwt, buf_str(&token), &mem));
    assert_null(jwt.kid.p);
    buf_reset(&token);
    jwt_sign(&token, &stranger, STR("{}"));
    assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, buf_str(&token), &mem));
    assert_int_equal(ERR_UNAUTHORIZED, jwt_verify(&jwt, buf_str(&token), NULL, 0, NOW, &mem));
    /* A secret that was never set signs nothing. */
    buf_reset(&token);
    jwt_sign(&token, &empty, STR("{}"));
    assert_int_equal(ERR_UNAUTHORIZED, jwt_verify(&jwt, buf_str(&token), &empty, 1, NOW, &mem));
    buf_release(&token);
    arena_release(&mem);
}

static void keeps_to_exp_and_nbf(void **state)
{
    (void)state;
    assert_good(HS256, "{\"exp\":1800000001}");
    assert_bad(HS256, "{\"exp\":1800000000}");
    assert_good(HS256, "{\"exp\":1800000000.5}");
    assert_bad(HS256, "{\"exp\":1799999999.5}");
    assert_good(HS256, "{\"exp\":1.9e9}");
    assert_good(HS256, "{\"exp\":1e300}");
    assert_bad(HS256, "{\"exp\":-1e300}");
    assert_bad(HS256, "{\"exp\":0}");
    assert_good(HS256, "{\"nbf\":1800000000}");
    assert_bad(HS256, "{\"nbf\":1800000001}");
    assert_bad(HS256, "{\"nbf\":1800000000.5}");
    assert_good(HS256, "{\"nbf\":1799999999.5}");
    assert_bad(HS256, "{\"nbf\":1e300}");
    assert_good(HS256, "{\"nbf\":-1e300}");
    static const char *const no_times[] = {"\"1900000000\"", "null", "true", "[1900000000]", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(no_times); i++) {
        struct buf claims = BUF_INIT;
        buf_appendf(&claims, "{\"exp\":%s}", no_times[i]);
        assert_bad(HS256, claims.p);
        buf_reset(&claims);
        buf_appendf(&claims, "{\"nbf\":%s}", no_times[i]);
        assert_bad(HS256, claims.p);
        buf_release(&claims);
    }
}

static void wants_strict_json_objects(void **state)
{
    (void)state;
    assert_bad(HS256, "");
    assert_bad(HS256, "[]");
    assert_bad(HS256, "null");
    assert_bad(HS256, "{} x");
    assert_bad(HS256, "{\"sub\":\"a\",\"sub\":\"b\"}");
    assert_bad(HS256, "{\"sub\":\"\xff\"}");
    assert_bad(HS256, "{\"sub\":\"a\\u0000b\"}");
}

static void notices_every_changed_byte(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT;
    struct jwt jwt;
    jwt_sign(&token, &keys[0], STR("{\"sub\":\"someone\"}"));
    for (size_t i = 0; i < token.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            token.p[i] = (char)(token.p[i] ^ 1 << bit);
            assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, buf_str(&token), &mem));
            token.p[i] = (char)(token.p[i] ^ 1 << bit);
        }
    for (size_t n = 0; n < token.n; n++)
        assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, str_make(token.p, n), &mem));
    assert_int_equal(OK, verify(&jwt, buf_str(&token), &mem));
    buf_append_ch(&token, '=');
    assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, buf_str(&token), &mem));
    buf_release(&token);
    arena_release(&mem);
}

static void wants_three_parts_of_bounded_length(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf token = BUF_INIT, claims = BUF_INIT;
    struct jwt jwt;
    static const char *const odd[] = {"", ".", "..", "...", "a", "a.b", "a.b.c.d", "e30.e30."};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, str_from_c(odd[i]), &mem));
    jwt_sign(&token, &keys[0], STR("{}"));
    buf_append_lit(&token, ".e30");
    assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, buf_str(&token), &mem));
    buf_append_lit(&claims, "{\"x\":\"");
    for (size_t i = 0; i < JWT_MAX; i++)
        buf_append_ch(&claims, 'x');
    buf_append_lit(&claims, "\"}");
    make_token(&token, STR(HS256), buf_str(&claims));
    assert_int_equal(ERR_UNAUTHORIZED, verify(&jwt, buf_str(&token), &mem));
    buf_release(&token);
    buf_release(&claims);
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_stable_bytes),
        cmocka_unit_test(verifies_the_example_of_rfc_7515),
        cmocka_unit_test(reads_the_claims_of_its_own_tokens),
        cmocka_unit_test(leaves_absent_claims_empty),
        cmocka_unit_test(a_sid_of_another_type_is_there_and_empty),
        cmocka_unit_test(accepts_no_other_algorithm),
        cmocka_unit_test(refuses_what_a_header_makes_critical),
        cmocka_unit_test(picks_the_key_by_kid),
        cmocka_unit_test(tries_each_key_without_kid),
        cmocka_unit_test(keeps_to_exp_and_nbf),
        cmocka_unit_test(wants_strict_json_objects),
        cmocka_unit_test(notices_every_changed_byte),
        cmocka_unit_test(wants_three_parts_of_bounded_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
