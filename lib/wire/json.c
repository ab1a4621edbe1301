/*
 * The strict JSON scanner: one pass, no recursion, no conversion. The path back to the enclosing
 * array or object is kept in the open tokens themselves (their `next` is free until they close).
 */
#include "base/base.h"

#include "base/map.h"
#include "base/utf8.h"
#include "wire/json.h"

#define TEXT_MAX ((size_t)256 * 1024 * 1024)
#define NONE     UINT32_MAX

/* From this many members on, names are compared through a hash map. */
#define MANY_MEMBERS 32

/* The byte in every byte of a word. */
#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)

struct scanner {
    const char *p; /* the next byte */
    const char *end;
    struct json *doc;
    struct json_limits limits;
    struct arena *mem;
    size_t cap;    /* tokens there is room for */
    size_t depth;  /* arrays and objects open */
    uint32_t open; /* token of the innermost of them, or NONE; its `next` is the one around it */
};

/* What the grammar allows at the next byte that is not white space. */
enum expect {
    VALUE,
    VALUE_OR_END, /* after '[' */
    NAME,         /* after ',' in an object */
    NAME_OR_END,  /* after '{' */
    COMMA_OR_END, /* after a value; nothing at all after the outermost one */
};

static bool fail_at(struct scanner *s, const char *at, const char *error)
{
    s->doc->error = error;
    s->doc->error_at = (size_t)(at - s->doc->text.p);
    return false;
}

static bool fail(struct scanner *s, const char *error)
{
    return fail_at(s, s->p, error);
}

static bool fail_early_end(struct scanner *s)
{
    return fail_at(s, s->end, "the text ends too early");
}

/* --- tokens -------------------------------------------------------------------------------------
 */

/*
 * Room for as many tokens as the text needs if it goes on as it began, at most four times what
 * there was: copies left behind in the arena are then a third of the whole at worst.
 */
static void grow(struct scanner *s)
{
    struct json *doc = s->doc;
    size_t done = (size_t)(s->p - doc->text.p) + 1;
    size_t left = (size_t)(s->end - s->p);
    size_t cap = s->cap + (size_t)((double)s->cap / (double)done * (double)left) + 16;
    if (cap < s->cap * 2)
        cap = s->cap * 2;
    if (cap > s->cap * 4)
        cap = s->cap * 4;
    struct json_token *tokens = arena_alloc(s->mem, cap * sizeof *tokens);
    memcpy(tokens, doc->tokens, doc->count * sizeof *tokens);
    doc->tokens = tokens;
    s->cap = cap;
}

static uint32_t offset(const struct scanner *s, const char *p)
{
    return (uint32_t)(p - s->doc->text.p);
}

/* A token from `start` to the current place. */
static struct json_token *add_token(struct scanner *s, enum json_type type, const char *start)
{
    if (s->doc->count == s->cap)
        grow(s);
    uint32_t at = s->doc->count++;
    struct json_token *t = &s->doc->tokens[at];
    *t = (struct json_token){.start = offset(s, start),
                             .end = offset(s, s->p),
                             .next = at + 1,
                             .type = (unsigned)type & 7u};
    return t;
}

/* --- names --------------------------------------------------------------------------------------
 */

static bool fail_duplicate(struct scanner *s, uint32_t name)
{
    return fail_at(s, s->doc->text.p + s->doc->tokens[name].start,
                   "a member name appears twice in one object");
}

static bool names_differ_by_map(struct scanner *s, uint32_t object)
{
    const struct json_token *tokens = s->doc->tokens;
    struct map seen = MAP_INIT;
    uint32_t repeated = NONE;
    for (uint32_t i = object + 1; i < s->doc->count; i = tokens[i + 1].next) {
        struct str name = json_string((struct json_value){s->doc, i}, s->mem);
        if (map_put(&seen, name, s)) {
            repeated = i;
            break;
        }
    }
    map_release(&seen);
    return repeated == NONE || fail_duplicate(s, repeated);
}

/* One of 64 bits for a name; different bits mean different names. */
static uint64_t name_bit(struct str name)
{
    if (name.n == 0)
        return 1;
    unsigned first = (unsigned char)name.p[0];
    unsigned middle = (unsigned char)name.p[name.n / 2];
    unsigned last = (unsigned char)name.p[name.n - 1];
    return UINT64_C(1) << ((first * 7 + middle * 29 + last * 11 + (unsigned)name.n) & 63);
}

