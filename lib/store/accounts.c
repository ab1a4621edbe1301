/* The table account of main.db. */
#include "base/base.h"

#include "store/accounts.h"

enum err accounts_create(struct store *st, const struct account *a)
{
    static const struct str sql =
        SQL("INSERT INTO account(id, email, password_hash, created_at, email_verified)"
            " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(email) DO NOTHING");
    struct space *sp;
    struct stmt *s;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = space_begin_write(sp);
    if (!e)
        e = db_stmt(sp->db, sql, &s);
    if (e)
        goto out;
    stmt_bind_str(s, 1, a->id);
    stmt_bind_str(s, 2, a->email);
    stmt_bind_str(s, 3, a->password_hash);
    stmt_bind_i64(s, 4, a->created_at);
    stmt_bind_i64(s, 5, a->email_verified);
    e = stmt_run(s);
    if (!e && db_changes(sp->db) == 0)
        e = ERR_EMAIL_TAKEN;
    if (!e)
        e = space_commit(sp);
out:
    space_release(sp);
    return e;
}

static enum err find_within(struct space *sp, struct str sql, struct str by, struct arena *mem,
                            struct account *out)
{
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, by);
    e = stmt_step(s, &row);
    if (!e && !row)
        e = ERR_NOT_FOUND;
    if (!e)
        *out = (struct account){.id = arena_dup(mem, stmt_str(s, 0)),
                                .email = arena_dup(mem, stmt_str(s, 1)),
                                .password_hash = arena_dup(mem, stmt_str(s, 2)),
                                .created_at = stmt_i64(s, 3),
                                .email_verified = stmt_i64(s, 4) != 0};
    stmt_reset(s);
    return e;
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

#define ACCOUNT_COLUMNS "SELECT id, email, password_hash, created_at, email_verified FROM account"
static const struct str sql_by_email = SQL(ACCOUNT_COLUMNS " WHERE email = ?1");
static const struct str sql_by_id = SQL(ACCOUNT_COLUMNS " WHERE id = ?1");

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

enum err accounts_set_password(struct store *st, struct str id, struct str hash)
{
    static const struct str sql = SQL("UPDATE account SET password_hash = ?2 WHERE id = ?1");
    struct space *sp;
    struct stmt *s;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = space_begin_write(sp);
    if (!e)
        e = db_stmt(sp->db, sql, &s);
    if (e)
        goto out;
    stmt_bind_str(s, 1, id);
    stmt_bind_str(s, 2, hash);
    e = stmt_run(s);
    if (!e && db_changes(sp->db) == 0)
        e = ERR_NOT_FOUND;
    if (!e)
        e = space_commit(sp);
out:
    space_release(sp);
    return e;
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
    e = db_stmt(sp->db, sql, &s);
    if (e)
        goto out;
    stmt_bind_str(s, 1, after.p ? after : STR(""));
    stmt_bind_i64(s, 2, (int64_t)max);
    while (*count < max && !(e = stmt_step(s, &row)) && row)
        ids[(*count)++] = arena_dup(mem, stmt_str(s, 0));
    stmt_reset(s);
out:
    space_release(sp);
    return e;
}
