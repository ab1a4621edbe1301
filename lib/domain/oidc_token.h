/* ID tokens (OpenID Connect Core 1.0 section 2 and 3.1.3.7): is this one from that provider, for
 * us, about this attempt, and about whom? Asks nobody. */
#ifndef DOMAIN_OIDC_TOKEN_H
#define DOMAIN_OIDC_TOKEN_H

#include "domain/oidc.h"
#include "wire/json.h"
#include "wire/jwk.h"

/* Groups and the like can make them long. */
#define OIDC_TOKEN_MAX (32 * 1024)

/* Clocks may differ by so much; an older token was not made for this attempt. */
#define OIDC_SKEW_S      60
#define OIDC_TOKEN_AGE_S 600

/*
 * alg RS256 or ES256 by a key of `keys`, nothing critical; iss, aud and azp, exp, iat, nbf, nonce,
 * sub. ERR_NOT_FOUND: none of these keys has signed it, newer ones may have. ERR_INVALID_TOKEN: it
 * is not good whatever the keys. Both with *why.
 */
enum err oidc_token_verify(struct oidc_person *out, struct str token, const struct jwks *keys,
                           const struct oidc_provider *p, struct str nonce, int64_t now_s,
                           struct arena *mem, const char **why) must_check;

/* The claims about a person, here or at the userinfo endpoint; strings in mem. What is missing or
 * has another type is empty. */
void oidc_token_read_person(struct oidc_person *out, struct json_value claims, struct arena *mem);

#endif
