/* Where the values of a document begin and end. */
#include "base/base.h"

#include "wire/json_pieces.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str after_space(struct str s)
{
    size_t n = 0;
    while (n < s.n && is_space(s.p[n]))
        n++;
    return str_from(s, n);
}

/* There is too little of it. */
static enum err lacks(const struct json_pieces *p)
{
    return p->at_end ? ERR_INVALID_JSON : ERR_MORE;
}

enum err json_pieces_enter(struct json_pieces *p, char bracket)
{
    struct str s = after_space(p->text);
    if (!s.n)
        return lacks(p);
    if (s.p[0] != bracket)
        return ERR_INVALID_JSON;
    p->text = str_from(s, 1);
    return OK;
}

enum err json_pieces_next(struct json_pieces *p, char bracket, bool *first, bool *end)
{
    struct str s = after_space(p->text);
    char close = bracket == '{' ? '}' : ']';
    if (!s.n)
        return lacks(p);
    *end = s.p[0] == close;
    if (!*end && !*first && s.p[0] != ',')
        return ERR_INVALID_JSON;
    p->text = str_from(s, *end || !*first ? 1 : 0);
    *first = false;
    return OK;
}

/* Length of the string that s begins with, its quotes included; 0: it is cut. */
static size_t string_length(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

enum err json_pieces_name(struct json_pieces *p, struct str *name)
{
    struct str s = after_space(p->text);
    if (s.n && s.p[0] != '"')
        return ERR_INVALID_JSON;
    size_t n = string_length(s);
    struct str rest = after_space(str_from(s, n));
    if (!n || !rest.n)
        return lacks(p);
    if (rest.p[0] != ':')
        return ERR_INVALID_JSON;
    *name = str_make(s.p, n);
    p->text = str_from(rest, 1);
    return OK;
}

/* Length of the number or word that s begins with; where it ends with the text, more may follow. */
static size_t word_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && !is_space(s.p[n]) && s.p[n] != ',' && s.p[n] != '}' && s.p[n] != ']')
        n++;
    return n;
}

/* Length of the object or array that s begins with; 0: it is cut. */
static size_t container_length(struct str s)
{
    size_t depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '"') {
            size_t n = string_length(str_from(s, i));
            if (!n)
                return 0;
            i += n - 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

enum err json_pieces_value(struct json_pieces *p, struct str *value)
{
    struct str s = after_space(p->text);
    if (!s.n)
        return lacks(p);
    bool is_container = s.p[0] == '{' || s.p[0] == '[', is_string = s.p[0] == '"';
    size_t n = is_container ? container_length(s) : is_string ? string_length(s) : word_length(s);
    bool is_whole = is_container || is_string ? n > 0 : n < s.n || p->at_end;
    if (!is_whole)
        return lacks(p);
    if (!n)
        return ERR_INVALID_JSON;
    *value = str_make(s.p, n);
    p->text = str_from(s, n);
    return OK;
}

enum err json_pieces_finish(struct json_pieces *p)
{
    p->text = after_space(p->text);
    if (p->text.n)
        return ERR_INVALID_JSON;
    return p->at_end ? OK : ERR_MORE;
}
