/* WebSocket frames: RFC 6455 rule by rule, whole and a byte at a time. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/frames.h"
#include "lib/guard.h"
#include "wire/ws.h"

static const struct ws_limits limits = {.message = 70000, .fragments = 8};

/* --- reading --------------------------------------------------------------------------------- */

/* What came out, as text: "text(hi) ping() close(1000,bye) ", or "!1002" at the end. */
static void read_all(struct str in, size_t piece, struct buf *log)
{
    struct ws_reader *reader = NULL;
    buf_reset(log);
    for (size_t at = 0; at < in.n;) {
        struct str rest = str_from(in, at);
        rest.n = rest.n < piece ? rest.n : piece;
        at += rest.n;
        rest = guard_copy(rest);
        for (;;) {
            struct ws_message m;
            size_t used;
            enum err e = ws_read(&reader, rest, &limits, WS_PLAIN, &used, &m);
            if (e == ERR_INVALID) {
                buf_appendf(log, "!%d", m.code);
                assert_null(reader);
                return;
            }
            if (e == ERR_MORE) {
                assert_int_equal(rest.n, used);
                break;
            }
            rest = str_from(rest, used);
            const char *name = m.opcode == WS_TEXT     ? "text"
                               : m.opcode == WS_BINARY ? "binary"
                               : m.opcode == WS_PING   ? "ping"
                               : m.opcode == WS_PONG   ? "pong"
                                                       : "close";
            buf_appendf(log, "%s(", name);
            if (m.opcode == WS_CLOSE)
                buf_appendf(log, "%d,", m.code);
            if (m.data.n > 200)
                buf_appendf(log, "%zu", m.data.n);
            else
                buf_append_str(log, m.data);
            buf_append_lit(log, ") ");
        }
    }
    if (reader)
        buf_append_lit(log, "?");
    ws_reader_free(reader);
}

/* The same comes out whole and in pieces of any size. */
static void assert_reads(const struct buf *in, const char *expected)
{
    struct buf log = BUF_INIT;
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 5, 7, 4096, 5000};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        read_all(buf_str(in), pieces[i], &log);
        assert_string_equal(expected, log.p ? log.p : "");
    }
    for (size_t cut = 1; in->n < 300 && cut < in->n; cut++) {
        read_all(buf_str(in), cut, &log);
        assert_string_equal(expected, log.p);
    }
    buf_release(&log);
}

struct frame {
    int first;
    struct str payload;
};

static void assert_frames(const struct frame *frames, size_t n, const char *expected)
{
    struct buf in = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        frames_append(&in, frames[i].first, frames[i].payload);
    assert_reads(&in, expected);
    buf_release(&in);
}

#define FRAMES(expected, ...)                                                                      \
    assert_frames((const struct frame[]){__VA_ARGS__},                                             \
                  ARRAY_LEN(((const struct frame[]){__VA_ARGS__})), expected)

static void assert_bytes(struct str bytes, const char *expected)
{
    struct buf in = BUF_INIT;
    buf_append_str(&in, bytes);
    assert_reads(&in, expected);
    buf_release(&in);
}

/* --- reading --------------------------------------------------------------------------------- */

static void reads_messages_in_single_frames(void **state)
{
    (void)state;
    FRAMES("text(hello) ", {FIN | WS_TEXT, STR("hello")});
    FRAMES("text() binary() ping() pong() ", {FIN | WS_TEXT, STR("")}, {FIN | WS_BINARY, STR("")},
           {FIN | WS_PING, STR("")}, {FIN | WS_PONG, STR("")});
    FRAMES("binary(\xff\xfe) text(\xe2\x82\xac) ", {FIN | WS_BINARY, STR("\xff\xfe")},
           {FIN | WS_TEXT, STR("\xe2\x82\xac")});
}

