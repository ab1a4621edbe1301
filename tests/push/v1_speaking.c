/* cubby.v1 on /api/ws: tokens, broadcasts to oneself, envelopes. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/v1.h"

#define CLOSE 0x88
#define PONG  0x8a

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    t.conf.rooms = true;
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

/* --- tokens ----------------------------------------------------------------------------------- */

static struct test_client *open_for(struct test_push *t, int64_t seconds)
{
    const char *query = arena_printf(&t->mem, "/api/ws?token=%s", test_token(t, seconds)).p;
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "GET %s HTTP/1.1\r\nHost: a\r\n"
                                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                     "Sec-WebSocket-Protocol: cubby.v1\r\n\r\n",
                                     query));
    test_client_expect(c, "\r\n\r\n");
    test_v1_expect_begin(c, "{\"event\":\"realtime:connected\",");
    return c;
}

static void authenticate(struct test_client *c, const char *token)
{
    test_v1_say(c, arena_printf(&c->push->mem, "{\"type\":\"auth\",\"token\":\"%s\"}", token).p);
}

/* Time passes, and the clients answer heartbeats. */
static void wait_alive(struct test_push *t, int64_t ms, struct test_client *a,
                       struct test_client *b)
{
    for (; ms > 0; ms -= 20000) {
        test_push_wait(t, ms < 20000 ? ms : 20000);
        test_client_frame(a, PONG, STR(""));
        test_client_frame(b, PONG, STR(""));
    }
}

static void expect_expiring(struct test_client *c)
{
    test_client_expect(c, "{\"event\":\"realtime:token_expiring\",\"data\":{\"expiresIn\":60},");
    test_client_expect(c, "}");
}

static void expect_close(struct test_client *c, const char *code)
{
    test_client_expect(c, code);
    test_client_expect_end(c);
}

static void a_token_is_renewed_in_place(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_for(t, 90), *other = open_for(t, 90);
    wait_alive(t, 31000, c, other);
    expect_expiring(c);
    expect_expiring(other);
    authenticate(c, test_token(t, 120));
    wait_alive(t, 58000, c, other);
    assert_int_equal(t->server.streams, 2);
    test_push_wait(t, 2000);
    expect_close(other, "\x11\x31"); /* 4401 */
    expect_expiring(c);
    authenticate(c, test_token(t, 10)); /* shorter: it stays as it was */
    wait_alive(t, 58000, c, c);
    assert_int_equal(t->server.streams, 1);
    test_push_wait(t, 2000);
    expect_close(c, "\x11\x31");
    test_client_free(c);
    test_client_free(other);
}

static void only_a_token_of_the_same_sign_in_renews(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_for(t, 90), *backend;
    test_v1_user(t, TEST_ANN);
    backend = test_v1_open(t, TEST_ANN);
    const char *const tokens[] = {
        "",
        "x",
        test_v1_token(t, "{\"sub\":\"" TEST_USER "\"}"),
        test_v1_token(t, "{\"sub\":\"" TEST_ANN "\",\"sid\":\"" TEST_SID "\",\"userId\":\"" TEST_ANN
                         "\",\"exp\":1800000000}"),
        test_v1_token(t, "{\"sub\":\"" TEST_USER "\",\"sid\":\"0\",\"userId\":\"" TEST_USER
                         "\",\"exp\":1800000000}"),
        test_token(t, -10)};
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        authenticate(c, tokens[i]);
        test_v1_expect_begin(c, "{\"event\":\"realtime:error\",\"data\":{\"code\":"
                                "\"unauthorized\"");
    }
    authenticate(backend, test_token(t, 0));
    test_v1_expect_begin(backend, "{\"event\":\"realtime:error\",\"data\":{\"code\":"
                                  "\"unauthorized\"");
    test_v1_say(c, "{\"type\":\"auth\"}");
    test_v1_expect_begin(c, "{\"event\":\"realtime:error\"");
    wait_alive(t, 88000, c, backend);
    test_push_wait(t, 3000);
    expect_close(c, "\x11\x31");
    assert_int_equal(t->server.streams, 1);
    test_client_free(c);
    test_client_free(backend);
}

static void a_stream_by_backend_token_takes_another_one(void **state)
{
    struct test_push *t = *state;
    test_v1_user(t, TEST_ANN);
    struct test_client *c = test_v1_open(t, TEST_ANN);
    authenticate(c, test_v1_token(t, "{\"sub\":\"" TEST_ANN "\",\"exp\":1700000070}"));
    wait_alive(t, 100000, c, c); /* it had no end: it has none */
    assert_int_equal(t->server.streams, 1);
    test_client_free(c);
}

