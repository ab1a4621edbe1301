/* Headers with encoded words, bodies in quoted-printable, alternatives. */
#include "base/base.h"

#include "base/enc.h"
#include "base/utf8.h"
#include "wire/mime.h"

/* RFC 2045 6.7: not counting CRLF. RFC 2047 2: a line with an encoded word. */
#define BODY_LINE_MAX   76
#define HEADER_LINE_MAX 76
#define QUOTED_MAX      30 /* each byte may need a backslash */

#define WORD_START "=?UTF-8?B?"
#define WORD_END   "?="

/* Cannot be in quoted-printable text, where '=' is followed by two digits or the line's end. */
#define BOUNDARY "=_cubby_alternative"

/* --- addresses -------------------------------------------------------------------------------- */

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

bool mime_is_address(struct str s)
{
    size_t at = str_find(s, '@');
    if (s.n > MIME_ADDRESS_MAX || at == 0 || at + 1 >= s.n || !utf8_is_valid(s))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]) || memchr(" <>()[]\\,;:\"", s.p[i], 12) ||
            (s.p[i] == '@' && i != at))
            return false;
    return true;
}

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]))
            return false;
    return utf8_is_valid(s);
}

bool mime_parse_address(struct str s, struct mime_address *out)
{
    *out = (struct mime_address){.name = STR(""), .address = str_trim(s)};
    size_t open = str_find(s, '<');
    if (open < s.n && s.p[s.n - 1] == '>') {
        out->name = str_trim(str_make(s.p, open));
        out->address = str_make(s.p + open + 1, s.n - open - 2);
    }
    if (out->name.n >= 2 && out->name.p[0] == '"' && out->name.p[out->name.n - 1] == '"')
        out->name = str_make(out->name.p + 1, out->name.n - 2);
    return is_plain(out->name) && mime_is_address(out->address);
}

/* --- headers ---------------------------------------------------------------------------------- */

