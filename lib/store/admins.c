/* The tables admin and admin_session of main.db. */
#include "base/base.h"

#include "store/admins.h"

#define COLUMNS                                                                                    \
    "SELECT id, email, password_hash, totp_secret, last_step, created_at,"                         \
    " coalesce(last_login_at, 0) FROM admin"

/* Borrowed from the statement. */
static struct admin admin_at(struct stmt *s)
{
    return (struct admin){.id = stmt_str(s, 0),
                          .email = stmt_str(s, 1),
                          .password_hash = stmt_str(s, 2),
                          .totp_secret = stmt_str(s, 3),
                          .last_step = stmt_i64(s, 4),
                          .created_at = stmt_i64(s, 5),
                          .last_login_at = stmt_i64(s, 6)};
}

/* --- administrators --------------------------------------------------------------------------- */

enum err admins_create_within(struct space *sp, const struct admin *a)
{
    static const struct str sql =
        SQL("INSERT INTO admin(id, email, password_hash, totp_secret, created_at)"
            " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(email) DO NOTHING");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_change(sp->db, sql,
                     VALUES(v_str(a->id), v_str(a->email), v_str(a->password_hash),
                            v_str(a->totp_secret), v_i64(a->created_at)),
                     ERR_EMAIL_TAKEN);
}

enum err admins_by_email_within(struct space *sp, struct str email, struct arena *mem,
                                struct admin *out)
{
    static const struct str sql = SQL(COLUMNS " WHERE email = ?1");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(email)), &s);
    if (e)
        return e;
    *out = admin_at(s);
    out->id = arena_dup(mem, out->id);
    out->email = arena_dup(mem, out->email);
    out->password_hash = arena_dup(mem, out->password_hash);
    out->totp_secret = arena_dup(mem, out->totp_secret);
    stmt_reset(s);
    return OK;
}

enum err admins_by_email(struct store *st, struct str email, struct arena *mem, struct admin *out)
{
    struct space *sp;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = admins_by_email_within(sp, email, mem, out);
    space_release(sp);
    return e;
}

enum err admins_list(struct store *st, void (*on_admin)(void *arg, const struct admin *a),
                     void *arg)
{
    static const struct str sql = SQL(COLUMNS " ORDER BY email");
    struct space *sp;
    struct stmt *s;
    bool row;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = db_rows(sp->db, sql, NO_VALUES, &s);
    while (!e && !(e = stmt_step(s, &row)) && row) {
        struct admin a = admin_at(s);
        on_admin(arg, &a);
    }
    space_release(sp);
    return e;
}

static enum err end_sessions(struct space *sp, struct str admin_id)
{
    static const struct str sql = SQL("DELETE FROM admin_session WHERE admin_id = ?1");
    return db_run(sp->db, sql, VALUES(v_str(admin_id)));
}

enum err admins_reset_within(struct space *sp, struct str id, struct str password_hash,
                             struct str totp_secret)
{
    static const struct str sql =
        SQL("UPDATE admin SET password_hash = ?2, totp_secret = ?3, last_step = 0 WHERE id = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    enum err e = db_change(sp->db, sql, VALUES(v_str(id), v_str(password_hash), v_str(totp_secret)),
                           ERR_NOT_FOUND);
    return e ? e : end_sessions(sp, id);
}

enum err admins_remove_within(struct space *sp, struct str id)
{
    static const struct str sql = SQL("DELETE FROM admin WHERE id = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(id)), ERR_NOT_FOUND);
}

/* --- sessions --------------------------------------------------------------------------------- */

static enum err use_step(struct space *sp, const struct admin *a, int64_t step, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE admin SET last_step = ?2, last_login_at = ?3 WHERE id = ?1 AND last_step < ?2"
            " AND password_hash = ?4 AND totp_secret = ?5");
    return db_change(sp->db, sql,
                     VALUES(v_str(a->id), v_i64(step), v_i64(now), v_str(a->password_hash),
                            v_str(a->totp_secret)),
                     ERR_INVALID_CREDENTIALS);
}

/* Of everybody those that have had their time, of this one the oldest too. */
static enum err drop_old(struct space *sp, struct str admin_id, int64_t now)
{
    static const struct str ended =
        SQL("DELETE FROM admin_session WHERE used_at <= ?1 OR created_at <= ?2");
    static const struct str oldest =
        SQL("DELETE FROM admin_session WHERE hash IN (SELECT hash FROM admin_session"
            " WHERE admin_id = ?1 ORDER BY used_at DESC LIMIT -1 OFFSET ?2)");
    enum err e =
        db_run(sp->db, ended, VALUES(v_i64(now - ADMIN_IDLE_MS), v_i64(now - ADMIN_AGE_MS)));
    return e ? e : db_run(sp->db, oldest, VALUES(v_str(admin_id), v_i64(ADMIN_SESSIONS_MAX - 1)));
}

enum err admins_sign_in_within(struct space *sp, const struct admin *a, int64_t step,
                               struct str hash, int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO admin_session(hash, admin_id, created_at, used_at)"
            " VALUES(?1, ?2, ?3, ?3)");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    enum err e = use_step(sp, a, step, now);
    if (e == OK)
        e = drop_old(sp, a->id, now);
    return e ? e : db_run(sp->db, sql, VALUES(v_str(hash), v_str(a->id), v_i64(now)));
}

enum err admins_session(struct space *sp, struct str hash, int64_t now, struct arena *mem,
                        struct admin_session *out)
{
    static const struct str sql =
        SQL("SELECT admin_id, email, admin_session.created_at, used_at FROM admin_session"
            " JOIN admin ON admin.id = admin_id"
            " WHERE hash = ?1 AND used_at > ?2 AND admin_session.created_at > ?3");
    struct stmt *s;
    enum err e =
        db_row(sp->db, sql,
               VALUES(v_str(hash), v_i64(now - ADMIN_IDLE_MS), v_i64(now - ADMIN_AGE_MS)), &s);
    if (e)
        return e;
    *out = (struct admin_session){.admin_id = arena_dup(mem, stmt_str(s, 0)),
                                  .email = arena_dup(mem, stmt_str(s, 1)),
                                  .created_at = stmt_i64(s, 2),
                                  .used_at = stmt_i64(s, 3)};
    stmt_reset(s);
    return OK;
}

enum err admins_use_session_within(struct space *sp, struct str hash, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE admin_session SET used_at = ?2 WHERE hash = ?1 AND used_at < ?2");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_run(sp->db, sql, VALUES(v_str(hash), v_i64(now)));
}

enum err admins_end_session_within(struct space *sp, struct str hash)
{
    static const struct str sql = SQL("DELETE FROM admin_session WHERE hash = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_run(sp->db, sql, VALUES(v_str(hash)));
}