static void a_revoked_session_closes_at_once(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    test_revoke(t);
    struct str got = test_client_expect_frame(c, CLOSE);
    assert_memory_equal(got.p, "\x11\x31", 2);
    test_client_expect_end(c);
    test_client_free(c);
}

/* --- broadcasts to oneself -------------------------------------------------------------------- */

static void a_broadcast_reaches_the_other_connections_of_the_user(void **state)
{
    struct test_push *t = *state;
    test_v1_user(t, TEST_ANN);
    struct test_client *sender = test_v1_open_own(t), *filtered = test_v1_open_own(t);
    struct test_client *plain = test_upgrade(t, "/api/ws", "");
    struct test_client *sse = test_get(t, "/api/events", "", "200");
    struct test_client *ann = test_v1_open(t, TEST_ANN);
    test_client_expect_frame(plain, 0x81);
    test_client_expect(sse, "\n\n");
    test_v1_say(filtered, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"kv:*\"}]}");
    test_v1_say(sender, "{\"type\":\"broadcast\",\"event\":\"user:typing\",\"data\":{\"a\":1.0,"
                        "\"userId\":\"x\",\"\\u0072oom\":\"y\"}}");
    test_v1_expect(filtered, "{\"event\":\"user:typing\",\"data\":{\"a\":1.0,\"userId\":"
                             "\"" TEST_USER "\"},\"timestamp\":1700000000000}");
    test_v1_say(sender, "{\"type\":\"broadcast\",\"event\":\"app:x\",\"data\":{}}");
    test_v1_expect(filtered, "{\"event\":\"app:x\",\"data\":{\"userId\":\"" TEST_USER
                             "\"},\"timestamp\":1700000000000}");
    test_v1_expect_silence(sender);
    test_v1_expect_silence(ann);
    test_client_expect_nothing(plain);
    test_client_expect_nothing(sse);
    test_client_free(sender);
    test_client_free(filtered);
    test_client_free(plain);
    test_client_free(sse);
    test_client_free(ann);
}

static void broadcasts_have_names_and_data_of_their_own(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t), *other = test_v1_open_own(t);
    static const char *const names[] = {"user:online",
                                        "user:offline",
                                        "user",
                                        "user:",
                                        "app:",
                                        "app",
                                        "",
                                        "kv:set",
                                        "table:posts:create",
                                        "realtime:error",
                                        "presence",
                                        "users:x",
                                        "App:x",
                                        " app:x"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        test_v1_refused(
            c,
            arena_printf(&t->mem, "{\"type\":\"broadcast\",\"event\":\"%s\",\"data\":{}}", names[i])
                .p,
            "invalid");
    static const char *const data[] = {"1", "null", "[]", "\"x\""};
    for (size_t i = 0; i < ARRAY_LEN(data); i++)
        test_v1_refused(c,
                        arena_printf(&t->mem,
                                     "{\"type\":\"broadcast\",\"event\":\"app:x\",\"data\":%s}",
                                     data[i])
                            .p,
                        "invalid");
    char *name = arena_alloc(&t->mem, 102);
    memset(name, 'x', 101);
    memcpy(name, "app:", 4);
    name[101] = '\0';
    const char *form = "{\"type\":\"broadcast\",\"event\":\"%s\",\"data\":{}}";
    test_v1_refused(c, arena_printf(&t->mem, form, name).p, "invalid");
    name[100] = '\0';
    test_v1_say(c, arena_printf(&t->mem, form, name).p);
    test_v1_expect_begin(other, arena_printf(&t->mem, "{\"event\":\"%s\"", name).p);
    test_v1_expect_silence(c);
    test_client_free(c);
    test_client_free(other);
}

static void broadcasts_are_bounded_in_rate(void **state)
{
    struct test_push *t = *state;
    const char *text = "{\"type\":\"broadcast\",\"event\":\"app:x\",\"data\":{}}";
    t->conf.push_broadcast_rate = 5;
    struct test_client *c = test_v1_open_own(t), *other = test_v1_open_own(t);
    for (int i = 0; i < 10; i++)
        test_v1_say(c, text);
    test_v1_expect_silence(c);
    test_v1_refused(c, text, "rate_limited");
    test_v1_say(other, text); /* each connection has its own */
    test_v1_expect_begin(c, "{\"event\":\"app:x\"");
    test_push_wait(t, 400);
    test_v1_say(c, text);
    test_v1_say(c, text);
    test_v1_expect_silence(c);
    test_v1_refused(c, text, "rate_limited");
    for (int i = 0; i < 12; i++)
        test_v1_expect_begin(other, "{\"event\":\"app:x\"");
    test_v1_expect_silence(other);
    test_client_free(c);
    test_client_free(other);
}

