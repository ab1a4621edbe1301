/*
 * TLS 1.2 and 1.3 for a server: a context holds certificate and key, a session speaks on one
 * non-blocking socket. Unlike its neighbours a session does read and write a descriptor: libssl
 * wants that. The only user of libssl. The process must ignore SIGPIPE.
 */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include "base/arena.h"
#include "base/err.h"

/* The most one tls_read() gives. A buffer of that size leaves nothing behind in the session: what
 * else there is to read, the descriptor shows. */
#define TLS_RECORD_MAX ((size_t)16 * 1024)

struct tls_context;
struct tls;

/*
 * Read a certificate with its chain and the private key, both PEM files. ERR_INVALID with *message:
 * which file, and why. Keys with a passphrase are refused: nobody is there to type it.
 */
enum err tls_context_new(struct tls_context **out, struct str certificate, struct str key,
                         struct arena *mem, struct str *message) must_check;

/* Sessions made from it go on. NULL is fine. */
void tls_context_free(struct tls_context *c);

enum tls_status {
    TLS_DONE,       /* some bytes went through */
    TLS_WANT_READ,  /* nothing can be done before the descriptor is readable … */
    TLS_WANT_WRITE, /* … or writable */
    TLS_CLOSED,     /* the peer said good-bye, or hung up */
    TLS_FAILED,     /* tls_reason() says why */
};

/* A session on a connected, non-blocking socket, which stays the caller's. The handshake is part of
 * the first reads and writes. NULL: no memory. */
struct tls *tls_new(struct tls_context *c, int fd);
/* NULL is fine. */
void tls_free(struct tls *t);

/* Up to max bytes into p; *n of them came (0 but for TLS_DONE). */
enum tls_status tls_read(struct tls *t, char *p, size_t max, size_t *n) must_check;

/*
 * Take some bytes; *n of them (0 but for TLS_DONE). After TLS_WANT_… the next call must begin with
 * the same bytes, at any address; more may follow them.
 */
enum tls_status tls_write(struct tls *t, struct str bytes, size_t *n) must_check;

/* Say good-bye, once. TLS_DONE, or what it waits for; failures count as done. */
enum tls_status tls_end(struct tls *t) must_check;

/* Has the handshake succeeded? */
bool tls_is_open(const struct tls *t);

/* Of the last TLS_FAILED: a few words for a log, static. */
const char *tls_reason(const struct tls *t);

#endif
