/*
 * The floor of publishing with acknowledgements: a bare epoll loop that takes the same requests,
 * sends the same frames and answers when all their readers have acknowledged. No tokens, filters,
 * limits, timeouts: readers are known by the number in the request.
 *
 *   publish_floor PORT
 */
#include "base/base.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/bare.h"
#include "bench/lib/client.h"
#include "bench/lib/proc.h"
#include "wire/ws.h"

#define EVENTS  512
#define USERS   16384
#define PENDING 16384 /* publishes that wait for acknowledgements */

struct conn {
    struct list of_user; /* a reader */
    int fd;
};

struct pending {
    struct conn *publisher;
    unsigned readers, left;
};

struct floor {
    int epoll, listener;
    struct list users[USERS];
    struct pending pending[PENDING]; /* by the number of the envelope */
    uint64_t envelopes;
    struct buf out;
    char in[65536];
};

/* The digits that stand behind a mark, or 0. */
static uint64_t number_after(struct str text, struct str mark)
{
    const char *at = memmem(text.p, text.n, mark.p, mark.n), *end = text.p + text.n;
    uint64_t n = 0;
    if (!at)
        return 0;
    for (at += mark.n; at < end && *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    return n;
}

static void answer(struct floor *f, const struct pending *p)
{
    struct buf body = BUF_INIT;
    buf_appendf(&body, "{\"clientCount\":%u,\"results\":[", p->readers);
    for (unsigned i = 0; i < p->readers; i++)
        buf_append_str(&body, i ? STR(",true") : STR("true"));
    buf_append_lit(&body, "]}");
    buf_reset(&f->out);
    buf_appendf(&f->out,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                body.n);
    buf_append_str(&f->out, buf_str(&body));
    client_write(p->publisher->fd, f->out.p, f->out.n);
    buf_release(&body);
}

static void publish(struct floor *f, struct conn *c, struct str request)
{
    uint64_t number = f->envelopes++;
    struct list *readers = &f->users[number_after(request, STR("\"userId\":\"bench-")) % USERS];
    struct pending *p = &f->pending[number % PENDING];
    const struct str mark = STR("\"payload\":");
    const char *payload = memmem(request.p, request.n, mark.p, mark.n);
    struct buf text = BUF_INIT;
    assert(payload);
    buf_appendf(&text,
                "{\"envelopeId\":\"%036llu\",\"type\":\"bench\",\"userId\":\"bench\","
                "\"timestamp\":\"2000-01-01T00:00:00.000Z\",%.*s",
                (unsigned long long)number, (int)(request.p + request.n - payload), payload);
    buf_reset(&f->out);
    ws_append_frame(&f->out, WS_TEXT, buf_str(&text));
    buf_release(&text);
    *p = (struct pending){.publisher = c};
    list_for_each (node, readers) {
        client_write(list_entry(node, struct conn, of_user)->fd, f->out.p, f->out.n);
        p->readers++;
    }
    p->left = p->readers;
    if (p->left == 0)
        answer(f, p);
}

static void acknowledge(struct floor *f, struct str bytes)
{
    const struct str mark = STR("\"envelopeId\":\"");
    const char *at;
    while ((at = memmem(bytes.p, bytes.n, mark.p, mark.n))) {
        bytes = str_from(bytes, (size_t)(at - bytes.p));
        struct pending *p = &f->pending[number_after(bytes, mark) % PENDING];
        if (p->left && --p->left == 0)
            answer(f, p);
        bytes = str_from(bytes, mark.n);
    }
}

static void subscribe(struct floor *f, struct conn *c, struct str request)
{
    const struct str hello = STR("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    list_add_tail(&f->users[number_after(request, STR("?user=")) % USERS], &c->of_user);
    client_write(c->fd, hello.p, hello.n);
}

/* What comes at once is one request, or frames. */
static void conn_ready(struct floor *f, struct conn *c)
{
    ssize_t n = recv(c->fd, f->in, sizeof f->in, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        list_del(&c->of_user);
        close(c->fd);
        mem_free(c);
        return;
    }
    struct str bytes = str_make(f->in, (size_t)n);
    if (str_starts_with(bytes, STR("POST ")))
        publish(f, c, bytes);
    else if (str_starts_with(bytes, STR("GET ")))
        subscribe(f, c, bytes);
    else
        acknowledge(f, bytes);
}

static void accept_all(struct floor *f)
{
    int fd;
    while ((fd = bare_accept(f->listener)) >= 0) {
        struct conn *c = mem_alloc(sizeof *c);
        c->fd = fd;
        list_init(&c->of_user);
        bare_watch(f->epoll, fd, c);
    }
}

int main(int argc, char **argv)
{
    int64_t port;
    struct epoll_event ready[EVENTS];
    struct floor *f = mem_zalloc(1, sizeof *f);
    if (argc != 2 || !str_to_i64(str_from_c(argv[1]), 1, UINT16_MAX, &port))
        fatal("usage: publish_floor PORT");
    proc_need_files(1024);
    for (size_t i = 0; i < USERS; i++)
        list_init(&f->users[i]);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->listener = bare_listen((int)port);
    bare_watch(f->epoll, f->listener, &f->listener);
    for (;;) {
        int n = epoll_wait(f->epoll, ready, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr == &f->listener)
                accept_all(f);
            else
                conn_ready(f, ready[i].data.ptr);
        }
    }
}