static void reads_the_example_of_rfc_6455(void **state)
{
    (void)state;
    assert_bytes(STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text(Hello) ");
}

static void joins_fragments_and_lets_control_frames_between(void **state)
{
    (void)state;
    FRAMES("text(abc) ", {WS_TEXT, STR("a")}, {0, STR("b")}, {FIN, STR("c")});
    FRAMES("text() ", {WS_TEXT, STR("")}, {0, STR("")}, {FIN, STR("")});
    FRAMES("ping(1) pong(2) text(ab) binary(c) ", {WS_TEXT, STR("a")}, {FIN | WS_PING, STR("1")},
           {FIN | WS_PONG, STR("2")}, {FIN, STR("b")}, {FIN | WS_BINARY, STR("c")});
    FRAMES("close(1000,ok) text(ab) ", {WS_TEXT, STR("a")}, {FIN | WS_CLOSE, STR("\x03\xe8ok")},
           {FIN, STR("b")});
}

static void joins_characters_cut_by_fragments(void **state)
{
    (void)state;
    FRAMES("ping(\x82) text(\xe2\x82\xac) ", {WS_TEXT, STR("\xe2")}, {FIN | WS_PING, STR("\x82")},
           {0, STR("\x82")}, {FIN, STR("\xac")});
}

static void reads_every_form_of_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {125, 126, 127, 4000, 4096, 5000, 65535, 65536, 70000};
    struct buf in = BUF_INIT, payload = BUF_INIT, expected = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        while (payload.n < lengths[i])
            buf_append_ch(&payload, (char)('a' + payload.n % 23));
        frames_append(&in, FIN | WS_TEXT, buf_str(&payload));
        if (payload.n > 200)
            buf_appendf(&expected, "text(%zu) ", payload.n);
        else
            buf_appendf(&expected, "text(%s) ", payload.p);
    }
    assert_reads(&in, expected.p);
    buf_release(&in);
    buf_release(&payload);
    buf_release(&expected);
}

static void keeps_the_bytes_of_a_long_message(void **state)
{
    (void)state;
    struct buf in = BUF_INIT, payload = BUF_INIT;
    struct ws_reader *reader = NULL;
    struct ws_message m;
    size_t used;
    while (payload.n < 70000)
        buf_append_ch(&payload, (char)(payload.n * 7));
    frames_append(&in, FIN | WS_BINARY, buf_str(&payload));
    assert_int_equal(OK, ws_read(&reader, buf_str(&in), &limits, WS_PLAIN, &used, &m));
    assert_true(str_eq(buf_str(&payload), m.data));
    assert_int_equal(in.n, used);
    assert_int_equal(ERR_MORE, ws_read(&reader, STR_NULL, &limits, WS_PLAIN, &used, &m));
    assert_null(reader);
    buf_release(&in);
    buf_release(&payload);
}

static void holds_memory_only_while_a_message_is_incomplete(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    struct ws_reader *reader = NULL;
    struct ws_message m;
    size_t used;
    frames_append(&in, FIN | WS_TEXT, STR("hi"));
    assert_int_equal(ERR_MORE, ws_read(&reader, STR_NULL, &limits, WS_PLAIN, &used, &m));
    assert_null(reader);
    assert_int_equal(ERR_MORE, ws_read(&reader, str_make(in.p, 1), &limits, WS_PLAIN, &used, &m));
    assert_non_null(reader);
    assert_int_equal(OK, ws_read(&reader, str_from(buf_str(&in), 1), &limits, WS_PLAIN, &used, &m));
    assert_int_equal(in.n - 1, used);
    assert_true(str_eq(STR("hi"), m.data));
    ws_reader_trim(&reader);
    assert_null(reader);
    ws_reader_trim(&reader);
    ws_reader_free(NULL);

    buf_reset(&in);
    frames_append(&in, WS_TEXT, STR("be"));
    frames_append(&in, FIN | WS_PING, STR(""));
    assert_int_equal(OK, ws_read(&reader, buf_str(&in), &limits, WS_PLAIN, &used, &m));
    assert_int_equal(WS_PING, m.opcode);
    ws_reader_trim(&reader); /* a message has begun: it stays */
    buf_reset(&in);
    frames_append(&in, FIN, STR("gun"));
    assert_int_equal(OK, ws_read(&reader, buf_str(&in), &limits, WS_PLAIN, &used, &m));
    assert_true(str_eq(STR("begun"), m.data));
    assert_int_equal(ERR_MORE, ws_read(&reader, STR(""), &limits, WS_PLAIN, &used, &m));
    assert_null(reader);
    buf_release(&in);
}

/* --- refusing -------------------------------------------------------------------------------- */

static void refuses_reserved_bits_and_opcodes(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        static const int known[] = {WS_TEXT, WS_BINARY, WS_CLOSE, WS_PING, WS_PONG};
        bool good = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            good |= first == (FIN | known[i]) || (known[i] < 8 && first == known[i]);
        char bytes[2] = {(char)first, (char)0x81};
        assert_bytes(str_make(bytes, 2), good ? "?" : "!1002");
    }
}

static void refuses_unmasked_frames(void **state)
{
    (void)state;
    assert_bytes(STR("\x81\x00"), "!1002");
    assert_bytes(STR("\x89\x02hi"), "!1002");
}

