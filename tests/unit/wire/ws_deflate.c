/* Compressed messages in frames (RFC 7692 6 and 7), read in pieces of any size and written. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/frames.h"
#include "lib/guard.h"
#include "wire/deflate.h"
#include "wire/ws.h"

#define HELLO STR("\xf2\x48\xcd\xc9\xc9\x07\x00")

static const struct ws_limits limits = {.message = 70000, .fragments = 8};

/* --- reading --------------------------------------------------------------------------------- */

/* What came out: "1:Hello 9: ", long ones by their length; or "!1002" at the end. */
static void read_all(struct str in, size_t piece, enum ws_deflate deflate, struct buf *log)
{
    struct ws_reader *reader = NULL;
    struct ws_message m;
    enum err e = OK;
    size_t used;
    buf_reset(log);
    while (in.n > 0 && e != ERR_INVALID) {
        struct str rest = guard_copy(str_make(in.p, in.n < piece ? in.n : piece));
        in = str_from(in, rest.n);
        while ((e = ws_read(&reader, rest, &limits, deflate, &used, &m)) == OK) {
            rest = str_from(rest, used);
            buf_appendf(log, "%d:", m.opcode);
            if (m.data.n > 200)
                buf_appendf(log, "%zu ", m.data.n);
            else
                buf_appendf(log, "%.*s ", STR_ARG(m.data));
        }
    }
    if (e == ERR_INVALID)
        buf_appendf(log, "!%d", m.code);
    if (reader)
        buf_append_lit(log, "...");
    ws_reader_free(reader);
}

static void assert_reads(const struct buf *in, enum ws_deflate deflate, const char *expected)
{
    struct buf log = BUF_INIT;
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 5, 7, 4096, 5000};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        read_all(buf_str(in), pieces[i], deflate, &log);
        assert_string_equal(expected, log.p ? log.p : "");
    }
    for (size_t cut = 1; in->n < 300 && cut < in->n; cut++) {
        read_all(buf_str(in), cut, deflate, &log);
        assert_string_equal(expected, log.p);
    }
    buf_release(&log);
}

struct frame {
    int first;
    struct str payload;
};

static void assert_frames(const struct frame *frames, size_t n, enum ws_deflate deflate,
                          const char *expected)
{
    struct buf in = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        frames_append(&in, frames[i].first, frames[i].payload);
    assert_reads(&in, deflate, expected);
    buf_release(&in);
}

#define FRAMES_AS(deflate, expected, ...)                                                          \
    assert_frames((const struct frame[]){__VA_ARGS__},                                             \
                  ARRAY_LEN(((const struct frame[]){__VA_ARGS__})), deflate, expected)
#define FRAMES(expected, ...) FRAMES_AS(WS_DEFLATE, expected, __VA_ARGS__)

/* A compressed text or binary of that many bytes, made of `unit` again and again. */
static void append_packed(struct buf *in, int opcode, const char *unit, size_t n)
{
    struct deflater *d = deflater_new();
    struct buf data = BUF_INIT, packed = BUF_INIT;
    while (data.n < n)
        buf_append(&data, unit, strlen(unit));
    data.n = n;
    assert_true(deflater_append(d, &packed, buf_str(&data)));
    frames_append(in, FIN | RSV1 | opcode, buf_str(&packed));
    deflater_free(d);
    buf_release(&data);
    buf_release(&packed);
}

static void reads_compressed_messages_among_others(void **state)
{
    (void)state;
    FRAMES("1:Hello ", {FIN | RSV1 | WS_TEXT, HELLO});
    FRAMES("2:Hello ", {FIN | RSV1 | WS_BINARY, HELLO});
    FRAMES_AS(WS_DEFLATE_READ, "1:Hello ", {FIN | RSV1 | WS_TEXT, HELLO});
    FRAMES("1:plain 1:Hello 9:hi 1:plain 1:Hello ", {FIN | WS_TEXT, STR("plain")},
           {FIN | RSV1 | WS_TEXT, HELLO}, {FIN | WS_PING, STR("hi")}, {FIN | WS_TEXT, STR("plain")},
           {FIN | RSV1 | WS_TEXT, HELLO});
}

