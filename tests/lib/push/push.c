/* cubby-pushd in process, for tests. */
#include "base/base.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conn.h"
#include "endpoints.h"
#include "hub.h"
#include "lib/push/push.h"
#include "store/accounts.h"

#define PATIENCE_ROUNDS 3000 /* of 1 ms each */

/* --- the server --- */

static void on_round(void *arg)
{
    hub_flush(arg);
}

static void make_user(struct test_push *t)
{
    struct space *sp = test_user_writing(&t->store);
    struct session s = {STR(TEST_SID), TEST_NOW_MS, TEST_NOW_MS, STR("test"), STR("::1")};
    struct refresh_state r = {STR("jti1"), TEST_NOW_MS / 1000, TEST_NOW_MS / 1000 + 604800,
                              STR("kid1")};
    struct account a = {STR(TEST_USER), STR("a@example.org"), STR("-"), TEST_NOW_MS, false, 0};
    assert_int_equal(sessions_create(sp, &s, &r), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_int_equal(accounts_create(t->store.store, &a), OK);
}

static void open_read_store(struct test_push *t)
{
    struct store_options o = test_store_options();
    struct str message = STR_NULL;
    o.data_dir = t->store.dir;
    o.reader = true;
    if (store_open(&t->read_store, &o, &t->mem, &message) != OK)
        fail_msg("%.*s", STR_ARG(message));
}

void test_push_open(struct test_push *t)
{
    *t = (struct test_push){.now_ms = TEST_NOW_MS};
    clock_set_for_test(t->now_ms);
    test_store_open(&t->store, test_store_options());
    make_user(t);
    open_read_store(t);
    t->conf = (struct conf){
        .jwt_secret = STR("a secret of the tests, 32 bytes at least"),
        .push_buffer = 64 * 1024,
        .stream_max_age = 3600,
        .test_endpoints = true,
    };
    t->loop = loop_new();
    server_init(&t->server, &t->conf, t->loop);
    t->readers = readers_new(t->loop, t->read_store, 1);
    t->server.readers = t->readers;
    t->server.hub = hub_new(&t->server);
    t->server.feed = feed_new(&t->server, t->readers);
    endpoints_open(&t->server);
    loop_on_round(t->loop, on_round, t->server.hub);
}

void test_push_close(struct test_push *t)
{
    server_end(&t->server);
    for (int i = 0; i < PATIENCE_ROUNDS && t->server.conns > 0; i++)
        test_push_wait(t, 100);
    assert_int_equal(t->server.conns, 0);
    readers_free(t->readers);
    test_push_rounds(t);
    endpoints_close(&t->server);
    feed_free(t->server.feed);
    hub_free(t->server.hub);
    server_release(&t->server);
    loop_free(t->loop);
    store_close(t->read_store);
    test_store_close(&t->store);
    arena_release(&t->mem);
    clock_set_for_test(-1);
}

void test_push_rounds(struct test_push *t)
{
    for (int i = 0; i < 3; i++)
        loop_round(t->loop, 0);
}

void test_push_pause(struct test_push *t)
{
    for (int i = 0; i < 30; i++)
        loop_round(t->loop, 1);
}

void test_push_wait(struct test_push *t, int64_t ms)
{
    int64_t end = t->now_ms + ms;
    while (t->now_ms < end) {
        t->now_ms = end - t->now_ms > 1000 ? t->now_ms + 1000 : end;
        clock_set_for_test(t->now_ms);
        test_push_rounds(t);
    }
}

/* --- the other program --- */

uint64_t test_event(struct test_push *t, const char *name, const char *data)
{
    struct event e;
    struct space *sp = test_user_writing(&t->store);
    assert_int_equal(event_append(sp, str_from_c(name), str_from_c(data), &e), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    return e.seq;
}

static struct bus_message events_message(struct test_push *t, uint64_t first, uint64_t last)
{
    return (struct bus_message){.kind = BUS_EVENTS,
                                .space_kind = SPACE_USER,
                                .space_id = STR(TEST_USER),
                                .epoch = str_make(test_event_id(t, 0), EPOCH_LEN),
                                .first = first,
                                .last = last};
}

struct reading {
    struct test_push *push;
    struct event events[16];
    size_t count;
};

static enum err collect(void *arg, const struct event *e)
{
    struct reading *r = arg;
    assert_true(r->count < ARRAY_LEN(r->events));
    struct event *copy = &r->events[r->count++];
    *copy = *e;
    copy->name = arena_dup(&r->push->mem, e->name);
    copy->data = arena_dup(&r->push->mem, e->data);
    return OK;
}

void test_hint(struct test_push *t, uint64_t first, uint64_t last, bool inline_too)
{
    struct bus_message m = events_message(t, first, last);
    struct reading r = {.push = t};
    struct space *sp;
    if (inline_too) {
        assert_int_equal(space_acquire(t->store.store, SPACE_USER, STR(TEST_USER), &sp), OK);
        assert_int_equal(event_read(sp, first - 1, last - first + 1, SIZE_MAX, collect, &r), OK);
        space_release(sp);
        m.events = r.events;
        m.event_count = r.count;
    }
    feed_hint(t->server.feed, &m);
}

void test_change(struct test_push *t, const char *name, const char *data)
{
    struct event e = {test_event(t, name, data), t->now_ms, str_from_c(name), str_from_c(data)};
    struct bus_message m = events_message(t, e.seq, e.seq);
    m.events = &e;
    m.event_count = 1;
    feed_hint(t->server.feed, &m);
}

void test_revoke(struct test_push *t)
{
    int64_t removed;
    struct space *sp = test_user_writing(&t->store);
    assert_int_equal(sessions_revoke(sp, STR(TEST_SID), &removed), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    struct bus_message m = {
        .kind = BUS_SESSIONS, .space_kind = SPACE_USER, .space_id = STR(TEST_USER)};
    feed_hint(t->server.feed, &m);
}

const char *test_event_id(struct test_push *t, uint64_t seq)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store.store, SPACE_USER, STR(TEST_USER), &sp), OK);
    const char *id = arena_printf(&t->mem, "%s.%llu", sp->epoch, (unsigned long long)seq).p;
    space_release(sp);
    return id;
}

