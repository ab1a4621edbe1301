/*
 * TLS on a connection, in the words of send(2), sendmsg(2) and recv(2). A plain connection pays one
 * bit for it; one with TLS is a struct secure_conn, made and freed here. Only conn.c does that.
 */
#ifndef PUSHD_SECURE_H
#define PUSHD_SECURE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "conn.h"

/* A zeroed connection that speaks TLS on fd, which stays the caller's; NULL: no memory. */
struct conn *secure_new(struct server *s, int fd);
/* The handshakes that never succeeded are counted here. */
void secure_free(struct conn *c);

/*
 * How many bytes went through; -1 with errno as in the system's calls: EAGAIN leaves what it waits
 * for to the loop. What was not taken must come first in the next call.
 */
ssize_t secure_send(struct conn *c, struct str bytes);
ssize_t secure_send_vectors(struct conn *c, const struct iovec *v, size_t count);

/* The same for reading, 0: the end. max leaves room for a whole record. */
ssize_t secure_recv(struct conn *c, char *p, size_t max);

/* Say good-bye. False: that waits for the descriptor to be writable. */
bool secure_end(struct conn *c);

#endif
