/* multipart/form-data (RFC 7578 on RFC 2046), fields only. Lines end with CRLF; what could be read
 * two ways (folded headers, repeated parameters, text after a boundary) is refused. */
#include "base/base.h"

#include "base/utf8.h"
#include "wire/form.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

struct multipart {
    char delimiter[4 + BOUNDARY_MAX]; /* CRLF "--" boundary */
    size_t delimiter_n;
    struct str rest; /* of the body */
    struct arena *mem;
};

static bool skip(struct str *s, struct str prefix)
{
    if (!str_starts_with(*s, prefix))
        return false;
    *s = str_from(*s, prefix.n);
    return true;
}

static void skip_blanks(struct str *s)
{
    while (s->n && (s->p[0] == ' ' || s->p[0] == '\t'))
        *s = str_from(*s, 1);
}

/* --- header values with parameters ----------------------------------------------------------- */

static struct str take_token(struct str *s)
{
    size_t n = 0;
    while (n < s->n && s->p[n] > ' ' && s->p[n] < 0x7f && !strchr("()<>@,;:\\\"/[]?=", s->p[n]))
        n++;
    struct str token = str_make(s->p, n);
    *s = str_from(*s, n);
    return token;
}

/* The inside of a quoted string whose opening quote was taken; false when it does not end. */
static bool take_quoted(struct str *s, struct arena *mem, struct str *out)
{
    char *to = arena_alloc(mem, s->n + 1);
    size_t n = 0, i = 0;
    for (; i < s->n && s->p[i] != '"'; i++) {
        if (s->p[i] == '\\' && i + 1 < s->n && (s->p[i + 1] == '"' || s->p[i + 1] == '\\'))
            i++;
        to[n++] = s->p[i];
    }
    if (i == s->n)
        return false;
    *out = str_make(to, n);
    *s = str_from(*s, i + 1);
    return true;
}

struct parameter {
    struct str name, value;
};

/* The next `; name=value`. ERR_MORE: there is none left. */
static enum err next_parameter(struct str *rest, struct parameter *p, struct arena *mem)
{
    skip_blanks(rest);
    if (rest->n == 0)
        return ERR_MORE;
    if (!skip(rest, STR(";")))
        return ERR_INVALID;
    skip_blanks(rest);
    if (rest->n == 0)
        return ERR_MORE; /* a last semicolon that nothing follows */
    p->name = take_token(rest);
    if (p->name.n == 0 || !skip(rest, STR("=")))
        return ERR_INVALID;
    if (skip(rest, STR("\"")))
        return take_quoted(rest, mem, &p->value) ? OK : ERR_INVALID;
    p->value = take_token(rest);
    return p->value.n ? OK : ERR_INVALID;
}

/* Set *to once. */
static enum err set_once(struct str *to, struct str value)
{
    if (to->p)
        return ERR_INVALID;
    *to = value;
    return OK;
}

/* --- the boundary ---------------------------------------------------------------------------- */

static bool is_boundary(struct str s)
{
    static const struct str others = {"'()+_,-./:=? ", 13};
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && str_find(others, c) == others.n)
            return false;
    }
    return s.n >= 1 && s.n <= BOUNDARY_MAX && s.p[s.n - 1] != ' ';
}

static enum err read_content_type(struct multipart *m, struct str content_type)
{
    size_t end = str_find(content_type, ';');
    struct str rest = str_from(content_type, end), boundary = STR_NULL;
    struct parameter p;
    enum err e;
    if (!str_eq_nocase(str_trim(str_make(content_type.p, end)), STR("multipart/form-data")))
        return ERR_MEDIA_TYPE;
    while ((e = next_parameter(&rest, &p, m->mem)) == OK)
        if (str_eq_nocase(p.name, STR("boundary")) && (e = set_once(&boundary, p.value)))
            return e;
    if (e != ERR_MORE || !is_boundary(boundary))
        return ERR_INVALID;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_n = 4 + boundary.n;
    return OK;
}

/* --- the parts ------------------------------------------------------------------------------- */

