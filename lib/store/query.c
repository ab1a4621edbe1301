/* List queries: the parameters of a request become two statements, one that lists, one that counts.
 */
#include "base/base.h"

#include "store/order.h"
#include "store/query.h"
#include "store/search.h"
#include "store/where.h"

struct query {
    const struct rows_table *table;
    struct order order;
    struct str list_sql, count_sql;
    const struct value *values; /* of list_sql; the first where_count are count_sql's too */
    size_t value_count, where_count;
    size_t limit;
    int64_t offset;
    bool want_total;
};

/* What is known while the parameters are read. */
struct reading {
    struct query *q;
    const struct form *params;
    struct arena *mem;
    struct str *message;
    struct clause where;
    struct cursor cursor;
    bool has_cursor;
};

static enum err fail(struct reading *r, const char *sentence)
{
    *r->message = str_from_c(sentence);
    return ERR_INVALID_QUERY;
}

static enum err read_paging(struct reading *r)
{
    struct str limit = form_get(r->params, STR("limit"));
    struct str offset = form_get(r->params, STR("offset"));
    struct str count = form_get(r->params, STR("count"));
    int64_t number = QUERY_LIMIT_DEFAULT;
    if (limit.p && (!str_to_capped(limit, QUERY_LIMIT_MAX, &number) || number < 1))
        return fail(r, "limit is a whole number from 1");
    r->q->limit = (size_t)number;
    if (offset.p && !str_to_capped(offset, INT64_MAX / 2, &r->q->offset))
        return fail(r, "offset is a whole number from 0");
    if (count.p && !str_eq(count, STR("1")) && !str_eq(count, STR("0")))
        return fail(r, "count is 1 or 0");
    r->q->want_total = str_eq(count, STR("1"));
    return OK;
}

static enum err read_cursor(struct reading *r)
{
    struct str text = form_get(r->params, STR("cursor"));
    if (!text.p)
        return OK;
    if (form_get(r->params, STR("offset")).p)
        return fail(r, "Give either offset or cursor");
    if (cursor_read(&r->cursor, text, &r->q->order, r->mem))
        return fail(r, "cursor is not one that this list gave");
    r->has_cursor = !r->cursor.by_offset;
    if (r->cursor.by_offset)
        r->q->offset = r->cursor.offset;
    return OK;
}

static void append_and(struct buf *b)
{
    if (b->n > 0)
        buf_append_lit(b, " AND ");
}

static enum err read_search(struct reading *r)
{
    struct str expression, q = form_get(r->params, STR("q"));
    if (!q.p)
        return OK;
    if (r->q->table->search_count == 0)
        return fail(r, "This collection declares no search, so q is not possible");
    if (search_expression(q, r->mem, &expression))
        return fail(r, "q holds no word");
    append_and(&r->where.text);
    search_append_condition(&r->where.text, r->q->table, clause_text(&r->where, expression));
    return OK;
}

static enum err read_where(struct reading *r)
{
    size_t given = 0;
    for (size_t i = 0; i < r->params->count; i++) {
        const struct form_field *f = &r->params->fields[i];
        if (!str_eq(f->name, STR("where")))
            continue;
        if (++given > QUERY_WHERE_MAX)
            return fail(r, "Too many conditions");
        append_and(&r->where.text);
        enum err e = where_append(&r->where, f->value, r->message);
        if (e)
            return e;
    }
    return OK;
}

static enum err read_all(struct reading *r)
{
    enum err e = read_paging(r);
    if (!e)
        e = order_parse(&r->q->order, r->params, r->message);
    if (!e)
        e = read_cursor(r);
    if (!e)
        e = read_where(r);
    return e ? e : read_search(r);
}

static void append_from(struct buf *sql, const struct reading *r)
{
    buf_appendf(sql, " FROM c_%.*s AS c", STR_ARG(r->q->table->name));
    if (r->where.text.n > 0) {
        buf_append_lit(sql, " WHERE ");
        buf_append_str(sql, buf_str(&r->where.text));
    }
}

