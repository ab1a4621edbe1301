/* permessage-deflate on live connections: what is agreed on, who gets what, what stays in memory.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "conn.h"
#include "lib/frames.h"
#include "lib/push/push.h"
#include "wire/deflate.h"
#include "wire/ws.h"

#define OFFER "Sec-WebSocket-Extensions: permessage-deflate"
#define AGREED                                                                                     \
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "                   \
    "client_no_context_takeover"

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

static struct str text_of(struct test_push *t, size_t n)
{
    char *p = arena_alloc(&t->mem, n);
    for (size_t i = 0; i < n; i++)
        p[i] = "Lorem ipsum dolor sit amet, "[i % 28];
    return str_make(p, n);
}

static struct str deflated(struct test_push *t, struct str data)
{
    struct buf out = BUF_INIT;
    assert_true(deflater_append(t->server.deflater, &out, data));
    struct str copy = arena_dup(&t->mem, buf_str(&out));
    buf_release(&out);
    return copy;
}

static struct str inflated(struct test_push *t, struct str data)
{
    struct inflater *z = inflater_new();
    struct buf out = BUF_INIT;
    assert_int_equal(inflater_append(z, &data, &out, 100000), OK);
    assert_int_equal(inflater_finish(z, &out, 100000), OK);
    inflater_free(z);
    struct str copy = arena_dup(&t->mem, buf_str(&out));
    buf_release(&out);
    return copy;
}

static void expect_close(struct test_client *c, uint16_t code)
{
    struct str got = test_client_expect_frame(c, FIN | WS_CLOSE);
    assert_true(got.n >= 2);
    assert_int_equal((uint8_t)got.p[0] << 8 | (uint8_t)got.p[1], code);
    test_client_expect_end(c);
}

/* The line of the answer to these lines of an upgrade; "" when there is none. */
static void assert_agreed(struct test_push *t, const char *lines, const char *expected)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, STR("GET /push/echo HTTP/1.1\r\nHost: push.test\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    test_client_send(c, str_from_c(lines));
    test_client_send(c, STR("\r\n"));
    struct str head = test_client_expect(c, "\r\n\r\n");
    const char *at = strstr(head.p, "Sec-WebSocket-Extensions");
    size_t n = strlen(expected);
    if (n == 0 ? at != NULL : !at || strncmp(at, expected, n) != 0 || at[n] != '\r')
        fail_msg("%s answered with %s", lines, head.p);
    test_client_free(c);
}

static void the_first_acceptable_offer_is_agreed_on(void **state)
{
    struct test_push *t = *state;
    assert_agreed(t, "", "");
    assert_agreed(t, OFFER "\r\n", AGREED);
    assert_agreed(t, "sec-websocket-extensions:permessage-deflate\r\n", AGREED);
    assert_agreed(t, OFFER "; client_max_window_bits\r\n", AGREED);
    assert_agreed(t, OFFER "; server_max_window_bits=9\r\n", AGREED "; server_max_window_bits=9");
    assert_agreed(t, OFFER "; server_max_window_bits=16\r\n", "");
    assert_agreed(t, "Sec-WebSocket-Extensions: x-other\r\n" OFFER "; unknown\r\n" OFFER "\r\n",
                  AGREED);
}

static void who_did_not_agree_may_not_compress(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", "");
    test_client_frame(c, FIN | RSV1 | WS_TEXT, deflated(t, text_of(t, 100)));
    expect_close(c, WS_CLOSE_PROTOCOL);
    test_client_free(c);
}

static void messages_go_compressed_both_ways(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", OFFER "\r\n");
    struct str text = text_of(t, 5000);
    for (int i = 0; i < 3; i++) {
        test_client_frame(c, FIN | RSV1 | WS_TEXT, deflated(t, text));
        struct str got = test_client_expect_frame(c, FIN | RSV1 | WS_TEXT);
        assert_true(got.n < 200);
        assert_true(str_eq(inflated(t, got), text));
    }
    test_client_frame(c, FIN | WS_BINARY, text); /* each may be plain as well */
    assert_true(str_eq(inflated(t, test_client_expect_frame(c, FIN | RSV1 | WS_BINARY)), text));
    test_client_frame(c, FIN | WS_TEXT, STR("short"));
    assert_true(str_eq(test_client_expect_frame(c, FIN | WS_TEXT), STR("short")));
    test_client_frame(c, FIN | WS_PING, STR("ping"));
    assert_true(str_eq(test_client_expect_frame(c, FIN | WS_PONG), STR("ping")));
    test_client_free(c);
}

