/* Signatures: the published examples verify, and nothing that differs from them does. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/enc.h"
#include "base/signature.h"

/* RFC 7515 A.2 and A.3, RFC 7520 4.1: base64url, as they stand there. */
#define RFC7515_N                                                                                  \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4" \
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re" \
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RFC7515_CLAIMS                                                                             \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define RFC7515_RS256                                                                              \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5" \
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb" \
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO" \
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RFC7515_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define RFC7515_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define RFC7515_ES256                                                                              \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define RFC7520_N                                                                                  \
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmS" \
    "CpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-Of" \
    "VfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKw" \
    "uCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
#define RFC7520_SIGNED                                                                             \
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9."                    \
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250" \
    "byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hl" \
    "cmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
#define RFC7520_RS256                                                                              \
    "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xugl" \
    "II7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x" \
    "8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE" \
    "_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"

struct example {
    struct arena mem;
    struct signature_key key;
    struct str message, signature;
};

static struct str decoded(struct example *x, const char *text)
{
    struct str s = str_from_c(text);
    char *out = arena_alloc(&x->mem, s.n);
    size_t n;
    assert_true(base64url_decode(s, out, s.n, &n));
    return str_make(out, n);
}

static struct example rs256(void)
{
    struct example x = {.mem = ARENA_INIT};
    x.key = (struct signature_key){
        .alg = SIGNATURE_RS256, .n = decoded(&x, RFC7515_N), .e = decoded(&x, "AQAB")};
    x.message = STR("eyJhbGciOiJSUzI1NiJ9." RFC7515_CLAIMS);
    x.signature = decoded(&x, RFC7515_RS256);
    return x;
}

static struct example es256(void)
{
    struct example x = {.mem = ARENA_INIT};
    x.key = (struct signature_key){
        .alg = SIGNATURE_ES256, .x = decoded(&x, RFC7515_X), .y = decoded(&x, RFC7515_Y)};
    x.message = STR("eyJhbGciOiJFUzI1NiJ9." RFC7515_CLAIMS);
    x.signature = decoded(&x, RFC7515_ES256);
    return x;
}

static enum err verify(const struct example *x)
{
    return signature_verify(&x->key, SIGNATURE_RAW, x->message, x->signature);
}

/* A copy of s that the example owns, for changing. */
static char *copy(struct example *x, struct str *s)
{
    *s = arena_dup(&x->mem, *s);
    return (char *)s->p;
}

static void prepend(struct example *x, struct str *s, const char *bytes, size_t n)
{
    char *p = arena_alloc(&x->mem, s->n + n);
    memcpy(p, bytes, n);
    memcpy(p + n, s->p, s->n);
    *s = str_make(p, s->n + n);
}

/* r and s as the SEQUENCE that others write; s of RFC 7515 A.3 needs its leading zero. */
static void make_der(struct example *x)
{
    struct str raw = x->signature;
    char der[71] = {0x30, 69, 2, 32};
    memcpy(der + 4, raw.p, 32);
    memcpy(der + 36, "\x02\x21\x00", 3);
    memcpy(der + 39, raw.p + 32, 32);
    x->signature = arena_dup(&x->mem, str_make(der, sizeof der));
}

static void verifies_rs256_of_rfc_7515(void **state)
{
    (void)state;
    struct example x = rs256();
    assert_int_equal(OK, signature_check_key(&x.key));
    assert_int_equal(OK, verify(&x));
    arena_release(&x.mem);
}

static void verifies_rs256_of_rfc_7520(void **state)
{
    (void)state;
    struct example x = rs256();
    x.key.n = decoded(&x, RFC7520_N);
    x.message = STR(RFC7520_SIGNED);
    x.signature = decoded(&x, RFC7520_RS256);
    assert_int_equal(OK, verify(&x));
    arena_release(&x.mem);
}

static void verifies_es256_of_rfc_7515_in_both_forms(void **state)
{
    (void)state;
    struct example x = es256();
    assert_int_equal(OK, signature_check_key(&x.key));
    assert_int_equal(OK, verify(&x));
    make_der(&x);
    assert_int_equal(ERR_INVALID, verify(&x));
    assert_int_equal(OK, signature_verify(&x.key, SIGNATURE_DER, x.message, x.signature));
    arena_release(&x.mem);
}

static void ignores_leading_zeros_of_a_modulus(void **state)
{
    (void)state;
    struct example x = rs256();
    prepend(&x, &x.key.n, "\0\0", 2);
    prepend(&x, &x.key.e, "\0", 1);
    assert_int_equal(OK, verify(&x));
    arena_release(&x.mem);
}

/* Every third bit of the signature, each byte of the message, each length. */
static void refuses_any_change(struct example x)
{
    char *signature = copy(&x, &x.signature), *message = copy(&x, &x.message);
    for (size_t bit = 0; bit < x.signature.n * 8; bit += 3) {
        signature[bit / 8] ^= (char)(1u << bit % 8);
        assert_int_equal(ERR_INVALID, verify(&x));
        signature[bit / 8] ^= (char)(1u << bit % 8);
    }
    for (size_t i = 0; i < x.message.n; i++) {
        message[i] ^= 1;
        assert_int_equal(ERR_INVALID, verify(&x));
        message[i] ^= 1;
    }
    for (size_t n = 0; n < x.signature.n; n++)
        assert_int_equal(ERR_INVALID, signature_verify(&x.key, SIGNATURE_RAW, x.message,
                                                       str_make(x.signature.p, n)));
    assert_int_equal(OK, verify(&x));
    prepend(&x, &x.signature, "\0", 1);
    assert_int_equal(ERR_INVALID, verify(&x));
    arena_release(&x.mem);
}

