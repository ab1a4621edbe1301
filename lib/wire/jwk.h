/*
 * JSON Web Key Sets (RFC 7517), as OpenID providers publish them: the public keys in them that can
 * verify RS256 and ES256. All others are skipped, as RFC 7517 5 asks.
 */
#ifndef WIRE_JWK_H
#define WIRE_JWK_H

#include "base/arena.h"
#include "base/signature.h"

/* Keys of a set that are looked at; providers have two or three. */
#define JWKS_MAX 64

struct jwk {
    struct str kid; /* p == NULL: it has none */
    struct signature_key key;
};

struct jwks {
    size_t count;
    struct jwk list[JWKS_MAX];
};

/*
 * Read a set; keys and names are in mem. ERR_INVALID: no JSON object with an array `keys`. Keys of
 * another type or use and all after JWKS_MAX are left out.
 */
enum err jwks_parse(struct jwks *out, struct str text, struct arena *mem) must_check;

/* The one key of that name (p == NULL: of any) and algorithm. NULL: there is none, or several. */
const struct jwk *jwks_find(const struct jwks *set, struct str kid, enum signature_alg alg);

#endif
