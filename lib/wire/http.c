/* HTTP/1.1 request heads and status lines. The http-parser library takes the head apart; what it
 * lets through in the build that distributions ship (blanks in names, repeated blanks, bare LF,
 * folded lines, odd Content-Length) is refused here. Bodies in chunks: http_chunks.c. */
#include "base/base.h"

#include <http_parser.h>

#include "wire/http.h"

/* --- lookup ---------------------------------------------------------------------------------- */

struct str http_header(const struct http_head *h, struct str name)
{
    for (size_t i = 0; i < h->header_count; i++)
        if (str_eq_nocase(h->headers[i].name, name))
            return h->headers[i].value;
    return STR_NULL;
}

bool http_header_has(const struct http_head *h, struct str name, struct str token)
{
    for (size_t i = 0; i < h->header_count; i++) {
        struct str rest = h->headers[i].value, item;
        if (!str_eq_nocase(h->headers[i].name, name))
            continue;
        while (str_next(&rest, ',', &item))
            if (str_eq_nocase(str_trim(item), token))
                return true;
    }
    return false;
}

struct str http_reason(int status)
{
    return str_from_c(http_status_str((enum http_status)status));
}

void http_append_status(struct buf *out, int status)
{
    buf_append_lit(out, "HTTP/1.1 ");
    buf_append_i64(out, status);
    buf_append_ch(out, ' ');
    buf_append_str(out, http_reason(status));
    buf_append_lit(out, "\r\n");
}

/* --- where the head ends --------------------------------------------------------------------- */

/*
 * Find the empty line that ends the head. Lines end with CRLF only: a recipient may take a bare LF
 * (RFC 9112 2.2), but then two servers in a row can disagree about where a head ends.
 */
static enum err find_end(struct str bytes, size_t seen, size_t *end)
{
    size_t limit = bytes.n < HTTP_HEAD_MAX ? bytes.n : HTTP_HEAD_MAX;
    for (size_t i = seen > 3 ? seen - 3 : 0; i < limit; i++) {
        i += str_find(str_make(bytes.p + i, limit - i), '\n');
        if (i == limit)
            break;
        if (i == 0 || bytes.p[i - 1] != '\r')
            return ERR_INVALID;
        if (i >= 3 && bytes.p[i - 2] == '\n') {
            *end = i + 1;
            return OK;
        }
    }
    if (bytes.n < HTTP_HEAD_MAX)
        return ERR_MORE;
    return str_find(bytes, '\n') > HTTP_TARGET_MAX ? ERR_URI_TOO_LONG : ERR_HEAD_TOO_LARGE;
}

/* Every CR belongs to a CRLF, and no line is folded (obs-fold, RFC 9112 5.2). */
static bool has_clean_lines(struct str head)
{
    for (size_t i = 0; i < head.n; i++)
        if (head.p[i] == '\r') {
            char next = i + 2 < head.n ? head.p[i + 2] : '\0';
            if (head.p[i + 1] != '\n' || next == ' ' || next == '\t')
                return false;
        }
    return true;
}

/* --- the library ----------------------------------------------------------------------------- */

/* What the callbacks fill. */
struct parsing {
    struct http_head *h;
    bool too_many;
    bool complete;
};

static int on_url(http_parser *p, const char *at, size_t n)
{
    struct parsing *parsing = p->data;
    parsing->h->target = str_make(at, n);
    return 0;
}

static int on_header_field(http_parser *p, const char *at, size_t n)
{
    struct parsing *parsing = p->data;
    struct http_head *h = parsing->h;
    parsing->too_many = h->header_count == HTTP_HEADERS_MAX;
    if (parsing->too_many)
        return 1;
    h->headers[h->header_count++] = (struct http_header){{at, n}, {at + n, 0}};
    return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t n)
{
    struct parsing *parsing = p->data;
    struct http_head *h = parsing->h;
    h->headers[h->header_count - 1].value = str_trim(str_make(at, n));
    return 0;
}

static int on_headers_complete(http_parser *p)
{
    struct parsing *parsing = p->data;
    parsing->complete = true;
    http_parser_pause(p, 1); /* the head is all we ask of it */
    return 0;
}

/* Letters, digits and `others` only. */
static bool is_made_of(struct str s, struct str others)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && str_find(others, c) == others.n)
            return false;
    }
    return true;
}

static bool is_token(struct str s)
{
    return s.n > 0 && is_made_of(s, STR("!#$%&'*+-.^_`|~"));
}

/* host [":" port] with the characters of RFC 3986 3.2.2 and no user information. */
static bool is_authority(struct str s)
{
    return is_made_of(s, STR("-._~!$&'()*+;=:[]%"));
}

/* Run the library over a whole head, whose last byte it never sees as consumed: it stops there. */
static enum err run_parser(struct http_head *h, struct str head)
{
    static const http_parser_settings settings = {.on_url = on_url,
                                                  .on_header_field = on_header_field,
                                                  .on_header_value = on_header_value,
                                                  .on_headers_complete = on_headers_complete};
    struct parsing parsing = {.h = h};
    http_parser p;
    http_parser_init(&p, HTTP_REQUEST);
    p.data = &parsing;
    size_t used = http_parser_execute(&p, &settings, head.p, head.n);
    if (parsing.too_many)
        return ERR_HEAD_TOO_LARGE;
    if (HTTP_PARSER_ERRNO(&p) == HPE_INVALID_METHOD && is_token(h->method))
        return ERR_NOT_IMPLEMENTED;
    if (!parsing.complete || used + 1 != head.n || p.http_major != 1 || p.http_minor > 1)
        return ERR_INVALID;
    h->minor = p.http_minor;
    return OK;
}

