/* Private keys of tests: sign as OpenID providers and authenticators do, and show the public half.
 */
#ifndef TESTS_LIB_SIGNER_H
#define TESTS_LIB_SIGNER_H

#include "base/buf.h"
#include "base/signature.h"

struct signer;

/* A new key: 2,048 bits of RSA, or P-256. */
struct signer *signer_new(enum signature_alg alg);
void signer_free(struct signer *s);

/* Append {"kty":…,"kid":…,…}. */
void signer_append_jwk(struct buf *out, const struct signer *s, const char *kid);

/* Append a JWS of these two JSON texts, whatever they say. */
void signer_append_jws(struct buf *out, const struct signer *s, const char *header,
                       const char *payload);

/* Append the bytes of a signature of `message`, ES256 as DER. */
void signer_append_signature(struct buf *out, const struct signer *s, struct str message);

/* Append x and y of an ES256 key, SIGNATURE_P256_LEN bytes each. */
void signer_append_point(struct buf *out, const struct signer *s);

#endif
