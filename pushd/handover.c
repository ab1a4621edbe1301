/* From one cubby-pushd to the next: listening sockets, and connections that wait (SCM_RIGHTS). */
#include "base/base.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "conn.h"
#include "handover.h"
#include "server.h"
#include "wire/http.h"

#define NAME       "handover"
#define GREETING   "CP1"
#define READY      "R"
#define PATIENCE_S 5 /* for an answer of the other process */

/* --- messages with descriptors --- */

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * LISTEN_KINDS)];
};

static bool send_with_fds(int to, struct str bytes, const int *fds, size_t count)
{
    union control control = {0};
    struct iovec v = {.iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n};
    struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1};
    if (count > 0) {
        h.msg_control = &control;
        h.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
    }
    return sendmsg(to, &h, MSG_NOSIGNAL) == (ssize_t)bytes.n;
}

/* Bytes received, with *count descriptors in fds[LISTEN_KINDS]; as recvmsg(2). */
static ssize_t receive_with_fds(int from, char *p, size_t max, int flags, int *fds, size_t *count)
{
    union control control;
    struct iovec v = {.iov_base = p, .iov_len = max};
    struct msghdr h = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    *count = 0;
    ssize_t n = recvmsg(from, &h, flags | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        *count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), sizeof(int) * *count);
    }
    return n;
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* --- the meeting place --- */

static bool address_in(struct sockaddr_un *a, struct str dir, const char *suffix)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(a->sun_path, sizeof(a->sun_path), "%.*s/" NAME "%s", STR_ARG(dir), suffix);
    return n > 0 && (size_t)n < sizeof(a->sun_path);
}

/* Connected to the one that runs, or -1. */
static int knock(struct str dir)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && address_in(&a, dir, "") && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static uint64_t inode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* A socket that appears under its name when it listens already, in place of one before it. */
static int listen_in(struct str dir, struct sockaddr_un *a)
{
    struct sockaddr_un fresh;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || !address_in(a, dir, "") || !address_in(&fresh, dir, ".new"))
        goto out;
    unlink(fresh.sun_path);
    if (bind(fd, (struct sockaddr *)&fresh, sizeof(fresh)) == 0 &&
        chmod(fresh.sun_path, 0600) == 0 && listen(fd, 1) == 0 &&
        rename(fresh.sun_path, a->sun_path) == 0)
        return fd;
out:
    if (fd >= 0)
        close(fd);
    return -1;
}

/* --- the old one --- */

static void lose_peer(struct handover *h)
{
    if (h->peer.fd < 0)
        return;
    loop_remove(h->loop, &h->peer);
    close(h->peer.fd);
    h->peer.fd = -1;
}

static void on_peer(struct loop_fd *io, unsigned events)
{
    struct handover *h = container_of(io, struct handover, peer);
    char word[sizeof(READY)];
    (void)events;
    ssize_t n = recv(io->fd, word, sizeof(word), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && str_eq(str_make(word, (size_t)n), STR(READY)))
        h->on_taken(h);
    else
        log_warn("handover: the new process gave up");
    lose_peer(h);
}

static bool offer(struct handover *h, int to)
{
    char text[sizeof(GREETING) - 1 + LISTEN_KINDS] = GREETING;
    int fds[LISTEN_KINDS];
    size_t count = 0;
    for (size_t i = 0; i < LISTEN_KINDS; i++) {
        if (!h->listeners[i].is_open)
            continue;
        text[sizeof(GREETING) - 1 + count] = (char)h->listeners[i].kind;
        fds[count++] = h->listeners[i].io.fd;
    }
    return send_with_fds(to, str_make(text, sizeof(GREETING) - 1 + count), fds, count);
}