static void refuses_long_or_fragmented_control_frames(void **state)
{
    (void)state;
    assert_bytes(STR("\x89\xfe"), "!1002");
    assert_bytes(STR("\x88\xff"), "!1002");
    FRAMES("!1002", {WS_PING, STR("")});
    FRAMES("!1002", {WS_CLOSE, STR("")});
    struct buf long_ping = BUF_INIT;
    frames_append(&long_ping, FIN | WS_PING,
                  STR("1234567890123456789012345678901234567890123456789012345678901234567890"
                      "1234567890123456789012345678901234567890123456789012345"));
    assert_reads(&long_ping,
                 "ping(1234567890123456789012345678901234567890123456789012345678901234567890"
                 "1234567890123456789012345678901234567890123456789012345) ");
    buf_release(&long_ping);
}

static void refuses_lengths_that_are_not_minimal(void **state)
{
    (void)state;
    assert_bytes(STR("\x81\xfe\x00\x7d"), "!1002");
    assert_bytes(STR("\x81\xfe\x00\x7e"), "?");
    assert_bytes(STR("\x81\xff\0\0\0\0\0\0\xff\xff"), "!1002");
    assert_bytes(STR("\x81\xff\0\0\0\0\0\1\0\0"), "?");
    assert_bytes(STR("\x81\xff\x80\0\0\0\0\1\0\0"), "!1002");
    assert_bytes(STR("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff"), "!1009");
}

static void refuses_continuations_out_of_place(void **state)
{
    (void)state;
    FRAMES("!1002", {FIN, STR("a")});
    FRAMES("text(a) !1002", {FIN | WS_TEXT, STR("a")}, {FIN, STR("b")});
    FRAMES("!1002", {WS_TEXT, STR("a")}, {FIN | WS_TEXT, STR("b")});
    FRAMES("!1002", {WS_TEXT, STR("a")}, {WS_BINARY, STR("b")});
}

static void refuses_text_at_the_first_bad_byte(void **state)
{
    (void)state;
    FRAMES("!1007", {FIN | WS_TEXT, STR("\xff")});
    FRAMES("!1007", {FIN | WS_TEXT, STR("a\xe2\x82")});
    FRAMES("!1007", {FIN | WS_TEXT, STR("\xed\xa0\x80")});
    FRAMES("!1007", {FIN | WS_TEXT, STR("\xc0\x80")});
    FRAMES("!1007", {WS_TEXT, STR("\xe2")}, {FIN, STR("a")});
    FRAMES("text(a) !1007", {FIN | WS_TEXT, STR("a")}, {WS_TEXT, STR("\xf4\x90")});
    /* The frame announces more than has come. */
    struct buf in = BUF_INIT;
    frames_append(&in, WS_TEXT, STR("good \xce\xba\xf5 and more"));
    in.n -= 9;
    assert_reads(&in, "!1007");
    buf_release(&in);
}

static void reads_close_codes_and_refuses_those_that_may_not_be_sent(void **state)
{
    (void)state;
    FRAMES("close(1005,) ", {FIN | WS_CLOSE, STR("")});
    FRAMES("!1002", {FIN | WS_CLOSE, STR("\x03")});
    FRAMES("close(1001,) ", {FIN | WS_CLOSE, STR("\x03\xe9")});
    FRAMES("!1007", {FIN | WS_CLOSE, STR("\x03\xe8\xff")});
    FRAMES("!1007", {FIN | WS_CLOSE, STR("\x03\xe8\xe2\x82")});
    for (int code = 0; code <= 5100; code++) {
        char bytes[2] = {(char)(code >> 8), (char)code}, expected[32];
        struct frame frame = {FIN | WS_CLOSE, {bytes, 2}};
        bool good = (code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1003) ||
                    (code >= 1007 && code <= 1014);
        snprintf(expected, sizeof expected, good ? "close(%d,) " : "!1002", code);
        assert_frames(&frame, 1, expected);
    }
}

static void refuses_too_much_from_the_announced_length(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    frames_append_head(&in, FIN | WS_BINARY, limits.message + 1);
    in.n -= 4; /* not even the mask */
    assert_reads(&in, "!1009");

    buf_reset(&in);
    frames_append(&in, WS_BINARY, STR("abc"));
    frames_append_head(&in, 0, limits.message - 2);
    in.n -= 4;
    assert_reads(&in, "!1009");
    buf_release(&in);
}

static void refuses_too_many_fragments(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    for (int round = 0; round < 2; round++) {
        frames_append(&in, WS_TEXT, STR("a"));
        for (size_t i = 2; i < limits.fragments; i++)
            frames_append(&in, 0, STR("a"));
        frames_append(&in, FIN, STR("a"));
    }
    assert_reads(&in, "text(aaaaaaaa) text(aaaaaaaa) ");
    buf_reset(&in);
    for (size_t i = 0; i <= limits.fragments; i++)
        frames_append(&in, i ? 0 : WS_TEXT, STR(""));
    assert_reads(&in, "!1009");
    buf_release(&in);
}

