/* Whole statements in one word (store/db.h): values bound, run, and the answer read. */
#include "base/base.h"

#include "store/db.h"

struct db_value v_str(struct str s)
{
    return (struct db_value){.kind = DB_STR, .s = s};
}

struct db_value v_i64(int64_t i)
{
    return (struct db_value){.kind = DB_I64, .i = i};
}

struct db_value v_null(void)
{
    return (struct db_value){.kind = DB_NULL};
}

static void bind_value(struct stmt *s, int at, const struct db_value *v)
{
    switch (v->kind) {
    case DB_NULL:
        stmt_bind_null(s, at);
        break;
    case DB_STR:
        stmt_bind_str(s, at, v->s);
        break;
    case DB_I64:
        stmt_bind_i64(s, at, v->i);
        break;
    }
}

enum err db_rows(struct db *db, struct str sql, struct db_values v, struct stmt **rows)
{
    enum err e = db_stmt(db, sql, rows);
    for (size_t i = 0; !e && i < v.count; i++)
        bind_value(*rows, (int)i + 1, &v.list[i]);
    return e;
}

enum err db_run(struct db *db, struct str sql, struct db_values v)
{
    struct stmt *s;
    enum err e = db_rows(db, sql, v, &s);
    return e ? e : stmt_run(s);
}

enum err db_change(struct db *db, struct str sql, struct db_values v, enum err otherwise)
{
    enum err e = db_run(db, sql, v);
    return e ? e : db_changes(db) ? OK : otherwise;
}

enum err db_row(struct db *db, struct str sql, struct db_values v, struct stmt **row)
{
    bool there = false;
    enum err e = db_rows(db, sql, v, row);
    if (!e)
        e = stmt_step(*row, &there);
    return e || there ? e : ERR_NOT_FOUND;
}

enum err db_has(struct db *db, struct str sql, struct db_values v, bool *has)
{
    struct stmt *s;
    enum err e = db_row(db, sql, v, &s);
    *has = !e;
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    stmt_reset(s);
    return OK;
}

enum err db_i64(struct db *db, struct str sql, struct db_values v, int64_t *out)
{
    struct stmt *s;
    enum err e = db_row(db, sql, v, &s);
    *out = e ? 0 : stmt_i64(s, 0);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    stmt_reset(s);
    return OK;
}
