/* GET /api/ws without a subprotocol: what UserDO's clients see. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "conn.h"
#include "lib/push/push.h"
#include "wire/ws.h"

#define TEXT  0x81
#define CLOSE 0x88
#define PING  0x89
#define PONG  0x8a

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

static void expect_text(struct test_client *c, const char *text)
{
    struct str got = test_client_expect_frame(c, TEXT);
    assert_string_equal(arena_dup(&c->push->mem, got).p, text);
}

/* A socket past its greeting. */
static struct test_client *open_socket(struct test_push *t)
{
    struct test_client *c = test_upgrade(t, "/api/ws", "");
    test_client_expect_frame(c, TEXT);
    return c;
}

static void expect_close(struct test_client *c, uint16_t code)
{
    struct str got = test_client_expect_frame(c, CLOSE);
    assert_true(got.n >= 2);
    assert_int_equal((uint8_t)got.p[0] << 8 | (uint8_t)got.p[1], code);
}

static void the_greeting_says_connected(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/api/ws", "");
    expect_text(c, "{\"event\":\"connected\",\"message\":\"WebSocket connected\","
                   "\"timestamp\":1700000000000}");
    test_client_free(c);
}

static void rows_carry_their_change_as_a_type(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    test_change(t, "table:posts:create", "{\"id\":\"1\",\"n\":1e2}");
    test_change(t, "table:posts:delete", "{\"id\":\"1\",\"userId\":\"u\"}");
    expect_text(c,
                "{\"event\":\"table:posts\",\"data\":{\"type\":\"create\",\"data\":{\"id\":\"1\","
                "\"n\":1e2}},\"timestamp\":1700000000000}");
    expect_text(c,
                "{\"event\":\"table:posts\",\"data\":{\"type\":\"delete\",\"data\":{\"id\":\"1\"}},"
                "\"timestamp\":1700000000000}");
    test_client_free(c);
}

static void keys_carry_the_value_itself(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    test_change(t, "kv:set", "{\"key\":\"a\\\"b\",\"value\":[1,null],\"userId\":\"u\"}");
    test_change(t, "kv:delete", "{\"key\":\"k\",\"userId\":\"u\"}");
    expect_text(c, "{\"event\":\"kv:a\\\"b\",\"data\":[1,null],\"timestamp\":1700000000000}");
    expect_text(c, "{\"event\":\"kv:k\",\"data\":null,\"timestamp\":1700000000000}");
    test_client_free(c);
}

static void other_events_go_through_unchanged(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    test_change(t, "organization:created", "{\"organization\":{}}");
    expect_text(c, "{\"event\":\"organization:created\",\"data\":{\"organization\":{}},"
                   "\"timestamp\":1700000000000}");
    test_client_free(c);
}

static void json_is_echoed_and_other_messages_ignored(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    test_client_frame(c, TEXT, STR("not JSON"));
    test_client_frame(c, 0x82, STR("{}"));
    test_client_frame(c, TEXT, STR(" {\"a\": 1.0} "));
    expect_text(c, "{\"event\":\"echo\",\"original\":{\"a\": 1.0},\"message\":\"Message received\","
                   "\"timestamp\":1700000000000}");
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void a_ping_is_answered_and_a_close_too(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    test_client_frame(c, PING, STR("abc"));
    assert_true(str_eq(test_client_expect_frame(c, PONG), STR("abc")));
    test_client_frame(c, CLOSE, STR("\x03\xe8"));
    expect_close(c, WS_CLOSE_NORMAL);
    test_client_expect_end(c);
    test_client_free(c);
}

static void a_flood_of_pings_is_answered_in_order_by_few_sends(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    struct buf flood = BUF_INIT;
    char text[8];
    for (int i = 0; i < 1000; i++) {
        buf_append_lit(&flood, "\x89\x82\0\0\0\0");
        buf_appendf(&flood, "%02d", i % 100);
    }
    uint64_t before = t->server.stats.sent;
    test_client_send(c, buf_str(&flood));
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "%02d", i % 100);
        assert_true(str_eq(test_client_expect_frame(c, PONG), str_from_c(text)));
    }
    assert_true(t->server.stats.sent - before <= 4);
    buf_release(&flood);
    test_client_free(c);
}

static void frames_that_break_the_rules_close_with_their_code(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    test_client_send(c, STR("\x81\x01x")); /* not masked */
    expect_close(c, WS_CLOSE_PROTOCOL);
    test_client_expect_end(c);
    test_client_free(c);
    c = open_socket(t);
    test_client_frame(c, TEXT, STR("\xff"));
    expect_close(c, WS_CLOSE_INVALID_DATA);
    test_client_expect_end(c);
    test_client_free(c);
}

