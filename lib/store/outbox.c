/* The table outbox of main.db, and a space's row `outbox` in its table meta. */
#include "base/base.h"

#include "store/event.h"
#include "store/outbox.h"

enum err outbox_add(struct space *main_db, enum space_kind kind, struct str id, struct str name,
                    struct str data, int64_t now)
{
    static const struct str sql = SQL("INSERT INTO outbox(space_kind, space_id, name, data, at)"
                                      " VALUES(?1, ?2, ?3, ?4, ?5)");
    assert(main_db->kind == SPACE_MAIN && main_db->writing);
    return db_run(main_db->db, sql,
                  VALUES(v_i64(kind), v_str(id), v_str(name), v_str(data), v_i64(now)));
}

enum err outbox_spaces(struct space *main_db, int64_t *after, size_t max, struct arena *mem,
                       struct outbox_space *list, size_t *count)
{
    static const struct str sql =
        SQL("SELECT min(id), space_kind, space_id FROM outbox GROUP BY space_kind, space_id"
            " HAVING min(id) > ?1 ORDER BY 1 LIMIT ?2");
    struct stmt *s;
    bool row;
    *count = 0;
    enum err e = db_rows(main_db->db, sql, VALUES(v_i64(*after), v_i64((int64_t)max)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        *after = stmt_i64(s, 0);
        list[(*count)++] = (struct outbox_space){.kind = (enum space_kind)stmt_i64(s, 1),
                                                 .id = arena_dup(mem, stmt_str(s, 2))};
    }
    return e;
}

enum err outbox_read(struct space *main_db, const struct outbox_space *to, int64_t after,
                     size_t max, struct arena *mem, struct outbox_event **list, size_t *count)
{
    static const struct str sql =
        SQL("SELECT id, name, data FROM outbox WHERE space_kind = ?1 AND space_id = ?2 AND id > ?3"
            " ORDER BY id LIMIT ?4");
    struct stmt *s;
    bool row;
    *count = 0;
    *list = arena_zalloc(mem, max, sizeof **list);
    enum err e =
        db_rows(main_db->db, sql,
                VALUES(v_i64(to->kind), v_str(to->id), v_i64(after), v_i64((int64_t)max)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row)
        (*list)[(*count)++] = (struct outbox_event){.id = stmt_i64(s, 0),
                                                    .name = arena_dup(mem, stmt_str(s, 1)),
                                                    .data = arena_dup(mem, stmt_str(s, 2))};
    return e;
}

enum err outbox_remove(struct space *main_db, const struct outbox_space *to, int64_t last)
{
    static const struct str sql =
        SQL("DELETE FROM outbox WHERE space_kind = ?1 AND space_id = ?2 AND id <= ?3");
    assert(main_db->kind == SPACE_MAIN && main_db->writing);
    return db_run(main_db->db, sql, VALUES(v_i64(to->kind), v_str(to->id), v_i64(last)));
}

/* The value reads "<epoch of main.db>.<id>", as event ids do. */
enum err outbox_position(struct space *sp, struct str main_epoch, int64_t *last)
{
    static const struct str sql = SQL("SELECT value FROM meta WHERE name = 'outbox'");
    struct stmt *s;
    struct str epoch;
    uint64_t id;
    *last = 0;
    enum err e = db_row(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if (event_id_parse(stmt_str(s, 0), &epoch, &id) && str_eq(epoch, main_epoch))
        *last = (int64_t)id;
    stmt_reset(s);
    return OK;
}

enum err outbox_set_position(struct space *sp, struct str main_epoch, int64_t last)
{
    static const struct str sql = SQL("REPLACE INTO meta(name, value) VALUES('outbox', ?1)");
    struct buf value = BUF_INIT;
    assert(sp->writing);
    event_id_append(&value, main_epoch, (uint64_t)last);
    enum err e = db_run(sp->db, sql, VALUES(v_str(buf_str(&value))));
    buf_release(&value);
    return e;
}
