/* The rows of a file of CSV, or its pairs: one file has those of one collection. */
#include "base/base.h"

#include "base/buf.h"
#include "columns.h"
#include "import.h"
#include "wire/csv.h"

#define READ_BYTES (64 * 1024)
#define SUFFIX     ".csv"

struct table {
    struct import_source *source;
    const struct collection *collection; /* NULL: pairs */
    struct columns columns;              /* of the header */
    size_t key, value;                   /* where a pair's are */
    bool begun;                          /* the header was read */
    struct arena mem;                    /* of a row */
    struct buf text;
};

static enum err fail(struct import_source *s, int64_t line, const char *what)
{
    struct arena *mem = &s->ctl->mem;
    s->problem = line ? arena_printf(mem, "%s, line %lld: %s", s->path, (long long)line, what)
                      : arena_printf(mem, "%s: %s", s->path, what);
    return ERR_INVALID;
}

static enum err read_pairs_header(struct table *t, const struct str *names, size_t count)
{
    t->key = t->value = count;
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], STR("key")))
            t->key = i;
        if (str_eq(names[i], STR("value")))
            t->value = i;
    }
    return t->key < count && t->value < count
               ? OK
               : fail(t->source, 1, "the first line has to name a key and a value");
}

static enum err read_header(struct table *t, const struct str *names, size_t count)
{
    t->begun = true;
    if (!t->collection)
        return read_pairs_header(t, names, count);
    if (columns_from_header(&t->columns, t->collection, names, count, &t->source->ctl->mem) == OK)
        return OK;
    return fail(t->source, 1, "the first line has to name the fields, each once");
}

static enum err on_record(void *arg, const struct str *cells, size_t count, int64_t line)
{
    struct table *t = arg;
    struct import_source *s = t->source;
    struct incoming item = {.collection = t->collection, .number = line};
    if (!t->begun)
        return read_header(t, cells, count);
    if (t->collection && count != t->columns.count)
        return fail(s, line, "it has not as many fields as the first line");
    if (!t->collection && (t->key >= count || t->value >= count))
        return fail(s, line, "it lacks a key or a value");
    buf_reset(&t->text);
    arena_reset(&t->mem);
    if (t->collection) {
        columns_append_object(&t->text, &t->columns, cells, &t->mem);
        item.text = buf_str(&t->text);
    } else {
        item.key = cells[t->key].p ? cells[t->key] : STR("");
        item.text = cells[t->value].p ? cells[t->value] : STR("");
    }
    return s->on_item(s->arg, &item);
}

static enum err read_file(struct import_source *s, struct csv_reader *reader)
{
    struct buf bytes = BUF_INIT;
    struct input in;
    bool at_end = false;
    enum err e = input_open(&in, s->path);
    if (e)
        return e;
    while (!e && !at_end) {
        buf_reset(&bytes);
        e = input_read(&in, &bytes, READ_BYTES, &at_end);
        if (!e)
            e = csv_read(reader, buf_str(&bytes));
        if (s->progress.on_step)
            s->progress.on_step(s->progress.arg, (size_t)in.read, (size_t)in.size);
    }
    if (!e)
        e = csv_finish(reader);
    input_close(&in);
    buf_release(&bytes);
    return e;
}

/* The name of the collection that a file is called by. */
static struct str name_of(const struct import_source *s)
{
    struct str name = str_from_c(s->path), rest = name;
    while (str_next(&rest, '/', &name))
        ;
    if (s->only)
        return str_from_c(s->only);
    return str_ends_with(name, STR(SUFFIX)) ? str_make(name.p, name.n - (sizeof SUFFIX - 1)) : name;
}

static enum err find_collection(struct import_source *s, const struct collection **out)
{
    struct str name = name_of(s);
    *out = collections_find(&s->ctl->collections, name);
    if ((*out && (*out)->table.scope == SPACE_USER) || str_eq(name, STR(IMPORT_PAIRS)))
        return OK;
    return fail(s, 0,
                arena_printf(&s->ctl->mem,
                             "there is no collection \"%.*s\" of users: --collection names one",
                             STR_ARG(name))
                    .p);
}

enum err import_csv(struct import_source *s)
{
    static const struct csv_limits limits = {.fields = COLUMNS_MAX, .bytes = IMPORT_PIECE_MAX};
    struct table t = {.source = s, .columns = COLUMNS_INIT};
    enum err e = find_collection(s, &t.collection);
    if (e)
        return e;
    struct csv_reader *reader = csv_reader_new(&limits, on_record, &t);
    e = read_file(s, reader);
    if (csv_problem(reader))
        e = fail(s, csv_line(reader), csv_problem(reader));
    else if (!e && !t.begun)
        e = fail(s, 0, "it is empty: the first line has to name the fields");
    csv_reader_free(reader);
    columns_release(&t.columns);
    arena_release(&t.mem);
    buf_release(&t.text);
    return e;
}
