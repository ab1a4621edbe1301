/* Columns and cells. */
#include "base/base.h"

#include "base/clock.h"
#include "columns.h"
#include "wire/csv.h"

static struct column *add(struct columns *c, struct str name, bool is_text, struct arena *mem)
{
    struct column *column = arena_zalloc(mem, 1, sizeof *column);
    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 16;
        struct column **grown = arena_zalloc(mem, c->cap, sizeof(*grown));
        if (c->count)
            memcpy(grown, c->list, c->count * sizeof(*grown));
        c->list = grown;
    }
    *column = (struct column){arena_dup(mem, name), is_text};
    c->list[c->count++] = column;
    map_put(&c->by_name, column->name, column);
    return column;
}

/* Members that every row has, whatever is declared. */
static bool is_own(struct str name)
{
    static const char *const own[] = {"id", "createdAt", "updatedAt", "version", "userId"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_eq(name, str_from_c(own[i])))
            return true;
    return false;
}

static bool is_declared_text(struct json_value schema)
{
    struct json_value type = json_get(schema, STR("type"));
    return json_is(type, JSON_STRING) && str_eq(json_raw(type), STR("\"string\""));
}

void columns_init(struct columns *c, const struct collection *of, struct arena *mem)
{
    struct json *schema = arena_zalloc(mem, 1, sizeof *schema);
    enum err e = json_parse(schema, of->schema_text, JSON_STRICT, mem);
    assert(e == OK); /* it was compiled at the start */
    struct json_value fields = json_get(json_root(schema), STR("properties"));
    *c = COLUMNS_INIT;
    add(c, STR("id"), true, mem);
    for (struct json_value v = fields.doc ? json_first(fields) : JSON_ABSENT; !json_is_absent(v);
         v = json_next(fields, v)) {
        struct str name = json_string(json_key(v), mem);
        if (!is_own(name))
            add(c, name, is_declared_text(v), mem);
    }
    add(c, STR("createdAt"), true, mem);
    add(c, STR("updatedAt"), true, mem);
    add(c, STR("version"), false, mem);
}

void columns_release(struct columns *c)
{
    map_release(&c->by_name);
    *c = COLUMNS_INIT;
}

enum err columns_from_header(struct columns *c, const struct collection *of,
                             const struct str *names, size_t count, struct arena *mem)
{
    struct columns declared;
    enum err e = OK;
    columns_init(&declared, of, mem);
    *c = COLUMNS_INIT;
    for (size_t i = 0; !e && i < count; i++) {
        const struct column *known = map_get(&declared.by_name, names[i]);
        if (!names[i].p || map_get(&c->by_name, names[i]))
            e = ERR_CONFLICT;
        else
            add(c, names[i], known ? known->is_text : str_eq(names[i], STR("userId")), mem);
    }
    columns_release(&declared);
    return e;
}

bool columns_add_members(struct columns *c, struct json_value row, struct arena *mem)
{
    struct arena scratch = ARENA_INIT;
    for (struct json_value v = json_first(row); !json_is_absent(v); v = json_next(row, v)) {
        struct str name = json_string(json_key(v), &scratch);
        if (!map_get(&c->by_name, name))
            add(c, name, false, mem);
    }
    arena_release(&scratch);
    return c->count <= COLUMNS_MAX;
}

/* --- cells ------------------------------------------------------------------------------------ */

/* A JSON value, with nothing around it. */
static bool is_json(struct str cell, struct arena *mem)
{
    struct json doc;
    return cell.n && cell.p[0] > ' ' && cell.p[cell.n - 1] > ' ' &&
           json_parse(&doc, cell, JSON_STRICT, mem) == OK;
}

static void append_cell(struct buf *out, const struct column *column, struct json_value v,
                        bool *first, struct arena *mem)
{
    struct str text = STR_NULL;
    if (json_is(v, JSON_STRING))
        text = json_string(v, mem);
    if (!json_is_absent(v) && (!text.p || (!column->is_text && is_json(text, mem))))
        text = json_raw(v);
    csv_append_field(out, text, first);
}

static void append_time(struct buf *out, int64_t ms, bool *first)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(ms, iso);
    csv_append_field(out, str_from_c(iso), first);
}

void columns_append_names(struct buf *out, const struct columns *c)
{
    bool first = true;
    for (size_t i = 0; i < c->count; i++)
        csv_append_field(out, c->list[i]->name, &first);
    csv_end_record(out);
}

void columns_append_row(struct buf *out, const struct columns *c, const struct row *row,
                        struct json_value data, struct arena *mem)
{
    bool first = true;
    for (size_t i = 0; i < c->count; i++) {
        struct str name = c->list[i]->name;
        if (str_eq(name, STR("id")))
            csv_append_field(out, row->id, &first);
        else if (str_eq(name, STR("createdAt")))
            append_time(out, row->created_at, &first);
        else if (str_eq(name, STR("updatedAt")))
            append_time(out, row->updated_at, &first);
        else if (str_eq(name, STR("version")))
            csv_append_field(out, arena_printf(mem, "%lld", (long long)row->version), &first);
        else
            append_cell(out, c->list[i], json_get(data, name), &first, mem);
    }
    csv_end_record(out);
}

void columns_append_object(struct buf *out, const struct columns *c, const struct str *cells,
                           struct arena *mem)
{
    bool first = true;
    buf_append_ch(out, '{');
    for (size_t i = 0; i < c->count; i++) {
        const struct column *column = c->list[i];
        if (!cells[i].p)
            continue;
        buf_append_str(out, first ? STR("") : STR(","));
        first = false;
        json_append_string(out, column->name);
        buf_append_ch(out, ':');
        if (!column->is_text && is_json(cells[i], mem))
            buf_append_str(out, cells[i]);
        else
            json_append_string(out, cells[i]);
    }
    buf_append_ch(out, '}');
}
