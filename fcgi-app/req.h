/*
 * One request, from whichever server interface it came (fcgi.c; plain CGI fits the same struct),
 * and the few words a handler answers with. dispatch.c fills and finishes it; handlers read the
 * first half and write the second.
 */
#ifndef APP_REQ_H
#define APP_REQ_H

#include "app.h"
#include "domain/change.h"
#include "wire/form.h"

enum method {
    METHOD_GET = 1u << 0,
    METHOD_HEAD = 1u << 1,
    METHOD_POST = 1u << 2,
    METHOD_PUT = 1u << 3,
    METHOD_PATCH = 1u << 4,
    METHOD_DELETE = 1u << 5,
    METHOD_OPTIONS = 1u << 6,
    METHOD_OTHER = 1u << 7, /* answered 405 */
};

/* Path parameters of a route, at most. */
#define REQ_ARGS_MAX 3

/* The request's headers that Cubby reads; absent ones have p == NULL. */
struct req_headers {
    struct str authorization, cookie, origin, sec_fetch_site, host, user_agent;
    struct str content_type, if_match, idempotency_key;
    struct str forwarded_for, forwarded_proto, forwarded_host;
    struct str request_id; /* as it came: req.request_id is the one that counts */
    struct str accept, last_event_id, preflight_method; /* Access-Control-Request-Method */
};

struct req {
    struct app *app;
    struct arena *mem; /* reset after the reply */

    /* What came. Borrowed from the interface or in mem, valid until the reply is done. */
    enum method method;
    struct str path;  /* of REQUEST_URI, base path taken off, still percent-encoded */
    struct str query; /* p == NULL: no '?' */
    struct req_headers headers;
    struct str body;
    bool body_too_large;    /* over max_body: read to its end and dropped */
    bool body_broken;       /* it ended before its length, or came too slowly */
    struct str peer_addr;   /* who is connected to the web server; "unix:" over a unix socket */
    struct str remote_addr; /* the client's address, trusted proxies taken into account */
    bool https;             /* the client's, trusted proxies taken into account */
    bool local_metrics;     /* the web server says that this listener may show /metrics */
    bool may_wait;          /* LONG_POLL: this thread is there to wait */
    bool lane_full;         /* a row that wants another thread: none was free to take it over */

    /* What dispatch.c found. */
    struct str request_id; /* in every log, and in the answer: base/request_id.h */
    const struct route *route;
    unsigned allow; /* enum method flags of the path's rows: 0 before dispatch_route(), or no such
                       path */
    struct str args[REQ_ARGS_MAX]; /* decoded {segments} of the route's path, in order */
    struct form params;            /* of the query string */
    struct json json;              /* NEED_JSON: the body (forms become objects of strings) */
    bool form;                     /* the body was a form: some routes answer it with a redirect */
    bool signed_in;
    bool by_cookie;      /* signed in, or about to be, by cookie and not by Authorization */
    struct who who;      /* when signed_in */
    struct space *space; /* NEED_USER: the user's, IN_COUNTERS: the counters', in a read or
                            (NEED_WRITE) write transaction */
    const struct admin_here *admin; /* NEED_ADMIN: whose session it is (admin.h) */
    struct str organization_id;     /* IN_MAIN: what the handler changed; p == NULL: none */
    struct change change; /* NEED_WRITE: begun; dispatch.c commits after OK, rolls back otherwise */

    /* What goes back. */
    int status;              /* 0: 200 */
    struct buf head;         /* further header lines, "Name: value\r\n" */
    struct buf body_out;     /* the answer's body */
    struct str content_type; /* of body_out; application/json when empty */
    struct str message;      /* of a failure: in place of the error's own sentence */
    struct str code;         /* of a failure: in place of the error's own code */
    struct problems problems;
    struct str error_members; /* of a failure: further members, as in "index":3 */
    struct str login_token;   /* of a failure: what waits for a second factor (signin.h) */
    int64_t retry_after_s;    /* 429, 503 */
    struct attempt *attempt;  /* to prove who one is: a failure so far (attempts.h) */

    /*
     * A body of any size, in place of body_out: called again and again once the head has gone, each
     * time to leave its next part in body_out, which is empty then, until it sets *more to false.
     * After a failure the connection breaks off. Takes the space for each part anew (req_resume),
     * so that a slow client keeps nobody from it; the arena is not reset between the parts.
     */
    enum err (*next_part)(struct req *r, bool *more);
    void *part_arg;

    /* What is to be done once the answer has gone: so that its time tells nothing of it. What came
     * with the request has gone too by then, but for what was copied to mem. */
    void (*after)(struct req *r);
    void *after_arg;
};

/* Fail with a sentence of one's own (printf); returns e, so a handler writes `return req_fail(…)`.
 */
enum err req_fail(struct req *r, enum err e, const char *fmt, ...) printf_like(3, 4);

/* The body of NEED_JSON as a value (always an object). */
struct json_value req_json(const struct req *r);

/* A member of the body that must be a string: decoded, in mem. Absent or other type: false. */
bool req_json_string(struct req *r, struct str name, struct str *out);

/* Append a header line; value holds no control characters (asserted). */
void req_header(struct req *r, struct str name, struct str value);

/* Answer 303 to a path of ours (base path is put in front). */
enum err req_redirect(struct req *r, struct str path);

/* Append {"ok":true} whole, or begin and let the handler go on: buf_append_lit(&r->body_out, …). */
void req_ok(struct req *r);

/*
 * Give r->space back for a while (long polls between two looks), and take it again: in a new read
 * transaction, the session looked at again. After a failure of req_resume r->space is NULL.
 */
void req_pause(struct req *r);
enum err req_resume(struct req *r) must_check;

#endif
