/* HTTP request heads: what is read, what is refused, and that no byte beyond the text is touched.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/http.h"

#define TAIL "\r\nHost: h\r\n\r\n"

/* Parse a whole head that lies against a guard page. */
static enum err parse(struct http_head *h, struct str text)
{
    size_t consumed = 0;
    enum err e = http_head_parse(h, guard_copy(text), 0, &consumed);
    if (e == OK)
        assert_int_equal(consumed, text.n);
    return e;
}

static enum err outcome(struct str text)
{
    struct http_head h;
    return parse(&h, text);
}

#define assert_outcome(expected, literal) assert_int_equal(expected, outcome(STR(literal)))
#define assert_text(expected, s)          assert_true(str_eq(STR(expected), s))

static void reads_an_upgrade_request(void **state)
{
    (void)state;
    struct http_head h;
    assert_int_equal(OK,
                     parse(&h, STR("GET /api/ws?token=a%20b HTTP/1.1\r\nHost: example.org:8080\r\n"
                                   "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
                                   "Empty:\r\nSpaced: \t a b \t \r\n\r\n")));
    assert_text("GET", h.method);
    assert_text("/api/ws?token=a%20b", h.target);
    assert_text("/api/ws", h.path);
    assert_text("token=a%20b", h.query);
    assert_int_equal(1, h.minor);
    assert_int_equal(5, h.header_count);
    assert_int_equal(-1, h.content_length);
    assert_true(h.keep_alive);
    assert_false(h.chunked);
    assert_text("example.org:8080", http_header(&h, STR("HOST")));
    assert_text("a b", http_header(&h, STR("spaced")));
    assert_text("", http_header(&h, STR("empty")));
    assert_non_null(http_header(&h, STR("empty")).p);
    assert_null(http_header(&h, STR("absent")).p);
    assert_true(http_header_has(&h, STR("connection"), STR("upgrade")));
    assert_false(http_header_has(&h, STR("connection"), STR("up")));
}

static void finds_tokens_in_repeated_headers(void **state)
{
    (void)state;
    struct http_head h;
    assert_int_equal(OK, parse(&h, STR("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo\r\n"
                                       "connection:bar ,close\r\n\r\n")));
    assert_true(http_header_has(&h, STR("Connection"), STR("CLOSE")));
    assert_false(h.keep_alive);
}

static void wants_more_at_every_cut(void **state)
{
    (void)state;
    static const char text[] =
        "\r\nPOST /publish HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n";
    size_t n = sizeof text - 1, consumed;
    struct http_head h;
    for (size_t cut = 0; cut < n; cut++)
        for (size_t seen = 0; seen <= cut; seen += seen < cut ? cut - seen : 1) {
            assert_int_equal(ERR_MORE,
                             http_head_parse(&h, guard_copy(str_make(text, cut)), seen, &consumed));
            assert_int_equal(OK, http_head_parse(&h, str_make(text, n), cut, &consumed));
            assert_int_equal(n, consumed);
            assert_int_equal(12, h.content_length);
        }
}

static void leaves_what_follows_the_head(void **state)
{
    (void)state;
    struct http_head h;
    size_t consumed;
    struct str two = STR("GET /a HTTP/1.1" TAIL "GET /b HTTP/1.1" TAIL);
    assert_int_equal(OK, http_head_parse(&h, two, 0, &consumed));
    assert_int_equal(two.n / 2, consumed);
    assert_text("/a", h.path);
    assert_int_equal(OK, http_head_parse(&h, str_from(two, consumed), 0, &consumed));
    assert_text("/b", h.path);
}

static void keeps_alive_by_version_and_header(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head h;
        assert_int_equal(OK, parse(&h, str_from_c(cases[i].text)));
        assert_int_equal(cases[i].keep_alive, h.keep_alive);
    }
}

