/*
 * Many requests to other servers at once, by libcurl, on the thread of whoever waits for them: each
 * a POST of JSON. Connections are kept and used again. No redirect is followed, no cookie kept, no
 * proxy asked for what is on loopback; of an answer its status counts, its body is thrown away.
 */
#ifndef DOMAIN_POST_H
#define DOMAIN_POST_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"

/* Of an answer's head and body; what is more is not read. */
#define POST_ANSWER_MAX (64 * 1024)

struct post_options {
    int64_t timeout_ms; /* of a whole request */
    struct str ca_file; /* PEM bundle that certificates are checked with; "" the system's */
    size_t idle_max;    /* connections that are kept open */
};

/* One request, embedded in its owner, who does not touch it between post_send and post_wait. */
struct post {
    struct str url;           /* '\0'-terminated, borrowed */
    struct str id, signature; /* of webhook-id and webhook-signature, borrowed */
    int64_t timestamp_s;      /* of webhook-timestamp */
    struct str body;          /* borrowed */

    /* The answer. */
    int status;            /* of HTTP, 0: there was none */
    const char *why;       /* then: a clause for the log, without the address */
    int64_t retry_after_s; /* what the receiver asked for, 0: nothing */

    /* poster's own. */
    struct list node;
    void *curl;
    void *headers;
    size_t answered;
};

struct poster;

struct poster *poster_new(const struct post_options *o);

/* Requests that are on their way are broken off; their owners never hear of them. NULL is fine. */
void poster_free(struct poster *p);

void post_send(struct poster *p, struct post *q);

/* One that has ended, or NULL after wait_ms, or sooner for post_wake(). */
struct post *post_wait(struct poster *p, int wait_ms);

/* Thread-safe. */
void post_wake(struct poster *p);

#endif
