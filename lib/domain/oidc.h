/*
 * Signing in with OpenID Connect providers (OpenID Connect Core 1.0, authorization code flow with
 * PKCE, RFC 7636): who they are, what they publish (discovery document and keys, kept while they
 * last), a code for a person. Knows nothing of accounts. Calls that fetch block for up to
 * fetch_options.timeout_ms each time they ask a provider, five times at most.
 */
#ifndef DOMAIN_OIDC_H
#define DOMAIN_OIDC_H

#include "base/buf.h"
#include "domain/fetch.h"

#define OIDC_NAME_MAX    32
#define OIDC_SUBJECT_MAX 255 /* OpenID Connect Core 2 */
#define OIDC_CODE_MAX    2048
#define OIDC_ANSWER_MAX  (128 * 1024) /* of a provider, whatever it is */

/* How long what a provider publishes is kept: as it says, within these bounds. */
#define OIDC_KEEP_MIN_S     60
#define OIDC_KEEP_DEFAULT_S 3600
#define OIDC_KEEP_MAX_S     (24 * 3600)

/* After a failure a provider is left alone that long; and that long after keys were fetched because
 * of a token that no known key had signed. */
#define OIDC_RETRY_MS  2000
#define OIDC_ROTATE_MS 10000

struct oidc_provider {
    struct str name;  /* the file's, 1 to OIDC_NAME_MAX of a-z 0-9 - _ */
    struct str label; /* what people call it */
    struct str issuer;
    struct str issuer_also; /* how some write it in ID tokens instead; empty: never */
    struct str client_id;
    struct str client_secret; /* empty: a public client, PKCE alone */
    struct str scope;
};

struct oidc;

/*
 * Read DIR/<name>.json of every provider: {"issuer","clientId","clientSecret","scope","label"}, the
 * first two needed; for the presets (google) the issuer is known. dir NULL: no providers. Asks
 * nobody. ERR_INVALID with *message "file: what is wrong, what was expected", in mem. Strings of
 * `fetch` are borrowed for good.
 */
enum err oidc_open(struct oidc **out, const char *dir, const struct fetch_options *fetch,
                   struct arena *mem, struct str *message) must_check;

/* NULL is fine. */
void oidc_close(struct oidc *o);

/* All, sorted by name. */
const struct oidc_provider *oidc_list(const struct oidc *o, size_t *count);

/* NULL: no such provider. */
const struct oidc_provider *oidc_find(const struct oidc *o, struct str name);

/* One try to sign in, from the redirect to the provider until its answer. */
struct oidc_attempt {
    struct str state, nonce; /* unguessable */
    struct str verifier;     /* RFC 7636 4.1: 43 characters or more */
    struct str redirect_uri;
};

/* Where the browser goes: *url in mem. ERR_PROVIDER with *why, a clause for the log. */
enum err oidc_authorize(struct oidc *o, const struct oidc_provider *p, const struct oidc_attempt *a,
                        struct arena *mem, struct str *url, const char **why) must_check;

/* Whom the provider has signed in; strings in mem. */
struct oidc_person {
    struct str subject; /* his name at this provider, for ever */
    struct str email;   /* as the provider writes it; empty: not told */
    bool email_verified;
};

/*
 * Use up a code, and read the ID token that is given for it. `iss` is the answer's own (RFC 9207),
 * p == NULL when there is none. ERR_INVALID_TOKEN: the code, the token or iss is not what it should
 * be. ERR_PROVIDER: it does not answer, or not as it should. Both with *why.
 */
enum err oidc_redeem(struct oidc *o, const struct oidc_provider *p, const struct oidc_attempt *a,
                     struct str code, struct str iss, struct arena *mem, struct oidc_person *out,
                     const char **why) must_check;

#endif
