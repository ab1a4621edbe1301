/* The table session of a user's file. */
#include "base/base.h"

#include "base/digest.h"
#include "store/sessions.h"

#define SESSIONS_MAX 100 /* of one user: beyond it the one unseen for longest goes */

static enum err prune(struct space *sp, int64_t now_s)
{
    static const struct str expired = SQL("DELETE FROM session WHERE exp <= ?1");
    static const struct str surplus =
        SQL("DELETE FROM session WHERE id IN"
            " (SELECT id FROM session ORDER BY last_seen_at DESC, id LIMIT -1 OFFSET ?1)");
    enum err e = db_run(sp->db, expired, VALUES(v_i64(now_s)));
    return e ? e : db_run(sp->db, surplus, VALUES(v_i64(SESSIONS_MAX - 1)));
}

enum err sessions_create(struct space *sp, const struct session *x, const struct refresh_state *r)
{
    static const struct str sql =
        SQL("INSERT INTO session(id, created_at, last_seen_at, user_agent, ip, jti, iat, exp, kid)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    assert(sp->writing);
    enum err e = prune(sp, x->created_at / 1000);
    if (e)
        return e;
    return db_run(sp->db, sql,
                  VALUES(v_str(x->id), v_i64(x->created_at), v_i64(x->last_seen_at),
                         v_str(x->user_agent.p ? x->user_agent : STR("")),
                         v_str(x->ip.p ? x->ip : STR("")), v_str(r->jti), v_i64(r->iat),
                         v_i64(r->exp), v_str(r->kid)));
}

enum jti_is { JTI_UNKNOWN, JTI_CURRENT, JTI_PREVIOUS, JTI_STALE };

/* What jti is to the session; *current (its strings in mem) only where mem is given. */
static enum err look_up(struct space *sp, struct str sid, struct str jti, int64_t now_ms,
                        int64_t grace_ms, struct arena *mem, struct refresh_state *current,
                        enum jti_is *is)
{
    static const struct str sql =
        SQL("SELECT jti, iat, exp, kid, previous_jti, rotated_at FROM session WHERE id = ?1");
    struct stmt *s;
    *is = JTI_UNKNOWN;
    enum err e = db_row(sp->db, sql, VALUES(v_str(sid)), &s);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if (stmt_i64(s, 2) > now_ms / 1000) /* past its end it is as good as gone */
        *is = digest_equal(jti, stmt_str(s, 0)) ? JTI_CURRENT
              : !stmt_is_null(s, 4) && digest_equal(jti, stmt_str(s, 4)) &&
                      now_ms - stmt_i64(s, 5) < grace_ms
                  ? JTI_PREVIOUS
                  : JTI_STALE;
    if (mem)
        *current = (struct refresh_state){arena_dup(mem, stmt_str(s, 0)), stmt_i64(s, 1),
                                          stmt_i64(s, 2), arena_dup(mem, stmt_str(s, 3))};
    stmt_reset(s);
    return OK;
}

static enum err rotate(struct space *sp, struct str sid, int64_t now_ms,
                       const struct refresh_state *next)
{
    static const struct str sql =
        SQL("UPDATE session SET previous_jti = jti, jti = ?2, iat = ?3, exp = ?4, kid = ?5,"
            " rotated_at = ?6, last_seen_at = ?6 WHERE id = ?1");
    return db_run(sp->db, sql,
                  VALUES(v_str(sid), v_str(next->jti), v_i64(next->iat), v_i64(next->exp),
                         v_str(next->kid), v_i64(now_ms)));
}

enum err sessions_refresh(struct space *sp, struct str sid, struct str jti, int64_t now_ms,
                          int64_t grace_ms, const struct refresh_state *next, struct arena *mem,
                          struct refresh_state *current, enum session_refresh *result)
{
    enum jti_is is;
    int64_t removed;
    assert(sp->writing);
    enum err e = look_up(sp, sid, jti, now_ms, grace_ms, mem, current, &is);
    if (e)
        return e;
    switch (is) {
    case JTI_CURRENT:
        *result = REFRESH_ROTATED;
        *current = *next;
        return rotate(sp, sid, now_ms, next);
    case JTI_PREVIOUS:
        *result = REFRESH_REPEATED;
        return OK;
    case JTI_STALE:
        *result = REFRESH_REUSED;
        return sessions_revoke(sp, sid, &removed);
    case JTI_UNKNOWN:
        break;
    }
    *result = REFRESH_UNKNOWN;
    return OK;
}

static enum err remove_where(struct space *sp, struct str sql, struct str sid, int64_t *removed)
{
    assert(sp->writing);
    enum err e = db_run(sp->db, sql, VALUES(v_str(sid.p ? sid : STR(""))));
    *removed = e ? 0 : db_changes(sp->db);
    return e;
}

enum err sessions_revoke(struct space *sp, struct str sid, int64_t *removed)
{
    static const struct str sql = SQL("DELETE FROM session WHERE id = ?1");
    return remove_where(sp, sql, sid, removed);
}

enum err sessions_revoke_others(struct space *sp, struct str except, int64_t *removed)
{
    static const struct str sql = SQL("DELETE FROM session WHERE id <> ?1");
    return remove_where(sp, sql, except, removed);
}

#define SESSION_COLUMNS "SELECT id, created_at, last_seen_at, user_agent, ip FROM session"

enum err sessions_get(struct space *sp, struct str sid, int64_t now_ms, struct arena *mem,
                      struct session *out)
{
    static const struct str sql = SQL(SESSION_COLUMNS " WHERE id = ?1 AND exp > ?2");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(sid), v_i64(now_ms / 1000)), &s);
    if (e)
        return e;
    *out = (struct session){arena_dup(mem, stmt_str(s, 0)), stmt_i64(s, 1), stmt_i64(s, 2),
                            arena_dup(mem, stmt_str(s, 3)), arena_dup(mem, stmt_str(s, 4))};
    stmt_reset(s);
    return OK;
}

enum err sessions_list(struct space *sp, int64_t now_ms,
                       void (*on_session)(void *arg, const struct session *s), void *arg)
{
    static const struct str sql =
        SQL(SESSION_COLUMNS " WHERE exp > ?1 ORDER BY last_seen_at DESC, id");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, sql, VALUES(v_i64(now_ms / 1000)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        struct session x = {stmt_str(s, 0), stmt_i64(s, 1), stmt_i64(s, 2), stmt_str(s, 3),
                            stmt_str(s, 4)};
        on_session(arg, &x);
    }
    return e;
}

enum err sessions_is_live(struct space *sp, struct str sid, int64_t now_ms, bool *live)
{
    static const struct str sql = SQL("SELECT 1 FROM session WHERE id = ?1 AND exp > ?2");
    *live = false;
    return db_has(sp->db, sql, VALUES(v_str(sid), v_i64(now_ms / 1000)), live);
}

enum err sessions_refresh_is_good(struct space *sp, struct str sid, struct str jti, int64_t now_ms,
                                  int64_t grace_ms, bool *good)
{
    enum jti_is is;
    enum err e = look_up(sp, sid, jti, now_ms, grace_ms, NULL, NULL, &is);
    *good = !e && (is == JTI_CURRENT || is == JTI_PREVIOUS);
    return e;
}