static void refuses_any_change_of_rs256(void **state)
{
    (void)state;
    refuses_any_change(rs256());
}

static void refuses_any_change_of_es256(void **state)
{
    (void)state;
    refuses_any_change(es256());
}

static void refuses_another_key(void **state)
{
    (void)state;
    struct example x = rs256(), y = es256();
    x.key.n = decoded(&x, RFC7520_N);
    assert_int_equal(OK, signature_check_key(&x.key));
    assert_int_equal(ERR_INVALID, verify(&x));
    y.key.y = decoded(&y, RFC7515_X);
    assert_int_equal(ERR_INVALID, signature_check_key(&y.key)); /* not on the curve */
    assert_int_equal(ERR_INVALID, verify(&y));
    arena_release(&x.mem);
    arena_release(&y.mem);
}

static void refuses_rsa_keys_that_are_too_small_or_odd_in_form(void **state)
{
    (void)state;
    struct example x = rs256();
    const struct str good = x.key.n;
    x.key.n = str_make(good.p, 128);
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    x.key.n = STR("");
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    x.key.n = good;
    prepend(&x, &x.key.n, arena_zalloc(&x.mem, 1, 1024), 1024); /* zeros say nothing */
    assert_int_equal(OK, signature_check_key(&x.key));
    x.key.n = good;
    char *large = arena_zalloc(&x.mem, 1, 1025);
    memset(large, 0xff, 1025);
    x.key.n = str_make(large, 1024);
    assert_int_equal(OK, signature_check_key(&x.key));
    x.key.n = str_make(large, 1025);
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    x.key.n = good;
    copy(&x, &x.key.n)[good.n - 1] ^= 1; /* even */
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    arena_release(&x.mem);
}

static void refuses_exponents_that_prove_nothing(void **state)
{
    (void)state;
    struct example x = rs256();
    const struct str bad[] = {STR(""), STR("\0"), STR("\1"), STR("\2"), STR("\1\1\1\1\1\1\1\1\1")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        x.key.e = bad[i];
        assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
        assert_int_equal(ERR_INVALID, verify(&x));
    }
    arena_release(&x.mem);
}

static void refuses_points_of_another_length(void **state)
{
    (void)state;
    struct example x = es256();
    prepend(&x, &x.key.x, "\0", 1);
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    x.key.x = str_make(x.key.x.p, 31);
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    x.key.x = x.key.y = STR_NULL;
    assert_int_equal(ERR_INVALID, signature_check_key(&x.key));
    arena_release(&x.mem);
}

/* CVE-2022-21449: r = s = 0 is no signature. */
static void refuses_zeros_and_the_curves_order(void **state)
{
    (void)state;
    static const char order[] = "\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"
                                "\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    struct example x = es256();
    char *p = copy(&x, &x.signature);
    memset(p, 0, 64);
    assert_int_equal(ERR_INVALID, verify(&x));
    memcpy(p, order, 32);
    memcpy(p + 32, order, 32);
    assert_int_equal(ERR_INVALID, verify(&x));
    arena_release(&x.mem);
}

static void refuses_der_that_is_not_canonical(void **state)
{
    (void)state;
    struct example x = es256();
    make_der(&x);
    char longer[80] = {0};
    memcpy(longer, x.signature.p, x.signature.n);
    assert_int_equal(ERR_INVALID, signature_verify(&x.key, SIGNATURE_DER, x.message,
                                                   str_make(longer, x.signature.n + 1)));
    memmove(longer + 5, longer + 4, x.signature.n - 4); /* r with a zero too many */
    longer[1]++;
    longer[3]++;
    longer[4] = 0;
    assert_int_equal(ERR_INVALID, signature_verify(&x.key, SIGNATURE_DER, x.message,
                                                   str_make(longer, x.signature.n + 1)));
    for (size_t n = 0; n < x.signature.n; n++)
        assert_int_equal(ERR_INVALID, signature_verify(&x.key, SIGNATURE_DER, x.message,
                                                       str_make(x.signature.p, n)));
    arena_release(&x.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_rs256_of_rfc_7515),
        cmocka_unit_test(verifies_rs256_of_rfc_7520),
        cmocka_unit_test(verifies_es256_of_rfc_7515_in_both_forms),
        cmocka_unit_test(ignores_leading_zeros_of_a_modulus),
        cmocka_unit_test(refuses_any_change_of_rs256),
        cmocka_unit_test(refuses_any_change_of_es256),
        cmocka_unit_test(refuses_another_key),
        cmocka_unit_test(refuses_rsa_keys_that_are_too_small_or_odd_in_form),
        cmocka_unit_test(refuses_exponents_that_prove_nothing),
        cmocka_unit_test(refuses_points_of_another_length),
        cmocka_unit_test(refuses_zeros_and_the_curves_order),
        cmocka_unit_test(refuses_der_that_is_not_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
