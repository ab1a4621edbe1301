/*
 * The floor of a fan-out: a bare epoll loop with one small struct per connection. It takes the same
 * messages off the same bus, prepares the bytes of all that wait, and does one send() of them to
 * each connection. No users, no log, no filters, no limits.
 *
 *   fanout_floor sse|ws PORT DATA_DIR
 */
#include "base/base.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/bare.h"
#include "bench/lib/client.h"
#include "bench/lib/proc.h"
#include "domain/bus.h"
#include "wire/ws.h"

#define EVENTS 512

struct client {
    struct list in_open;
    int fd;
};

struct floor {
    int epoll, listener;
    struct bus_sub *bus;
    struct list open;
    struct buf out; /* what all clients get next */
    enum client_kind kind;
};

static void accept_all(struct floor *f)
{
    int fd;
    while ((fd = bare_accept(f->listener)) >= 0) {
        struct client *c = mem_alloc(sizeof *c);
        c->fd = fd;
        list_add_tail(&f->open, &c->in_open);
        bare_watch(f->epoll, fd, c);
    }
}

/* A request comes in one piece here and asks for the only thing there is. */
static void client_ready(struct client *c)
{
    char request[4096];
    ssize_t n = recv(c->fd, request, sizeof request, 0);
    if (n > 0) {
        client_write(c->fd, "HTTP/1.1 200 OK\r\n\r\n", 19);
    } else if (n == 0 || errno != EAGAIN) {
        list_del(&c->in_open);
        close(c->fd);
        mem_free(c);
    }
}

/* What stands between two marks of a text that has both. */
static struct str between(struct str s, struct str from, struct str to)
{
    const char *start = memmem(s.p, s.n, from.p, from.n);
    assert(start);
    start += from.n;
    const char *end = memmem(start, (size_t)(s.p + s.n - start), to.p, to.n);
    assert(end);
    return str_make(start, (size_t)(end - start));
}

static void append_sse(struct buf *out, struct str epoch, const struct event *e)
{
    buf_appendf(out,
                "id: %.*s.%llu\nevent: %.*s\ndata: {\"event\":\"%.*s\",\"data\":%.*s,"
                "\"timestamp\":%lld}\n\n",
                STR_ARG(epoch), (unsigned long long)e->seq, STR_ARG(e->name), STR_ARG(e->name),
                STR_ARG(e->data), (long long)e->at);
}

/* A kv:set event is named by its key and has the value alone (docs/protocol.md section 7). */
static void append_ws(struct buf *out, const struct event *e)
{
    struct buf json = BUF_INIT;
    struct str key = between(e->data, STR("\"key\":\""), STR("\"")),
               value = between(e->data, STR("\"value\":"), STR(",\"userId\""));
    buf_appendf(&json, "{\"event\":\"kv:%.*s\",\"data\":%.*s,\"timestamp\":%lld}", STR_ARG(key),
                STR_ARG(value), (long long)e->at);
    ws_append_frame(out, WS_TEXT, buf_str(&json));
    buf_release(&json);
}

/* The bytes of an event as cubby-pushd sends them, made once for all clients. */
static void append_event(struct floor *f, struct str epoch, const struct event *e)
{
    if (f->kind == CLIENT_SSE)
        append_sse(&f->out, epoch, e);
    else
        append_ws(&f->out, e);
}

static void take_messages(struct floor *f)
{
    struct bus_message m;
    while (bus_sub_next(f->bus, &m))
        for (size_t i = 0; m.kind == BUS_EVENTS && i < m.event_count; i++)
            append_event(f, m.epoch, &m.events[i]);
}

static void deliver(struct floor *f)
{
    list_for_each (node, &f->open)
        client_write(list_entry(node, struct client, in_open)->fd, f->out.p, f->out.n);
    buf_reset(&f->out);
}

static void run(struct floor *f)
{
    struct epoll_event ready[EVENTS];
    for (;;) {
        int n = epoll_wait(f->epoll, ready, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr == &f->listener)
                accept_all(f);
            else if (ready[i].data.ptr == &f->bus)
                take_messages(f);
            else
                client_ready(ready[i].data.ptr);
        }
        if (f->out.n)
            deliver(f);
    }
}

int main(int argc, char **argv)
{
    int64_t port = 0;
    char bus_dir[4096];
    struct floor f = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (argc != 4 || !str_to_i64(str_from_c(argv[2]), 1, UINT16_MAX, &port))
        fatal("usage: fanout_floor sse|ws PORT DATA_DIR");
    proc_need_files(1024);
    snprintf(bus_dir, sizeof bus_dir, "%s/run/bus", argv[3]);
    list_init(&f.open);
    f.kind = client_kind_of(argv[1]);
    f.listener = bare_listen((int)port);
    if (bus_sub_open(&f.bus, str_from_c(bus_dir)) != OK)
        fatal("no bus in %s", bus_dir);
    bare_watch(f.epoll, f.listener, &f.listener);
    bare_watch(f.epoll, bus_sub_fd(f.bus), &f.bus);
    run(&f);
}
