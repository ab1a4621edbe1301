/* Orders and cursors of lists. A cursor is base64url of ["title:asc,id:asc", value…, id]. */
#include "base/base.h"

#include <math.h>

#include "base/enc.h"
#include "store/order.h"
#include "wire/json.h"

#define CURSOR_MAX       4096 /* bytes of JSON read */
#define CURSOR_VALUE_MAX 512  /* bytes of all values written */

static enum err parse_term(struct order_term *t, struct str text)
{
    size_t colon = str_find(text, ':');
    struct str direction = str_from(text, colon + 1);
    if (!field_parse(&t->field, str_make(text.p, colon)) || colon == text.n)
        return ERR_INVALID_QUERY;
    t->descending = str_eq(direction, STR("desc"));
    return t->descending || str_eq(direction, STR("asc")) ? OK : ERR_INVALID_QUERY;
}

/* Make the last term the id, in the direction of the one before, so that one index serves both. */
static void add_tie_break(struct order *o)
{
    struct order_term id = {{FIELD_ID, STR("id")}, true};
    if (o->count > 0) {
        const struct order_term *last = &o->term[o->count - 1];
        if (last->field.kind == FIELD_ID)
            return;
        id.descending = last->descending;
        if (last->field.kind == FIELD_CREATED_AT)
            o->count--;
    }
    o->term[o->count++] = id;
}

enum err order_parse(struct order *o, const struct form *params, struct str *message)
{
    bool unique = false; /* by an id: what follows cannot matter */
    size_t given = 0;
    o->count = 0;
    for (size_t i = 0; i < params->count; i++) {
        struct order_term term;
        if (!str_eq(params->fields[i].name, STR("order")))
            continue;
        if (++given > ORDER_TERMS_MAX || parse_term(&term, params->fields[i].value)) {
            *message = STR("order is a field and its direction, as in order=title:asc");
            return ERR_INVALID_QUERY;
        }
        if (!unique && term.field.kind != FIELD_USER_ID) /* the same in all rows */
            o->term[o->count++] = term;
        unique = unique || term.field.kind == FIELD_ID;
    }
    add_tie_break(o);
    return OK;
}

void order_append_sql(struct buf *out, const struct order *o)
{
    for (size_t i = 0; i < o->count; i++) {
        if (i > 0)
            buf_append_ch(out, ',');
        field_append_sql(out, &o->term[i].field, "c.");
        if (o->term[i].descending)
            buf_append_lit(out, " DESC");
    }
}

/* The row's value stands behind v in this term's order; NULL sorts before everything. */
static void append_behind(struct clause *c, const struct order_term *t, size_t number, bool null)
{
    struct buf *b = &c->text;
    if (null && t->descending) {
        buf_append_lit(b, "FALSE");
        return;
    }
    buf_append_ch(b, '(');
    field_append_sql(b, &t->field, "c.");
    if (null) {
        buf_append_lit(b, " IS NOT NULL");
    } else {
        buf_appendf(b, "%c?%zu", t->descending ? '<' : '>', number);
        if (t->descending && t->field.kind == FIELD_DATA) {
            buf_append_lit(b, " OR ");
            field_append_sql(b, &t->field, "c.");
            buf_append_lit(b, " IS NULL");
        }
    }
    buf_append_ch(b, ')');
}

/* What follows from the first term alone, said in a form that lets SQLite start there in an index.
 */
static void append_start(struct clause *c, const struct order_term *t, size_t number)
{
    if (t->descending && t->field.kind == FIELD_DATA)
        return; /* rows without the field are still to come: no such bound */
    field_append_sql(&c->text, &t->field, "c.");
    buf_appendf(&c->text, "%s?%zu AND ", t->descending ? "<=" : ">=", number);
}

void order_append_after(struct clause *c, const struct order *o, const struct cursor *at)
{
    size_t numbers[ORDER_TERMS_MAX + 1];
    for (size_t i = 0; i < o->count; i++)
        numbers[i] = clause_value(c, at->after[i]);
    if (o->count > 1 && at->after[0].kind != VALUE_NULL)
        append_start(c, &o->term[0], numbers[0]);
    buf_append_ch(&c->text, '(');
    for (size_t i = 0; i < o->count; i++) {
        append_behind(c, &o->term[i], numbers[i], at->after[i].kind == VALUE_NULL);
        if (i + 1 == o->count)
            break;
        buf_append_lit(&c->text, " OR(");
        field_append_sql(&c->text, &o->term[i].field, "c.");
        buf_appendf(&c->text, " IS ?%zu AND(", numbers[i]);
    }
    for (size_t i = 1; i < o->count; i++)
        buf_append_lit(&c->text, "))");
    buf_append_ch(&c->text, ')');
}

