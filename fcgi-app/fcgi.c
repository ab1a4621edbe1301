/* The only libfcgi: connections accepted, requests read, replies → stream. */
#include "base/base.h"

#include <errno.h>
#include <fcgiapp.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "environment.h"
#include "fcgi.h"
#include "routes.h"

/* A web server that says nothing for so long has gone, or its client has. */
#define READ_TIMEOUT_S 10

/* Replies beyond a socket's own buffer wait for the web server, but not for ever. */
#define SEND_TIMEOUT_S 30
#define SEND_AT_ONCE   (64 * 1024)

/* For an answer of many parts: a client that reads drop by drop must not hold a thread for ever. */
#define PARTS_TIMEOUT_MS (15 * 60 * 1000)

/* Between two tries to accept, when the process has no descriptor left. */
#define PAUSE_MS 50

/* Buffers that grew beyond this are given back after the request. */
#define BUFFER_KEEP (256 * 1024)

struct fcgi {
    struct app *app;
    FCGX_Request fcgx; /* listen_sock is -1: connections are accepted here, see accept_next() */
    struct req req;
    struct arena mem;
    struct buf head, body_in, body_out, reply;
};

void fcgi_library_init(void)
{
    /* The library's own handler would take a broken connection for the end of the program. */
    signal(SIGPIPE, SIG_IGN);
    int failed = FCGX_Init();
    assert(!failed);
}

struct fcgi *fcgi_new(struct app *app)
{
    struct fcgi *f = mem_zalloc(1, sizeof *f);
    f->app = app;
    FCGX_InitRequest(&f->fcgx, -1, 0);
    return f;
}

void fcgi_free(struct fcgi *f)
{
    if (!f)
        return;
    FCGX_Free(&f->fcgx, f->fcgx.ipcFd >= 0);
    arena_release(&f->mem);
    buf_release(&f->head);
    buf_release(&f->body_in);
    buf_release(&f->body_out);
    buf_release(&f->reply);
    mem_free(f);
}

struct req *fcgi_req(struct fcgi *f)
{
    return &f->req;
}

/* --- the listening socket --------------------------------------------------------------------- */

bool fcgi_is_inherited(void)
{
    int listens = 0;
    socklen_t n = sizeof listens;
    return getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens;
}

static int listen_unix(struct str path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (path.n >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, path.p, path.n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
        errno = EADDRINUSE;
        goto out;
    }
    if (errno == ECONNREFUSED)
        unlink(a.sun_path);
    mode_t mask = umask(0);
    umask(mask | 0117);
    bool bound = bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    umask(mask);
    if (bound && listen(fd, SOMAXCONN) == 0)
        return fd;
out:
    close(fd);
    return -1;
}

static int listen_tcp(struct str host, struct str port, struct arena *mem)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM},
                    *a = NULL;
    int yes = 1;
    if (host.n > 1 && host.p[0] == '[')
        host = str_make(host.p + 1, host.n - 2);
    if (!host.n)
        host = STR("127.0.0.1");
    if (getaddrinfo(arena_dup(mem, host).p, arena_dup(mem, port).p, &hints, &a)) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
                    bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, SOMAXCONN))) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(a);
    return fd;
}

int fcgi_listen(struct str where, struct arena *mem, struct str *message)
{
    size_t colon = where.n;
    while (colon && where.p[colon - 1] != ':')
        colon--;
    bool tcp = colon && str_find(where, '/') == where.n;
    int fd = tcp ? listen_tcp(str_make(where.p, colon - 1), str_from(where, colon), mem)
                 : listen_unix(where);
    if (fd < 0)
        *message =
            arena_printf(mem, "cannot listen at %.*s: %s", STR_ARG(where), strerrordesc_np(errno));
    return fd;
}

/* --- connections ------------------------------------------------------------------------------ */

/* The library has no timeouts of its own. `which` is SO_RCVTIMEO or SO_SNDTIMEO; 0 s is for ever.
 */
static void bound_waits(int fd, int which, int seconds)
{
    struct timeval t = {.tv_sec = seconds};
    (void)setsockopt(fd, SOL_SOCKET, which, &t, sizeof t);
}

/* Is there something to read on the kept connection? Closes it when there is not. */
static bool kept_has_more(struct fcgi *f)
{
    char byte;
    bound_waits(f->fcgx.ipcFd, SO_RCVTIMEO, 0);
    if (recv(f->fcgx.ipcFd, &byte, 1, MSG_PEEK) > 0) {
        bound_waits(f->fcgx.ipcFd, SO_RCVTIMEO, READ_TIMEOUT_S);
        return true;
    }
    FCGX_Free(&f->fcgx, true);
    return false;
}

static enum fcgi_next not_accepted(int why)
{
    switch (why) {
    case EINTR:
        return FCGI_NEXT_WOKEN;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
        return FCGI_NEXT_DEAD;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        poll(NULL, 0, PAUSE_MS); /* it would be asked for again and again until one is free */
        return FCGI_NEXT_NONE;
    default:
        return FCGI_NEXT_NONE; /* the web server gave it up */
    }
}

/*
 * The library's accept can neither be woken without breaking requests of other threads nor be kept
 * from waiting two seconds for a silent client, so it is given the connection.
 */
