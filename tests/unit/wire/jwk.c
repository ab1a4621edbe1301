/* Key sets: RFC 7517's own, and what stands in them that is not for us. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/guard.h"
#include "wire/jwk.h"

#define RSA_N                                                                                      \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP" \
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY" \
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f" \
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define EC_X "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define EC_Y "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define RSA  "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"kid\":\"r\""
#define EC   "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",\"kid\":\"e\""

static struct arena mem = ARENA_INIT;

static int release(void **state)
{
    (void)state;
    arena_release(&mem);
    return 0;
}

static enum err parse(struct jwks *set, const char *text)
{
    return jwks_parse(set, arena_dup(&mem, guard_copy(str_from_c(text))), &mem);
}

/* RFC 7517 appendix A.1. */
static void reads_the_keys_of_rfc_7517(void **state)
{
    struct jwks set;
    (void)state;
    assert_int_equal(parse(&set, "{\"keys\":[" EC ",\"use\":\"sig\"}," RSA ",\"alg\":\"RS256\"}]}"),
                     OK);
    assert_int_equal(set.count, 2);
    const struct jwk *ec = jwks_find(&set, STR("e"), SIGNATURE_ES256);
    const struct jwk *rsa = jwks_find(&set, STR("r"), SIGNATURE_RS256);
    assert_non_null(ec);
    assert_non_null(rsa);
    assert_int_equal(signature_check_key(&ec->key), OK);
    assert_int_equal(signature_check_key(&rsa->key), OK);
    assert_int_equal(rsa->key.n.n, 256);
    assert_int_equal(rsa->key.e.n, 3);
}

static void a_name_counts_with_its_algorithm(void **state)
{
    struct jwks set;
    (void)state;
    assert_int_equal(parse(&set, "{\"keys\":[" EC "}," RSA "}]}"), OK);
    assert_null(jwks_find(&set, STR("e"), SIGNATURE_RS256));
    assert_null(jwks_find(&set, STR("E"), SIGNATURE_ES256));
    assert_null(jwks_find(&set, STR(""), SIGNATURE_ES256));
    assert_non_null(jwks_find(&set, STR_NULL, SIGNATURE_ES256)); /* the only one */
    assert_int_equal(parse(&set, "{\"keys\":[" EC "}," EC "}]}"), OK);
    assert_int_equal(set.count, 2);
    assert_null(jwks_find(&set, STR_NULL, SIGNATURE_ES256)); /* which one? */
    assert_null(jwks_find(&set, STR("e"), SIGNATURE_ES256));
}

static void what_is_not_for_us_is_skipped(void **state)
{
    static const char *const skipped[] = {
        RSA ",\"use\":\"enc\"}",
        RSA ",\"use\":7}",
        RSA ",\"alg\":\"RS512\"}",
        RSA ",\"alg\":\"PS256\"}",
        RSA ",\"alg\":null}",
        RSA ",\"key_ops\":[\"encrypt\"]}",
        RSA ",\"key_ops\":[]}",
        RSA ",\"key_ops\":\"verify\"}",
        EC ",\"alg\":\"RS256\"}",
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"a/b+\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":7,\"y\":\"" EC_Y "\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "==\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\",\"kid\":7}",
        "{\"kty\":\"rsa\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}",
        "{}",
        "7",
        "null",
        "[]",
    };
    struct jwks set;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(skipped); i++) {
        struct str text = arena_printf(&mem, "{\"keys\":[%s," EC "}]}", skipped[i]);
        assert_int_equal(parse(&set, text.p), OK);
        if (set.count != 1 || !jwks_find(&set, STR("e"), SIGNATURE_ES256))
            fail_msg("%s", skipped[i]);
    }
}

static void keys_that_may_verify_count(void **state)
{
    struct jwks set;
    (void)state;
    assert_int_equal(parse(&set, "{\"keys\":[" RSA ",\"key_ops\":[\"sign\",\"verify\"]}]}"), OK);
    assert_int_equal(set.count, 1);
}

static void what_is_no_set_is_invalid(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"keys\":{}}",
                                      "{\"keys\":null}",
                                      "{\"keys\":[]} x",
                                      "{\"Keys\":[]}",
                                      "\"keys\""};
    struct jwks set;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (parse(&set, bad[i]) != ERR_INVALID)
            fail_msg("%s", bad[i]);
    assert_int_equal(parse(&set, "{\"keys\":[]}"), OK);
    assert_int_equal(set.count, 0);
}

static void a_set_is_bounded(void **state)
{
    struct buf text = BUF_INIT;
    struct jwks set;
    (void)state;
    buf_append_lit(&text, "{\"keys\":[7");
    for (int i = 0; i < 2 * JWKS_MAX; i++)
        buf_append_lit(&text, "," EC "}");
    buf_append_lit(&text, "]}");
    assert_int_equal(parse(&set, text.p), OK);
    assert_int_equal(set.count, JWKS_MAX);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_keys_of_rfc_7517),
        cmocka_unit_test(a_name_counts_with_its_algorithm),
        cmocka_unit_test(what_is_not_for_us_is_skipped),
        cmocka_unit_test(keys_that_may_verify_count),
        cmocka_unit_test(what_is_no_set_is_invalid),
        cmocka_unit_test(a_set_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
