/* Chunked bodies: whole, in pieces, and broken. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/http.h"

#define NEXT "GET /"

/* Feed text in pieces of that size against a guard page. */
static enum err feed(struct str text, size_t piece, size_t max, size_t *used, struct buf *body)
{
    struct http_chunks c = {0};
    enum err e = ERR_MORE;
    *used = 0;
    buf_reset(body);
    while (e == ERR_MORE && *used < text.n) {
        struct str rest = str_from(text, *used);
        size_t consumed;
        if (rest.n > piece)
            rest.n = piece;
        e = http_chunks_feed(&c, guard_copy(rest), &consumed, body, max);
        *used += consumed;
        if (e == ERR_MORE)
            assert_int_equal(rest.n, consumed);
    }
    return e;
}

static void reads_a_body_however_it_is_cut(void **state)
{
    (void)state;
    struct str text = STR("5;name=\"value\"\r\nhello\r\n"
                          "00c \r\n, wide world\r\n"
                          "A;x\r\n0123456789\r\n"
                          "0\r\nTrailer: dropped\r\nX:\r\n\r\n" NEXT);
    struct buf body = BUF_INIT;
    for (size_t piece = 1; piece <= text.n; piece++) {
        size_t used;
        assert_int_equal(OK, feed(text, piece, 27, &used, &body));
        assert_true(str_eq(STR(NEXT), str_from(text, used)));
        assert_true(str_eq(STR("hello, wide world0123456789"), buf_str(&body)));
    }
    buf_release(&body);
}

static void reads_an_empty_body(void **state)
{
    (void)state;
    struct buf body = BUF_INIT;
    size_t used;
    assert_int_equal(OK, feed(STR("0\r\n\r\n"), 1, 0, &used, &body));
    assert_int_equal(5, used);
    assert_int_equal(0, body.n);
}

static enum err outcome(const char *text, size_t max)
{
    struct buf body = BUF_INIT;
    size_t used;
    enum err whole = feed(str_from_c(text), SIZE_MAX, max, &used, &body);
    assert_int_equal(whole, feed(str_from_c(text), 1, max, &used, &body));
    buf_release(&body);
    return whole;
}

static void refuses_broken_syntax(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "\r\n",
        ";x\r\n",
        " 1\r\na\r\n",
        "g\r\n",
        "0x1\r\na\r\n",
        "-1\r\n",
        "+1\r\na\r\n",
        "1_0\r\n",
        "1\na\n0\n\n",
        "1\r\rna",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "0\r\n\n",
        "0\r\n\rX",
        "0\r\nA: b\n\r\n",
        "0\r\nA: \x01\r\n\r\n",
        "1;\x01\r\na\r\n0\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++)
        assert_int_equal(ERR_INVALID, outcome(broken[i], 100));
}

static void refuses_too_much_from_the_announced_size(void **state)
{
    (void)state;
    assert_int_equal(ERR_MORE, outcome("3\r\nabc", 3));
    assert_int_equal(ERR_TOO_LARGE, outcome("4", 3));
    assert_int_equal(ERR_TOO_LARGE, outcome("2\r\nab\r\n2", 3));
    assert_int_equal(ERR_TOO_LARGE, outcome("fffffffffffffffff\r\n", SIZE_MAX));
    assert_int_equal(ERR_TOO_LARGE, outcome("10000000000000000\r\n", SIZE_MAX));
}

static void bounds_lines_and_trailers(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, body = BUF_INIT;
    size_t used;
    buf_append_lit(&text, "1;");
    for (size_t i = 0; i < 5000; i++)
        buf_append_ch(&text, 'x');
    assert_int_equal(ERR_INVALID, feed(buf_str(&text), 100, 100, &used, &body));
    assert_in_range(used, 4000, 4200);

    buf_reset(&text);
    for (size_t i = 0; i < 5000; i++)
        buf_append_ch(&text, '0');
    assert_int_equal(ERR_INVALID, feed(buf_str(&text), 100, 100, &used, &body));

    buf_reset(&text);
    buf_append_lit(&text, "0\r\n");
    for (size_t i = 0; i < 2000; i++)
        buf_append_lit(&text, "a:b\r\n");
    assert_int_equal(ERR_INVALID, feed(buf_str(&text), 100, 100, &used, &body));
    buf_release(&text);
    buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_body_however_it_is_cut),
        cmocka_unit_test(reads_an_empty_body),
        cmocka_unit_test(refuses_broken_syntax),
        cmocka_unit_test(refuses_too_much_from_the_announced_size),
        cmocka_unit_test(bounds_lines_and_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