/* --- clients --- */

struct test_client *test_client_new_with(struct test_push *t, struct str bytes)
{
    int fd[2];
    struct test_client *c = mem_zalloc(1, sizeof(*c));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    c->push = t;
    c->fd = fd[0];
    assert_int_equal(send(fd[0], bytes.p, bytes.n, 0), bytes.n);
    conn_new(&t->server, fd[1], LISTEN_PUBLIC, STR_NULL);
    return c;
}

struct test_client *test_client_new(struct test_push *t)
{
    return test_client_new_with(t, STR_NULL);
}

void test_client_free(struct test_client *c)
{
    close(c->fd);
    test_push_rounds(c->push);
    buf_release(&c->in);
    mem_free(c);
}

void test_client_send(struct test_client *c, struct str bytes)
{
    size_t done = 0;
    while (done < bytes.n) {
        ssize_t n = send(c->fd, bytes.p + done, bytes.n - done, MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        done += n > 0 ? (size_t)n : 0;
        test_push_rounds(c->push);
    }
}

void test_client_receive(struct test_client *c)
{
    ssize_t n;
    while ((n = recv(c->fd, buf_reserve(&c->in, 65536), 65536, 0)) > 0)
        c->in.n += (size_t)n;
    c->is_closed = c->is_closed || n == 0 || errno == ECONNRESET;
    if (c->in.p)
        c->in.p[c->in.n] = '\0';
}

static struct str take(struct test_client *c, size_t n)
{
    struct str taken = arena_dup(&c->push->mem, str_make(c->in.p, n));
    buf_consume(&c->in, n);
    return taken;
}

struct str test_client_expect(struct test_client *c, const char *text)
{
    size_t n = strlen(text);
    for (int i = 0; i < PATIENCE_ROUNDS; i++) {
        loop_round(c->push->loop, 1);
        test_client_receive(c);
        const char *at = c->in.n > 0 ? memmem(c->in.p, c->in.n, text, n) : NULL;
        if (at)
            return take(c, (size_t)(at - c->in.p) + n);
    }
    fail_msg("no \"%s\" in \"%.*s\"", text, STR_ARG(buf_str(&c->in)));
    return STR_NULL;
}

void test_client_expect_end(struct test_client *c)
{
    for (int i = 0; i < PATIENCE_ROUNDS && !c->is_closed; i++) {
        loop_round(c->push->loop, 1);
        test_client_receive(c);
    }
    assert_true(c->is_closed);
}

void test_client_expect_nothing(struct test_client *c)
{
    test_push_pause(c->push);
    test_client_receive(c);
    if (c->in.n > 0)
        fail_msg("unexpected: \"%.*s\"", STR_ARG(buf_str(&c->in)));
}

const char *test_token(struct test_push *t, int64_t seconds)
{
    struct buf token = BUF_INIT;
    int64_t now_s = t->now_ms / 1000;
    who_sign_access(&token, &t->server.keys, STR(TEST_USER), STR("a@example.org"), STR(TEST_SID),
                    seconds ? now_s + seconds - ACCESS_TOKEN_S : now_s);
    const char *copy = arena_dup(&t->mem, buf_str(&token)).p;
    buf_release(&token);
    return copy;
}

struct test_client *test_get(struct test_push *t, const char *target, const char *extra,
                             const char *status)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "GET %s HTTP/1.1\r\nHost: push.test\r\n"
                                     "Authorization: Bearer %s\r\n%s\r\n",
                                     target, test_token(t, 0), extra));
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    return c;
}

