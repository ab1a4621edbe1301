/* Listening sockets. */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "conn.h"
#include "listen.h"
#include "server.h"

#define BACKLOG       4096
#define ACCEPTS_MAX   64    /* in one round */
#define PAUSE_MS      200   /* when the process has no descriptors left */
#define SPARE_MAX     256   /* connections beyond the limit that still get their 503 */
#define DEFER_S       10    /* a connection without a request is the kernel's so long */
#define UNANSWERED_MS 90000 /* data no one acknowledged: the peer is gone */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static bool parse_local(struct str path, union address *a, socklen_t *n)
{
    if (path.n == 0 || path.n >= sizeof(a->local.sun_path))
        return false;
    memset(a, 0, sizeof(*a));
    a->local.sun_family = AF_UNIX;
    memcpy(a->local.sun_path, path.p, path.n);
    *n = sizeof(a->local);
    return true;
}

static bool parse_tcp(struct str text, union address *a, socklen_t *n)
{
    char host[INET6_ADDRSTRLEN];
    uint64_t port;
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon == 0 || !str_to_u64(str_from(text, colon), 65535, &port))
        return false;
    struct str name = str_make(text.p, colon - 1);
    if (name.n > 1 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = str_make(name.p + 1, name.n - 2);
    if (name.n >= sizeof(host))
        return false;
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';
    memset(a, 0, sizeof(*a));
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons((uint16_t)port);
        *n = sizeof(a->v4);
        return true;
    }
    a->v6.sin6_family = AF_INET6;
    a->v6.sin6_port = htons((uint16_t)port);
    *n = sizeof(a->v6);
    return inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1;
}

static bool parse(struct str text, union address *a, socklen_t *n)
{
    const struct str local = STR("unix:");
    return str_starts_with(text, local) ? parse_local(str_from(text, local.n), a, n)
                                        : parse_tcp(text, a, n);
}

/* One connection. False: there is none, or none can be taken now. */
static bool accept_one(struct listener *l)
{
    struct server *s = l->server;
    int fd = accept4(l->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        s->stats.pauses++;
        log_warn("listen: paused errno=%d connections=%u", errno, s->conns);
        loop_set(s->loop, &l->io, 0);
        loop_timer_set(s->loop, &l->pause, loop_now(s->loop) + PAUSE_MS);
        return false;
    }
    if (fd < 0)
        return errno == ECONNABORTED || errno == EINTR;
    int64_t max = s->conf->push_max_connections;
    if (max > 0 && s->conns >= max + SPARE_MAX) {
        s->stats.unserved++;
        close(fd);
    } else {
        conn_new(s, fd, l->kind, STR_NULL);
    }
    return true;
}

static void on_ready(struct loop_fd *io, unsigned events)
{
    struct listener *l = container_of(io, struct listener, io);
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX && l->is_open && accept_one(l); i++)
        ;
}

static void on_pause_end(struct loop_timer *t)
{
    struct listener *l = container_of(t, struct listener, pause);
    loop_set(l->server->loop, &l->io, LOOP_IN);
}

/* What accepted sockets inherit, so that it costs them no calls. */
static bool prepare(int fd)
{
    int on = 1, ms = UNANSWERED_MS, s = DEFER_S;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &s, sizeof(s)) == 0;
}

/* Does nobody listen on that name any more? */
static bool is_stale(const union address *a, socklen_t n)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool stale = fd >= 0 && connect(fd, &a->any, n) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return stale;
}

/* Before listen() nobody can connect: the mode is in force from the first connection on. */
static bool bind_local(int fd, const union address *a, socklen_t n)
{
    bool bound = bind(fd, &a->any, n) == 0;
    if (!bound && errno == EADDRINUSE && is_stale(a, n) && unlink(a->local.sun_path) == 0)
        bound = bind(fd, &a->any, n) == 0;
    return bound && chmod(a->local.sun_path, 0660) == 0;
}

static bool bind_and_listen(int fd, const union address *a, socklen_t n)
{
    bool bound = a->any.sa_family == AF_UNIX ? bind_local(fd, a, n)
                                             : prepare(fd) && bind(fd, &a->any, n) == 0;
    return bound && listen(fd, BACKLOG) == 0;
}

enum err listener_adopt(struct listener *l, struct server *s, enum listener_kind kind,
                        struct str address, int fd)
{
    union address a;
    socklen_t n;
    *l = (struct listener){.server = s, .kind = kind};
    l->io.on_ready = on_ready;
    loop_timer_init(&l->pause, on_pause_end);
    if (!parse(address, &a, &n) || loop_add(s->loop, &l->io, fd, LOOP_IN) != OK) {
        close(fd);
        return ERR_INTERNAL;
    }
    if (a.any.sa_family == AF_UNIX)
        l->path = mem_dup(a.local.sun_path, strlen(a.local.sun_path));
    l->is_open = true;
    return OK;
}

enum err listener_open(struct listener *l, struct server *s, enum listener_kind kind,
                       struct str address)
{
    union address a;
    socklen_t n;
    if (!parse(address, &a, &n))
        return ERR_INVALID;
    int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_INTERNAL;
    if (!bind_and_listen(fd, &a, n)) {
        int why = errno;
        close(fd);
        errno = why;
        return ERR_INTERNAL;
    }
    return listener_adopt(l, s, kind, address, fd);
}

static uint16_t port_of(const union address *a)
{
    if (a->any.sa_family == AF_UNIX)
        return 0;
    return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

static bool same_host(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_UNIX)
        return str_eq(str_from_c(a->local.sun_path), str_from_c(b->local.sun_path));
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

bool listener_fits(int fd, struct str address)
{
    union address wanted, a = {.any.sa_family = AF_UNSPEC};
    socklen_t n = sizeof(a), wanted_n;
    return parse(address, &wanted, &wanted_n) && getsockname(fd, &a.any, &n) == 0 &&
           same_host(&a, &wanted) && (port_of(&wanted) == 0 || port_of(&wanted) == port_of(&a));
}

uint16_t listener_port(const struct listener *l)
{
    union address a;
    socklen_t n = sizeof(a);
    return getsockname(l->io.fd, &a.any, &n) == 0 ? port_of(&a) : 0;
}

void listener_leave(struct listener *l)
{
    if (!l->is_open)
        return;
    l->is_open = false;
    loop_timer_clear(&l->pause);
    loop_remove(l->server->loop, &l->io);
    close(l->io.fd);
    mem_free(l->path);
    l->path = NULL;
}

void listener_close(struct listener *l)
{
    if (l->is_open && l->path)
        unlink(l->path);
    listener_leave(l);
}
