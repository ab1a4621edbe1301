/*
 * JSON Web Signatures in their compact form (RFC 7515 7.1), read: three parts between dots, two of
 * them JSON. Who may have signed what is wire/jwt.h's for our own tokens, domain/oidc_token.h's for
 * those of providers.
 */
#ifndef WIRE_JWS_H
#define WIRE_JWS_H

#include "wire/json.h"

/* Borrowed from the token; base64url but for signed_text. */
struct jws {
    struct str header, payload, signature;
    struct str signed_text; /* what the signature is over: header "." payload */
};

/* False: not three parts. */
bool jws_split(struct jws *out, struct str token);

/* Decode a part and parse it as a JSON object. What doc points at is in mem. */
bool jws_object(struct json *doc, struct str part, struct arena *mem);

/* The string member of that name, or STR_NULL when there is none or it is no string. */
struct str jws_string(struct json_value object, struct str name, struct arena *mem);

/*
 * A NumericDate (RFC 7519 section 2), rounded up: against a whole `now`, both "exp > now" and
 * "now >= nbf" keep their answer. False for another type; absent leaves *out alone.
 */
bool jws_time(struct json_value claims, struct str name, int64_t *out);

#endif
