/* Rows of collections: one table each (store/field.h), its statements written once. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/field.h"
#include "store/rows.h"
#include "store/tables.h"
#include "wire/json.h"

enum rows_statement {
    ROWS_INSERT,
    ROWS_UPDATE,
    ROWS_DELETE,
    ROWS_GET,
    ROWS_IDS,
    ROWS_EACH,
    ROWS_COUNT,
    ROWS_STATEMENTS
};

/* %.*s is the collection's name. */
static const char *const formats[ROWS_STATEMENTS] = {
    [ROWS_INSERT] = "INSERT INTO c_%.*s(id,data,created_at,updated_at,version)VALUES(?,?,?,?,?)",
    [ROWS_UPDATE] = "UPDATE c_%.*s SET data=?2,updated_at=?3,version=?4 WHERE id=?1",
    [ROWS_DELETE] = "DELETE FROM c_%.*s WHERE id=?",
    [ROWS_GET] = "SELECT id,data,created_at,updated_at,version FROM c_%.*s WHERE id=?",
    [ROWS_IDS] = "SELECT id FROM c_%.*s ORDER BY id LIMIT ?",
    [ROWS_EACH] = "SELECT id,data,created_at,updated_at,version FROM c_%.*s WHERE id>? ORDER BY id",
    [ROWS_COUNT] = "SELECT count(*) FROM c_%.*s",
};

struct rows_sql {
    struct arena mem;
    struct str text[ROWS_STATEMENTS];
};

static void check_name(struct str name)
{
    assert(name.n >= 1 && name.n <= 63 && name.p[0] >= 'a' && name.p[0] <= 'z');
    for (size_t i = 0; i < name.n; i++)
        assert((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') ||
               name.p[i] == '_');
}

void rows_table_prepare(struct rows_table *t)
{
    check_name(t->name);
    t->sql = mem_zalloc(1, sizeof *t->sql);
    for (size_t i = 0; i < ROWS_STATEMENTS; i++)
        t->sql->text[i] = arena_printf(&t->sql->mem, formats[i], STR_ARG(t->name));
}

void rows_table_release(struct rows_table *t)
{
    if (!t->sql)
        return;
    arena_release(&t->sql->mem);
    mem_free(t->sql);
    t->sql = NULL;
}

static enum err statement(struct space *sp, const struct rows_table *t, enum rows_statement which,
                          struct stmt **out)
{
    return db_stmt(sp->db, t->sql->text[which], out);
}

enum err rows_insert(struct space *sp, const struct rows_table *t, const struct row *r)
{
    struct stmt *s;
    assert(sp->writing);
    enum err e = db_forgo_reserve(sp->db);
    if (!e)
        e = tables_room(sp);
    if (!e)
        e = statement(sp, t, ROWS_INSERT, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, r->id);
    stmt_bind_str(s, 2, r->data);
    stmt_bind_i64(s, 3, r->created_at);
    stmt_bind_i64(s, 4, r->updated_at);
    stmt_bind_i64(s, 5, r->version);
    return stmt_run(s);
}

enum err rows_update(struct space *sp, const struct rows_table *t, const struct row *r)
{
    struct stmt *s;
    assert(sp->writing);
    enum err e = db_forgo_reserve(sp->db);
    if (!e)
        e = statement(sp, t, ROWS_UPDATE, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, r->id);
    stmt_bind_str(s, 2, r->data);
    stmt_bind_i64(s, 3, r->updated_at);
    stmt_bind_i64(s, 4, r->version);
    return stmt_run(s);
}

enum err rows_delete(struct space *sp, const struct rows_table *t, struct str id, bool *existed)
{
    struct stmt *s;
    assert(sp->writing);
    enum err e = statement(sp, t, ROWS_DELETE, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, id);
    e = stmt_run(s);
    if (e)
        return e;
    *existed = db_changes(sp->db) > 0;
    return OK;
}

enum err rows_get(struct space *sp, const struct rows_table *t, struct str id, struct arena *mem,
                  struct row *out)
{
    struct stmt *s;
    bool found;
    enum err e = statement(sp, t, ROWS_GET, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, id);
    e = stmt_step(s, &found);
    if (e || !found)
        return e ? e : ERR_NOT_FOUND;
    *out = (struct row){
        .id = arena_dup(mem, stmt_str(s, 0)),
        .data = arena_dup(mem, stmt_str(s, 1)),
        .created_at = stmt_i64(s, 2),
        .updated_at = stmt_i64(s, 3),
        .version = stmt_i64(s, 4),
    };
    stmt_reset(s);
    return OK;
}

enum err rows_ids(struct space *sp, const struct rows_table *t, size_t max, struct arena *mem,
                  struct str **ids, size_t *count)
{
    struct stmt *s;
    bool more;
    *ids = arena_zalloc(mem, max, sizeof **ids);
    *count = 0;
    enum err e = statement(sp, t, ROWS_IDS, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, (int64_t)max);
    while (!(e = stmt_step(s, &more)) && more)
        (*ids)[(*count)++] = arena_dup(mem, stmt_str(s, 0));
    return e;
}

enum err rows_each(struct space *sp, const struct rows_table *t, struct str after, bool *more,
                   bool (*on_row)(void *arg, const struct row *r), void *arg)
{
    struct stmt *s;
    bool found, go_on = true;
    *more = false;
    enum err e = statement(sp, t, ROWS_EACH, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, after);
    while (!(e = stmt_step(s, &found)) && found) {
        *more = !go_on;
        if (*more)
            break;
        const struct row row = {stmt_str(s, 0), stmt_str(s, 1), stmt_i64(s, 2), stmt_i64(s, 3),
                                stmt_i64(s, 4)};
        go_on = on_row(arg, &row);
    }
    stmt_reset(s);
    return e;
}

enum err rows_count(struct space *sp, const struct rows_table *t, int64_t *count)
{
    struct stmt *s;
    bool found;
    enum err e = statement(sp, t, ROWS_COUNT, &s);
    if (!e)
        e = stmt_step(s, &found);
    if (e)
        return e;
    *count = stmt_i64(s, 0);
    stmt_reset(s);
    return OK;
}

void row_append_time(struct buf *out, int64_t ms)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(ms, iso);
    buf_append_ch(out, '"');
    buf_append(out, iso, CLOCK_ISO_LEN);
    buf_append_ch(out, '"');
}

void row_append_time_or_null(struct buf *out, int64_t ms)
{
    if (ms)
        row_append_time(out, ms);
    else
        buf_append_lit(out, "null");
}

void row_append(struct buf *out, const struct row *r, struct str user_id)
{
    assert(r->data.n >= 2 && r->data.p[0] == '{');
    buf_append_lit(out, "{\"id\":\"");
    buf_append_str(out, r->id);
    buf_append_ch(out, '"');
    if (r->data.n > 2) {
        buf_append_ch(out, ',');
        buf_append(out, r->data.p + 1, r->data.n - 2);
    }
    buf_append_lit(out, ",\"createdAt\":");
    row_append_time(out, r->created_at);
    buf_append_lit(out, ",\"updatedAt\":");
    row_append_time(out, r->updated_at);
    buf_append_lit(out, ",\"version\":");
    buf_append_i64(out, r->version);
    buf_append_lit(out, ",\"userId\":");
    json_append_string(out, user_id);
    buf_append_ch(out, '}');
}
