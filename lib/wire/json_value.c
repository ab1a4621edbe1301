/* Reading a parsed document: members, elements, strings, equality. */
#include "base/base.h"

#include "wire/json.h"
#include "wire/json_number.h"

/* --- unescaping ---------------------------------------------------------------------------------
 */

static uint32_t hex4(const char *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (unsigned char)p[i];
        value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The characters of a checked string, unescaped, byte by byte. */
struct reader {
    const char *p, *end;
    char held[4]; /* the last character of an escape */
    size_t held_n, held_used;
};

static struct reader reader_of(struct json_value string)
{
    struct str raw = json_raw(string);
    return (struct reader){.p = raw.p + 1, .end = raw.p + raw.n - 1};
}

/* r->p is behind the backslash. */
static void read_escape(struct reader *r)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *r->p++;
    r->held_used = 0;
    if (c == 'u') {
        uint32_t code = hex4(r->p);
        r->p += 4;
        if (code >= 0xd800 && code <= 0xdbff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (hex4(r->p + 2) - 0xdc00);
            r->p += 6;
        }
        r->held_n = put_utf8(r->held, code);
        return;
    }
    const char *special = memchr(from, c, sizeof from - 1);
    r->held[0] = special ? to[special - from] : c;
    r->held_n = 1;
}

/* The next byte as unsigned char, -1 at the end. */
static int next_byte(struct reader *r)
{
    if (r->held_used == r->held_n) {
        if (r->p == r->end)
            return -1;
        if (*r->p != '\\')
            return (unsigned char)*r->p++;
        r->p++;
        read_escape(r);
    }
    return (unsigned char)r->held[r->held_used++];
}

/* What lies between a string token's quotes. */
static struct str inside_quotes(struct json_value string)
{
    struct str raw = json_raw(string);
    return str_make(raw.p + 1, raw.n - 2);
}

struct str json_string(struct json_value string, struct arena *mem)
{
    assert(json_is(string, JSON_STRING));
    struct str inside = inside_quotes(string);
    if (!json_token(string)->escaped)
        return inside;
    char *copy =
        arena_alloc(mem, inside.n); /* an escape is never shorter than what it stands for */
    size_t n = 0;
    struct reader r = reader_of(string);
    for (int c; (c = next_byte(&r)) >= 0; n++)
        copy[n] = (char)c;
    return str_make(copy, n);
}

/* The string's characters are exactly s. */
static bool string_is(struct json_value string, struct str s)
{
    if (!json_token(string)->escaped)
        return str_eq(inside_quotes(string), s);
    struct reader r = reader_of(string);
    for (size_t i = 0; i < s.n; i++)
        if (next_byte(&r) != (unsigned char)s.p[i])
            return false;
    return next_byte(&r) < 0;
}

static bool strings_equal(struct json_value a, struct json_value b)
{
    if (!json_token(b)->escaped)
        return string_is(a, inside_quotes(b));
    struct reader r = reader_of(a), q = reader_of(b);
    for (;;) {
        int c = next_byte(&r);
        if (c != next_byte(&q))
            return false;
        if (c < 0)
            return true;
    }
}

/* --- walking ------------------------------------------------------------------------------------
 */

struct json_value json_first(struct json_value container)
{
    enum json_type type = json_type(container);
    if ((type != JSON_ARRAY && type != JSON_OBJECT) || json_count(container) == 0)
        return JSON_ABSENT;
    return (struct json_value){container.doc, container.at + (type == JSON_OBJECT ? 2 : 1)};
}

struct json_value json_next(struct json_value container, struct json_value child)
{
    uint32_t next = json_token(child)->next;
    if (next >= json_token(container)->next)
        return JSON_ABSENT;
    return (struct json_value){container.doc, next + (json_type(container) == JSON_OBJECT)};
}

struct json_value json_key(struct json_value member)
{
    return (struct json_value){member.doc, member.at - 1};
}

struct json_value json_get(struct json_value obj, struct str name)
{
    if (!json_is(obj, JSON_OBJECT))
        return JSON_ABSENT;
    for (struct json_value v = json_first(obj); !json_is_absent(v); v = json_next(obj, v))
        if (string_is(json_key(v), name))
            return v;
    return JSON_ABSENT;
}

/* --- equality -----------------------------------------------------------------------------------
 */

static bool numbers_equal(struct json_value a, struct json_value b)
{
    if (str_eq(json_raw(a), json_raw(b)))
        return true;
    struct json_number x = json_number_read(json_raw(a)), y = json_number_read(json_raw(b));
    return json_number_compare(&x, &y) == 0;
}

static bool canonically_equal(struct json_value a, struct json_value b)
{
    struct buf x = BUF_INIT, y = BUF_INIT;
    json_append_canonical(&x, a);
    json_append_canonical(&y, b);
    bool equal = str_eq(buf_str(&x), buf_str(&y));
    buf_release(&x);
    buf_release(&y);
    return equal;
}

static bool objects_equal(struct json_value a, struct json_value b)
{
    struct json_value v = json_first(a), w = json_first(b);
    while (!json_is_absent(v)) {
        if (!strings_equal(json_key(v), json_key(w)))
            return canonically_equal(a, b); /* another order, or other members */
        if (!json_equal(v, w))
            return false;
        v = json_next(a, v);
        w = json_next(b, w);
    }
    return true;
}

static bool arrays_equal(struct json_value a, struct json_value b)
{
    struct json_value v = json_first(a), w = json_first(b);
    while (!json_is_absent(v)) {
        if (!json_equal(v, w))
            return false;
        v = json_next(a, v);
        w = json_next(b, w);
    }
    return true;
}

/* Recursion is bounded by the depth that json_parse allowed. */
bool json_equal(struct json_value a, struct json_value b)
{
    if (json_type(a) != json_type(b))
        return false;
    switch (json_type(a)) {
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        return true;
    case JSON_NUMBER:
        return numbers_equal(a, b);
    case JSON_STRING:
        return strings_equal(a, b);
    case JSON_ARRAY:
        return json_count(a) == json_count(b) && arrays_equal(a, b);
    case JSON_OBJECT:
        return json_count(a) == json_count(b) && objects_equal(a, b);
    }
    return false;
}
