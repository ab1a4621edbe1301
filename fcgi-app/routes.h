/* The table of routes and what a row means. The recipe "To add one" stands on the table itself. */
#ifndef APP_ROUTES_H
#define APP_ROUTES_H

#include "req.h"

/* Requests to the dispatcher: what it sees to before and after the handler. */
enum route_need {
    NEED_USER = 1u << 0,  /* a live sign-in, else 401; r->space is the user's, in a transaction */
    NEED_WRITE = 1u << 1, /* r->change is begun; committed after OK; idempotency key, X-Event-Id */
    NEED_JSON = 1u << 2,  /* the body is a JSON object, else 400; other types 415 */
    ALLOW_FORM = 1u << 3, /* with NEED_JSON: form bodies too */
    ALLOW_NUL = 1u << 4,  /* with NEED_JSON: \u0000 in string values */
    SETS_COOKIES = 1u << 5,  /* the cross-site rule holds even without a cookie */
    NEED_DEMO = 1u << 6,     /* 404 unless demo = on */
    LONG_POLL = 1u << 7,     /* may wait: handed to the poll workers */
    MAYBE_USER = 1u << 8,    /* signs in when it can, as NEED_USER, but visitors pass too */
    BODY_OPTIONAL = 1u << 9, /* with NEED_JSON: no body is {} */
    HASHES = 1u << 10,       /* waits for a password hash: handed to threads of their own */
    IN_BATCH = 1u << 11,     /* may be an operation of POST /api/batch */
    NOTE_ERRORS =
        1u << 12, /* failures as existing clients of /api/notes know them: {error} alone */
    IN_COUNTERS = 1u << 13, /* r->space is the counters'; settings say whether visitors may come */
    STREAMED = 1u << 15,    /* answers by next_part: handed to the poll workers */
    FETCHES = 1u << 16,     /* asks another server: handed to threads of their own */
    RPC_WRAPPED = 1u << 14, /* with NEED_JSON: the input is the body's member "json" */
    IN_MAIN = 1u << 17,  /* with NEED_USER and NEED_WRITE: r->space is main.db; after the commit its
                            outbox is delivered */
    IN_ADMIN = 1u << 19, /* of the admin page: only there for whom that is open (admin.h) */
    NEED_ADMIN = 1u << 20, /* with IN_ADMIN: r->admin is a live session of an administrator, else
                              401; only for pages of our own origin */
    BY_ITSELF = 1u << 21,  /* with NEED_ADMIN: the page asks for it again and again; that does not
                              keep the session awake */
    IN_ORG = 1u << 18,     /* with NEED_USER: ?org=<id> makes r->space that organization's, for its
                              members; elsewhere ?org= is 404 */
};

struct route {
    unsigned methods; /* enum method flags; HEAD comes with GET */
    const char *path; /* "/api/{c}/{id}": literal segments win over {names} */
    unsigned need;    /* enum route_need flags */
    enum err (*handler)(struct req *r);
    const char *doc; /* one line for the documentation */
};

extern const struct route routes[];
extern const size_t route_count;

/*
 * Find r's row and fill r->args. Of the patterns that fit the path the most literal one counts,
 * from the left; *allow gets the methods of its rows, whatever r's is. NULL: no such path
 * (*allow == 0), or not that method.
 */
const struct route *routes_match(struct req *r, unsigned *allow);

/* Methods as an Allow header has them: "GET, HEAD". In mem. */
struct str routes_allow(unsigned methods, struct arena *mem);

#endif
