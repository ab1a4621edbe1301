/* The tables totp (one row, or none) and recovery of a user's file. */
#include "base/base.h"

#include "store/factors.h"

/* --- the authenticator app -------------------------------------------------------------------- */

enum err factors_totp(struct space *sp, struct arena *mem, struct totp *out)
{
    static const struct str sql =
        SQL("SELECT secret, confirmed_at IS NOT NULL, last_step FROM totp");
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e == OK)
        e = stmt_step(s, &row);
    if (e)
        return e;
    if (!row)
        return ERR_NOT_FOUND;
    *out = (struct totp){arena_dup(mem, stmt_str(s, 0)), stmt_i64(s, 1) != 0, stmt_i64(s, 2)};
    stmt_reset(s);
    return OK;
}

/* The one number that a statement without parameters gives. */
static enum err read_number(struct space *sp, struct str sql, int64_t *out)
{
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e == OK)
        e = stmt_step(s, &row);
    if (e)
        return e;
    *out = stmt_i64(s, 0);
    stmt_reset(s);
    return OK;
}

enum err factors_is_on(struct space *sp, bool *on)
{
    static const struct str sql = SQL("SELECT count(*) FROM totp WHERE confirmed_at IS NOT NULL");
    int64_t count = 0;
    enum err e = read_number(sp, sql, &count);
    *on = count > 0;
    return e;
}

/* Run a statement that has to change a row, else it is `otherwise`. */
static enum err change(struct space *sp, struct stmt *s, enum err otherwise)
{
    enum err e = stmt_run(s);
    return e ? e : db_changes(sp->db) ? OK : otherwise;
}

enum err factors_begin(struct space *sp, struct str secret, int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO totp(one, secret, created_at) VALUES(1, ?1, ?2) ON CONFLICT(one)"
            " DO UPDATE SET secret = ?1, created_at = ?2 WHERE confirmed_at IS NULL");
    struct stmt *s;
    assert(sp->writing);
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, secret);
    stmt_bind_i64(s, 2, now);
    return change(sp, s, ERR_CONFLICT);
}

enum err factors_confirm(struct space *sp, int64_t step, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE totp SET confirmed_at = ?2, last_step = ?1 WHERE confirmed_at IS NULL");
    struct stmt *s;
    assert(sp->writing);
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, step);
    stmt_bind_i64(s, 2, now);
    return change(sp, s, ERR_NOT_FOUND);
}

enum err factors_use_step(struct space *sp, int64_t step)
{
    static const struct str sql =
        SQL("UPDATE totp SET last_step = ?1 WHERE last_step < ?1 AND confirmed_at IS NOT NULL");
    struct stmt *s;
    assert(sp->writing);
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, step);
    return change(sp, s, ERR_INVALID_CREDENTIALS);
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
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, hash);
    return stmt_run(s);
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
    struct stmt *s;
    assert(sp->writing);
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, hash);
    stmt_bind_i64(s, 2, now);
    return change(sp, s, ERR_INVALID_CREDENTIALS);
}

enum err factors_recovery_left(struct space *sp, int64_t *left)
{
    static const struct str sql = SQL("SELECT count(*) FROM recovery WHERE used_at IS NULL");
    return read_number(sp, sql, left);
}
