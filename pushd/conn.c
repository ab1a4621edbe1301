/* One client: state, bytes, clocks, end. */
#include "base/base.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "call.h"
#include "conn.h"
#include "endpoints.h"
#include "feed.h"
#include "handover.h"
#include "secure.h"
#include "serve.h"
#include "server.h"
#include "stream.h"

#define HEAD_MS     10000 /* for a whole request head, and between two requests */
#define FLUSH_MS    30000 /* for a peer to take what is queued for it */
#define LINGER_MS   2000  /* for a peer to hang up after that */
#define VECTORS_MAX 64
#define TURN_MAX    (256 * 1024) /* of messages, inflated, before others have their turn */
#define CORK_MAX    (32 * 1024)  /* answers to one piece of input that are sent together */

struct end_row {
    uint16_t code;
    const char *text;
};

static const struct end_row ends[] = {
#define X(name, code, text) [name] = {code, text},
    END_LIST(X)
#undef X
};

uint16_t end_code(enum end why)
{
    return ends[why].code;
}

void conn_step(struct conn *c, enum conn_state next)
{
    assert(c->state != CONN_CLOSING);
    assert(next == CONN_READ_HEAD ? c->state <= CONN_ANSWER : next >= c->state);
    c->server->streams += (next == CONN_OPEN) - (c->state == CONN_OPEN);
    c->state = (uint8_t)next;
}

static void set_timer(struct conn *c, int64_t after_ms)
{
    loop_timer_set(c->server->loop, &c->timer, loop_now(c->server->loop) + after_ms);
}

/* --- out --- */

/* Hand bytes to the kernel: how many it took. On a broken connection: all, and it is closed. */
static size_t send_now(struct conn *c, struct str bytes)
{
    ssize_t n = c->secure ? secure_send(c, bytes) : send(c->io.fd, bytes.p, bytes.n, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn_close(c, END_PEER);
        return bytes.n;
    }
    if (n < 0)
        return 0;
    c->server->stats.sent++;
    c->server->stats.sent_bytes += (size_t)n;
    return (size_t)n;
}

/* What waits for this peer was `before` bytes. */
static void count_pending(struct conn *c, size_t before)
{
    size_t now = msg_queue_bytes(c->out);
    c->server->pending_bytes += now - before;
    c->server->pending_conns += (uint32_t)(now > 0) - (uint32_t)(before > 0);
}

static void queue(struct conn *c, struct msg *m, size_t at)
{
    size_t before = msg_queue_bytes(c->out);
    msg_queue_push(&c->out, m, at, m->n - at);
    count_pending(c, before);
    loop_set(c->server->loop, &c->io, c->io.events | LOOP_OUT);
}

/* To the kernel as far as it takes them, behind what waits already. */
static void put(struct conn *c, struct str bytes)
{
    if (c->state == CONN_CLOSING || bytes.n == 0)
        return;
    size_t sent = c->out ? 0 : send_now(c, bytes);
    if (sent == bytes.n)
        return;
    struct msg *m = msg_new(str_from(bytes, sent));
    queue(c, m, 0);
    msg_unref(m);
}

/* Many small requests, or frames, are answered in one send. */
static void cork(struct conn *c)
{
    assert(!c->server->corked);
    c->server->corked = c;
}

static void send_corked(struct conn *c)
{
    struct server *s = c->server;
    if (s->corked != c || s->cork.n == 0)
        return;
    put(c, buf_str(&s->cork));
    buf_reset(&s->cork);
}

static void uncork(struct conn *c)
{
    send_corked(c);
    c->server->corked = NULL;
}

void conn_write(struct conn *c, struct str bytes)
{
    struct server *s = c->server;
    if (s->cork.n + bytes.n > CORK_MAX)
        send_corked(c);
    if (s->corked == c && bytes.n <= CORK_MAX)
        buf_append_str(&s->cork, bytes);
    else
        put(c, bytes);
}

