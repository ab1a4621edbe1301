/* Query strings and application/x-www-form-urlencoded bodies (WHATWG URL, section 5.1), and what is
 * common to all forms. multipart/form-data: form_multipart.c. */
#include "base/base.h"

#include "base/enc.h"
#include "base/utf8.h"
#include "wire/form.h"
#include "wire/json.h"

static bool is_text(struct str s)
{
    return str_find(s, '\0') == s.n && utf8_is_valid(s);
}

/* Room for the pairs of text, or as many as a form may have. */
static struct form_field *fields_new(struct str text, struct arena *mem)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n && n < FORM_FIELDS_MAX; i++)
        n += text.p[i] == '&';
    return arena_alloc(mem, n * sizeof(struct form_field));
}

enum err form_parse(struct form *f, struct str text, struct arena *mem)
{
    struct str rest = text, pair;
    *f = (struct form){NULL, 0};
    while (str_next(&rest, '&', &pair)) {
        size_t mark = str_find(pair, '=');
        struct form_field field;
        if (pair.n == 0)
            continue; /* "a=1&&b=2" and the empty text */
        if (f->count == FORM_FIELDS_MAX ||
            !percent_decode(mem, str_make(pair.p, mark), true, &field.name) ||
            !percent_decode(mem, str_from(pair, mark + 1), true, &field.value) ||
            !is_text(field.name) || !is_text(field.value))
            return ERR_INVALID;
        if (!f->fields)
            f->fields = fields_new(text, mem);
        f->fields[f->count++] = field;
    }
    return OK;
}

struct str form_get(const struct form *f, struct str name)
{
    for (size_t i = 0; i < f->count; i++)
        if (str_eq(f->fields[i].name, name))
            return f->fields[i].value;
    return STR_NULL;
}

size_t form_count(const struct form *f, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += str_eq(f->fields[i].name, name);
    return n;
}

/* Is an earlier field called the same? */
static bool is_repeated(const struct form *f, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (str_eq(f->fields[i].name, f->fields[at].name))
            return true;
    return false;
}

void form_append_json(const struct form *f, struct buf *out)
{
    bool first = true;
    buf_append_ch(out, '{');
    for (size_t i = 0; i < f->count; i++) {
        if (is_repeated(f, i))
            continue;
        if (!first)
            buf_append_ch(out, ',');
        first = false;
        json_append_string(out, f->fields[i].name);
        buf_append_ch(out, ':');
        json_append_string(out, f->fields[i].value);
    }
    buf_append_ch(out, '}');
}