static void reads_compressed_fragments_with_control_frames_between(void **state)
{
    (void)state;
    FRAMES("9:ping 1:Hello ", {RSV1 | WS_TEXT, STR("\xf2\x48\xcd")}, {FIN | WS_PING, STR("ping")},
           {0, STR("")}, {FIN, STR("\xc9\xc9\x07\x00")});
    FRAMES("1:Hello ", {RSV1 | WS_TEXT, STR("")}, {0, HELLO}, {FIN, STR("")});
    FRAMES("1:Hello 2:Hello ", {RSV1 | WS_TEXT, HELLO}, {FIN, STR("")}, {RSV1 | WS_BINARY, HELLO},
           {FIN, STR("")});
}

static void reads_empty_and_final_blocks(void **state)
{
    (void)state;
    FRAMES("1: 1: ", {FIN | RSV1 | WS_TEXT, STR("\0")}, {FIN | RSV1 | WS_TEXT, STR("")});
    FRAMES("1:Hello ", {FIN | RSV1 | WS_TEXT, STR("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")});
    FRAMES("1:HelloHello 1:Hello ",
           {FIN | RSV1 | WS_TEXT, STR("\xf3\x48\xcd\xc9\xc9\x07\0\xf2\x48\xcd\xc9\xc9\x07\0")},
           {FIN | RSV1 | WS_TEXT, HELLO});
}

static void joins_characters_cut_in_compressed_text(void **state)
{
    (void)state;
    /* In blocks of their own, and frames. */
    FRAMES("1:\xe2\x82\xac ", {FIN | RSV1 | WS_TEXT, STR("\0\1\0\xfe\xff\xe2\0\2\0\xfd\xff\x82"
                                                         "\xac\0")});
    FRAMES("1:\xe2\x82\xac ", {RSV1 | WS_TEXT, STR("\0\1\0\xfe\xff\xe2")}, {0, STR("\0\2\0\xfd")},
           {FIN, STR("\xff\x82\xac\0")});
}

static void refuses_reserved_bits_out_of_place(void **state)
{
    (void)state;
    FRAMES_AS(WS_PLAIN, "!1002", {FIN | RSV1 | WS_TEXT, HELLO});
    FRAMES("!1002", {RSV1 | WS_TEXT, HELLO}, {FIN | RSV1, STR("")});
    FRAMES("!1002", {WS_TEXT, STR("a")}, {FIN | RSV1, STR("")});
    for (int first = 0; first < 256; first++) {
        bool data = (first & 0xf) == WS_TEXT || (first & 0xf) == WS_BINARY;
        bool control = (first & 0xf) >= WS_CLOSE && (first & 0xf) <= WS_PONG && first & FIN;
        bool good = (first & 0x30) == 0 && (data || (control && !(first & RSV1)));
        char bytes[2] = {(char)first, (char)0x81};
        struct buf log = BUF_INIT;
        read_all(str_make(bytes, 2), 1, WS_DEFLATE, &log);
        assert_string_equal(log.p, good ? "..." : "!1002");
        buf_release(&log);
    }
}

static void refuses_compressed_text_at_the_first_bad_byte(void **state)
{
    (void)state;
    FRAMES("!1007", {FIN | RSV1 | WS_TEXT, STR("\0\1\0\xfe\xff\xff\0")});
    FRAMES("!1007", {FIN | RSV1 | WS_TEXT, STR("\0\1\0\xfe\xff\xe2\0")}); /* cut off */
    FRAMES("!1007", {RSV1 | WS_TEXT, STR("\0\2\0\xfd\xff\xe2\x28")});
    /* In mid-frame, before the message ends. */
    struct buf in = BUF_INIT;
    frames_append(&in, RSV1 | WS_TEXT,
                  STR("\0\7\0\xf8\xff"
                      "good \xf5 and more"));
    in.n -= 9;
    assert_reads(&in, WS_DEFLATE, "!1007");
    buf_release(&in);
    FRAMES("2:\xff ", {FIN | RSV1 | WS_BINARY, STR("\0\1\0\xfe\xff\xff\0")});
}