/* The names of the object that is about to close differ from each other. */
static bool names_differ(struct scanner *s, uint32_t object)
{
    const struct json_token *tokens = s->doc->tokens;
    if (tokens[object].count < 2)
        return true;
    if (tokens[object].count >= MANY_MEMBERS)
        return names_differ_by_map(s, object);
    struct str names[MANY_MEMBERS];
    size_t n = 0;
    uint64_t seen = 0;
    for (uint32_t i = object + 1; i < s->doc->count; i = tokens[i + 1].next, n++) {
        names[n] = json_string((struct json_value){s->doc, i}, s->mem);
        uint64_t bit = name_bit(names[n]);
        for (size_t k = 0; seen & bit && k < n; k++)
            if (str_eq(names[k], names[n]))
                return fail_duplicate(s, i);
        seen |= bit;
    }
    return true;
}

/* --- strings ------------------------------------------------------------------------------------
 */

/* Four hex digits at p; -1 if there are none. */
static int32_t hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int32_t digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* s->p is at the four digits of a \u escape. */
static bool scan_unicode_escape(struct scanner *s, bool nul_allowed)
{
    int32_t code = hex4(s->p, s->end);
    if (code < 0)
        return fail(s, "a \\u escape needs four hexadecimal digits");
    if (code == 0 && !nul_allowed)
        return fail(s, "\\u0000 is not allowed here");
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(s, "a \\u escape is half of a surrogate pair");
    s->p += 4;
    if (code < 0xd800 || code > 0xdbff)
        return true;
    int32_t low =
        s->end - s->p >= 2 && s->p[0] == '\\' && s->p[1] == 'u' ? hex4(s->p + 2, s->end) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(s, "a \\u escape is half of a surrogate pair");
    s->p += 6;
    return true;
}

/* s->p is at a backslash. */
static bool scan_escape(struct scanner *s, bool nul_allowed)
{
    if (s->end - s->p < 2)
        return fail_early_end(s);
    switch (s->p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        s->p += 2;
        return true;
    case 'u':
        s->p += 2;
        return scan_unicode_escape(s, nul_allowed);
    default:
        return fail(s, "a backslash is followed by a character that needs no escape");
    }
}

/* Non-zero if a byte of the word is '"', '\\' or a control character (Hacker's Delight 6-1). */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quote = word ^ EACH('"'), backslash = word ^ EACH('\\');
    return ((word - EACH(0x20)) & ~word & EACH(0x80)) | ((quote - EACH(1)) & ~quote & EACH(0x80)) |
           ((backslash - EACH(1)) & ~backslash & EACH(0x80));
}

/* The first '"', '\\' or control character from p on, or end; *high gathers all bytes passed. */
static const char *plain_end(const char *p, const char *end, uint64_t *high)
{
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        if (special_bytes(word))
            break;
        *high |= word;
        p += 8;
    }
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == '"' || c == '\\')
            break;
        *high |= c;
    }
    return p;
}

/* A string, which is a member name or a value; s->p is at its opening quote. */
static bool scan_string(struct scanner *s, bool nul_allowed)
{
    const char *start = s->p++;
    uint64_t high = 0;
    bool escaped = false;
    for (;;) {
        s->p = plain_end(s->p, s->end, &high);
        if (s->p == s->end)
            return fail_early_end(s);
        if (*s->p == '"')
            break;
        if (*s->p != '\\')
            return fail(s, "a control character in a string is not escaped");
        escaped = true;
        if (!scan_escape(s, nul_allowed))
            return false;
    }
    s->p++;
    if (high & EACH(0x80) && !utf8_is_valid(str_make(start, (size_t)(s->p - start))))
        return fail_at(s, start, "a string is not valid UTF-8");
    add_token(s, JSON_STRING, start)->escaped = escaped;
    return true;
}

/* --- values -------------------------------------------------------------------------------------
 */

static bool at_digit(const struct scanner *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool scan_digits(struct scanner *s)
{
    if (s->p == s->end)
        return fail_early_end(s);
    if (!at_digit(s))
        return fail(s, "a number lacks a digit");
    while (at_digit(s))
        s->p++;
    return true;
}

static bool scan_number(struct scanner *s)
{
    const char *start = s->p;
    if (*s->p == '-')
        s->p++;
    const char *digits = s->p;
    if (!scan_digits(s))
        return false;
    if (*digits == '0' && s->p - digits > 1)
        return fail_at(s, digits, "a number begins with a zero");
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!scan_digits(s))
            return false;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (!scan_digits(s))
            return false;
    }
    add_token(s, JSON_NUMBER, start);
    return true;
}