static bool is_ours(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

/* One at a time, from a socket that a message can wait for: it is taken in at once. */
static void on_door(struct loop_fd *io, unsigned events)
{
    struct handover *h = container_of(io, struct handover, door);
    const struct timeval patience = {.tv_sec = 1};
    (void)events;
    int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (h->peer.fd >= 0 || !is_ours(fd) ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
        !offer(h, fd)) {
        close(fd);
    } else if (loop_add(h->loop, &h->peer, fd, LOOP_IN) != OK) {
        close(fd);
        h->peer.fd = -1;
    }
}

void handover_init(struct handover *h)
{
    *h = (struct handover){.door = {.on_ready = on_door, .fd = -1},
                           .peer = {.on_ready = on_peer, .fd = -1}};
}

enum err handover_open(struct handover *h, struct loop *l, struct str dir,
                       const struct listener *listeners, bool replace)
{
    struct sockaddr_un a;
    int other = replace ? -1 : knock(dir);
    if (other >= 0) {
        close(other);
        return ERR_CONFLICT;
    }
    int fd = listen_in(dir, &a);
    if (fd < 0)
        return ERR_INTERNAL;
    if (loop_add(l, &h->door, fd, LOOP_IN) != OK) {
        close(fd);
        h->door.fd = -1;
        return ERR_INTERNAL;
    }
    h->loop = l;
    h->listeners = listeners;
    h->path = mem_dup(a.sun_path, strlen(a.sun_path));
    h->inode = inode_of(h->path);
    return OK;
}

/* Its name may be a successor's by now. */
void handover_close(struct handover *h)
{
    lose_peer(h);
    if (h->door.fd < 0)
        return;
    loop_remove(h->loop, &h->door);
    close(h->door.fd);
    h->door.fd = -1;
    if (inode_of(h->path) == h->inode)
        unlink(h->path);
    mem_free(h->path);
    h->path = NULL;
}

bool handover_give(struct handover *h, int fd, enum listener_kind kind, struct str bytes)
{
    char text[1 + HTTP_HEAD_MAX];
    if (h->peer.fd < 0 || bytes.n > HTTP_HEAD_MAX)
        return false;
    text[0] = (char)kind;
    if (bytes.n > 0)
        memcpy(text + 1, bytes.p, bytes.n);
    return send_with_fds(h->peer.fd, str_make(text, 1 + bytes.n), &fd, 1);
}

/* --- the new one --- */

/* A connection, with what came of its request; then the end. */
static void on_gift(struct loop_fd *io, unsigned events)
{
    struct takeover *t = container_of(io, struct takeover, peer);
    char text[1 + HTTP_HEAD_MAX];
    int fds[LISTEN_KINDS];
    size_t count;
    (void)events;
    ssize_t n = receive_with_fds(io->fd, text, sizeof(text), MSG_DONTWAIT, fds, &count);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && count == 1 && (text[0] == LISTEN_PUBLIC || text[0] == LISTEN_LOCAL))
        conn_new(t->server, fds[0], (enum listener_kind)text[0], str_make(text + 1, (size_t)n - 1));
    else
        close_all(fds, count);
    if (n <= 0)
        takeover_release(t);
}

void takeover_init(struct takeover *t)
{
    *t = (struct takeover){.peer = {.on_ready = on_gift, .fd = -1}};
    for (size_t i = 0; i < LISTEN_KINDS; i++)
        t->fds[i] = -1;
}

static bool read_offer(struct takeover *t, struct str text, int *fds, size_t count)
{
    const struct str greeting = STR(GREETING);
    if (!str_starts_with(text, greeting) || text.n - greeting.n != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned char kind = (unsigned char)text.p[greeting.n + i];
        if (kind >= LISTEN_KINDS || t->fds[kind] >= 0)
            return false;
        t->fds[kind] = fds[i];
        fds[i] = -1;
    }
    return true;
}

enum err takeover_begin(struct takeover *t, struct str dir)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    char text[sizeof(GREETING) + LISTEN_KINDS];
    int fds[LISTEN_KINDS];
    size_t count;
    t->peer.fd = knock(dir);
    if (t->peer.fd < 0)
        return ERR_NOT_FOUND;
    if (setsockopt(t->peer.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
        return ERR_INTERNAL;
    ssize_t n = receive_with_fds(t->peer.fd, text, sizeof(text), 0, fds, &count);
    bool good = n > 0 && read_offer(t, str_make(text, (size_t)n), fds, count);
    close_all(fds, count);
    return good ? OK : ERR_INTERNAL;
}

enum err takeover_finish(struct takeover *t, struct server *s)
{
    close_all(t->fds, LISTEN_KINDS);
    if (loop_add(s->loop, &t->peer, t->peer.fd, LOOP_IN) != OK)
        return ERR_INTERNAL;
    t->server = s;
    return send_with_fds(t->peer.fd, STR(READY), NULL, 0) ? OK : ERR_INTERNAL;
}

void takeover_release(struct takeover *t)
{
    close_all(t->fds, LISTEN_KINDS);
    if (t->peer.fd < 0)
        return;
    if (t->server)
        loop_remove(t->server->loop, &t->peer);
    close(t->peer.fd);
    t->peer.fd = -1;
}