static enum fcgi_next accept_next(struct fcgi *f, int listen_fd)
{
    if (f->fcgx.ipcFd >= 0 && kept_has_more(f))
        return FCGI_NEXT_REQUEST;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return not_accepted(errno);
    bound_waits(fd, SO_RCVTIMEO, READ_TIMEOUT_S);
    f->fcgx.ipcFd = fd;
    return FCGI_NEXT_REQUEST;
}

static void let_wake(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(how, &set, NULL);
}

/* --- the body --------------------------------------------------------------------------------- */

/* What the stream has without waiting, or one byte after waiting for it; 0 at the end. */
static size_t read_some(FCGX_Stream *in, char *out, size_t size)
{
    size_t ready = (size_t)(in->stop - in->rdNext);
    size_t n = ready == 0 ? 1 : ready < size ? ready : size;
    int got = FCGX_GetStr(out, (int)n, in);
    return got > 0 ? (size_t)got : 0;
}

/* To the end always, whatever is kept: what is left unread breaks the next request of a kept
 * connection. */
static void read_body(struct fcgi *f, int64_t length)
{
    struct req *r = &f->req;
    int64_t deadline = 0, total = 0, max = f->app->conf->max_body;
    char chunk[8192];
    size_t n;

    while ((n = read_some(f->fcgx.in, chunk, sizeof chunk)) > 0) {
        total += (int64_t)n;
        r->body_too_large = max > 0 && total > max;
        if (!r->body_too_large)
            buf_append(&f->body_in, chunk, n);
        if (f->fcgx.in->rdNext != f->fcgx.in->stop)
            continue;
        int64_t now = clock_mono_ms();
        deadline = deadline ? deadline : now + BODY_TIMEOUT_MS;
        r->body_broken = now > deadline;
        if (r->body_broken)
            break;
    }
    r->body_broken |= FCGX_GetError(f->fcgx.in) != 0 || (length >= 0 && total < length);
    r->body_too_large |= max > 0 && length > max;
    r->body = buf_str(&f->body_in);
}

static void begin_request(struct fcgi *f)
{
    int64_t length;
    f->req = (struct req){.app = f->app, .mem = &f->mem, .head = f->head, .body_out = f->body_out};
    environment_read(&f->req, f->fcgx.envp, &length);
    read_body(f, length);
}

enum fcgi_next fcgi_next(struct fcgi *f, int listen_fd)
{
    let_wake(SIG_UNBLOCK);
    enum fcgi_next next = accept_next(f, listen_fd);
    let_wake(SIG_BLOCK);
    if (next != FCGI_NEXT_REQUEST)
        return next;
    /* As if it had been kept: otherwise the library begins by closing it. */
    f->fcgx.keepConnection = true;
    if (FCGX_Accept_r(&f->fcgx) < 0)
        return FCGI_NEXT_NONE;
    begin_request(f);
    return FCGI_NEXT_REQUEST;
}

/* --- the reply -------------------------------------------------------------------------------- */

static void keep_small(struct buf *b)
{
    buf_reset(b);
    if (b->cap > BUFFER_KEEP)
        buf_release(b);
}

/* Part by part; false when the client has gone, or a part could not be made. */
static bool send_parts(struct fcgi *f)
{
    struct req *r = &f->req;
    int64_t deadline = clock_mono_ms() + PARTS_TIMEOUT_MS;
    for (bool more = true; more;) {
        buf_reset(&r->body_out);
        enum err e = clock_mono_ms() < deadline ? r->next_part(r, &more) : ERR_BUSY;
        if (e)
            log_warn("an answer broke off route=%s code=%.*s", r->route->path,
                     STR_ARG(err_code(e)));
        if (e || FCGX_PutStr(r->body_out.p, (int)r->body_out.n, f->fcgx.out) < 0)
            return false;
    }
    return true;
}

/* False: the other end must not take what it has got for the whole. */
static bool send_body(struct fcgi *f)
{
    struct req *r = &f->req;
    if (r->method == METHOD_HEAD)
        return true;
    if (r->next_part)
        return send_parts(f);
    if (r->body_out.n)
        FCGX_PutStr(r->body_out.p, (int)r->body_out.n, f->fcgx.out);
    return true;
}

void fcgi_finish(struct fcgi *f, bool hang_up)
{
    struct req *r = &f->req;
    answer_append_head(r, &f->reply);
    if (r->body_out.n > SEND_AT_ONCE || r->next_part)
        bound_waits(f->fcgx.ipcFd, SO_SNDTIMEO, SEND_TIMEOUT_S);
    FCGX_PutStr(f->reply.p, (int)f->reply.n, f->fcgx.out);
    bool whole = send_body(f);
    if (hang_up || r->body_broken || !whole)
        f->fcgx.keepConnection = false;
    /* Everything was read, so the connection can be closed at once: otherwise the library waits up
     * to two seconds for the other end to close first, and this thread with it. */
    if (!r->body_broken)
        FCGX_Detach(&f->fcgx);
    if (whole)
        FCGX_Finish_r(&f->fcgx);
    else
        FCGX_Free(&f->fcgx, true); /* without the record that ends a request */
    if (r->after)
        r->after(r);

    f->head = r->head;
    f->body_out = r->body_out;
    keep_small(&f->head);
    keep_small(&f->body_in);
    keep_small(&f->body_out);
    keep_small(&f->reply);
    arena_reset(&f->mem);
}
