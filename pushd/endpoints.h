/*
 * What pushd answers: struct endpoint is a set of hooks, endpoints.c is the table. The core (serve,
 * conn, hub, feed) knows no endpoint by name.
 */
#ifndef PUSHD_ENDPOINTS_H
#define PUSHD_ENDPOINTS_H

#include "conn.h"
#include "domain/conf.h"
#include "domain/origin.h"
#include "transport.h"
#include "wire/form.h"
#include "wire/http.h"

struct pass;

/* A request on its way to an endpoint; valid during the call. */
struct request {
    struct server *server;
    struct conn *conn;
    const struct http_head *head;
    struct str rest; /* the part of the path that a '*' of the table stands for, as it was sent */
    struct form query;
    struct origin_request from;
    struct arena *mem;
    struct str after; /* what came behind the head */
    size_t used;      /* bytes of that which were the body */
};

/* A plain answer under construction. */
struct answer {
    int status;      /* 200 */
    struct str type; /* Content-Type */
    struct str cors; /* header lines of it, for one that comes later */
    struct buf *body;
};

/* A POST with its body; valid during the call. */
struct call {
    struct str user_id; /* whose token it came with */
    bool backend;       /* the token speaks for a holder of the secret, not for a session */
    bool is_json;       /* its Content-Type */
    struct str body;
    struct str cors; /* header lines of the answer */
};

/* Who may open a stream or make a call. */
enum need {
    NEED_NOTHING,
    NEED_USER,  /* a live session, or a backend token of an account; the connection counts for that
                   user */
    NEED_TOKEN, /* a token in Authorization or ?token=, never a cookie. A session that it names must
                   be live; without one its user need not have an account */
};

/* What becomes of a stream whose reader is slower than push_buffer. */
enum when_slow {
    WHEN_SLOW_CLOSE,    /* 4408 */
    WHEN_SLOW_CONTINUE, /* it goes on from the log as it drains (where there is a log) */
};

struct endpoint {
    struct str path;        /* a final '*' stands for one or more characters: request.rest */
    struct str subprotocol; /* of a WebSocket: for clients that offer it; empty: for the others */
    enum transport_kind transport;
    enum need need;
    bool (*is_public)(const struct conf *conf); /* NULL: never; true: visitors need nothing */
    enum when_slow when_slow;
    struct ws_limits limits; /* of a client's messages, on a WebSocket */
    struct str cors;         /* header lines in place of the usual ones for known origins */
    struct str preflight;    /* the same, of the answer to OPTIONS */

    /* May this request have it? Any error is answered as it is. NULL: always. Before sign-in. */
    enum err (*allow)(const struct request *r);
    /* Write how this error reads here; false, or NULL: as everywhere. */
    bool (*append_error)(struct buf *body, struct str *type, enum err e);

    /* Plain endpoints (GET): write the body; or ERR_MORE: reply_later() will, as for post. */
    enum err (*answer)(const struct request *r, struct answer *a);

    /* Calls (POST): answer with reply_call(), OK; or later, ERR_MORE: then on_end asks for the
     * answer at once, and on_close says that nobody waits any more. Errors are answered. */
    enum err (*post)(struct conn *c, const struct call *call);

    /* Streams, in this order. open reads the request and makes c->stream; who it is may not be
     * known yet. NULL: there is nothing to make. An error is answered. */
    enum err (*open)(struct conn *c, const struct request *r);
    /* What must be held before the stream begins: another's space that it asked for. It has conn
     * and on_end, and is given back by on_close; serve.c asks for it and answers errors. NULL, or
     * returns NULL: nothing. */
    struct pass *(*pass)(struct conn *c, struct str *organization_id);
    /* The stream begins: append the greeting to what is sent first, and join topics. user_id: who
     * signed in, empty for visitors; valid during the call. An error is answered. */
    enum err (*start)(struct conn *c, struct str user_id, struct buf *out);
    /* A message from the client (WebSocket), joined and unmasked. NULL: they are ignored. */
    void (*on_message)(struct conn *c, const struct ws_message *m);
    /* Everything queued was taken, after not everything could be. NULL: nobody waits for that. */
    void (*on_drain)(struct conn *c);
    /* Once, 60 s before the token expires. NULL: not told. */
    void (*on_expiring)(struct conn *c);
    /* Last words, before those of the transport. NULL: none. */
    void (*on_end)(struct conn *c, enum end why, struct buf *out);
    /* Leave topics, free c->stream. Called once if open or post was, whatever came of it. */
    void (*on_close)(struct conn *c);
};

/*
 * The row for a request's path (also with "/push" before it): the first that fits what the client
 * wants (an upgrade or not, its subprotocols), else the first of that path, else NULL. *rest is
 * what a '*' stood for.
 */
const struct endpoint *endpoint_find(struct str path, const struct http_head *h, struct str *rest);

/* What the protocols share between their connections: made before the first of them, freed after
 * the last. */
void endpoints_open(struct server *s);
void endpoints_close(struct server *s);

#endif
