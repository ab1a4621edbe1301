/*
 * Many connections in one epoll loop, each known by its number in the order of opening. A program
 * embeds struct streams in a struct of its own. Failures end the program.
 */
#ifndef BENCH_STREAMS_H
#define BENCH_STREAMS_H

#include "bench/lib/client.h"

struct streams {
    /* Bytes of the n-th connection; p[len] may be written. */
    void (*on_bytes)(struct streams *s, unsigned n, char *p, size_t len);
    /* What the n-th asks for, when streams_open() opens it; its strings live until the next call.
     */
    void (*on_ask)(struct streams *s, unsigned n, struct client_request *r);
    int epoll;
    unsigned count, max;
    int *fds;
    uint64_t bytes; /* received by all */
    char *scratch;
};

/* The two hooks are set by the caller (on_ask only where streams_open is used). */
void streams_init(struct streams *s, unsigned max);
void streams_close(struct streams *s);

/* Open so many more. */
void streams_open(struct streams *s, int port, unsigned more);

/* Take a connection that is open already; returns its number. */
unsigned streams_add(struct streams *s, int fd);

/* Close the n-th and go on with another connection under its number. */
void streams_replace(struct streams *s, unsigned n, int fd);

/* Read what is there, or comes within so many milliseconds. */
void streams_poll(struct streams *s, int timeout_ms);

/* Read until nothing has come for half a second. */
void streams_settle(struct streams *s);

#endif
