/* TLS on a connection. */
#include "base/base.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "secure.h"
#include "server.h"
#include "wire/tls.h"

struct secure_conn {
    struct conn conn;
    struct tls *tls;
};

static struct tls *tls_of(struct conn *c)
{
    assert(c->secure);
    return container_of(c, struct secure_conn, conn)->tls;
}

struct conn *secure_new(struct server *s, int fd)
{
    struct tls *tls = tls_new(s->tls, fd);
    if (!tls)
        return NULL;
    struct secure_conn *c = mem_zalloc(1, sizeof(*c));
    c->tls = tls;
    c->conn.secure = true;
    return &c->conn;
}

void secure_free(struct conn *c)
{
    struct secure_conn *s = container_of(c, struct secure_conn, conn);
    c->server->stats.tls_failed += !tls_is_open(s->tls);
    tls_free(s->tls);
    mem_free(s);
}

/* Not done: as errno has it. */
static ssize_t not_done(struct conn *c, enum tls_status status, int closed)
{
    switch (status) {
    case TLS_WANT_WRITE:
        loop_set(c->server->loop, &c->io, c->io.events | LOOP_OUT);
        errno = EAGAIN;
        break;
    case TLS_FAILED:
        log_debug("tls: failed fd=%d reason=\"%s\"", c->io.fd, tls_reason(tls_of(c)));
        errno = EPROTO;
        break;
    case TLS_CLOSED:
        errno = closed;
        break;
    default:
        errno = EAGAIN;
        break;
    }
    return -1;
}

ssize_t secure_send(struct conn *c, struct str bytes)
{
    size_t done = 0, n;
    while (done < bytes.n) {
        enum tls_status status = tls_write(tls_of(c), str_from(bytes, done), &n);
        if (status != TLS_DONE)
            return done > 0 ? (ssize_t)done : not_done(c, status, EPIPE);
        done += n;
    }
    return (ssize_t)done;
}

/* Each part by itself: those behind the first may be gone before it is taken. */
ssize_t secure_send_vectors(struct conn *c, const struct iovec *v, size_t count)
{
    ssize_t done = 0;
    for (size_t i = 0; i < count; i++) {
        ssize_t n = secure_send(c, str_make(v[i].iov_base, v[i].iov_len));
        if (n < 0)
            return done > 0 ? done : -1;
        done += n;
        if ((size_t)n < v[i].iov_len)
            break;
    }
    return done;
}

ssize_t secure_recv(struct conn *c, char *p, size_t max)
{
    size_t n;
    assert(max >= TLS_RECORD_MAX);
    enum tls_status status = tls_read(tls_of(c), p, max, &n);
    if (status == TLS_CLOSED)
        return 0;
    return status == TLS_DONE ? (ssize_t)n : not_done(c, status, 0);
}

bool secure_end(struct conn *c)
{
    enum tls_status status = tls_end(tls_of(c));
    if (status == TLS_WANT_WRITE)
        not_done(c, status, 0);
    return status != TLS_WANT_WRITE;
}
