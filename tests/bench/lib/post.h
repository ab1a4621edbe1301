/* Requests that publish, and their answers, on connections that stay open. */
#ifndef BENCH_POST_H
#define BENCH_POST_H

#include "base/buf.h"

struct post {
    struct str path, token, body; /* token may be empty */
};

/* Append the request. */
void post_append(struct buf *out, const struct post *p);

/*
 * The body of the answer that `bytes` are. Anything but one whole answer with status 200 to 202
 * ends the program, as these answers are small and come in one piece.
 */
struct str post_answer(struct str bytes);

#endif
