/*
 * Passkeys: Web Authentication Level 3, the relying party's side (sections 7.1 and 7.2), for
 * credentials that sign in by themselves: the authenticator knows the account and has seen that it
 * is its owner (user verification), which makes two factors of it.
 *
 * Attestation is not asked for and proves nothing here: a statement has to be well-formed and is
 * then ignored, whatever its format, as the standard has it where any authenticator will do.
 *
 * What a challenge is, and whether it is a good one, is the caller's to know, and to ask before
 * anything else.
 */
#ifndef DOMAIN_WEBAUTHN_H
#define DOMAIN_WEBAUTHN_H

#include "base/arena.h"
#include "base/signature.h"

/* COSE's numbers (RFC 9053, RFC 8812) of the algorithms that are taken. */
#define WEBAUTHN_ES256 (-7)
#define WEBAUTHN_RS256 (-257)

/* Bytes at most: of a credential's id (section 4), and of what comes with it. */
#define WEBAUTHN_ID_MAX            1023
#define WEBAUTHN_CLIENT_MAX        (8 * 1024)
#define WEBAUTHN_AUTHENTICATOR_MAX (8 * 1024)
#define WEBAUTHN_ATTESTATION_MAX   (64 * 1024)

/* For whom passkeys are made: a host, and the one origin whose pages may ask for them. */
struct webauthn_site {
    struct str rp_id, origin;
};

/* Of the setting public_url, in mem. False: there is none, or its host is an address: no passkey is
 * ever for such. */
bool webauthn_site(struct webauthn_site *out, struct str public_url, struct arena *mem);

/* What the browser says of a call (clientDataJSON). */
struct webauthn_client {
    struct str type, origin;
    struct str challenge; /* its bytes */
    bool is_framed;       /* the page was in another origin's */
    struct str json;      /* all of it, as it was signed */
};

/* ERR_INVALID: that is none. In mem, but for json: borrowed. */
enum err webauthn_read_client(struct webauthn_client *out, struct str json,
                              struct arena *mem) must_check;

/* What is kept of a passkey. */
struct webauthn_credential {
    struct str id, public_key; /* bytes; the key as COSE_Key */
    int64_t algorithm;         /* WEBAUTHN_… */
    int64_t sign_count;
    bool backup_eligible; /* it may be on several devices; never changes */
};

/*
 * A new passkey (section 7.1): is it of this site, made by a user who was verified, with a key that
 * can be used? *out is borrowed from `attestation` (an attestationObject). ERR_INVALID with *why: a
 * clause, constant.
 */
enum err webauthn_register(struct webauthn_credential *out, const struct webauthn_site *site,
                           const struct webauthn_client *client, struct str attestation,
                           const char **why) must_check;

/* What a passkey answers to a challenge. */
struct webauthn_assertion {
    const struct webauthn_client *client;
    struct str authenticator_data, signature;
};

/*
 * Is it this passkey's answer, for this site, with the user verified (section 7.2)? *sign_count is
 * its counter then, to be kept: one that does not go up, where there is one at all, is that of a
 * copy, and refused. ERR_INVALID_CREDENTIALS with *why. Half a millisecond of work at most.
 */
enum err webauthn_verify(const struct webauthn_credential *c, const struct webauthn_site *site,
                         const struct webauthn_assertion *a, int64_t *sign_count,
                         const char **why) must_check;

#endif
