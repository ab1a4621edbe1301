/* Many connections in one epoll loop. */
#include "base/base.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/streams.h"

#define BATCH     64  /* connections being opened at once */
#define EVENTS    512 /* of one epoll_wait */
#define READ_SIZE ((size_t)1 << 18)

void streams_init(struct streams *s, unsigned max)
{
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->count = 0;
    s->max = max;
    s->fds = mem_alloc(max * sizeof *s->fds);
    s->bytes = 0;
    s->scratch = mem_alloc(READ_SIZE + 1);
}

void streams_close(struct streams *s)
{
    for (unsigned n = 0; n < s->count; n++)
        close(s->fds[n]);
    close(s->epoll);
    mem_free(s->fds);
    mem_free(s->scratch);
}

static void watch(struct streams *s, unsigned n, int fd)
{
    struct epoll_event want = {.events = EPOLLIN, .data.u32 = n};
    s->fds[n] = fd;
    client_set_nonblocking(fd);
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &want);
}

unsigned streams_add(struct streams *s, int fd)
{
    assert(s->count < s->max);
    watch(s, s->count, fd);
    return s->count++;
}

void streams_replace(struct streams *s, unsigned n, int fd)
{
    close(s->fds[n]);
    watch(s, n, fd);
}

static void open_batch(struct streams *s, int port, unsigned count)
{
    int fds[BATCH];
    unsigned first = s->count;
    for (unsigned i = 0; i < count; i++) {
        struct client_request r = {0};
        s->on_ask(s, first + i, &r);
        fds[i] = client_connect(port, first + i);
        client_ask(fds[i], &r);
    }
    for (unsigned i = 0; i < count; i++) {
        struct client_request r = {0};
        s->on_ask(s, first + i, &r);
        client_begin(fds[i], &r);
        streams_add(s, fds[i]);
    }
}

void streams_open(struct streams *s, int port, unsigned more)
{
    for (unsigned n; more; more -= n) {
        n = more < BATCH ? more : BATCH;
        open_batch(s, port, n);
        streams_poll(s, 0);
    }
}

static void read_one(struct streams *s, unsigned number)
{
    ssize_t n = recv(s->fds[number], s->scratch, READ_SIZE, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fatal("the server closed connection %u", number);
    s->bytes += (uint64_t)n;
    s->on_bytes(s, number, s->scratch, (size_t)n);
}

void streams_poll(struct streams *s, int timeout_ms)
{
    struct epoll_event ready[EVENTS];
    int n = epoll_wait(s->epoll, ready, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++)
        read_one(s, ready[i].data.u32);
}

void streams_settle(struct streams *s)
{
    uint64_t before;
    do {
        before = s->bytes;
        for (int i = 0; i < 50; i++)
            streams_poll(s, 10);
    } while (s->bytes != before);
}
