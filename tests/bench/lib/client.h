/* Streams as a client opens them: SSE and WebSocket over loopback. Failures end the program. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "base/buf.h"

enum client_kind { CLIENT_SSE, CLIENT_WS };

/* "sse" or "ws". */
enum client_kind client_kind_of(const char *word);

/* What a client asks for; strings may be empty. */
struct client_request {
    enum client_kind kind;
    struct str target; /* path and query */
    struct str token;
    struct str subprotocol;
    struct str hello; /* messages sent first (WebSocket), one a line */
};

/*
 * A connected, blocking descriptor. The n-th client comes from one of eight loopback addresses, so
 * that ports in TIME_WAIT do not run out.
 */
int client_connect(int port, unsigned n);

void client_ask(int fd, const struct client_request *r);

/* Read the answer's head; anything but 200 or 101 ends the program. What follows it may be read too
 * and is dropped. Then say hello. */
void client_begin(int fd, const struct client_request *r);

/* Write all of it. */
void client_write(int fd, const void *p, size_t n);

/* Never block on it again. */
void client_set_nonblocking(int fd);

/* Append a text frame, masked with zeros: what is sent stays readable. */
void client_append_text(struct buf *out, struct str text);

/* Answer when the bytes begin with a WebSocket ping: a server drops clients that never do. */
void client_answer_ping(int fd, const char *p, size_t n);

/* Acknowledge every envelope in the bytes (docs/protocol.md section 8); returns how many. */
unsigned client_acknowledge(int fd, const char *p, size_t n);

#endif