/* Both statements; the values of what only the list has come after those of the conditions. */
static void write_statements(struct reading *r)
{
    struct query *q = r->q;
    struct buf sql = BUF_INIT;
    buf_append_lit(&sql, "SELECT count(*)");
    append_from(&sql, r);
    q->count_sql = arena_dup(r->mem, buf_str(&sql));
    q->where_count = r->where.count;

    if (r->has_cursor) {
        append_and(&r->where.text);
        order_append_after(&r->where, &q->order, &r->cursor);
    }
    buf_reset(&sql);
    buf_append_lit(&sql, "SELECT c.id,c.data,c.created_at,c.updated_at,c.version");
    append_from(&sql, r);
    buf_append_lit(&sql, " ORDER BY ");
    order_append_sql(&sql, &q->order);
    /* One row more than asked for shows whether there is a next page. */
    buf_appendf(&sql, " LIMIT ?%zu", clause_integer(&r->where, (int64_t)q->limit + 1));
    if (q->offset > 0)
        buf_appendf(&sql, " OFFSET ?%zu", clause_integer(&r->where, q->offset));
    q->list_sql = arena_dup(r->mem, buf_str(&sql));
    q->values = r->where.values;
    q->value_count = r->where.count;
    buf_release(&sql);
}

enum err query_parse(struct query **out, const struct form *params, const struct rows_table *t,
                     struct arena *mem, struct str *message)
{
    struct query *q = arena_zalloc(mem, 1, sizeof *q);
    struct reading r = {
        .q = q, .params = params, .mem = mem, .message = message, .where = {.mem = mem}};
    q->table = t;
    enum err e = read_all(&r);
    if (!e)
        write_statements(&r);
    buf_release(&r.where.text);
    *out = q;
    return e;
}

struct str query_sql(const struct query *q)
{
    return q->list_sql;
}

enum err query_count(struct space *sp, const struct query *q, int64_t *count)
{
    struct stmt *s;
    bool found;
    enum err e = db_stmt(sp->db, q->count_sql, &s);
    if (e)
        return e;
    values_bind(q->values, q->where_count, sp, s);
    e = stmt_step(s, &found);
    if (e)
        return e;
    *count = stmt_i64(s, 0);
    stmt_reset(s);
    return OK;
}

/* Append the page's rows; *last is the id of the last one when further rows follow. */
static enum err list_rows(struct space *sp, const struct query *q, struct str user_id,
                          struct buf *out, char last[UUID_LEN + 1], struct query_result *result)
{
    struct stmt *s;
    bool found;
    enum err e = db_stmt(sp->db, q->list_sql, &s);
    if (e)
        return e;
    values_bind(q->values, q->value_count, sp, s);
    size_t start = out->n;
    char id[UUID_LEN + 1] = "";
    last[0] = '\0';
    while (!(e = stmt_step(s, &found)) && found) {
        if (result->rows == q->limit || out->n - start > QUERY_PAGE_BYTES) {
            memcpy(last, id, sizeof id);
            stmt_reset(s);
            return OK;
        }
        struct row row = {stmt_str(s, 0), stmt_str(s, 1), stmt_i64(s, 2), stmt_i64(s, 3),
                          stmt_i64(s, 4)};
        if (result->rows++ > 0)
            buf_append_ch(out, ',');
        row_append(out, &row, user_id);
        assert(row.id.n == UUID_LEN);
        memcpy(id, row.id.p, UUID_LEN);
    }
    return e;
}

enum err query_list(struct space *sp, const struct query *q, struct str user_id, struct buf *out,
                    struct arena *mem, struct query_result *result)
{
    char last[UUID_LEN + 1];
    *result = (struct query_result){.has_total = q->want_total};
    enum err e = list_rows(sp, q, user_id, out, last, result);
    if (!e && last[0])
        e = cursor_write(sp, q->table, &q->order, str_make(last, UUID_LEN),
                         q->offset + (int64_t)result->rows, mem, &result->next);
    if (!e && q->want_total)
        e = query_count(sp, q, &result->total);
    return e;
}