/* --- what the library lets through ----------------------------------------------------------- */

/* Names are tokens; Host is there once in 1.1 (RFC 9112 3.2). */
static enum err check_headers(struct http_head *h)
{
    size_t hosts = 0;
    for (size_t i = 0; i < h->header_count; i++) {
        const struct http_header *field = &h->headers[i];
        if (!is_token(field->name))
            return ERR_INVALID;
        if (str_eq_nocase(field->name, STR("Host"))) {
            hosts++;
            if (!is_authority(field->value))
                return ERR_INVALID;
        }
    }
    return hosts > 1 || (hosts == 0 && h->minor == 1) ? ERR_INVALID : OK;
}

/* How the body is delimited (RFC 9112 6.3); whatever could be read two ways is refused. */
static enum err check_framing(struct http_head *h)
{
    struct str coding = STR_NULL;
    h->content_length = -1;
    for (size_t i = 0; i < h->header_count; i++) {
        const struct http_header *field = &h->headers[i];
        if (str_eq_nocase(field->name, STR("Content-Length"))) {
            uint64_t length;
            if (h->content_length >= 0 || !str_to_u64(field->value, INT64_MAX, &length))
                return ERR_INVALID;
            h->content_length = (int64_t)length;
        } else if (str_eq_nocase(field->name, STR("Transfer-Encoding"))) {
            if (coding.p)
                return ERR_INVALID;
            coding = field->value;
        }
    }
    if (!coding.p)
        return OK;
    if (h->content_length >= 0 || h->minor == 0)
        return ERR_INVALID;
    h->chunked = str_eq_nocase(coding, STR("chunked"));
    return h->chunked ? OK : ERR_NOT_IMPLEMENTED;
}

/* One blank between the parts, printable ASCII, no fragment (RFC 9112 3.2). */
static enum err check_request_line(const struct http_head *h, struct str head)
{
    static const size_t version_len = sizeof " HTTP/1.1" - 1;
    if (h->target.n > HTTP_TARGET_MAX)
        return ERR_URI_TOO_LONG;
    if (h->target.p != head.p + h->method.n + 1 ||
        str_find(head, '\r') != h->method.n + 1 + h->target.n + version_len)
        return ERR_INVALID;
    for (size_t i = 0; i < h->target.n; i++) {
        char c = h->target.p[i];
        if (c <= ' ' || c > '~' || c == '#')
            return ERR_INVALID;
    }
    return OK;
}

/* An absolute-form target's host counts, not the Host header (RFC 9112 3.2.2). */
static enum err take_authority(struct http_head *h, struct str *rest)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t n = schemes[i].n, end = n;
        if (rest->n < n || !str_eq_nocase(str_make(rest->p, n), schemes[i]))
            continue;
        while (end < rest->n && rest->p[end] != '/' && rest->p[end] != '?')
            end++;
        struct str authority = str_make(rest->p + n, end - n);
        if (authority.n == 0 || !is_authority(authority))
            return ERR_INVALID;
        for (size_t j = 0; j < h->header_count; j++)
            if (str_eq_nocase(h->headers[j].name, STR("Host")))
                h->headers[j].value = authority;
        *rest = str_from(*rest, end);
        return OK;
    }
    return ERR_INVALID;
}

static enum err split_target(struct http_head *h)
{
    struct str rest = h->target;
    if (str_eq(h->method, STR("CONNECT")))
        return ERR_NOT_IMPLEMENTED;
    if (rest.p[0] != '/' && !str_eq(rest, STR("*"))) {
        enum err e = take_authority(h, &rest);
        if (e)
            return e;
    } else if (rest.p[0] == '*' && !str_eq(h->method, STR("OPTIONS"))) {
        return ERR_INVALID;
    }
    size_t mark = str_find(rest, '?');
    h->path = mark ? str_make(rest.p, mark) : STR("/");
    h->query = mark < rest.n ? str_from(rest, mark + 1) : STR_NULL;
    return OK;
}

static void decide_keep_alive(struct http_head *h)
{
    bool closes = http_header_has(h, STR("Connection"), STR("close"));
    h->keep_alive =
        !closes && (h->minor == 1 || http_header_has(h, STR("Connection"), STR("keep-alive")));
}

/* head: from the request line to the empty line. */
static enum err parse_whole(struct http_head *h, struct str head)
{
    enum err e;
    h->method = str_make(head.p, str_find(head, ' '));
    if (!has_clean_lines(head))
        return ERR_INVALID;
    if ((e = run_parser(h, head)) || (e = check_request_line(h, head)) || (e = check_headers(h)) ||
        (e = check_framing(h)) || (e = split_target(h)))
        return e;
    decide_keep_alive(h);
    return OK;
}

enum err http_head_parse(struct http_head *h, struct str bytes, size_t seen, size_t *consumed)
{
    size_t start = 0, end;
    /* An empty line before the request line is skipped (RFC 9112 2.2). */
    if (bytes.n >= 2 && bytes.p[0] == '\r' && bytes.p[1] == '\n')
        start = 2;
    enum err e = find_end(str_from(bytes, start), seen > start ? seen - start : 0, &end);
    if (e)
        return e;
    h->header_count = 0;
    h->chunked = false;
    e = parse_whole(h, str_make(bytes.p + start, end));
    *consumed = start + end;
    return e;
}