bool conn_send(struct conn *c, struct str bytes, struct msg **shared)
{
    send_corked(c);
    if (c->state != CONN_OPEN)
        return true;
    size_t sent = 0;
    if (!c->out) {
        sent = send_now(c, bytes);
        if (sent == bytes.n)
            return true;
    } else {
        size_t waiting = msg_queue_waiting(c->out);
        if (waiting > 0 && waiting + bytes.n > (size_t)c->server->conf->push_buffer)
            return false;
    }
    if (!*shared)
        *shared = msg_new(bytes);
    queue(c, *shared, sent);
    return true;
}

/* Send what is queued, as far as the peer takes it. False: not all, or the connection broke. */
static bool flush(struct conn *c)
{
    struct iovec v[VECTORS_MAX];
    while (c->out) {
        struct msghdr h = {.msg_iov = v, .msg_iovlen = msg_queue_vectors(c->out, v, VECTORS_MAX)};
        ssize_t n = c->secure ? secure_send_vectors(c, v, h.msg_iovlen)
                              : sendmsg(c->io.fd, &h, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            conn_close(c, END_PEER);
            return false;
        }
        if (n < 0)
            return false;
        c->server->stats.sent++;
        c->server->stats.sent_bytes += (size_t)n;
        c->missed = 0; /* it takes what it is sent: it is alive */
        size_t before = msg_queue_bytes(c->out);
        msg_queue_consume(&c->out, (size_t)n);
        count_pending(c, before);
    }
    return true;
}

/* --- in --- */

/*
 * A peer that sends more while it does not take our answers waits for itself: until it took them
 * all, if some of its input was put off.
 */
static bool is_paused(const struct conn *c)
{
    size_t limit = c->rest && !c->partial ? 0 : (size_t)c->server->conf->push_buffer;
    return c->state == CONN_WAIT || c->state == CONN_ANSWER || msg_queue_memory(c->out) > limit;
}

/* Use the front of some input as the state has it: how much; 0: wait for more. */
static size_t take_some(struct conn *c, struct str in, size_t seen)
{
    switch ((enum conn_state)c->state) {
    case CONN_READ_HEAD:
        return serve_head(c, in, seen);
    case CONN_READ_BODY:
        return call_read(c, in);
    case CONN_OPEN:
        return transport_of(c->endpoint->transport)->on_input(c, in);
    case CONN_DRAIN:
    case CONN_CLOSING:
        return in.n;
    case CONN_WAIT:
    case CONN_ANSWER:
        break;
    }
    return 0;
}

/* Use input; what is left becomes c->rest. The first `seen` bytes are an incomplete head. */
static void take(struct conn *c, struct str in, size_t seen)
{
    struct server *s = c->server;
    cork(c);
    s->taken = 0;
    while (in.n > 0 && !is_paused(c) && s->taken < TURN_MAX) {
        size_t used = take_some(c, in, seen);
        if (used == 0)
            break;
        in = str_from(in, used);
        seen = 0;
    }
    uncork(c);
    c->partial = in.n > 0 && c->state == CONN_READ_HEAD && !is_paused(c);
    if (in.n == 0 || c->state == CONN_CLOSING)
        return;
    c->rest = msg_new(in);
    if (c->state == CONN_OPEN && s->taken >= TURN_MAX) /* on it goes in the next round */
        loop_set(s->loop, &c->io, c->io.events | LOOP_OUT);
}

/* Put the input that waited in front of `in`, both in the server's input buffer. */
static size_t unpack_rest(struct conn *c)
{
    if (!c->rest)
        return 0;
    size_t n = c->rest->n;
    assert(n <= SERVER_INPUT);
    memcpy(c->server->input, c->rest->p, n);
    msg_unref(c->rest);
    c->rest = NULL;
    return n;
}