/* --- writing --------------------------------------------------------------------------------- */

static void answers_the_handshake_key(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    assert_int_equal(OK, ws_append_accept(&out, STR("dGhlIHNhbXBsZSBub25jZQ==")));
    assert_string_equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", out.p);
    static const char *const bad[] = {"",
                                      "dGhlIHNhbXBsZSBub25jZQ",
                                      "dGhlIHNhbXBsZSBub25jZQ=",
                                      "dGhlIHNhbXBsZSBub25jZQ===",
                                      "dGhlIHNhbXBsZSBub25jZQAA",
                                      "dGhlIHNhbXBsZSBub25jZ===",
                                      "dGhlIHNhbXBsZSBub25j-_==",
                                      "dGhlIHNhbXBsZSBub25jZSEh"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(ERR_INVALID, ws_append_accept(&out, guard_copy(str_from_c(bad[i]))));
    buf_release(&out);
}

static void writes_unmasked_frames_of_minimal_length(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        struct str head;
    } cases[] = {
        {0, {"\x81\x00", 2}},
        {125, {"\x81\x7d", 2}},
        {126, {"\x81\x7e\x00\x7e", 4}},
        {65535, {"\x81\x7e\xff\xff", 4}},
        {65536, {"\x81\x7f\0\0\0\0\0\1\0\0", 10}},
    };
    struct buf payload = BUF_INIT, out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        while (payload.n < cases[i].n)
            buf_append_ch(&payload, (char)payload.n);
        buf_reset(&out);
        ws_append_frame(&out, WS_TEXT, buf_str(&payload));
        assert_int_equal(cases[i].head.n + payload.n, out.n);
        assert_true(str_starts_with(buf_str(&out), cases[i].head));
        assert_true(str_ends_with(buf_str(&out), buf_str(&payload)));
    }
    buf_release(&payload);
    buf_release(&out);
}

static void cuts_close_reasons_between_characters(void **state)
{
    (void)state;
    struct buf out = BUF_INIT, reason = BUF_INIT;
    ws_append_close(&out, WS_CLOSE_NORMAL, STR("bye"));
    assert_true(str_eq(STR("\x88\x05\x03\xe8"
                           "bye"),
                       buf_str(&out)));
    buf_reset(&out);
    ws_append_close(&out, WS_CLOSE_NO_STATUS, STR("never sent"));
    assert_true(str_eq(STR("\x88\x00"), buf_str(&out)));
    for (size_t shift = 0; shift < 4; shift++) {
        buf_reset(&out);
        buf_reset(&reason);
        for (size_t i = 0; i < shift; i++)
            buf_append_ch(&reason, 'x');
        for (size_t i = 0; i < 40; i++)
            buf_append_lit(&reason, "\xf0\x9f\x98\x80");
        ws_append_close(&out, WS_CLOSE_UNAUTHORIZED, buf_str(&reason));
        assert_int_equal(4 + (123 - shift) / 4 * 4 + shift, out.n);
        assert_int_equal(out.n - 2, (unsigned char)out.p[1]);
        assert_true(str_starts_with(buf_str(&reason), str_from(buf_str(&out), 4)));
    }
    buf_release(&out);
    buf_release(&reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_messages_in_single_frames),
        cmocka_unit_test(reads_the_example_of_rfc_6455),
        cmocka_unit_test(joins_fragments_and_lets_control_frames_between),
        cmocka_unit_test(joins_characters_cut_by_fragments),
        cmocka_unit_test(reads_every_form_of_length),
        cmocka_unit_test(keeps_the_bytes_of_a_long_message),
        cmocka_unit_test(holds_memory_only_while_a_message_is_incomplete),
        cmocka_unit_test(refuses_reserved_bits_and_opcodes),
        cmocka_unit_test(refuses_unmasked_frames),
        cmocka_unit_test(refuses_long_or_fragmented_control_frames),
        cmocka_unit_test(refuses_lengths_that_are_not_minimal),
        cmocka_unit_test(refuses_continuations_out_of_place),
        cmocka_unit_test(refuses_text_at_the_first_bad_byte),
        cmocka_unit_test(reads_close_codes_and_refuses_those_that_may_not_be_sent),
        cmocka_unit_test(refuses_too_much_from_the_announced_length),
        cmocka_unit_test(refuses_too_many_fragments),
        cmocka_unit_test(answers_the_handshake_key),
        cmocka_unit_test(writes_unmasked_frames_of_minimal_length),
        cmocka_unit_test(cuts_close_reasons_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