/* "title:asc,id:asc": ties a cursor to its order. */
static struct str order_name(const struct order *o, struct arena *mem)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < o->count; i++)
        buf_appendf(&b, "%s%.*s:%s", i ? "," : "", STR_ARG(o->term[i].field.path),
                    o->term[i].descending ? "desc" : "asc");
    struct str name = arena_dup(mem, buf_str(&b));
    buf_release(&b);
    return name;
}

static bool read_value(struct value *out, struct json_value v, struct arena *mem)
{
    if (value_of_number(v, out))
        return true;
    *out = (struct value){.kind = VALUE_NULL};
    if (json_is(v, JSON_STRING)) {
        out->kind = VALUE_TEXT;
        out->text = json_string(v, mem);
    }
    return json_is(v, JSON_STRING) || json_is(v, JSON_NULL);
}

static bool read_list(struct cursor *at, struct json_value list, const struct order *o,
                      struct arena *mem)
{
    struct json_value v = json_first(list);
    if (!json_is(list, JSON_ARRAY) || !json_is(v, JSON_STRING) ||
        !str_eq(json_string(v, mem), order_name(o, mem)))
        return false;
    v = json_next(list, v);
    at->by_offset = json_count(list) == 2 && json_is(v, JSON_NUMBER);
    if (at->by_offset)
        return json_to_i64(v, &at->offset) && at->offset >= 0;
    if (json_count(list) != o->count + 1)
        return false;
    for (size_t i = 0; i < o->count; i++, v = json_next(list, v))
        if (!read_value(&at->after[i], v, mem))
            return false;
    return at->after[o->count - 1].kind == VALUE_TEXT; /* the id */
}

enum err cursor_read(struct cursor *at, struct str text, const struct order *o, struct arena *mem)
{
    struct json doc;
    size_t n;
    char *raw = arena_alloc(mem, CURSOR_MAX);
    if (!base64url_decode(text, raw, CURSOR_MAX, &n) ||
        json_parse(&doc, str_make(raw, n), JSON_STRICT, mem))
        return ERR_INVALID_QUERY;
    return read_list(at, json_root(&doc), o, mem) ? OK : ERR_INVALID_QUERY;
}

/* Digits enough to read the same number back; 1e400 is infinite to SQLite, and a number in JSON. */
static void append_real(struct buf *out, double v)
{
    if (isinf(v))
        buf_append_str(out, v > 0 ? STR("1e999") : STR("-1e999"));
    else
        buf_appendf(out, "%.17g", v);
}

/* The values of all terms but the id, from the row itself, each behind a comma. */
static enum err append_values(struct buf *out, struct space *sp, const struct rows_table *t,
                              const struct order *o, struct str id)
{
    struct buf sql = BUF_INIT;
    struct stmt *s = NULL;
    bool found = false;
    buf_append_lit(&sql, "SELECT ");
    for (size_t i = 0; i + 1 < o->count; i++) {
        buf_append_str(&sql, i ? STR(",typeof(") : STR("typeof("));
        field_append_sql(&sql, &o->term[i].field, "c.");
        buf_append_lit(&sql, "),");
        field_append_sql(&sql, &o->term[i].field, "c.");
    }
    buf_appendf(&sql, " FROM c_%.*s AS c WHERE c.id=?1", STR_ARG(t->name));
    enum err e = db_stmt(sp->db, buf_str(&sql), &s);
    if (e)
        goto out;
    stmt_bind_str(s, 1, id);
    e = stmt_step(s, &found);
    if (e || !found)
        goto out;
    for (int i = 0; i + 1 < (int)o->count; i++) {
        struct str type = stmt_str(s, 2 * i);
        buf_append_ch(out, ',');
        if (str_eq(type, STR("null")))
            buf_append_lit(out, "null");
        else if (str_eq(type, STR("integer")))
            buf_append_i64(out, stmt_i64(s, 2 * i + 1));
        else if (str_eq(type, STR("real")))
            append_real(out, stmt_double(s, 2 * i + 1));
        else
            json_append_string(out, stmt_str(s, 2 * i + 1));
    }
    stmt_reset(s);
out:
    buf_release(&sql);
    return e;
}

enum err cursor_write(struct space *sp, const struct rows_table *t, const struct order *o,
                      struct str id, int64_t rows_before, struct arena *mem, struct str *text)
{
    struct buf json = BUF_INIT, encoded = BUF_INIT;
    enum err e = OK;
    buf_append_ch(&json, '[');
    json_append_string(&json, order_name(o, mem));
    size_t name_end = json.n;
    if (o->count > 1)
        e = append_values(&json, sp, t, o, id);
    if (json.n - name_end > CURSOR_VALUE_MAX) {
        json.n = name_end;
        buf_append_ch(&json, ',');
        buf_append_i64(&json, rows_before);
    } else {
        buf_append_ch(&json, ',');
        json_append_string(&json, id);
    }
    buf_append_ch(&json, ']');
    base64url_append(&encoded, json.p, json.n);
    *text = arena_dup(mem, buf_str(&encoded));
    buf_release(&json);
    buf_release(&encoded);
    return e;
}