static void on_readable(struct conn *c, bool hung_up)
{
    if (is_paused(c)) {
        if (hung_up)
            conn_close(c, END_PEER);
        else
            loop_set(c->server->loop, &c->io, c->io.events & ~LOOP_IN);
        return;
    }
    size_t before = c->rest ? c->rest->n : 0; /* an incomplete head: HTTP_HEAD_MAX at most */
    char *input = c->server->input + before;
    ssize_t n = c->secure ? secure_recv(c, input, SERVER_INPUT - before)
                          : recv(c->io.fd, input, SERVER_INPUT - before, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_close(c, END_PEER);
        return;
    }
    unpack_rest(c);
    take(c, str_make(c->server->input, before + (size_t)n), c->partial ? before : 0);
}

/* Read again after a pause, first what had come before it. */
void conn_resume(struct conn *c)
{
    if (c->state == CONN_CLOSING || is_paused(c))
        return;
    loop_set(c->server->loop, &c->io, c->io.events | LOOP_IN);
    if (c->server->corked) { /* another's input is in hand: in the next round */
        loop_set(c->server->loop, &c->io, c->io.events | (c->rest ? LOOP_OUT : 0));
        return;
    }
    size_t n = unpack_rest(c);
    if (n > 0)
        take(c, str_make(c->server->input, n), 0);
}

/* --- the course of a connection --- */

static void on_drained(struct conn *c)
{
    loop_set(c->server->loop, &c->io, c->io.events & ~LOOP_OUT);
    if (c->state == CONN_DRAIN) {
        if (c->secure && !secure_end(c))
            return;
        loop_set(c->server->loop, &c->io, LOOP_IN);
        shutdown(c->io.fd, SHUT_WR);
        set_timer(c, LINGER_MS);
        return;
    }
    if (c->state == CONN_OPEN && c->endpoint->on_drain)
        c->endpoint->on_drain(c);
    conn_resume(c);
}

static void on_ready(struct loop_fd *io, unsigned events)
{
    struct conn *c = container_of(io, struct conn, io);
    if (c->state != CONN_CLOSING && (events & LOOP_OUT) && flush(c))
        on_drained(c);
    if (c->secure && (events & LOOP_OUT))
        events |= LOOP_IN; /* TLS may write before it can read */
    if (c->state != CONN_CLOSING && (events & (LOOP_IN | LOOP_HUP)))
        on_readable(c, events & LOOP_HUP);
}

static void drain(struct conn *c, enum end why)
{
    send_corked(c);
    if (c->state == CONN_CLOSING)
        return;
    c->end = (uint8_t)why;
    conn_step(c, CONN_DRAIN);
    set_timer(c, FLUSH_MS);
    if (!c->out)
        on_drained(c);
}

void conn_answer(struct conn *c, struct str answer)
{
    conn_write(c, answer);
    if (c->state == CONN_CLOSING)
        return;
    if (!c->keep || c->server->ending) {
        drain(c, END_ANSWERED);
        return;
    }
    conn_step(c, CONN_READ_HEAD);
    set_timer(c, HEAD_MS);
}

/* --- the end --- */

void conn_end_code(struct conn *c, enum end why, uint16_t code)
{
    if (c->state >= CONN_DRAIN)
        return;
    if (c->state == CONN_ANSWER && c->endpoint->on_end) {
        c->keep = false;
        c->endpoint->on_end(c, why, NULL);
        return;
    }
    if (c->state != CONN_OPEN) {
        conn_close(c, why);
        return;
    }
    struct buf last = BUF_INIT;
    if (c->endpoint->on_end)
        c->endpoint->on_end(c, why, &last);
    transport_of(c->endpoint->transport)->append_end(&last, code, str_from_c(ends[why].text));
    size_t before = msg_queue_bytes(c->out);
    msg_queue_cut(c->out);
    count_pending(c, before);
    conn_write(c, buf_str(&last));
    buf_release(&last);
    if (c->state != CONN_CLOSING)
        drain(c, why);
}

void conn_end(struct conn *c, enum end why)
{
    conn_end_code(c, why, ends[why].code);
}

void conn_retire(struct conn *c, struct handover *to)
{
    bool idle = c->state == CONN_READ_HEAD && !c->secure && !c->out;
    if (c->state == CONN_OPEN)
        conn_end(c, END_SHUTDOWN);
    else if (idle && handover_give(to, c->io.fd, c->local ? LISTEN_LOCAL : LISTEN_PUBLIC,
                                   c->rest ? msg_str(c->rest) : STR_NULL))
        conn_close(c, END_HANDED);
}

