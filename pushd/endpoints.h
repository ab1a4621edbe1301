/*
 * What pushd answers: struct endpoint is a set of hooks, endpoints.c is the table. The core (serve,
 * conn, hub, feed) knows no endpoint by name.
 */
#ifndef PUSHD_ENDPOINTS_H
#define PUSHD_ENDPOINTS_H

#include "conn.h"
#include "domain/origin.h"
#include "transport.h"
#include "wire/form.h"
#include "wire/http.h"

/* A request on its way to an endpoint; valid during the call. */
struct request {
    struct server *server;
    struct conn *conn;
    const struct http_head *head;
    struct form query;
    struct origin_request from;
    struct arena *mem;
};

/* A plain answer under construction. */
struct answer {
    struct str type; /* Content-Type */
    struct buf *body;
};

/* Who may open a stream. */
enum need {
    NEED_NOTHING,
    NEED_USER, /* a live session or a backend token; the connection counts for that user */
};

/* What becomes of a stream whose reader is slower than push_buffer. */
enum when_slow {
    WHEN_SLOW_CLOSE,    /* 4408 */
    WHEN_SLOW_CONTINUE, /* it goes on from the log as it drains (where there is a log) */
};

struct endpoint {
    struct str path;
    enum transport_kind transport;
    enum need need;
    enum when_slow when_slow;
    struct ws_limits limits; /* of a client's messages, on a WebSocket */

    /* May this request have it? Any error is answered as it is. NULL: always. */
    enum err (*allow)(const struct request *r);

    /* Plain endpoints: write the body. */
    enum err (*answer)(const struct request *r, struct answer *a);

    /* Streams, in this order. open reads the request and makes c->stream; who it is may not be
     * known yet. NULL: there is nothing to make. An error is answered. */
    enum err (*open)(struct conn *c, const struct request *r);
    /* The stream begins: append the greeting to what is sent first, and join topics. */
    void (*start)(struct conn *c, struct buf *out);
    /* A message from the client (WebSocket), joined and unmasked. NULL: they are ignored. */
    void (*on_message)(struct conn *c, const struct ws_message *m);
    /* Everything queued was taken, after not everything could be. NULL: nobody waits for that. */
    void (*on_drain)(struct conn *c);
    /* Once, 60 s before the token expires. NULL: not told. */
    void (*on_expiring)(struct conn *c);
    /* Last words, before those of the transport. NULL: none. */
    void (*on_end)(struct conn *c, enum end why, struct buf *out);
    /* Leave topics, free c->stream. Called once if open was, whatever came of it. */
    void (*on_close)(struct conn *c);
};

/* The row for a path (also with "/push" before it), or NULL. */
const struct endpoint *endpoint_find(struct str path);

#endif
