/*
 * Sets of filters, packed one behind the other. An entry is its size, whether its name is a
 * beginning, its name, then names and values of fields in the order of their names: equal entries
 * are equal bytes.
 */
#include "base/base.h"

#include "base/mem.h"
#include "domain/filter.h"

struct filter {
    uint32_t count;
    uint32_t n; /* bytes of p */
    bool reads_data;
    char p[];
};

/* --- entries as bytes ------------------------------------------------------------------------- */

struct entry_head {
    uint32_t size; /* of the whole entry */
    uint32_t fields;
    uint32_t is_prefix;
};

static void append_text(struct buf *out, struct str s)
{
    uint32_t n = (uint32_t)s.n;
    buf_append(out, &n, sizeof n);
    buf_append_str(out, s);
}

static struct str read_text(const char **at)
{
    uint32_t n;
    memcpy(&n, *at, sizeof n);
    struct str s = str_make(*at + sizeof n, n);
    *at = s.p + n;
    return s;
}

static void begin_entry(struct buf *out, struct str name, bool is_prefix, size_t fields)
{
    struct entry_head h = {.fields = (uint32_t)fields, .is_prefix = is_prefix};
    buf_reset(out);
    buf_append(out, &h, sizeof h);
    append_text(out, name);
}

static void end_entry(struct buf *out)
{
    uint32_t size = (uint32_t)out->n;
    memcpy(out->p, &size, sizeof size);
}

/* Where an equal entry begins, or f->n. */
static uint32_t find(const struct filter *f, struct str entry)
{
    struct entry_head h;
    uint32_t at = 0;
    for (; at < f->n; at += h.size) {
        memcpy(&h, f->p + at, sizeof h);
        if (str_eq(str_make(f->p + at, h.size), entry))
            break;
    }
    return at;
}

static bool add(struct filter **f, struct str entry, bool reads_data)
{
    if (!*f)
        *f = mem_zalloc(1, sizeof(struct filter));
    if (find(*f, entry) < (*f)->n)
        return true;
    if ((*f)->count == FILTER_ENTRIES_MAX || (*f)->n + entry.n > FILTER_MEMORY_MAX)
        return false;
    *f = mem_realloc(*f, sizeof(struct filter) + (*f)->n + entry.n);
    memcpy((*f)->p + (*f)->n, entry.p, entry.n);
    (*f)->n += (uint32_t)entry.n;
    (*f)->count++;
    (*f)->reads_data = (*f)->reads_data || reads_data;
    return true;
}

/* --- lists of patterns ------------------------------------------------------------------------ */

static bool read_pattern(struct buf *entry, struct str text)
{
    size_t star = str_find(text, '*');
    if (text.n == 0 || (star != text.n && star != text.n - 1))
        return false;
    begin_entry(entry, str_make(text.p, star), star < text.n, 0);
    end_entry(entry);
    return true;
}

enum err filter_parse(struct filter **out, struct str patterns)
{
    struct filter *f = NULL;
    struct buf entry = BUF_INIT;
    struct str item, rest = patterns;
    size_t count = 0;
    bool good = patterns.n > 0 && patterns.n <= FILTER_BYTES_MAX;
    while (good && str_next(&rest, ',', &item))
        good = count++ < FILTER_PATTERNS_MAX && read_pattern(&entry, str_trim(item)) &&
               add(&f, buf_str(&entry), false);
    buf_release(&entry);
    if (!good) {
        mem_free(f);
        return ERR_INVALID;
    }
    *out = f;
    return OK;
}

void filter_free(struct filter *f)
{
    mem_free(f);
}

/* --- objects ---------------------------------------------------------------------------------- */