static bool scan_literal(struct scanner *s, struct str word, enum json_type type)
{
    size_t left = (size_t)(s->end - s->p);
    if (!str_starts_with(str_make(s->p, left), word)) {
        if (str_starts_with(word, str_make(s->p, left)))
            return fail_early_end(s);
        return fail(s, "a value was expected");
    }
    const char *start = s->p;
    s->p += word.n;
    add_token(s, type, start);
    return true;
}

static bool open_container(struct scanner *s, enum json_type type)
{
    if (s->depth == s->limits.depth)
        return fail(s, "arrays and objects are nested too deeply");
    s->depth++;
    add_token(s, type, s->p)->next = s->open;
    s->open = s->doc->count - 1;
    s->p++;
    return true;
}

static bool close_container(struct scanner *s)
{
    uint32_t at = s->open;
    if (s->doc->tokens[at].type == JSON_OBJECT && !names_differ(s, at))
        return false;
    s->p++;
    struct json_token *t = &s->doc->tokens[at];
    s->open = t->next;
    t->next = s->doc->count;
    t->end = offset(s, s->p);
    s->depth--;
    return true;
}

/* --- the grammar --------------------------------------------------------------------------------
 */

static bool scan_value(struct scanner *s, enum expect *expect)
{
    if (s->open != NONE) {
        struct json_token *t = &s->doc->tokens[s->open];
        t->count = (t->count + 1) & 0xfffffffu;
    }
    *expect = COMMA_OR_END;
    switch (*s->p) {
    case '"':
        return scan_string(s, s->limits.allow_nul);
    case '{':
        *expect = NAME_OR_END;
        return open_container(s, JSON_OBJECT);
    case '[':
        *expect = VALUE_OR_END;
        return open_container(s, JSON_ARRAY);
    case 't':
        return scan_literal(s, STR("true"), JSON_TRUE);
    case 'f':
        return scan_literal(s, STR("false"), JSON_FALSE);
    case 'n':
        return scan_literal(s, STR("null"), JSON_NULL);
    case '\xef':
        return fail(s, "a byte order mark is not allowed");
    default:
        if (*s->p == '-' || at_digit(s))
            return scan_number(s);
        return fail(s, "a value was expected");
    }
}

static void skip_space(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

/* A member name and the colon after it. */
static bool scan_name(struct scanner *s)
{
    if (*s->p != '"')
        return fail(s, "a member name in double quotes was expected");
    if (!scan_string(s, false))
        return false;
    skip_space(s);
    if (s->p == s->end)
        return fail_early_end(s);
    if (*s->p != ':')
        return fail(s, "a colon was expected");
    s->p++;
    return true;
}

static bool scan_after_value(struct scanner *s, enum expect *expect)
{
    bool in_object = s->doc->tokens[s->open].type == JSON_OBJECT;
    if (*s->p == ',') {
        s->p++;
        *expect = in_object ? NAME : VALUE;
        return true;
    }
    if (*s->p != (in_object ? '}' : ']'))
        return fail(s, in_object ? "a comma or } was expected" : "a comma or ] was expected");
    return close_container(s);
}

static bool scan_text(struct scanner *s)
{
    enum expect expect = VALUE;
    for (;;) {
        skip_space(s);
        if (expect == COMMA_OR_END && s->open == NONE)
            return s->p == s->end || fail(s, "something follows the value");
        if (s->p == s->end)
            return fail_early_end(s);
        bool ok;
        if (expect == COMMA_OR_END) {
            ok = scan_after_value(s, &expect);
        } else if ((expect == VALUE_OR_END && *s->p == ']') ||
                   (expect == NAME_OR_END && *s->p == '}')) {
            expect = COMMA_OR_END;
            ok = close_container(s);
        } else if (expect == NAME || expect == NAME_OR_END) {
            expect = VALUE;
            ok = scan_name(s);
        } else {
            ok = scan_value(s, &expect);
        }
        if (!ok)
            return false;
    }
}

enum err json_parse(struct json *doc, struct str text, struct json_limits limits, struct arena *mem)
{
    *doc = (struct json){.text = text};
    if (text.n > TEXT_MAX) {
        doc->error = "the text is too long";
        return ERR_TOO_LARGE;
    }
    size_t cap = text.n / 8 < 1000 ? text.n / 8 + 8 : 1000;
    doc->tokens = arena_alloc(mem, cap * sizeof *doc->tokens);
    struct scanner s = {.p = text.p,
                        .end = text.p + text.n,
                        .doc = doc,
                        .limits = limits,
                        .mem = mem,
                        .cap = cap,
                        .open = NONE};
    return scan_text(&s) ? OK : ERR_INVALID_JSON;
}
