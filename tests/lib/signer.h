/* Private keys of tests: signs JWS as OpenID providers do, and shows the public half as a JWK. */
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

#endif