static void log_end(const struct conn *c)
{
    struct str path = c->endpoint ? c->endpoint->path : STR("-");
    const struct end_row *e = &ends[c->end];
    if (e->code > WS_CLOSE_GOING_AWAY)
        log_info("closed fd=%d path=%.*s reason=\"%s\"", c->io.fd, STR_ARG(path), e->text);
    else
        log_debug("closed fd=%d path=%.*s reason=\"%s\"", c->io.fd, STR_ARG(path), e->text);
}

void conn_close(struct conn *c, enum end why)
{
    if (c->state == CONN_CLOSING)
        return;
    if (c->state != CONN_DRAIN)
        c->end = (uint8_t)why;
    if (c->state == CONN_WAIT || c->state == CONN_READ_BODY) {
        serve_cancel(c->opening);
        c->opening = NULL;
    }
    conn_step(c, CONN_CLOSING);
    log_end(c);
    loop_remove(c->server->loop, &c->io);
    close(c->io.fd);
    loop_defer(c->server->loop, &c->timer);
}

static void release(struct conn *c)
{
    if (c->secure)
        secure_free(c);
    else
        mem_free(c);
}

static void conn_free(struct conn *c)
{
    struct server *s = c->server;
    if (c->endpoint && c->endpoint->on_close)
        c->endpoint->on_close(c);
    list_del(&c->peers);
    feed_leave(s->feed, c->login);
    limit_give_back(&s->addresses, c->address);
    size_t before = msg_queue_bytes(c->out);
    msg_queue_free(c->out);
    c->out = NULL;
    count_pending(c, before);
    msg_unref(c->rest);
    s->partial_bytes -= ws_reader_memory(c->reader);
    ws_reader_free(c->reader);
    release(c);
    server_count_out(s);
}

static void on_timer(struct loop_timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);
    switch ((enum conn_state)c->state) {
    case CONN_READ_HEAD:
    case CONN_WAIT:
    case CONN_READ_BODY:
        conn_close(c, END_NO_REQUEST);
        break;
    case CONN_ANSWER: /* no time limit here */
        break;
    case CONN_OPEN:
        stream_on_timer(c);
        break;
    case CONN_DRAIN:
        conn_close(c, END_DEAD);
        break;
    case CONN_CLOSING:
        conn_free(c);
        break;
    }
}

static struct conn *plain_new(void)
{
    return mem_zalloc(1, sizeof(struct conn));
}

void conn_new(struct server *s, int fd, enum listener_kind from, struct str before)
{
    struct conn *c = from == LISTEN_TLS ? secure_new(s, fd) : plain_new();
    if (!c) {
        close(fd);
        return;
    }
    c->server = s;
    c->local = from == LISTEN_LOCAL;
    c->io.on_ready = on_ready;
    loop_timer_init(&c->timer, on_timer);
    if (loop_add(s->loop, &c->io, fd, LOOP_IN) != OK) {
        close(fd);
        release(c);
        return;
    }
    s->conns++;
    s->stats.accepted++;
    list_add_tail(&s->strangers, &c->peers);
    set_timer(c, HEAD_MS);
    c->partial = before.n > 0;
    c->rest = c->partial ? msg_new(before) : NULL;
    on_readable(c, false); /* most clients have sent their request already */
}

bool conn_address(const struct conn *c, struct origin_address *out)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    socklen_t n = sizeof(a);
    if (getpeername(c->io.fd, &a.any, &n) != 0)
        return false;
    if (a.any.sa_family == AF_INET)
        *out = origin_address_v4(&a.v4.sin_addr);
    else if (a.any.sa_family == AF_INET6)
        memcpy(out->b, &a.v6.sin6_addr, sizeof(out->b));
    return a.any.sa_family == AF_INET || a.any.sa_family == AF_INET6;
}