struct test_client *test_upgrade(struct test_push *t, const char *target, const char *extra)
{
    const char *lines = arena_printf(&t->mem,
                                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s",
                                     extra)
                            .p;
    return test_get(t, target, lines, "101");
}

void test_client_frame(struct test_client *c, uint8_t first, struct str payload)
{
    static const char mask[4] = {1, 2, 3, 4};
    struct buf frame = BUF_INIT;
    assert_true(payload.n < 65536);
    buf_append_ch(&frame, (char)first);
    if (payload.n < 126) {
        buf_append_ch(&frame, (char)(0x80 | payload.n));
    } else {
        buf_append_ch(&frame, (char)(0x80 | 126));
        buf_append_ch(&frame, (char)(payload.n >> 8));
        buf_append_ch(&frame, (char)payload.n);
    }
    buf_append(&frame, mask, sizeof(mask));
    for (size_t i = 0; i < payload.n; i++)
        buf_append_ch(&frame, (char)(payload.p[i] ^ mask[i % 4]));
    test_client_send(c, buf_str(&frame));
    buf_release(&frame);
}

/* Bytes of the frame at the start of in; 0: not all there. */
static size_t frame_size(struct str in, size_t *header)
{
    if (in.n < 2)
        return 0;
    size_t n = (uint8_t)in.p[1];
    *header = n < 126 ? 2 : 4;
    assert_true(n < 127);
    if (n == 126)
        n = in.n < 4 ? SIZE_MAX / 2 : (size_t)(uint8_t)in.p[2] << 8 | (uint8_t)in.p[3];
    return in.n >= *header + n ? *header + n : 0;
}

struct str test_client_expect_frame(struct test_client *c, uint8_t first)
{
    size_t header = 0, n = 0;
    for (int i = 0; i < PATIENCE_ROUNDS && n == 0; i++) {
        loop_round(c->push->loop, 1);
        test_client_receive(c);
        n = frame_size(buf_str(&c->in), &header);
    }
    assert_true(n > 0);
    struct str frame = take(c, n);
    assert_int_equal((uint8_t)frame.p[0], first);
    return str_from(frame, header);
}