static void refuses_what_is_not_deflate(void **state)
{
    (void)state;
    FRAMES("!1007", {FIN | RSV1 | WS_BINARY, STR("\xff")});
    FRAMES("!1007", {RSV1 | WS_BINARY, STR("\x06")}); /* at once */
    FRAMES("!1007", {FIN | RSV1 | WS_BINARY, STR("\xf2\x48\xcd\xc9")});
    FRAMES("1:Hello !1007", {FIN | RSV1 | WS_TEXT, HELLO},
           {FIN | RSV1 | WS_TEXT, STR("\xf2\x00\x11\x00\x00")}); /* leans on the one before */
}

static void the_limit_counts_inflated_bytes(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    append_packed(&in, WS_TEXT, "abc", limits.message);
    assert_reads(&in, WS_DEFLATE, "1:70000 ");
    buf_reset(&in);
    append_packed(&in, WS_TEXT, "abc", limits.message + 1);
    assert_reads(&in, WS_DEFLATE, "!1009");
    buf_reset(&in);
    append_packed(&in, WS_BINARY, "a", 16 << 20);
    in.n -= 1; /* it has not ended */
    assert_reads(&in, WS_DEFLATE, "!1009");
    buf_release(&in);
}

static void a_bad_byte_before_the_limit_counts_first(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    append_packed(&in, WS_TEXT, "abc\xff", 1 << 20);
    assert_reads(&in, WS_DEFLATE, "!1007");
    buf_release(&in);
}

/* Empty blocks without end hold nothing: their announced length is refused. */
static void refuses_much_that_inflates_to_nothing(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    size_t slack = limits.message / 8 + 64;
    frames_append_head(&in, FIN | RSV1 | WS_TEXT, limits.message + slack + 1);
    in.n -= 4;
    assert_reads(&in, WS_DEFLATE, "!1009");
    buf_reset(&in);
    frames_append(&in, RSV1 | WS_TEXT, STR("\0\0\0\xff\xff"));
    frames_append_head(&in, FIN, limits.message + slack - 4);
    in.n -= 4;
    assert_reads(&in, WS_DEFLATE, "!1009");
    buf_release(&in);
}

static void holds_a_window_only_while_a_message_is_incomplete(void **state)
{
    (void)state;
    struct buf in = BUF_INIT;
    struct ws_reader *reader = NULL;
    struct ws_message m;
    size_t used;
    frames_append(&in, RSV1 | WS_TEXT, STR("\xf2\x48\xcd"));
    assert_int_equal(ERR_MORE, ws_read(&reader, buf_str(&in), &limits, WS_DEFLATE, &used, &m));
    assert_non_null(reader);
    ws_reader_trim(&reader);
    assert_non_null(reader);
    buf_reset(&in);
    frames_append(&in, FIN, STR("\xc9\xc9\x07\x00"));
    assert_int_equal(OK, ws_read(&reader, buf_str(&in), &limits, WS_DEFLATE, &used, &m));
    assert_true(str_eq(m.data, STR("Hello")));
    ws_reader_trim(&reader);
    assert_null(reader);
    buf_release(&in);
}

/* --- writing --------------------------------------------------------------------------------- */

/* The one frame of out, unmasked, is of that kind; *payload is what it carries. */
static uint8_t take_frame(const struct buf *out, struct str *payload)
{
    size_t head = (uint8_t)out->p[1] == 127 ? 10 : (uint8_t)out->p[1] == 126 ? 4 : 2;
    uint64_t n = head == 2 ? (uint8_t)out->p[1] : 0;
    for (size_t i = 2; i < head; i++)
        n = n << 8 | (uint8_t)out->p[i];
    assert_int_equal(out->n, head + n);
    assert_true(head == 2 || n > (head == 4 ? 125u : 65535u)); /* in the shortest form */
    *payload = str_from(buf_str(out), head);
    return (uint8_t)out->p[0];
}