/* Bytes of the character at s.p[at] of a valid text. */
static size_t character(struct str s, size_t at)
{
    size_t n = 1;
    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* As much of s from `at` as fits an encoded word of at most `room`: whole characters (RFC 2047 5).
 */
static size_t word_length(struct str s, size_t at, size_t room)
{
    const size_t most = (room - strlen(WORD_START WORD_END)) / 4 * 3;
    size_t n = 0;
    while (at + n < s.n && n + character(s, at + n) <= most)
        n += character(s, at + n);
    return n;
}

static void append_word(struct buf *out, struct str piece)
{
    buf_append_lit(out, WORD_START);
    base64_append(out, piece.p, piece.n);
    buf_append_lit(out, WORD_END);
}

/* One word a line, the first behind `used` bytes: what a reader joins again is the text. */
static void append_words(struct buf *out, struct str s, size_t used)
{
    size_t at = 0;
    while (at < s.n) {
        size_t n = word_length(s, at, HEADER_LINE_MAX - used);
        if (at)
            buf_append_lit(out, "\r\n ");
        append_word(out, str_make(s.p + at, n));
        at += n;
        used = strlen(" ");
    }
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_control(s.p[i]) || (unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

static bool has_word_start(struct str s)
{
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '=' && s.p[i + 1] == '?')
            return true;
    return false;
}

/* A copy with white space where control characters were: none has a meaning in a header. */
static void append_clean(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_append_ch(out, is_control(s.p[i]) ? ' ' : s.p[i]);
}

static void append_subject(struct buf *out, struct str subject)
{
    const size_t used = strlen("Subject: ");
    struct buf clean = BUF_INIT;
    append_clean(&clean, subject);
    struct str s = str_trim(buf_str(&clean));
    buf_append_lit(out, "Subject: ");
    if (is_ascii(s) && !has_word_start(s) && s.n + used <= HEADER_LINE_MAX)
        buf_append_str(out, s);
    else
        append_words(out, s, used);
    buf_append_lit(out, "\r\n");
    buf_release(&clean);
}

static void append_quoted(struct buf *out, struct str s)
{
    buf_append_ch(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_append_ch(out, '\\');
        buf_append_ch(out, s.p[i]);
    }
    buf_append_ch(out, '"');
}

static void append_from(struct buf *out, const struct mime_address *from)
{
    struct buf clean = BUF_INIT;
    append_clean(&clean, from->name);
    struct str name = str_trim(buf_str(&clean));
    buf_append_lit(out, "From: ");
    if (name.n && is_ascii(name) && name.n <= QUOTED_MAX)
        append_quoted(out, name);
    else if (name.n)
        append_words(out, name, strlen("From: "));
    if (name.n)
        buf_append_lit(out, "\r\n ");
    buf_append_ch(out, '<');
    buf_append_str(out, from->address);
    buf_append_lit(out, ">\r\n");
    buf_release(&clean);
}

/* RFC 5322 3.3, in UTC. */
static void append_date(struct buf *out, int64_t ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    buf_appendf(out, "Date: %.3s, %d %.3s %04d %02d:%02d:%02d +0000\r\n", days + 3 * tm.tm_wday,
                tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                tm.tm_sec);
}

static void append_id(struct buf *out, struct str id, struct str from)
{
    for (size_t i = 0; i < id.n; i++)
        assert((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'z') ||
               (id.p[i] >= 'A' && id.p[i] <= 'Z') || id.p[i] == '.' || id.p[i] == '-');
    buf_append_lit(out, "Message-ID: <");
    buf_append_str(out, id);
    buf_append_str(out, str_from(from, str_find(from, '@')));
    buf_append_lit(out, ">\r\n");
}

/* --- bodies ----------------------------------------------------------------------------------- */

static bool is_line_end(struct str s, size_t at)
{
    return at == s.n || s.p[at] == '\n' || (s.p[at] == '\r' && at + 1 < s.n && s.p[at + 1] == '\n');
}

/* The byte at s.p[at] as quoted-printable: 1 or 3 characters. White space before a line's end is
 * encoded, since transports drop it. */
static size_t encode_byte(struct str s, size_t at, char out[4])
{
    char c = s.p[at];
    bool blank = c == ' ' || c == '\t';
    if (blank ? !is_line_end(s, at + 1) : c > 0x20 && c < 0x7f && c != '=') {
        out[0] = c;
        return 1;
    }
    snprintf(out, 4, "=%02X", (unsigned)(unsigned char)c);
    return 3;
}

/* A last line without its end gets one. */
static void append_quoted_printable(struct buf *out, struct str s)
{
    size_t column = 0;
    for (size_t at = 0; at < s.n; at++) {
        char code[4];
        if (is_line_end(s, at)) {
            buf_append_lit(out, "\r\n");
            column = 0;
            at += s.p[at] == '\r';
            continue;
        }
        size_t n = encode_byte(s, at, code);
        size_t room = BODY_LINE_MAX - (is_line_end(s, at + 1) ? 0u : strlen("="));
        if (column + n > room) {
            buf_append_lit(out, "=\r\n");
            column = 0;
        }
        buf_append(out, code, n);
        column += n;
    }
    if (column)
        buf_append_lit(out, "\r\n");
}

static void append_part(struct buf *out, struct str type, struct str body)
{
    buf_append_lit(out, "Content-Type: ");
    buf_append_str(out, type);
    buf_append_lit(out, "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
    append_quoted_printable(out, body);
}

/* The plainest first: readers take the last that they understand (RFC 2046 5.1.4). */
static void append_alternatives(struct buf *out, struct str text, struct str html)
{
    buf_append_lit(out, "Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n"
                        "\r\n--" BOUNDARY "\r\n");
    append_part(out, STR("text/plain"), text);
    buf_append_lit(out, "\r\n--" BOUNDARY "\r\n");
    append_part(out, STR("text/html"), html);
    buf_append_lit(out, "\r\n--" BOUNDARY "--\r\n");
}

enum err mime_append(struct buf *out, const struct mime_message *m)
{
    if (!mime_is_address(m->from.address) || !mime_is_address(m->to))
        return ERR_INVALID;
    if (!utf8_is_valid(m->from.name) || !utf8_is_valid(m->subject) || !utf8_is_valid(m->text) ||
        !utf8_is_valid(m->html))
        return ERR_INVALID;
    append_date(out, m->date_ms);
    append_from(out, &m->from);
    buf_append_lit(out, "To: <");
    buf_append_str(out, m->to);
    buf_append_lit(out, ">\r\n");
    append_id(out, m->id, m->from.address);
    append_subject(out, m->subject);
    /* RFC 3834 5: nobody's absence is answered to us. */
    buf_append_lit(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    if (m->html.n)
        append_alternatives(out, m->text, m->html);
    else
        append_part(out, STR("text/plain"), m->text);
    return OK;
}
