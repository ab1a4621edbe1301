/* Streams as a client opens them: SSE and WebSocket over loopback. Failures end the program. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "base/str.h"

enum client_kind { CLIENT_SSE, CLIENT_WS };

/* "sse" or "ws". */
enum client_kind client_kind_of(const char *word);

/*
 * A connected, blocking descriptor. The n-th client comes from one of eight loopback addresses, so
 * that ports in TIME_WAIT do not run out.
 */
int client_connect(int port, unsigned n);

/* Ask for the stream of all events of the token's user. */
void client_request(int fd, enum client_kind kind, struct str token);

/* Read the answer's head; anything but 200 or 101 ends the program. What follows it may be read too
 * and is dropped. */
void client_read_head(int fd);

/* Write all of it. */
void client_write(int fd, const void *p, size_t n);

/* Never block on it again. */
void client_set_nonblocking(int fd);

/* Answer when the bytes begin with a WebSocket ping: a server drops clients that never do. */
void client_answer_ping(int fd, const char *p, size_t n);

#endif
