/*
 * What a passkey's two ceremonies (making one, signing in with it) have in common in requests: for
 * which site they are, the challenge, and the credential as browsers give it
 * (PublicKeyCredential.toJSON). A challenge is a one-time token (domain/who.h): nothing is kept of
 * those that wait.
 */
#ifndef APP_CEREMONY_H
#define APP_CEREMONY_H

#include "domain/webauthn.h"
#include "req.h"

#define CEREMONY_S 300 /* from the challenge to its answer */

/* That of public_url; where it is not set, localhost, if the request is for that.
 * ERR_NOT_FOUND: there is no host's name that passkeys could be for. */
enum err ceremony_site(struct req *r, struct webauthn_site *out) must_check;

/* Append "challenge":…,"timeout":… for options: a new challenge of this type, of user_id where that
 * is known; `value` as in struct who_once. */
void ceremony_append_challenge(struct req *r, struct str type, struct str user_id,
                               struct str value);

/* The body's member credential. */
struct ceremony_answer {
    struct str id; /* base64url */
    struct json_value response;
    struct webauthn_client client;
};

/* ERR_INVALID, with a sentence. */
enum err ceremony_read(struct req *r, struct ceremony_answer *out) must_check;

/* A member of a.response: its bytes, in r->mem; between 1 and max of them. As above. */
enum err ceremony_read_bytes(struct req *r, const struct ceremony_answer *a, const char *name,
                             size_t max, struct str *out) must_check;

/* What the challenge proves that was answered. ERR_INVALID_TOKEN: it is none of ours, of another
 * type, or too old; whether it was used is the caller's to ask (store/once.h). */
enum err ceremony_check_challenge(struct req *r, const struct ceremony_answer *a, struct str type,
                                  struct who_once *out) must_check;

#endif
