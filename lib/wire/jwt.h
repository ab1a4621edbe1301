/*
 * JSON Web Tokens (RFC 7519), JWS compact, HS256 only: sign, and verify against keys and a given
 * now. Which token may do what is domain/who.h.
 */
#ifndef WIRE_JWT_H
#define WIRE_JWT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define JWT_MAX 8192

struct jwt_key {
    struct str kid;
    struct str secret;
};

/* Claims that Cubby reads; absent strings have p == NULL, absent times are 0. Unescaped, in mem. */
struct jwt {
    struct str sub, user_id, email, sid, jti, type, kid;
    struct str value;      /* what one of our one-time tokens is about */
    int64_t iat, exp, nbf; /* seconds */
    int64_t until;         /* the same, of our own tickets */
    bool has_type;         /* a `type` member of any JSON type */
};

/*
 * Sign: header {"alg":"HS256","typ":"JWT","kid":…} and `claims`, a JSON object text. Appends the
 * token. Cannot fail.
 */
void jwt_sign(struct buf *out, const struct jwt_key *key, struct str claims);

/*
 * Verify: three parts, canonical base64url, alg exactly HS256, `crit` absent, a known kid (without
 * kid: each key is tried), signature compared in constant time, exp > now >= nbf where present
 * (whole or fractional numbers; another type fails). now in seconds. The claims' JSON must be a
 * strict object; a string claim above that is no string counts as absent, but a `type` of any kind
 * sets has_type, and such a `sid` is there and empty. ERR_UNAUTHORIZED for everything; strings in
 * mem. No allocation but from mem. Under 5 µs for our own tokens.
 */
enum err jwt_verify(struct jwt *out, struct str token, const struct jwt_key *keys, size_t key_count,
                    int64_t now, struct arena *mem) must_check;

#endif
