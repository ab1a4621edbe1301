/* The tables totp (one row, or none) and recovery of a user's file. */
#include "base/base.h"

#include "store/factors.h"

/* --- the authenticator app -------------------------------------------------------------------- */

enum err factors_totp(struct space *sp, struct arena *mem, struct totp *out)
{
    static const struct str sql =
        SQL("SELECT secret, confirmed_at IS NOT NULL, last_step FROM totp");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e;
    *out = (struct totp){arena_dup(mem, stmt_str(s, 0)), stmt_i64(s, 1) != 0, stmt_i64(s, 2)};
    stmt_reset(s);
    return OK;
}

enum err factors_is_on(struct space *sp, bool *on)
{
    static const struct str sql = SQL("SELECT 1 FROM totp WHERE confirmed_at IS NOT NULL");
    return db_has(sp->db, sql, NO_VALUES, on);
}

enum err factors_begin(struct space *sp, struct str secret, int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO totp(one, secret, created_at) VALUES(1, ?1, ?2) ON CONFLICT(one)"
            " DO UPDATE SET secret = ?1, created_at = ?2 WHERE confirmed_at IS NULL");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(secret), v_i64(now)), ERR_CONFLICT);
}

enum err factors_confirm(struct space *sp, int64_t step, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE totp SET confirmed_at = ?2, last_step = ?1 WHERE confirmed_at IS NULL");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_i64(step), v_i64(now)), ERR_NOT_FOUND);
}

enum err factors_use_step(struct space *sp, int64_t step)
{
    static const struct str sql =
        SQL("UPDATE totp SET last_step = ?1 WHERE last_step < ?1 AND confirmed_at IS NOT NULL");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_i64(step)), ERR_INVALID_CREDENTIALS);
}

enum err factors_remove(struct space *sp)
{
    assert(sp->writing);
    return db_exec(sp->db, "DELETE FROM totp; DELETE FROM recovery");
}

/* --- recovery codes --------------------------------------------------------------------------- */

static enum err add_recovery(struct space *sp, struct str hash)
{
    static const struct str sql = SQL("INSERT INTO recovery(hash) VALUES(?1)");
    return db_run(sp->db, sql, VALUES(v_str(hash)));
}

enum err factors_set_recovery(struct space *sp, const struct str *hashes, size_t count)
{
    assert(sp->writing);
    enum err e = db_exec(sp->db, "DELETE FROM recovery");
    for (size_t i = 0; e == OK && i < count; i++)
        e = add_recovery(sp, hashes[i]);
    return e;
}

enum err factors_use_recovery(struct space *sp, struct str hash, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE recovery SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(hash), v_i64(now)), ERR_INVALID_CREDENTIALS);
}

enum err factors_recovery_left(struct space *sp, int64_t *left)
{
    static const struct str sql = SQL("SELECT count(*) FROM recovery WHERE used_at IS NULL");
    return db_i64(sp->db, sql, NO_VALUES, left);
}
