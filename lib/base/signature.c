/* RS256 and ES256 by libcrypto's EVP: numbers to a key, a signature to yes or no. */
#include "base/base.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/log.h"
#include "base/signature.h"

/* With a larger exponent verifying takes as long as signing. */
#define EXPONENT_MAX_LEN 8

/* A SEQUENCE of two INTEGERs of 33 bytes. */
#define P256_DER_MAX (2 + 2 * (2 + SIGNATURE_P256_LEN + 1))

static struct str without_leading_zeros(struct str number)
{
    while (number.n && number.p[0] == 0)
        number = str_from(number, 1);
    return number;
}

static size_t bits_of(struct str number)
{
    size_t bits = number.n * 8;
    if (!number.n)
        return 0;
    for (unsigned char top = (unsigned char)number.p[0]; !(top & 0x80u);
         top = (unsigned char)(top << 1))
        bits--;
    return bits;
}

static bool is_odd(struct str number)
{
    return number.n && (number.p[number.n - 1] & 1);
}

/* --- keys ------------------------------------------------------------------------------------- */

/* From named parameters to a key; NULL when they make none. */
static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *fields)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(fields);
    EVP_PKEY *key = NULL;
    if (!ctx || !params)
        fatal("libcrypto cannot make a key");
    if (EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_key(const struct signature_key *k)
{
    struct str n = without_leading_zeros(k->n), e = without_leading_zeros(k->e);
    size_t bits = bits_of(n);
    if (bits < SIGNATURE_RSA_MIN_BITS || bits > SIGNATURE_RSA_MAX_BITS || !is_odd(n) ||
        e.n > EXPONENT_MAX_LEN || !is_odd(e) || (e.n == 1 && e.p[0] == 1))
        return NULL;

    OSSL_PARAM_BLD *fields = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
    BIGNUM *exponent = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
    if (!fields || !modulus || !exponent ||
        OSSL_PARAM_BLD_push_BN(fields, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(fields, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
        fatal("libcrypto cannot make an RSA key");
    EVP_PKEY *key = key_from("RSA", fields);
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(fields);
    return key;
}

/* libcrypto refuses a point that is not on the curve; the curve has no other subgroup. */
static EVP_PKEY *p256_key(const struct signature_key *k)
{
    unsigned char point[1 + 2 * SIGNATURE_P256_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
    if (k->x.n != SIGNATURE_P256_LEN || k->y.n != SIGNATURE_P256_LEN)
        return NULL;
    memcpy(point + 1, k->x.p, SIGNATURE_P256_LEN);
    memcpy(point + 1 + SIGNATURE_P256_LEN, k->y.p, SIGNATURE_P256_LEN);

    OSSL_PARAM_BLD *fields = OSSL_PARAM_BLD_new();
    if (!fields ||
        OSSL_PARAM_BLD_push_utf8_string(fields, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(fields, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) != 1)
        fatal("libcrypto cannot make a P-256 key");
    EVP_PKEY *key = key_from("EC", fields);
    OSSL_PARAM_BLD_free(fields);
    return key;
}

/* NULL: no key that may be used. Freed with EVP_PKEY_free(). */
static EVP_PKEY *key_new(const struct signature_key *k)
{
    return k->alg == SIGNATURE_RS256 ? rsa_key(k) : p256_key(k);
}

enum err signature_check_key(const struct signature_key *key)
{
    ERR_set_mark();
    EVP_PKEY *pkey = key_new(key);
    enum err e = pkey ? OK : ERR_INVALID;
    EVP_PKEY_free(pkey);
    ERR_pop_to_mark();
    return e;
}

/* --- signatures ------------------------------------------------------------------------------- */

/* r and s as DER, in out; 0 for another length. */
static size_t raw_to_der(struct str raw, unsigned char out[P256_DER_MAX])
{
    const unsigned char *bytes = (const unsigned char *)raw.p;
    if (raw.n != 2 * SIGNATURE_P256_LEN)
        return 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, SIGNATURE_P256_LEN, NULL);
    BIGNUM *s = BN_bin2bn(bytes + SIGNATURE_P256_LEN, SIGNATURE_P256_LEN, NULL);
    if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) /* both are the pair's now */
        fatal("libcrypto cannot make an ECDSA signature");
    int n = i2d_ECDSA_SIG(pair, &out);
    ECDSA_SIG_free(pair);
    return n > 0 ? (size_t)n : 0;
}

static bool is_signed(EVP_PKEY *key, struct str message, struct str signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        fatal("libcrypto has no memory");
    /* RSA keys are used with PKCS #1 v1.5 unless told otherwise. */
    bool good =
        EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
        EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                         (const unsigned char *)(message.p ? message.p : ""), message.n) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

enum err signature_verify(const struct signature_key *key, enum signature_form form,
                          struct str message, struct str signature)
{
    unsigned char der[P256_DER_MAX];
    if (signature.n == 0 || signature.n > SIGNATURE_MAX)
        return ERR_INVALID;
    if (key->alg == SIGNATURE_ES256 && form == SIGNATURE_RAW)
        signature = str_make((char *)der, raw_to_der(signature, der));
    if (signature.n == 0)
        return ERR_INVALID;

    ERR_set_mark();
    EVP_PKEY *pkey = key_new(key);
    bool good = pkey && is_signed(pkey, message, signature);
    EVP_PKEY_free(pkey);
    ERR_pop_to_mark();
    return good ? OK : ERR_INVALID;
}
