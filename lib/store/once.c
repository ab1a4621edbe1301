/* The table once of main.db and of users' files. */
#include "base/base.h"

#include "store/once.h"

static enum err drop_expired(struct space *sp, int64_t now)
{
    static const struct str sql = SQL("DELETE FROM once WHERE expires <= ?1");
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, now);
    return stmt_run(s);
}

enum err once_use(struct space *sp, struct str id, int64_t expires, int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO once(id, expires) VALUES(?1, ?2) ON CONFLICT(id) DO NOTHING");
    struct stmt *s;
    assert(sp->writing);
    if (expires <= now || !id.n)
        return ERR_INVALID_TOKEN;
    enum err e = drop_expired(sp, now);
    if (!e)
        e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, id);
    stmt_bind_i64(s, 2, expires);
    e = stmt_run(s);
    return !e && db_changes(sp->db) == 0 ? ERR_INVALID_TOKEN : e;
}

enum err once_is_used(struct space *sp, struct str id, bool *used)
{
    static const struct str sql = SQL("SELECT 1 FROM once WHERE id = ?1");
    struct stmt *s;
    *used = false;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, id);
    e = stmt_step(s, used);
    stmt_reset(s);
    return e;
}
