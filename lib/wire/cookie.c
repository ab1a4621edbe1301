/* Cookies (RFC 6265). */
#include "base/base.h"

#include "wire/cookie.h"

/* cookie-octet: printable ASCII without blanks, quotes, comma, semicolon and backslash. */
static bool is_cookie_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c <= ' ' || c > '~' || c == '"' || c == ',' || c == ';' || c == '\\')
            return false;
    }
    return true;
}

static struct str unquote(struct str s)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return quoted ? str_make(s.p + 1, s.n - 2) : s;
}

struct str cookie_get(struct str header, struct str name)
{
    struct str pair;
    while (str_next(&header, ';', &pair)) {
        size_t mark = str_find(pair, '=');
        if (mark == pair.n || !str_eq(str_trim(str_make(pair.p, mark)), name))
            continue;
        struct str value = unquote(str_trim(str_from(pair, mark + 1)));
        if (is_cookie_text(value))
            return value;
    }
    return STR_NULL;
}

void cookie_append(struct buf *out, const struct cookie *c)
{
    assert(c->name.n > 0 && str_find(c->name, '=') == c->name.n);
    assert(is_cookie_text(c->name) && is_cookie_text(c->value) && is_cookie_text(c->path));
    buf_append_str(out, c->name);
    buf_append_ch(out, '=');
    buf_append_str(out, c->value);
    buf_append_lit(out, "; Path=");
    buf_append_str(out, c->path);
    buf_append_lit(out, "; Max-Age=");
    buf_append_i64(out, c->max_age);
    buf_append_str(out, c->strict ? STR("; HttpOnly; SameSite=Strict")
                                  : STR("; HttpOnly; SameSite=Lax"));
    if (c->secure)
        buf_append_lit(out, "; Secure");
}
