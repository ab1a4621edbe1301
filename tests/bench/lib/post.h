/* Requests that publish, and their answers, on connections that stay open. */
#ifndef BENCH_POST_H
#define BENCH_POST_H

#include "base/buf.h"

/* A connection that was idle for so long is not used again: servers close them. */
#define POST_IDLE_NS 5000000000LL

struct post {
    struct str path, token, body; /* token may be empty */
};

/* Append the request. */
void post_append(struct buf *out, const struct post *p);

/*
 * Read the answer that `bytes` begin with: its length and *body, or 0 while it is incomplete. One
 * without a length or with another status than 200 to 202 ends the program.
 */
size_t post_answer(struct str bytes, struct str *body);

#endif
