/* RS256 and ES256 by libcrypto. */
#include "base/base.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/enc.h"
#include "base/mem.h"
#include "lib/signer.h"

struct signer {
    enum signature_alg alg;
    EVP_PKEY *key;
};

struct signer *signer_new(enum signature_alg alg)
{
    struct signer *s = mem_zalloc(1, sizeof *s);
    s->alg = alg;
    s->key = alg == SIGNATURE_RS256 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    assert(s->key);
    return s;
}

void signer_free(struct signer *s)
{
    EVP_PKEY_free(s->key);
    mem_free(s);
}

/* "name":"…" of a number of the key, in len bytes, or as few as it needs (0). */
static void append_number(struct buf *out, const struct signer *s, const char *name,
                          const char *param, int len)
{
    unsigned char bytes[SIGNATURE_MAX];
    BIGNUM *n = NULL;
    int found = EVP_PKEY_get_bn_param(s->key, param, &n);
    assert(found);
    if (!len)
        len = BN_num_bytes(n);
    BN_bn2binpad(n, bytes, len);
    BN_free(n);
    buf_appendf(out, ",\"%s\":\"", name);
    base64url_append(out, bytes, (size_t)len);
    buf_append_ch(out, '"');
}

void signer_append_jwk(struct buf *out, const struct signer *s, const char *kid)
{
    buf_appendf(out, "{\"kid\":\"%s\",\"use\":\"sig\"", kid);
    if (s->alg == SIGNATURE_RS256) {
        buf_append_lit(out, ",\"kty\":\"RSA\",\"alg\":\"RS256\"");
        append_number(out, s, "n", OSSL_PKEY_PARAM_RSA_N, 0);
        append_number(out, s, "e", OSSL_PKEY_PARAM_RSA_E, 0);
    } else {
        buf_append_lit(out, ",\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\"");
        append_number(out, s, "x", OSSL_PKEY_PARAM_EC_PUB_X, SIGNATURE_P256_LEN);
        append_number(out, s, "y", OSSL_PKEY_PARAM_EC_PUB_Y, SIGNATURE_P256_LEN);
    }
    buf_append_ch(out, '}');
}

void signer_append_point(struct buf *out, const struct signer *s)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *bytes = buf_reserve(out, SIGNATURE_P256_LEN);
        BIGNUM *n = NULL;
        int found = EVP_PKEY_get_bn_param(s->key, names[i], &n);
        assert(found);
        BN_bn2binpad(n, (unsigned char *)bytes, SIGNATURE_P256_LEN);
        BN_free(n);
        out->n += SIGNATURE_P256_LEN;
    }
}

/* Returns the signature's length. */
static size_t sign(const struct signer *s, struct str message,
                   unsigned char signature[SIGNATURE_MAX])
{
    size_t n = SIGNATURE_MAX;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int done = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, s->key, NULL) == 1 &&
               EVP_DigestSign(ctx, signature, &n, (const unsigned char *)message.p, message.n) == 1;
    assert(done);
    EVP_MD_CTX_free(ctx);
    return n;
}

void signer_append_signature(struct buf *out, const struct signer *s, struct str message)
{
    unsigned char signature[SIGNATURE_MAX];
    buf_append(out, signature, sign(s, message, signature));
}

/* DER to r and s; returns their length. */
static size_t der_to_raw(unsigned char *bytes, size_t n)
{
    const unsigned char *p = bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, SIGNATURE_P256_LEN);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + SIGNATURE_P256_LEN, SIGNATURE_P256_LEN);
    ECDSA_SIG_free(pair);
    return 2 * (size_t)SIGNATURE_P256_LEN;
}

void signer_append_jws(struct buf *out, const struct signer *s, const char *header,
                       const char *payload)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t start = out->n;
    base64url_append(out, header, strlen(header));
    buf_append_ch(out, '.');
    base64url_append(out, payload, strlen(payload));

    size_t n = sign(s, str_from(buf_str(out), start), signature);
    if (s->alg == SIGNATURE_ES256)
        n = der_to_raw(signature, n);
    buf_append_ch(out, '.');
    base64url_append(out, signature, n);
}