static int compare_fields(const void *a, const void *b)
{
    const struct filter_field *x = a, *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = n ? memcmp(x->name.p, y->name.p, n) : 0;
    return order ? order : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* The members but for "type", sorted; *type is its text. False: one is no string. */
static bool read_members(struct json_value object, struct filter_field *fields, size_t *count,
                         struct str *type, struct arena *mem)
{
    for (struct json_value v = json_first(object); !json_is_absent(v); v = json_next(object, v)) {
        struct str name = json_string(json_key(v), mem);
        if (!json_is(v, JSON_STRING))
            return false;
        if (str_eq(name, STR("type")))
            *type = str_trim(json_string(v, mem));
        else
            fields[(*count)++] = (struct filter_field){name, json_string(v, mem)};
    }
    qsort(fields, *count, sizeof *fields, compare_fields);
    return type->n > 0;
}

static bool read_object(struct buf *entry, struct json_value object, enum filter_type how,
                        struct arena *mem, bool *reads_data)
{
    struct str type = STR_NULL;
    size_t count = 0;
    if (!json_is(object, JSON_OBJECT) || json_raw(object).n > FILTER_MEMORY_MAX)
        return false;
    struct filter_field *fields = arena_zalloc(mem, json_count(object) + 1, sizeof *fields);
    if (!read_members(object, fields, &count, &type, mem))
        return false;
    bool is_prefix = how == FILTER_PATTERN && type.p[type.n - 1] == '*';
    begin_entry(entry, str_make(type.p, type.n - is_prefix), is_prefix, count);
    for (size_t i = 0; i < count; i++) {
        append_text(entry, fields[i].name);
        append_text(entry, fields[i].value);
    }
    end_entry(entry);
    *reads_data = count > 0;
    return true;
}

bool filter_add(struct filter **f, struct json_value object, enum filter_type type,
                struct arena *scratch)
{
    struct buf entry = BUF_INIT;
    bool reads_data = false;
    bool added = read_object(&entry, object, type, scratch, &reads_data) &&
                 add(f, buf_str(&entry), reads_data);
    buf_release(&entry);
    return added;
}

void filter_remove(struct filter **f, struct json_value object, enum filter_type type,
                   struct arena *scratch)
{
    struct buf entry = BUF_INIT;
    bool reads_data;
    if (*f && read_object(&entry, object, type, scratch, &reads_data)) {
        uint32_t at = find(*f, buf_str(&entry));
        if (at < (*f)->n) {
            (*f)->n -= (uint32_t)entry.n;
            (*f)->count--;
            memmove((*f)->p + at, (*f)->p + at + entry.n, (*f)->n - at);
        }
    }
    if (*f && (*f)->count == 0) {
        mem_free(*f);
        *f = NULL;
    }
    buf_release(&entry);
}

/* --- matching --------------------------------------------------------------------------------- */

size_t filter_size(const struct filter *f)
{
    return f ? f->n : 0;
}

bool filter_reads_data(const struct filter *f)
{
    return f && f->reads_data;
}

/* Once for all entries of all filters: they may be many, and so may the members. */
static void read_data(struct filter_event *e)
{
    struct json doc;
    e->parsed = true;
    if (json_parse(&doc, e->data, JSON_WITH_NUL, e->mem) != OK)
        return;
    struct json_value data = json_root(&doc);
    if (!json_is(data, JSON_OBJECT))
        return;
    e->fields = arena_zalloc(e->mem, json_count(data) + 1, sizeof *e->fields);
    for (struct json_value v = json_first(data); !json_is_absent(v); v = json_next(data, v)) {
        if (json_is(v, JSON_STRING))
            e->fields[e->count++] =
                (struct filter_field){json_string(json_key(v), e->mem), json_string(v, e->mem)};
    }
    qsort(e->fields, e->count, sizeof *e->fields, compare_fields);
}

static bool has_field(struct filter_event *e, struct str name, struct str value)
{
    const struct filter_field wanted = {.name = name};
    if (!e->parsed)
        read_data(e);
    if (e->count == 0)
        return false;
    const struct filter_field *f = bsearch(&wanted, e->fields, e->count, sizeof *f, compare_fields);
    return f && str_eq(f->value, value);
}

static bool fields_match(const char *at, uint32_t fields, struct filter_event *e)
{
    while (fields-- > 0) {
        struct str name = read_text(&at), value = read_text(&at);
        if (!has_field(e, name, value))
            return false;
    }
    return true;
}

bool filter_matches(const struct filter *f, struct filter_event *e)
{
    struct entry_head h;
    if (!f)
        return true;
    for (uint32_t i = 0; i < f->n; i += h.size) {
        const char *at = f->p + i + sizeof h;
        memcpy(&h, f->p + i, sizeof h);
        struct str name = read_text(&at);
        bool same = h.is_prefix ? str_starts_with(e->name, name) : str_eq(e->name, name);
        if (same && fields_match(at, h.fields, e))
            return true;
    }
    return false;
}
