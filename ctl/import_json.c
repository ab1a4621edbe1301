/* The rows and pairs of an account's document (domain/export.h), read a piece at a time. */
#include "base/base.h"

#include "base/buf.h"
#include "import.h"
#include "wire/json_pieces.h"

#define READ_BYTES (64 * 1024)

struct document {
    struct import_source *source;
    struct input in;
    struct json_pieces pieces;
    struct buf text;  /* read, and not yet done with */
    struct arena mem; /* of a piece */
    struct str part;  /* "data", or the collection that is read */
    int64_t number;
};

static enum err fail(struct document *d, const char *what)
{
    struct import_source *s = d->source;
    struct arena *mem = &s->ctl->mem;
    s->problem = d->part.p ? arena_printf(mem, "%s, %.*s, row %lld: %s", s->path, STR_ARG(d->part),
                                          (long long)d->number, what)
                           : arena_printf(mem, "%s: %s", s->path, what);
    return ERR_INVALID;
}

/* The more of a piece was read in vain, the more is read at once: it is looked at anew. */
static enum err read_more(struct document *d)
{
    const struct progress *p = &d->source->progress;
    size_t left = d->pieces.text.n;
    if (left > IMPORT_PIECE_MAX)
        return fail(d, "it is too large");
    buf_consume(&d->text, d->text.n - left);
    enum err e = input_read(&d->in, &d->text, left + READ_BYTES, &d->pieces.at_end);
    d->pieces.text = buf_str(&d->text);
    if (p->on_step)
        p->on_step(p->arg, (size_t)d->in.read, (size_t)d->in.size);
    return e;
}

/* Is a part of the document to be taken once more, now that more of it has been read? */
static bool again(struct document *d, enum err *e)
{
    if (*e == ERR_MORE && (*e = read_more(d)) == OK)
        return true;
    if (*e == ERR_INVALID_JSON)
        *e = fail(d, d->pieces.at_end ? "it is no JSON, or was cut short" : "it is no JSON");
    return false;
}

static enum err enter(struct document *d, char bracket)
{
    enum err e;
    do
        e = json_pieces_enter(&d->pieces, bracket);
    while (again(d, &e));
    return e;
}

static enum err next(struct document *d, char bracket, bool *first, bool *end)
{
    enum err e;
    arena_reset(&d->mem);
    do
        e = json_pieces_next(&d->pieces, bracket, first, end);
    while (again(d, &e));
    return e;
}

/* In d->mem. */
static enum err read_name(struct document *d, struct str *name)
{
    struct json doc;
    enum err e;
    do
        e = json_pieces_name(&d->pieces, name);
    while (again(d, &e));
    if (!e && json_parse(&doc, arena_dup(&d->mem, *name), JSON_STRICT, &d->mem) != OK)
        e = fail(d, "a name in it is no JSON");
    if (!e)
        *name = json_string(json_root(&doc), &d->mem);
    return e;
}

static enum err read_value(struct document *d, struct str *value)
{
    enum err e;
    do
        e = json_pieces_value(&d->pieces, value);
    while (again(d, &e));
    return e;
}

static bool is_wanted(const struct document *d, struct str part)
{
    const char *only = d->source->only;
    return !only || str_eq(part, str_from_c(only));
}

static enum err give(struct document *d, const struct collection *c, struct str key)
{
    struct import_source *s = d->source;
    struct incoming item = {.collection = c, .number = ++d->number, .key = key};
    enum err e = read_value(d, &item.text);
    return e ? e : s->on_item(s->arg, &item);
}

static enum err read_pairs(struct document *d)
{
    bool first = true, end = false;
    struct str key;
    enum err e = enter(d, '{');
    d->part = STR(IMPORT_PAIRS);
    d->number = 0;
    while (!e && !(e = next(d, '{', &first, &end)) && !end) {
        e = read_name(d, &key);
        if (!e)
            e = give(d, NULL, key);
    }
    d->part = STR_NULL;
    return e;
}

static enum err read_rows(struct document *d, const struct collection *c)
{
    bool first = true, end = false;
    enum err e = enter(d, '[');
    d->part = c->name;
    d->number = 0;
    while (!e && !(e = next(d, '[', &first, &end)) && !end)
        e = give(d, c, STR_NULL);
    d->part = STR_NULL;
    return e;
}

/* What is passed over is JSON, at least. */
static enum err pass_over(struct document *d, struct str *value)
{
    struct json doc;
    enum err e = read_value(d, value);
    if (!e && json_parse(&doc, *value, JSON_WITH_NUL, &d->mem) != OK)
        e = fail(d, "it is no JSON");
    return e;
}

static enum err read_collections(struct document *d)
{
    bool first = true, end = false;
    struct str name, value;
    enum err e = enter(d, '{');
    while (!e && !(e = next(d, '{', &first, &end)) && !end) {
        e = read_name(d, &name);
        if (e)
            break;
        const struct collection *c = collections_find(&d->source->ctl->collections, name);
        if (!is_wanted(d, name))
            e = pass_over(d, &value);
        else if (c && c->table.scope == SPACE_USER)
            e = read_rows(d, c);
        else
            e = fail(d, arena_printf(&d->source->ctl->mem,
                                     "there is no collection \"%.*s\" of users", STR_ARG(name))
                            .p);
    }
    return e;
}

static enum err check_version(struct document *d, struct str name, struct str value)
{
    if (str_eq(name, STR("format")) && !str_eq(value, STR("\"cubby-account\"")))
        return fail(d, "it is not the export of an account");
    if (str_eq(name, STR("version")) && !str_eq(value, STR("1")))
        return fail(d, "a newer version of this program wrote it: use that one");
    return OK;
}

static enum err read_member(struct document *d)
{
    struct str name, value;
    enum err e = read_name(d, &name);
    if (e)
        return e;
    if (str_eq(name, STR(IMPORT_PAIRS)) && is_wanted(d, name))
        return read_pairs(d);
    if (str_eq(name, STR("collections")))
        return read_collections(d);
    e = pass_over(d, &value);
    return e ? e : check_version(d, name, value);
}

static enum err read_document(struct document *d)
{
    bool first = true, end = false;
    enum err e = enter(d, '{');
    while (!e && !(e = next(d, '{', &first, &end)) && !end)
        e = read_member(d);
    if (e)
        return e;
    do
        e = json_pieces_finish(&d->pieces);
    while (again(d, &e));
    return e;
}

enum err import_json(struct import_source *s)
{
    struct document d = {.source = s, .mem = ARENA_INIT, .text = BUF_INIT};
    enum err e = input_open(&d.in, s->path);
    if (e)
        return e;
    e = read_document(&d);
    input_close(&d.in);
    buf_release(&d.text);
    arena_release(&d.mem);
    return e;
}