static void assert_inflates_to(struct str packed, struct str expected)
{
    struct inflater *z = inflater_new();
    struct buf out = BUF_INIT;
    enum err e;
    while ((e = inflater_append(z, &packed, &out, 1 << 16)) == ERR_MORE)
        ;
    assert_int_equal(e, OK);
    while ((e = inflater_finish(z, &out, 1 << 16)) == ERR_MORE)
        ;
    assert_int_equal(e, OK);
    assert_true(str_eq(buf_str(&out), expected));
    inflater_free(z);
    buf_release(&out);
}

static void writes_compressed_frames_of_every_length(void **state)
{
    (void)state;
    struct deflater *d = deflater_new();
    struct buf data = BUF_INIT, out = BUF_INIT;
    unsigned random = 1;
    /* Six random bits in a byte: the frames are a good three quarters of the messages. */
    while (data.n < 90000) {
        random = random * 1103515245 + 12345;
        buf_append_ch(&data, (char)(' ' + (random >> 16) % 64));
    }
    for (size_t n = 64; n <= data.n; n = n < 400 ? n + 1 : n + n / 7) {
        struct str payload, text = str_make(data.p, n);
        buf_reset(&out);
        ws_append_message(&out, d, WS_TEXT, text);
        if (take_frame(&out, &payload) == (FIN | WS_TEXT)) {
            assert_true(str_eq(payload, text));
            assert_true(n < 200);
        } else {
            assert_int_equal((uint8_t)out.p[0], FIN | RSV1 | WS_TEXT);
            assert_true(payload.n < text.n);
            assert_inflates_to(payload, text);
        }
    }
    deflater_free(d);
    buf_release(&data);
    buf_release(&out);
}

static void writes_plain_what_is_short_or_control_or_not_agreed_on(void **state)
{
    (void)state;
    static const struct {
        bool agreed;
        enum ws_opcode opcode;
        size_t n;
        int first;
    } cases[] = {
        {true, WS_TEXT, 64, FIN | RSV1 | WS_TEXT}, {true, WS_BINARY, 64, FIN | RSV1 | WS_BINARY},
        {false, WS_TEXT, 64, FIN | WS_TEXT},       {true, WS_PONG, 64, FIN | WS_PONG},
        {true, WS_TEXT, 63, FIN | WS_TEXT},        {true, WS_TEXT, 0, FIN | WS_TEXT},
    };
    char data[64];
    struct deflater *d = deflater_new();
    memset(data, 'a', sizeof(data));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_INIT;
        struct str payload;
        ws_append_message(&out, cases[i].agreed ? d : NULL, cases[i].opcode,
                          str_make(data, cases[i].n));
        assert_int_equal(take_frame(&out, &payload), cases[i].first);
        assert_true(cases[i].first & RSV1 ? payload.n < 10 : payload.n == cases[i].n);
        buf_release(&out);
    }
    deflater_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_compressed_messages_among_others),
        cmocka_unit_test(reads_compressed_fragments_with_control_frames_between),
        cmocka_unit_test(reads_empty_and_final_blocks),
        cmocka_unit_test(joins_characters_cut_in_compressed_text),
        cmocka_unit_test(refuses_reserved_bits_out_of_place),
        cmocka_unit_test(refuses_compressed_text_at_the_first_bad_byte),
        cmocka_unit_test(refuses_what_is_not_deflate),
        cmocka_unit_test(the_limit_counts_inflated_bytes),
        cmocka_unit_test(a_bad_byte_before_the_limit_counts_first),
        cmocka_unit_test(refuses_much_that_inflates_to_nothing),
        cmocka_unit_test(holds_a_window_only_while_a_message_is_incomplete),
        cmocka_unit_test(writes_compressed_frames_of_every_length),
        cmocka_unit_test(writes_plain_what_is_short_or_control_or_not_agreed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