static void frames_that_come_with_the_upgrade_or_a_byte_at_a_time_are_read(void **state)
{
    struct test_push *t = *state;
    static const char frames[] = "\x81\x82\x01\x02\x03\x04z\x7f\x89\x80\x01\x02\x03\x04";
    struct test_client *c = test_client_new(t);
    struct str head = arena_printf(&t->mem,
                                   "GET /api/ws HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                                   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                                   test_token(t, 0));
    struct buf both = BUF_INIT;
    buf_append_str(&both, head);
    buf_append(&both, frames, sizeof(frames) - 1);
    test_client_send(c, buf_str(&both));
    test_client_expect(c, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    test_client_expect(c, "\r\n\r\n");
    test_client_expect_frame(c, TEXT); /* the greeting */
    test_client_expect_frame(c, TEXT); /* the echo of {} */
    test_client_expect_frame(c, PONG);
    for (size_t i = 0; i < sizeof(frames) - 1; i++)
        test_client_send(c, str_make(frames + i, 1));
    test_client_expect_frame(c, TEXT);
    test_client_expect_frame(c, PONG);
    buf_release(&both);
    test_client_free(c);
}

static void who_never_answers_is_dead_after_two_missed_pings(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t), *alive = open_socket(t);
    for (int i = 0; i < 2; i++) {
        test_push_wait(t, 25100);
        test_client_expect_frame(c, PING);
        test_client_expect_frame(alive, PING);
        test_client_frame(alive, PONG, STR(""));
    }
    test_push_wait(t, 25100);
    test_client_expect_end(c);
    test_client_expect_frame(alive, PING);
    assert_false(alive->is_closed);
    test_client_free(c);
    test_client_free(alive);
}

/* It takes a little of what waits between two heartbeats, and never comes to the pings. */
static void who_reads_slowly_is_not_dead(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    char *data = arena_alloc(&t->mem, 8002), *some = arena_alloc(&t->mem, 180000);
    t->conf.push_buffer = 2 << 20;
    memset(data, 'x', 8000);
    data[0] = data[7999] = '"';
    data[8000] = '\0';
    for (int i = 0; i < 150; i++) {
        test_change(t, "demo:long", data);
        test_push_rounds(t);
    }
    for (int i = 0; i < 5; i++) {
        test_push_wait(t, 25100);
        assert_true(recv(c->fd, some, 180000, 0) > 0);
        test_push_rounds(t);
    }
    assert_int_equal(t->server.streams, 1);
    test_client_free(c);
}

static void a_slow_reader_is_closed_with_4408(void **state)
{
    struct test_push *t = *state;
    char *data = arena_alloc(&t->mem, 8002);
    memset(data, 'x', 8000);
    data[0] = data[7999] = '"';
    data[8000] = '\0';
    struct test_client *c = open_socket(t), *reading = open_socket(t);
    for (int i = 0; i < 400; i++) {
        test_change(t, "demo:long", data);
        test_push_rounds(t);
        test_client_receive(reading);
        buf_reset(&reading->in);
    }
    assert_int_equal(t->server.stats.slow, 1);
    test_client_expect_end(c);
    const char *last = c->in.p + c->in.n - (2 + 2 + strlen("reader too slow"));
    assert_memory_equal(last, "\x88\x11\x11\x38", 4); /* 4408 */
    assert_false(reading->is_closed);
    test_client_free(c);
    test_client_free(reading);
}

static void a_token_that_ends_closes_with_4401_but_a_cookie_lives_with_its_session(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    struct test_client *cookie = test_client_new(t);
    test_client_send(cookie, arena_printf(&t->mem,
                                          "GET /api/ws HTTP/1.1\r\nHost: a\r\nCookie: token=%s\r\n"
                                          "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Version: 13\r\n"
                                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                                          test_token(t, 0)));
    test_client_expect(cookie, "connected");
    for (int i = 0; i < 35; i++) {
        test_push_wait(t, 25000);
        test_client_frame(c, PONG, STR(""));
        test_client_frame(cookie, PONG, STR(""));
    }
    test_push_wait(t, 26000);
    test_client_expect(c, "\x11\x31"); /* 4401 */
    assert_false(cookie->is_closed);
    buf_reset(&cookie->in);
    test_revoke(t);
    test_client_expect(cookie, "\x11\x31");
    test_client_expect_end(cookie);
    test_client_free(c);
    test_client_free(cookie);
}

static void a_shutdown_closes_with_1001(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_socket(t);
    server_end(&t->server);
    expect_close(c, WS_CLOSE_GOING_AWAY);
    test_client_expect_end(c);
    test_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_greeting_says_connected),
        TEST(rows_carry_their_change_as_a_type),
        TEST(keys_carry_the_value_itself),
        TEST(other_events_go_through_unchanged),
        TEST(json_is_echoed_and_other_messages_ignored),
        TEST(a_ping_is_answered_and_a_close_too),
        TEST(a_flood_of_pings_is_answered_in_order_by_few_sends),
        TEST(frames_that_break_the_rules_close_with_their_code),
        TEST(frames_that_come_with_the_upgrade_or_a_byte_at_a_time_are_read),
        TEST(who_never_answers_is_dead_after_two_missed_pings),
        TEST(who_reads_slowly_is_not_dead),
        TEST(a_slow_reader_is_closed_with_4408),
        TEST(a_token_that_ends_closes_with_4401_but_a_cookie_lives_with_its_session),
        TEST(a_shutdown_closes_with_1001),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
