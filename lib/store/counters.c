/* The tables counter and counter_history. */
#include "base/base.h"

#include "store/counters.h"

#define TRIM_EVERY 32 /* operations on a counter between two looks at its history */

#define COLUMNS "id, name, value, created_at, updated_at, operation_count"

/* The name is borrowed from the statement. */
static struct counter read_counter(struct stmt *s)
{
    return (struct counter){
        .id = stmt_i64(s, 0),
        .name = stmt_str(s, 1),
        .value = stmt_i64(s, 2),
        .created_at = stmt_i64(s, 3),
        .updated_at = stmt_i64(s, 4),
        .operation_count = stmt_i64(s, 5),
    };
}

enum err counters_get(struct space *sp, struct str name, struct arena *mem, struct counter *out)
{
    static const struct str sql = SQL("SELECT " COLUMNS " FROM counter WHERE name = ?1");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(name)), &s);
    if (e)
        return e;
    *out = read_counter(s);
    out->name = arena_dup(mem, out->name);
    stmt_reset(s);
    return OK;
}

static enum err room_for_one(struct space *sp, int64_t max)
{
    static const struct str sql = SQL("SELECT count(*) FROM counter");
    int64_t count;
    if (!max)
        return OK;
    enum err e = db_i64(sp->db, sql, NO_VALUES, &count);
    return e || count < max ? e : ERR_QUOTA;
}

enum err counters_create(struct space *sp, struct counter *c, int64_t max)
{
    static const struct str sql =
        SQL("INSERT INTO counter(name, value, created_at, updated_at, operation_count)"
            " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(name) DO NOTHING RETURNING id");
    struct stmt *s;
    assert(sp->writing);
    enum err e = room_for_one(sp, max);
    if (!e)
        e = db_row(sp->db, sql,
                   VALUES(v_str(c->name), v_i64(c->value), v_i64(c->created_at),
                          v_i64(c->updated_at), v_i64(c->operation_count)),
                   &s);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
    c->id = stmt_i64(s, 0);
    stmt_reset(s);
    return OK;
}

static enum err append_entry(struct space *sp, int64_t counter, const struct counter_entry *entry)
{
    static const struct str sql =
        SQL("INSERT INTO counter_history(counter, id, operation, previous_value, new_value, at)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    return db_run(sp->db, sql,
                  VALUES(v_i64(counter), v_i64(entry->id), v_str(entry->operation),
                         v_i64(entry->previous), v_i64(entry->value), v_i64(entry->at)));
}

/* Where there are fewer entries than are kept the inner SELECT is NULL, and nothing goes. */
static enum err trim(struct space *sp, int64_t counter)
{
    static const struct str sql =
        SQL("DELETE FROM counter_history WHERE counter = ?1 AND id <= (SELECT id FROM"
            " counter_history WHERE counter = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)");
    return db_run(sp->db, sql, VALUES(v_i64(counter), v_i64(COUNTER_HISTORY_KEPT)));
}

enum err counters_update(struct space *sp, const struct counter *c,
                         const struct counter_entry *entry)
{
    static const struct str sql =
        SQL("UPDATE counter SET value = ?2, updated_at = ?3, operation_count = ?4 WHERE id = ?1");
    assert(sp->writing);
    enum err e = db_run(
        sp->db, sql,
        VALUES(v_i64(c->id), v_i64(c->value), v_i64(c->updated_at), v_i64(c->operation_count)));
    if (!e)
        e = append_entry(sp, c->id, entry);
    return e || c->operation_count % TRIM_EVERY ? e : trim(sp, c->id);
}

enum err counters_delete(struct space *sp, struct str name)
{
    static const struct str sql = SQL("DELETE FROM counter WHERE name = ?1");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(name)), ERR_NOT_FOUND);
}

enum err counters_history(struct space *sp, int64_t id, size_t limit,
                          void (*on_entry)(void *arg, const struct counter_entry *e), void *arg)
{
    static const struct str sql =
        SQL("SELECT id, operation, previous_value, new_value, at FROM counter_history"
            " WHERE counter = ?1 ORDER BY id DESC LIMIT ?2");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, sql, VALUES(v_i64(id), v_i64((int64_t)limit)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row)
        on_entry(arg, &(struct counter_entry){
                          .id = stmt_i64(s, 0),
                          .operation = stmt_str(s, 1),
                          .previous = stmt_i64(s, 2),
                          .value = stmt_i64(s, 3),
                          .at = stmt_i64(s, 4),
                      });
    return e;
}

enum err counters_list(struct space *sp, void (*on_counter)(void *arg, const struct counter *c),
                       void *arg)
{
    static const struct str sql = SQL("SELECT " COLUMNS " FROM counter ORDER BY name");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        struct counter c = read_counter(s);
        on_counter(arg, &c);
    }
    return e;
}