static void splits_every_form_of_target(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *query;
    } cases[] = {
        {"GET / HTTP/1.1", "/", NULL},
        {"GET /a? HTTP/1.1", "/a", ""},
        {"GET /a?b?c HTTP/1.1", "/a", "b?c"},
        {"GET //a/%2f HTTP/1.1", "//a/%2f", NULL},
        {"OPTIONS * HTTP/1.1", "*", NULL},
        {"GET http://other:81/a?b HTTP/1.1", "/a", "b"},
        {"GET HTTPS://other:81 HTTP/1.1", "/", NULL},
        {"GET http://other:81?q=/ HTTP/1.1", "/", "q=/"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_head h;
        struct buf text = BUF_INIT;
        buf_appendf(&text, "%s" TAIL, cases[i].line);
        assert_int_equal(OK, parse(&h, buf_str(&text)));
        assert_true(str_eq(str_from_c(cases[i].path), h.path));
        assert_true(str_eq(str_from_c(cases[i].query), h.query));
        assert_int_equal(cases[i].query == NULL, h.query.p == NULL);
        if (strstr(cases[i].line, "other"))
            assert_text("other:81", http_header(&h, STR("Host")));
        buf_release(&text);
    }
}

static void refuses_bad_request_lines(void **state)
{
    (void)state;
    assert_outcome(ERR_INVALID, "GET  / HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET /  HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1 " TAIL);
    assert_outcome(ERR_INVALID, " GET / HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET\t/ HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET /" TAIL);
    assert_outcome(ERR_INVALID, "GET / HTTP/2.0" TAIL);
    assert_outcome(ERR_INVALID, "GET / HTTP/1.2" TAIL);
    assert_outcome(ERR_INVALID, "GET / HTTP/0.9" TAIL);
    assert_outcome(ERR_INVALID, "GET / HTTP/1.10" TAIL);
    assert_outcome(ERR_INVALID, "GET / http/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET /#fragment HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET /\x01 HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET /\xc3\xa9 HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET /a\tb HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET * HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET a HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET ftp://h/ HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET http:/// HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "GET http://user@h/ HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "\r\n\r\nGET / HTTP/1.1" TAIL);
    assert_outcome(ERR_NOT_IMPLEMENTED, "CONNECT h:80 HTTP/1.1" TAIL);
    assert_outcome(ERR_NOT_IMPLEMENTED, "BREW / HTTP/1.1" TAIL);
    assert_outcome(ERR_INVALID, "B(EW / HTTP/1.1" TAIL);
}

static void refuses_bad_header_lines(void **state)
{
    (void)state;
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA b: c\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA : c\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nHost : evil\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\n Host: h\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA: b\x01\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\nA: b\x7f\r\n\r\n");
    assert_outcome(OK, "GET / HTTP/1.1\r\nHost: h\r\nA: b\xc3\xa9\r\n\r\n");
}

static void ends_lines_with_crlf_only(void **state)
{
    (void)state;
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\nHost: h\n\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\n\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: h\r\n\rXGET /b HTTP/1.1" TAIL);
}

static void wants_exactly_one_good_host(void **state)
{
    (void)state;
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
    assert_outcome(ERR_INVALID, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n");
    assert_outcome(OK, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n");
    assert_outcome(OK, "GET / HTTP/1.1\r\nHost:\r\n\r\n");
    assert_outcome(OK, "GET / HTTP/1.0\r\n\r\n");
}

#define POST "POST / HTTP/1.1\r\nHost: h\r\n"

static void refuses_framing_that_could_be_read_two_ways(void **state)
{
    (void)state;
    assert_outcome(ERR_INVALID, POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\n");
    assert_outcome(ERR_INVALID,
                   POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_outcome(ERR_INVALID, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: 1, 1\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: +1\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: -1\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: 0x1\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: 1 2\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length:\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: 9223372036854775808\r\n\r\n");
    assert_outcome(ERR_INVALID, POST "Content-Length: 18446744073709551617\r\n\r\n");
    assert_outcome(OK, POST "Content-Length: 9223372036854775807\r\n\r\n");
}

static void knows_chunked_alone(void **state)
{
    (void)state;
    struct http_head h;
    assert_int_equal(OK, parse(&h, STR(POST "Transfer-Encoding: Chunked \r\n\r\n")));
    assert_true(h.chunked);
    assert_int_equal(-1, h.content_length);
    assert_outcome(ERR_NOT_IMPLEMENTED, POST "Transfer-Encoding: gzip\r\n\r\n");
    assert_outcome(ERR_NOT_IMPLEMENTED, POST "Transfer-Encoding: gzip, chunked\r\n\r\n");
    assert_outcome(ERR_NOT_IMPLEMENTED, POST "Transfer-Encoding: chunked, identity\r\n\r\n");
    assert_outcome(ERR_NOT_IMPLEMENTED, POST "Transfer-Encoding: xchunked\r\n\r\n");
    assert_outcome(ERR_NOT_IMPLEMENTED, POST "Transfer-Encoding:\r\n\r\n");
}

static void append_many(struct buf *b, const char *text, size_t times)
{
    while (times-- > 0)
        buf_appendf(b, "%s", text);
}

static void bounds_the_head(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    buf_append_lit(&text, "GET /");
    append_many(&text, "a", HTTP_TARGET_MAX - 1);
    buf_append_lit(&text, " HTTP/1.1" TAIL);
    assert_int_equal(OK, outcome(buf_str(&text)));

    buf_reset(&text);
    buf_append_lit(&text, "GET /");
    append_many(&text, "a", HTTP_TARGET_MAX);
    buf_append_lit(&text, " HTTP/1.1" TAIL);
    assert_int_equal(ERR_URI_TOO_LONG, outcome(buf_str(&text)));

    buf_reset(&text);
    append_many(&text, "a", HTTP_HEAD_MAX);
    assert_int_equal(ERR_URI_TOO_LONG, outcome(buf_str(&text)));

    buf_reset(&text);
    buf_append_lit(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
    append_many(&text, "a:b\r\n", HTTP_HEADERS_MAX - 1);
    buf_append_lit(&text, "\r\n");
    assert_int_equal(OK, outcome(buf_str(&text)));

    buf_reset(&text);
    buf_append_lit(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
    append_many(&text, "a:b\r\n", HTTP_HEADERS_MAX);
    buf_append_lit(&text, "\r\n");
    assert_int_equal(ERR_HEAD_TOO_LARGE, outcome(buf_str(&text)));

    buf_reset(&text);
    buf_append_lit(&text, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
    append_many(&text, "b", HTTP_HEAD_MAX);
    assert_int_equal(ERR_HEAD_TOO_LARGE, outcome(buf_str(&text)));
    buf_append_lit(&text, "\r\n\r\n");
    assert_int_equal(ERR_HEAD_TOO_LARGE, outcome(buf_str(&text)));
    buf_release(&text);
}

static void writes_status_lines(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    http_append_status(&out, 101);
    http_append_status(&out, 507);
    assert_text("HTTP/1.1 101 Switching Protocols\r\nHTTP/1.1 507 Insufficient Storage\r\n",
                buf_str(&out));
    assert_text("Not Found", http_reason(404));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_upgrade_request),
        cmocka_unit_test(finds_tokens_in_repeated_headers),
        cmocka_unit_test(wants_more_at_every_cut),
        cmocka_unit_test(leaves_what_follows_the_head),
        cmocka_unit_test(keeps_alive_by_version_and_header),
        cmocka_unit_test(splits_every_form_of_target),
        cmocka_unit_test(refuses_bad_request_lines),
        cmocka_unit_test(refuses_bad_header_lines),
        cmocka_unit_test(ends_lines_with_crlf_only),
        cmocka_unit_test(wants_exactly_one_good_host),
        cmocka_unit_test(refuses_framing_that_could_be_read_two_ways),
        cmocka_unit_test(knows_chunked_alone),
        cmocka_unit_test(bounds_the_head),
        cmocka_unit_test(writes_status_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