/* --- envelopes -------------------------------------------------------------------------------- */

static struct test_client *publish(struct test_push *t, const char *body)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c,
                     arena_printf(&t->mem,
                                  "POST /publish HTTP/1.1\r\nHost: a\r\n"
                                  "Authorization: Bearer %s\r\n"
                                  "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n"
                                  "%s",
                                  test_v1_token(t, "{\"sub\":\"backend\"}"), strlen(body), body));
    return c;
}

static void envelopes_come_to_explicit_filters_and_are_acknowledged(void **state)
{
    struct test_push *t = *state;
    struct test_client *all = test_v1_open_own(t), *c = test_v1_open_own(t);
    test_v1_say(c, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"order*\",\"to\":\"me\"}]}");
    struct test_client *p = publish(t, "{\"userId\":\"" TEST_USER "\",\"type\":\"order.new\","
                                       "\"payload\":{\"to\":\"me\"}}");
    struct str got = test_client_expect_frame(c, 0x81);
    const char *begin = "{\"event\":\"envelope\",\"data\":{\"envelopeId\":\"";
    const char *end = "\",\"type\":\"order.new\",\"userId\":\"" TEST_USER
                      "\",\"timestamp\":\"2023-11-14T22:13:20.000Z\",\"payload\":{\"to\":\"me\"}},"
                      "\"timestamp\":1700000000000}";
    assert_true(str_starts_with(got, str_from_c(begin)));
    assert_true(str_ends_with(got, str_from_c(end)));
    struct str id = str_make(got.p + strlen(begin), got.n - strlen(begin) - strlen(end));
    const char *ack =
        arena_printf(&t->mem, "{\"type\":\"ack\",\"envelopeId\":\"%.*s\",\"result\":[1.0]}",
                     STR_ARG(id))
            .p;
    test_v1_say(all, ack); /* was not given it */
    test_v1_say(c, ack);
    test_client_expect(p, "\r\n\r\n{\"clientCount\":1,\"results\":[[1.0]]}");
    test_v1_say(c, ack);
    test_v1_expect_silence(c);
    test_v1_expect_silence(all);
    test_client_free(p);
    p = publish(t, "{\"userId\":\"" TEST_USER "\",\"type\":\"order.new\",\"payload\":{}}");
    test_client_expect(p, "\r\n\r\n{\"clientCount\":0,\"results\":[]}");
    test_v1_say(c, "{\"type\":\"unsubscribe\",\"filters\":[{\"type\":\"order*\",\"to\":\"me\"}]}");
    test_client_free(p);
    p = publish(t,
                "{\"userId\":\"" TEST_USER "\",\"type\":\"order.new\",\"payload\":{\"to\":\"me\"}"
                "}");
    test_client_expect(p, "\r\n\r\n{\"clientCount\":0,\"results\":[]}");
    test_client_free(p);
    test_client_free(c);
    test_client_free(all);
}

/* It does not end: what it missed is lost, what comes later is not. */
static void a_slow_reader_misses_envelopes_until_it_has_drained(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    char *text = arena_alloc(&t->mem, 8001);
    memset(text, 'x', 8000);
    text[8000] = '\0';
    const char *body =
        arena_printf(&t->mem, "{\"userId\":\"" TEST_USER "\",\"payload\":\"%s\"}", text).p;
    test_v1_say(c, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"message\"}]}");
    for (int i = 0; i < 100; i++)
        test_client_free(publish(t, body));
    assert_int_equal(t->server.streams, 1);
    for (int i = 0; i < 10; i++)
        test_client_receive(c), test_push_rounds(t);
    buf_reset(&c->in);
    test_client_free(publish(t, "{\"userId\":\"" TEST_USER "\",\"payload\":1}"));
    test_v1_expect_begin(c, "{\"event\":\"envelope\",\"data\":{\"envelopeId\":\"");
    test_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_is_renewed_in_place),
        TEST(only_a_token_of_the_same_sign_in_renews),
        TEST(a_stream_by_backend_token_takes_another_one),
        TEST(a_revoked_session_closes_at_once),
        TEST(a_broadcast_reaches_the_other_connections_of_the_user),
        TEST(broadcasts_have_names_and_data_of_their_own),
        TEST(broadcasts_are_bounded_in_rate),
        TEST(envelopes_come_to_explicit_filters_and_are_acknowledged),
        TEST(a_slow_reader_misses_envelopes_until_it_has_drained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
