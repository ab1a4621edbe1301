/* The table account of main.db. */
#include "base/base.h"

#include "store/accounts.h"

/* Run `change` in a write transaction of its own. */
static enum err write_alone(struct store *st, enum err (*change)(struct space *sp, const void *arg),
                            const void *arg)
{
    struct space *sp;
    enum err e = space_enter(st, SPACE_MAIN, STR_NULL, &sp);
    if (!e)
        e = change(sp, arg);
    return space_leave(sp, e);
}

/* --- making ----------------------------------------------------------------------------------- */

enum err accounts_create_within(struct space *sp, const struct account *a)
{
    static const struct str sql = SQL(
        "INSERT INTO account(id, email, password_hash, created_at, email_verified,"
        " disabled_at) VALUES(?1, ?2, ?3, ?4, ?5, nullif(?6, 0)) ON CONFLICT(email) DO NOTHING");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_change(sp->db, sql,
                     VALUES(v_str(a->id), v_str(a->email),
                            v_str(a->password_hash.p ? a->password_hash : STR("")),
                            v_i64(a->created_at), v_i64(a->email_verified), v_i64(a->disabled_at)),
                     ERR_EMAIL_TAKEN);
}

static enum err create(struct space *sp, const void *account)
{
    return accounts_create_within(sp, account);
}

enum err accounts_create(struct store *st, const struct account *a)
{
    return write_alone(st, create, a);
}

/* --- finding ---------------------------------------------------------------------------------- */

#define ACCOUNT_COLUMNS                                                                            \
    "SELECT id, email, password_hash, created_at, email_verified, disabled_at FROM account"

static const struct str sql_by_email = SQL(ACCOUNT_COLUMNS " WHERE email = ?1");
static const struct str sql_by_id = SQL(ACCOUNT_COLUMNS " WHERE id = ?1");

static struct account read_account(struct stmt *s, struct arena *mem)
{
    return (struct account){.id = arena_dup(mem, stmt_str(s, 0)),
                            .email = arena_dup(mem, stmt_str(s, 1)),
                            .password_hash = arena_dup(mem, stmt_str(s, 2)),
                            .created_at = stmt_i64(s, 3),
                            .email_verified = stmt_i64(s, 4) != 0,
                            .disabled_at = stmt_i64(s, 5)};
}

static enum err find_within(struct space *sp, struct str sql, struct str by, struct arena *mem,
                            struct account *out)
{
    struct stmt *s;
    assert(sp->kind == SPACE_MAIN);
    enum err e = db_row(sp->db, sql, VALUES(v_str(by)), &s);
    if (e)
        return e;
    *out = read_account(s, mem);
    stmt_reset(s);
    return OK;
}

static enum err find(struct store *st, struct str sql, struct str by, struct arena *mem,
                     struct account *out)
{
    struct space *sp;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = find_within(sp, sql, by, mem, out);
    space_release(sp);
    return e;
}

enum err accounts_by_email(struct store *s, struct str email, struct arena *mem,
                           struct account *out)
{
    return find(s, sql_by_email, email, mem, out);
}

enum err accounts_by_id(struct store *s, struct str id, struct arena *mem, struct account *out)
{
    return find(s, sql_by_id, id, mem, out);
}

enum err accounts_by_email_within(struct space *sp, struct str email, struct arena *mem,
                                  struct account *out)
{
    return find_within(sp, sql_by_email, email, mem, out);
}

enum err accounts_by_id_within(struct space *sp, struct str id, struct arena *mem,
                               struct account *out)
{
    return find_within(sp, sql_by_id, id, mem, out);
}

enum err accounts_list_ids(struct store *st, struct str after, size_t max, struct arena *mem,
                           struct str *ids, size_t *count)
{
    static const struct str sql = SQL("SELECT id FROM account WHERE id > ?1 ORDER BY id LIMIT ?2");
    struct space *sp;
    struct stmt *s;
    bool row;
    *count = 0;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = db_rows(sp->db, sql, VALUES(v_str(after.p ? after : STR("")), v_i64((int64_t)max)), &s);
    while (!e && !(e = stmt_step(s, &row)) && row)
        ids[(*count)++] = arena_dup(mem, stmt_str(s, 0));
    space_release(sp);
    return e;
}

enum err accounts_page(struct store *st, struct str after, size_t max, struct arena *mem,
                       struct account *list, size_t *count)
{
    static const struct str sql = SQL(ACCOUNT_COLUMNS " WHERE id > ?1 ORDER BY id LIMIT ?2");
    struct space *sp;
    struct stmt *s;
    bool row;
    *count = 0;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = db_rows(sp->db, sql, VALUES(v_str(after.p ? after : STR("")), v_i64((int64_t)max)), &s);
    while (!e && !(e = stmt_step(s, &row)) && row)
        list[(*count)++] = read_account(s, mem);
    space_release(sp);
    return e;
}

enum err accounts_find(struct store *st, struct str text, struct str after, size_t max,
                       struct arena *mem, struct account *list, size_t *count)
{
    static const struct str sql =
        SQL(ACCOUNT_COLUMNS " WHERE email > ?1 AND (instr(email, ?2) > 0 OR id = ?2)"
                            " ORDER BY email LIMIT ?3");
    struct space *sp;
    struct stmt *s;
    bool row;
    *count = 0;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = db_rows(sp->db, sql,
                VALUES(v_str(after.p ? after : STR("")), v_str(text.p ? text : STR("")),
                       v_i64((int64_t)max)),
                &s);
    while (!e && !(e = stmt_step(s, &row)) && row)
        list[(*count)++] = read_account(s, mem);
    space_release(sp);
    return e;
}

enum err accounts_count_within(struct space *sp, struct accounts_counted *out)
{
    static const struct str sql =
        SQL("SELECT count(*), coalesce(sum(email_verified), 0), count(disabled_at) FROM account");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e;
    *out = (struct accounts_counted){stmt_i64(s, 0), stmt_i64(s, 1), stmt_i64(s, 2)};
    stmt_reset(s);
    return OK;
}

/* --- changing --------------------------------------------------------------------------------- */

enum err accounts_set_password_within(struct space *sp, struct str id, struct str hash)
{
    static const struct str sql = SQL("UPDATE account SET password_hash = ?2 WHERE id = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(id), v_str(hash)), ERR_NOT_FOUND);
}

struct new_password {
    struct str id, hash;
};

static enum err set_password(struct space *sp, const void *arg)
{
    const struct new_password *p = arg;
    return accounts_set_password_within(sp, p->id, p->hash);
}

enum err accounts_set_password(struct store *st, struct str id, struct str hash)
{
    return write_alone(st, set_password, &(struct new_password){id, hash});
}

enum err accounts_set_email_within(struct space *sp, struct str id, struct str email)
{
    static const struct str sql =
        SQL("UPDATE account SET email = ?2, email_verified = 1 WHERE id = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    enum err e = db_change(sp->db, sql, VALUES(v_str(id), v_str(email)), ERR_NOT_FOUND);
    return e == ERR_CONFLICT ? ERR_EMAIL_TAKEN : e;
}

enum err accounts_set_disabled_within(struct space *sp, struct str id, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE account SET disabled_at = nullif(?2, 0) WHERE id = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(id), v_i64(now)), ERR_NOT_FOUND);
}

enum err accounts_remove_within(struct space *sp, struct str id)
{
    static const struct str sql = SQL("DELETE FROM account WHERE id = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(id)), ERR_NOT_FOUND);
}
