/*
 * Users bench-0, bench-1… with one reader each at /connect, and publishers who post to them in
 * turn, one request at a time on a connection that stays open. Failures end the program.
 */
#ifndef BENCH_PUBLISHING_H
#define BENCH_PUBLISHING_H

#include "bench/lib/streams.h"

struct publisher_conn;

struct publishing {
    struct streams streams; /* the readers, then the publishers */
    int port;
    unsigned users, publishers;
    bool silent;               /* the readers acknowledge nothing */
    unsigned next_user, first; /* the first user's number */
    struct publisher_conn *conns;
    unsigned *free; /* publishers with nothing under way, the last answered first */
    unsigned free_count;
    uint64_t answered;
    /* Called for each answer with how long it took. NULL: nobody asks. */
    void (*on_answer)(struct publishing *p, struct str body, int64_t took_ns);
    struct buf token, target, request;
};

/* A struct of zeros, but for silent, first and on_answer, which the caller may have set. */
void publishing_open(struct publishing *p, int port, unsigned users, unsigned publishers);

/* Post to the next user; false when all publishers wait for answers. */
bool publishing_send(struct publishing *p);

/* Wait until all is answered. */
void publishing_finish(struct publishing *p);

void publishing_close(struct publishing *p);

#endif