static void who_wants_a_small_window_gets_plain_messages(void **state)
{
    struct test_push *t = *state;
    struct str text = text_of(t, 300);
    for (int bits = 8; bits < 15; bits++) {
        const char *lines = arena_printf(&t->mem, OFFER "; server_max_window_bits=%d\r\n", bits).p;
        struct test_client *c = test_upgrade(t, "/push/echo", lines);
        test_client_frame(c, FIN | RSV1 | WS_TEXT, deflated(t, text));
        assert_true(str_eq(test_client_expect_frame(c, FIN | WS_TEXT), text));
        test_client_free(c);
    }
}

static void an_event_reaches_everybody_as_agreed(void **state)
{
    struct test_push *t = *state;
    static const char *const lines[] = {"", OFFER "\r\n", OFFER "; server_max_window_bits=10\r\n",
                                        OFFER "\r\n"};
    struct test_client *c[ARRAY_LEN(lines)];
    struct str text = STR_NULL;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        c[i] = test_upgrade(t, "/api/ws", lines[i]);
        test_client_expect_frame(c[i], FIN | WS_TEXT); /* the greeting */
    }
    test_push_pause(t);
    for (int round = 0; round < 2; round++) {
        test_change(
            t, "kv:set",
            "{\"key\":\"k\",\"value\":\"a value a value a value a value a value a value\"}");
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
            bool packed = i % 2 == 1;
            struct str got = test_client_expect_frame(c[i], FIN | (packed ? RSV1 : 0) | WS_TEXT);
            got = packed ? inflated(t, got) : got;
            assert_true(i == 0 || str_eq(got, text));
            text = got;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        test_client_free(c[i]);
}

static void nothing_of_a_message_is_kept(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", OFFER "\r\n");
    struct conn *conn = list_entry(t->server.strangers.next, struct conn, peers);
    struct str packed = deflated(t, text_of(t, 60000));
    test_client_frame(c, RSV1 | WS_TEXT, str_make(packed.p, packed.n / 2));
    assert_non_null(conn->reader);
    test_client_frame(c, FIN, str_from(packed, packed.n / 2));
    assert_null(conn->reader);
    test_client_expect_frame(c, FIN | RSV1 | WS_TEXT);
    assert_null(conn->reader);
    assert_null(conn->out);
    assert_null(conn->rest);
    test_client_free(c);
}

static void what_inflates_beyond_the_limit_closes_with_1009(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/api/ws", OFFER "\r\n");
    test_client_expect_frame(c, FIN | WS_TEXT);
    test_client_frame(c, RSV1 | WS_TEXT, deflated(t, text_of(t, (1 << 20) + 1)));
    expect_close(c, WS_CLOSE_TOO_BIG);
    test_client_free(c);
}

static void what_is_not_deflate_closes_with_1007(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", OFFER "\r\n");
    test_client_frame(c, RSV1 | WS_BINARY, STR("\xff\xff"));
    expect_close(c, WS_CLOSE_INVALID_DATA);
    test_client_free(c);
}

/* A kilobyte that becomes a megabyte, forty times in one piece of input: one a turn. */
static void who_sends_much_in_little_waits_for_the_others(void **state)
{
    struct test_push *t = *state;
    struct test_client *flood = test_upgrade(t, "/api/ws", OFFER "\r\n");
    struct test_client *other = test_upgrade(t, "/push/echo", "");
    struct buf frames = BUF_INIT;
    struct str packed = deflated(t, text_of(t, 1 << 20)); /* no JSON: it is not answered */
    test_client_expect_frame(flood, FIN | WS_TEXT);
    size_t count = SERVER_INPUT / (packed.n + 8);
    for (size_t i = 0; i < count; i++)
        frames_append(&frames, FIN | RSV1 | WS_TEXT, packed);
    frames_append(&frames, FIN | WS_PING, STR("end"));
    assert_true(count > 8);
    assert_int_equal(write(flood->fd, frames.p, frames.n), frames.n);
    for (size_t i = 0; i < 4; i++) {
        buf_reset(&frames);
        frames_append(&frames, FIN | WS_TEXT, STR("me"));
        assert_int_equal(write(other->fd, frames.p, frames.n), frames.n);
        loop_round(t->loop, 0);
        test_client_receive(other);
        assert_true(other->in.n == 4 * (i + 1) || i == 0);
        test_client_receive(flood);
        assert_int_equal(flood->in.n, 0);
    }
    assert_true(str_eq(test_client_expect_frame(flood, FIN | WS_PONG), STR("end")));
    buf_release(&frames);
    test_client_free(flood);
    test_client_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_acceptable_offer_is_agreed_on),
        TEST(who_did_not_agree_may_not_compress),
        TEST(messages_go_compressed_both_ways),
        TEST(who_wants_a_small_window_gets_plain_messages),
        TEST(an_event_reaches_everybody_as_agreed),
        TEST(nothing_of_a_message_is_kept),
        TEST(what_inflates_beyond_the_limit_closes_with_1009),
        TEST(what_is_not_deflate_closes_with_1007),
        TEST(who_sends_much_in_little_waits_for_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
