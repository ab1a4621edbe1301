/* A request that goes on later: it waits for a reader thread's word on who asks, or for its body.
 * Of serve.c and call.c. */
#ifndef PUSHD_OPENING_H
#define PUSHD_OPENING_H

#include "auth.h"
#include "feed.h"

struct opening {
    struct sign_in sign_in;
    struct conn *conn;
    struct str cors; /* header lines for an answer */
    bool is_call;

    /* Of a stream. */
    struct str head; /* the response head, should it come to that */
    int64_t expires;

    /* Of a call. */
    bool backend, is_json;
    bool keep; /* the connection, after the answer */
    bool expects_continue;
    bool chunked;
    uint64_t left; /* of the body, unless chunked */
    struct http_chunks chunks;
    struct buf body;

    char text[]; /* of all the strings: thousands may wait at once */
};

/* Copies what it is given; it is c->opening. */
struct opening *opening_new(struct conn *c, const struct identity *id, struct str head,
                            struct str cors);

/* The connection must have let go of it. */
void opening_free(struct opening *o);

#endif
