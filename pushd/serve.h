/* From a request head to its endpoint: plain answers, errors, calls with their bodies, the way into
 * a stream. */
#ifndef PUSHD_SERVE_H
#define PUSHD_SERVE_H

#include "conn.h"

/*
 * Serve the request at the start of `in`, whose first `seen` bytes were found incomplete before.
 * Returns how many bytes it had; 0: its head is not complete yet.
 */
size_t serve_head(struct conn *c, struct str in, size_t seen);

/* Answer with an error; what its endpoint made so far is undone. `cors`: header lines. */
void serve_fail(struct conn *c, enum err e, struct str cors);

/* c ends before its request went through. NULL is fine. */
void serve_cancel(struct opening *o);

#endif