/* The text before the next delimiter, both taken from the rest; false when there is none. */
static bool take_to_delimiter(struct multipart *m, struct str *text)
{
    const char *at = m->rest.n ? memmem(m->rest.p, m->rest.n, m->delimiter, m->delimiter_n) : NULL;
    if (!at)
        return false;
    *text = str_make(m->rest.p, (size_t)(at - m->rest.p));
    m->rest = str_from(m->rest, text->n + m->delimiter_n);
    return true;
}

/* A line and its CRLF; false when it ends otherwise. */
static bool take_line(struct str *rest, struct str *line)
{
    size_t n = str_find(*rest, '\n');
    if (n == rest->n || n == 0 || rest->p[n - 1] != '\r')
        return false;
    *line = str_make(rest->p, n - 1);
    *rest = str_from(*rest, n + 1);
    return str_find(*line, '\r') == line->n;
}

/* What follows a delimiter on its line. *last: it was the closing one. */
static bool end_delimiter(struct multipart *m, bool *last)
{
    *last = skip(&m->rest, STR("--"));
    skip_blanks(&m->rest); /* transport padding */
    return skip(&m->rest, STR("\r\n")) || (*last && m->rest.n == 0);
}

static enum err read_disposition(struct multipart *m, struct str value, struct str *name)
{
    struct str rest = value, type = take_token(&rest);
    struct parameter p;
    enum err e;
    if (name->p || !str_eq_nocase(type, STR("form-data")))
        return ERR_INVALID;
    while ((e = next_parameter(&rest, &p, m->mem)) == OK) {
        if (str_eq_nocase(p.name, STR("filename")) || str_eq_nocase(p.name, STR("filename*")))
            return ERR_MEDIA_TYPE;
        if (str_eq_nocase(p.name, STR("name")) && (e = set_once(name, p.value)))
            return e;
    }
    return e == ERR_MORE && name->p ? OK : ERR_INVALID;
}

static enum err read_part_header(struct multipart *m, struct str line, struct str *name)
{
    struct str rest = line, field = take_token(&rest);
    if (field.n == 0 || !skip(&rest, STR(":"))) /* a folded line has no name */
        return ERR_INVALID;
    struct str value = str_trim(rest);
    if (str_eq_nocase(field, STR("Content-Disposition")))
        return read_disposition(m, value, name);
    if (str_eq_nocase(field, STR("Content-Transfer-Encoding")) &&
        !str_eq_nocase(value, STR("7bit")) && !str_eq_nocase(value, STR("8bit")) &&
        !str_eq_nocase(value, STR("binary")))
        return ERR_INVALID;
    return OK;
}

static bool is_text(struct str s)
{
    return str_find(s, '\0') == s.n && utf8_is_valid(s);
}

static enum err read_part(struct multipart *m, struct form_field *field)
{
    struct str line;
    *field = (struct form_field){STR_NULL, STR_NULL};
    for (;;) {
        const char *before = m->rest.p;
        if (!take_line(&m->rest, &line))
            return ERR_INVALID;
        if (line.n == 0) {
            /* This CRLF may be the delimiter's own: then the part has no content. */
            m->rest = str_make(before, m->rest.n + 2);
            break;
        }
        enum err e = read_part_header(m, line, &field->name);
        if (e)
            return e;
    }
    if (!field->name.p || !take_to_delimiter(m, &field->value))
        return ERR_INVALID;
    field->value = str_from(field->value, 2);
    return is_text(field->name) && is_text(field->value) ? OK : ERR_INVALID;
}

enum err form_parse_multipart(struct form *f, struct str content_type, struct str body,
                              struct arena *mem)
{
    struct multipart m = {.rest = body, .mem = mem};
    struct str preamble;
    bool last;
    *f = (struct form){NULL, 0};
    enum err e = read_content_type(&m, content_type);
    if (e)
        return e;
    struct str first = str_make(m.delimiter + 2, m.delimiter_n - 2);
    if (!skip(&m.rest, first) && !take_to_delimiter(&m, &preamble))
        return ERR_INVALID;
    while (end_delimiter(&m, &last)) {
        if (last)
            return OK;
        if (f->count == FORM_FIELDS_MAX)
            return ERR_INVALID;
        if (!f->fields)
            f->fields = arena_alloc(mem, FORM_FIELDS_MAX * sizeof(struct form_field));
        if ((e = read_part(&m, &f->fields[f->count])))
            return e;
        f->count++;
    }
    return ERR_INVALID;
}
