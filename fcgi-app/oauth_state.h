/*
 * A sign-in that is under way at an OpenID provider. All that is kept of it is a signed cookie of
 * the browser it began in; state, nonce and PKCE verifier are computed from it with our secret, so
 * that neither the browser nor anybody between knows the latter two, and only that browser can end
 * what it began.
 */
#ifndef APP_OAUTH_STATE_H
#define APP_OAUTH_STATE_H

#include "req.h"

/* From the redirect to the provider until its answer. */
#define OAUTH_STATE_S 600

struct oauth_state {
    struct oidc_attempt attempt;
    struct str link_to; /* the account that this identity shall belong to; empty: a sign-in */
};

/* Sets the cookie; in place of another one's. s->link_to is given, the rest is made, in r->mem.
 * ERR_INVALID: nobody knows where the provider could answer to. */
enum err oauth_state_begin(struct req *r, const struct oidc_provider *p,
                           struct oauth_state *s) must_check;

/*
 * The one that `state` belongs to, once: clears the cookie, writes in main.db that it was used, and
 * counts an attempt of the client. ERR_INVALID_TOKEN: another browser's, another provider's, used,
 * or too old. ERR_RATE_LIMIT with r->retry_after_s.
 */
enum err oauth_state_end(struct req *r, const struct oidc_provider *p, struct str state,
                         struct oauth_state *s) must_check;

#endif
