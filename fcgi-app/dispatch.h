/*
 * A request from its line to its answer: route, needs, sign-in, transaction, handler, error → JSON.
 * Knows no server interface and no descriptor: fcgi.c and the tests call the same two functions.
 */
#ifndef APP_DISPATCH_H
#define APP_DISPATCH_H

#include "routes.h"

/* On which kind of thread a request is answered (workers.c). */
enum lane {
    LANE_REQUEST, /* at once, where it was accepted */
    LANE_POLL,    /* may wait for seconds, or write for as long as the client reads */
    LANE_HASH,    /* waits for a password hash */
    LANE_FETCH,   /* waits for another server */
};

/* Find r's route; touches nothing but r. */
enum lane dispatch_route(struct req *r);

/*
 * Answer r: afterwards its second half is the whole reply, errors included. Calls dispatch_route()
 * where that was not done. May block on disk, and as long as the handler may.
 */
void dispatch(struct req *r);

#endif
