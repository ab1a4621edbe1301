/*
 * Asking other servers over HTTP: one call, one answer, by libcurl. It blocks its thread, so only
 * requests in the lane for it may fetch (fcgi-app/workers.h). Bounded in size and time, follows no
 * redirect, keeps no cookie, sends nothing but what is given.
 */
#ifndef DOMAIN_FETCH_H
#define DOMAIN_FETCH_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"

/* Longer addresses are not asked. */
#define FETCH_URL_MAX 2048

/* What holds for all calls of a process; strings are borrowed. */
struct fetch_options {
    int64_t timeout_ms;      /* of a whole call: name, connection, TLS, answer */
    size_t max_body;         /* a longer answer is a failure */
    struct str ca_file;      /* PEM bundle that certificates are checked with; "" the system's */
    bool allow_loopback;     /* http://, but only to 127.0.0.1, [::1] and localhost */
    const atomic_bool *stop; /* true: calls end within a second, and none begins; NULL: never */
};

struct fetch_request {
    struct str url;            /* https://… */
    struct str body;           /* p != NULL: POST it; else GET */
    struct str type;           /* Content-Type of body */
    struct str user, password; /* user.n: HTTP Basic, RFC 7617 */
    struct str bearer;         /* n: RFC 6750, visible characters */
};

struct fetch_answer {
    int status;        /* of HTTP */
    struct str body;   /* in mem, '\0'-terminated */
    struct str type;   /* Content-Type, in mem; empty when there is none */
    int64_t max_age_s; /* of Cache-Control; -1 not said, 0 for no-store and no-cache */
};

/*
 * Fetch and wait. OK whatever the status. ERR_INVALID: a URL that is not to be fetched, or a header
 * that cannot be sent; ERR_TOO_LARGE: the answer is; ERR_BUSY: no connection, no certificate to
 * trust, a broken answer, too slow, stopped. *why (never NULL then) is a clause for the log,
 * without the URL.
 */
enum err fetch(const struct fetch_options *o, const struct fetch_request *q, struct arena *mem,
               struct fetch_answer *out, const char **why) must_check;

/* May this URL be fetched: https, or http to loopback where that is allowed; with a host, without
 * user:password@ or control characters. */
bool fetch_is_allowed(const struct fetch_options *o, struct str url);

#endif
