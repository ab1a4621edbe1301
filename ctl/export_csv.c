/* An account's rows and pairs as CSV: a file of each collection, data.csv of the pairs. */
#include "base/base.h"

#include "base/buf.h"
#include "columns.h"
#include "export.h"
#include "import.h"
#include "store/kv.h"
#include "wire/csv.h"

#define PAIRS_AT_ONCE 1000

struct sheet {
    struct output out;
    struct columns columns;
    struct buf after; /* the key or id that was written last */
    bool begun, overflowed;
    struct arena *mem;    /* of the sheet */
    struct arena row_mem; /* of a row */
};

static void remember(struct sheet *s, struct str after)
{
    buf_reset(&s->after);
    buf_append_str(&s->after, after);
    s->begun = true;
}

/* --- pairs ------------------------------------------------------------------------------------ */

static bool add_pair(void *arg, struct str key, struct str value)
{
    struct sheet *s = arg;
    bool first = true;
    csv_append_field(&s->out.text, key, &first);
    csv_append_field(&s->out.text, value, &first);
    csv_end_record(&s->out.text);
    remember(s, key);
    return s->out.text.n < OUTPUT_BYTES;
}

static enum err write_pairs(struct sheet *s, struct space *sp)
{
    bool more = true;
    enum err e = OK;
    buf_append_lit(&s->out.text, "key,value\r\n");
    while (!e && more) {
        struct str after = s->begun ? buf_str(&s->after) : STR_NULL;
        e = kv_list(sp, STR(""), after, PAIRS_AT_ONCE, &more, add_pair, s);
        if (!e)
            e = output_flush(&s->out);
    }
    return e;
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct json_value parse(struct sheet *s, const struct row *row, struct json *doc)
{
    arena_reset(&s->row_mem);
    enum err e = json_parse(doc, row->data, JSON_STRICT, &s->row_mem);
    return e ? JSON_ABSENT : json_root(doc);
}

/* Members that no one declared have columns too: they are looked for first. */
static bool find_columns(void *arg, const struct row *row)
{
    struct sheet *s = arg;
    struct json doc;
    struct json_value data = parse(s, row, &doc);
    s->overflowed = json_is(data, JSON_OBJECT) && !columns_add_members(&s->columns, data, s->mem);
    return !s->overflowed;
}

static bool add_row(void *arg, const struct row *row)
{
    struct sheet *s = arg;
    struct json doc;
    struct json_value data = parse(s, row, &doc);
    columns_append_row(&s->out.text, &s->columns, row, data, &s->row_mem);
    remember(s, row->id);
    return s->out.text.n < OUTPUT_BYTES;
}

static enum err write_rows(struct sheet *s, struct space *sp, const struct collection *c)
{
    bool more;
    columns_init(&s->columns, c, s->mem);
    enum err e = rows_each(sp, &c->table, STR(""), &more, find_columns, s);
    if (!e && s->overflowed)
        e = ERR_TOO_LARGE;
    if (!e)
        columns_append_names(&s->out.text, &s->columns);
    for (more = true; !e && more;) {
        struct str after = s->begun ? buf_str(&s->after) : STR("");
        e = rows_each(sp, &c->table, after, &more, add_row, s);
        if (!e)
            e = output_flush(&s->out);
    }
    columns_release(&s->columns);
    return e;
}

/* --- files ------------------------------------------------------------------------------------ */

/* c == NULL: the pairs. */
static enum err write_file(struct space *sp, const struct collection *c, const char *folder)
{
    struct arena mem = ARENA_INIT;
    struct sheet s = {.columns = COLUMNS_INIT, .mem = &mem};
    struct str name = c ? c->name : STR(IMPORT_PAIRS);
    enum err e = output_create(&s.out, arena_printf(&mem, "%s/%.*s.csv", folder, STR_ARG(name)).p);
    if (!e) {
        e = c ? write_rows(&s, sp, c) : write_pairs(&s, sp);
        e = output_close(&s.out, false, e);
    }
    buf_release(&s.after);
    arena_release(&s.row_mem);
    arena_release(&mem);
    return e;
}

enum err export_csv(struct ctl *c, struct space *sp, const char *folder)
{
    enum err e = write_file(sp, NULL, folder);
    for (size_t i = 0; !e && i < c->collections.count; i++)
        if (c->collections.list[i].table.scope == SPACE_USER)
            e = write_file(sp, &c->collections.list[i], folder);
    return e;
}
