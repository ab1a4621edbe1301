/* What mails there are, and rendering them. */
#include "base/base.h"

#include "base/buf.h"
#include "domain/letter_form.h"
#include "wire/json.h"

const struct kind letter_kinds[] = {
#define X(name, fields) {name, fields},
    KINDS(X)
#undef X
};

const char *const letter_field_names[] = {
#define X(field, name) [field] = name,
    FIELDS(X)
#undef X
};

const struct kind *letter_kind(struct str name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (str_eq(name, str_from_c(letter_kinds[i].name)))
            return &letter_kinds[i];
    return NULL;
}

const struct language *letter_language(const struct letters *all, struct str name)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->languages[i].name, name))
            return &all->languages[i];
    return NULL;
}

/* "de-AT" finds "de-AT", else "de", else the default one. */
static const struct form *find_form(const struct letters *all, struct str language, size_t kind)
{
    const struct language *l = letter_language(all, language);
    if (!l)
        l = letter_language(all, str_make(language.p, str_find(language, '-')));
    if (!l || !l->forms[kind].text.count)
        l = all->fallback;
    return &l->forms[kind];
}

/* With white space for control characters: a value cannot add a line to a mail. */
static struct str clean(struct str s, struct arena *mem)
{
    char *p = arena_alloc(mem, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? ' ' : s.p[i];
    return str_make(p, s.n);
}

/* values[field].p is NULL for those that were not given. */
static enum err read_values(const struct letter_request *r, struct arena *mem,
                            struct str values[FIELD_COUNT])
{
    struct json doc;
    memset(values, 0, FIELD_COUNT * sizeof *values);
    if (json_parse(&doc, r->fields, JSON_STRICT, mem) || !json_is(json_root(&doc), JSON_OBJECT))
        return ERR_INVALID;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        struct json_value v = json_get(json_root(&doc), str_from_c(letter_field_names[i]));
        if (json_is(v, JSON_STRING))
            values[i] = clean(json_string(v, mem), mem);
    }
    values[TO] = r->to;
    values[SITE] = r->site;
    if (!values[LINK].p)
        return OK;
    if (!str_starts_with(values[LINK], STR("/")))
        return ERR_INVALID;
    values[LINK] = arena_printf(mem, "%.*s%.*s", STR_ARG(r->base), STR_ARG(values[LINK]));
    return OK;
}

static void append_html(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case '&':
            buf_append_lit(out, "&amp;");
            break;
        case '<':
            buf_append_lit(out, "&lt;");
            break;
        case '>':
            buf_append_lit(out, "&gt;");
            break;
        case '"':
            buf_append_lit(out, "&quot;");
            break;
        case '\'':
            buf_append_lit(out, "&#39;");
            break;
        default:
            buf_append_ch(out, s.p[i]);
        }
    }
}

static enum err render(const struct text *t, const struct str *values, bool html, struct arena *mem,
                       struct str *out)
{
    struct buf text = BUF_INIT;
    enum err e = OK;
    for (size_t i = 0; i < t->count; i++) {
        const struct piece *p = &t->pieces[i];
        struct str s = p->field == FIELD_COUNT ? p->literal : values[p->field];
        if (!s.p)
            e = ERR_INVALID;
        if (html && p->field != FIELD_COUNT)
            append_html(&text, s);
        else
            buf_append_str(&text, s);
    }
    *out = arena_dup(mem, buf_str(&text));
    buf_release(&text);
    return e;
}

enum err letters_render(const struct letters *l, const struct letter_request *r, struct arena *mem,
                        struct letter *out)
{
    const struct kind *k = letter_kind(r->template);
    struct str values[FIELD_COUNT];
    if (!k)
        return ERR_NOT_FOUND;
    const struct form *f = find_form(l, r->language, (size_t)(k - letter_kinds));
    enum err e = read_values(r, mem, values);
    if (!e)
        e = render(&f->subject, values, false, mem, &out->subject);
    if (!e)
        e = render(&f->text, values, false, mem, &out->text);
    if (!e)
        e = render(&f->html, values, true, mem, &out->html);
    return e;
}
