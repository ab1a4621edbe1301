/* The table idem: answers by idempotency key, oldest first by n. */
#include "base/base.h"

#include "store/idem.h"

#define DROP_AT_ONCE 16 /* expired answers dropped by one write: more than it adds, yet bounded */

enum err idem_find(struct space *sp, struct str key, struct str fingerprint, int64_t now_ms,
                   struct arena *mem, struct idem_answer *out)
{
    static const struct str sql = SQL("SELECT fingerprint, status, headers, body FROM idem"
                                      " WHERE key = ?1 AND at > ?2");
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, key);
    stmt_bind_i64(s, 2, now_ms - IDEM_KEEP_MS);
    e = stmt_step(s, &row);
    if (!e && !row)
        e = ERR_NOT_FOUND;
    else if (!e && !str_eq(stmt_str(s, 0), fingerprint))
        e = ERR_IDEMPOTENCY;
    else if (!e)
        *out = (struct idem_answer){.status = (int)stmt_i64(s, 1),
                                    .headers = arena_dup(mem, stmt_str(s, 2)),
                                    .body = arena_dup(mem, stmt_str(s, 3))};
    stmt_reset(s);
    return e;
}

static enum err drop_expired(struct space *sp, int64_t now_ms)
{
    static const struct str sql =
        SQL("DELETE FROM idem WHERE n = (SELECT min(n) FROM idem) AND at <= ?1");
    enum err e = OK;
    for (size_t i = 0; !e && i < DROP_AT_ONCE; i++)
        e = db_change(sp->db, sql, VALUES(v_i64(now_ms - IDEM_KEEP_MS)), ERR_NOT_FOUND);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Users' and organizations' files have a bound of their own. */
static enum err drop_surplus(struct space *sp)
{
    static const struct str sql = SQL("DELETE FROM idem WHERE n <= (SELECT max(n) FROM idem) - ?1");
    bool has_quota = sp->kind == SPACE_USER || sp->kind == SPACE_ORG;
    return has_quota ? OK : db_run(sp->db, sql, VALUES(v_i64(IDEM_MAX)));
}

enum err idem_keep(struct space *sp, struct str key, struct str fingerprint, int64_t now_ms,
                   const struct idem_answer *a)
{
    /* REPLACE: an expired answer of the same key may still be there. */
    static const struct str sql =
        SQL("REPLACE INTO idem(key, at, fingerprint, status, headers, body)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    struct stmt *s;
    assert(sp->writing);
    enum err e = drop_expired(sp, now_ms);
    if (!e)
        e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, key);
    stmt_bind_i64(s, 2, now_ms);
    stmt_bind_str(s, 3, fingerprint);
    stmt_bind_i64(s, 4, a->status);
    stmt_bind_str(s, 5, a->headers.p ? a->headers : STR(""));
    stmt_bind_str(s, 6, a->body.p ? a->body : STR(""));
    e = stmt_run(s);
    return e ? e : drop_surplus(sp);
}
