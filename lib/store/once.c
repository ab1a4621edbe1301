/* The table once of main.db and of users' files. */
#include "base/base.h"

#include "store/once.h"

static enum err drop_expired(struct space *sp, int64_t now)
{
    static const struct str sql = SQL("DELETE FROM once WHERE expires <= ?1");
    return db_run(sp->db, sql, VALUES(v_i64(now)));
}

enum err once_use(struct space *sp, struct str id, int64_t expires, int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO once(id, expires) VALUES(?1, ?2) ON CONFLICT(id) DO NOTHING");
    assert(sp->writing);
    if (expires <= now || !id.n)
        return ERR_INVALID_TOKEN;
    enum err e = drop_expired(sp, now);
    return e ? e : db_change(sp->db, sql, VALUES(v_str(id), v_i64(expires)), ERR_INVALID_TOKEN);
}

enum err once_is_used(struct space *sp, struct str id, bool *used)
{
    static const struct str sql = SQL("SELECT 1 FROM once WHERE id = ?1");
    *used = false;
    return db_has(sp->db, sql, VALUES(v_str(id)), used);
}
