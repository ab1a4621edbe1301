/* Who a request says it is: cookie, Authorization, ?token= or ?ticket=, as docs/protocol.md section
 * 2 has it.
 */
#ifndef PUSHD_AUTH_H
#define PUSHD_AUTH_H

#include "endpoints.h"

struct identity {
    struct str user_id;
    struct str sid;         /* p == NULL: a backend token */
    struct str refresh_jti; /* p == NULL: not by a refresh cookie */
    int64_t exp;            /* seconds; 0: it lives as long as its session */
    bool by_cookie;         /* sent by the browser, not by the page: the cross-site rule holds */
    bool backend;           /* by a token that names no session */
    bool is_free;           /* nothing more is asked: no session, no account */
};

/*
 * Check the token's signature and times; whether its session is live is the feed's to say.
 * ERR_UNAUTHORIZED, also for a ticket that was used; this call uses it up. ERR_BUSY: too many were
 * used lately. Strings in r->mem or in the head.
 */
enum err auth_identify(const struct request *r, struct identity *out) must_check;

/* The same of NEED_TOKEN (endpoints.h): Authorization, with or without "Bearer", or ?token=. */
enum err auth_token(const struct request *r, struct identity *out) must_check;

#endif
