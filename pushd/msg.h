/*
 * Bytes on their way out: an immutable, reference-counted message that many connections share, and
 * the queue of parts of messages that waits for one slow connection. A connection that takes its
 * bytes at once needs neither. Of one loop's thread only.
 */
#ifndef PUSHD_MSG_H
#define PUSHD_MSG_H

#include <sys/uio.h>

#include "base/str.h"

struct msg {
    uint32_t refs;
    uint32_t n;
    char p[];
};

/* A copy of bytes with one reference, the caller's. */
struct msg *msg_new(struct str bytes);
struct msg *msg_ref(struct msg *m);
/* NULL is fine. */
void msg_unref(struct msg *m);

static inline struct str msg_str(const struct msg *m)
{
    return str_make(m->p, m->n);
}

struct msg_queue; /* in order, first in first out */

/* Append bytes at..at+n of m, taking a reference of its own; *q NULL is an empty queue. */
void msg_queue_push(struct msg_queue **q, struct msg *m, size_t at, size_t n);

/* About what it holds in memory, were its messages not shared: many small parts cost more than
 * their bytes. NULL: 0. */
size_t msg_queue_memory(const struct msg_queue *q);
/* All its bytes. NULL: 0. */
size_t msg_queue_bytes(const struct msg_queue *q);
/* Bytes behind its first part (the one being sent). NULL: 0. */
size_t msg_queue_waiting(const struct msg_queue *q);

/* The first parts as at most max vectors; returns how many. */
size_t msg_queue_vectors(const struct msg_queue *q, struct iovec *v, size_t max);

/* n bytes were sent; *q is freed and NULL when nothing is left. */
void msg_queue_consume(struct msg_queue **q, size_t n);

/* Forget all parts behind the first, which is being sent. */
void msg_queue_cut(struct msg_queue *q);

/* NULL is fine. */
void msg_queue_free(struct msg_queue *q);

#endif
