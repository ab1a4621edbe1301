/* The table passkey of a user's file. */
#include "base/base.h"

#include "store/passkeys.h"

#define COLUMNS                                                                                    \
    "id, public_key, algorithm, sign_count, backup_eligible, name, transports, created_at,"        \
    " last_used_at"

static struct passkey read_row(struct stmt *s)
{
    return (struct passkey){
        .id = stmt_str(s, 0),
        .public_key = stmt_str(s, 1),
        .algorithm = stmt_i64(s, 2),
        .sign_count = stmt_i64(s, 3),
        .backup_eligible = stmt_i64(s, 4) != 0,
        .name = stmt_str(s, 5),
        .transports = stmt_str(s, 6),
        .created_at = stmt_i64(s, 7),
        .last_used_at = stmt_i64(s, 8),
    };
}

enum err passkeys_count(struct space *sp, int64_t *count)
{
    static const struct str sql = SQL("SELECT count(*) FROM passkey");
    return db_i64(sp->db, sql, NO_VALUES, count);
}

static enum err insert(struct space *sp, const struct passkey *k)
{
    static const struct str sql =
        SQL("INSERT INTO passkey(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)");
    return db_run(sp->db, sql,
                  VALUES(v_str(k->id), v_str(k->public_key), v_i64(k->algorithm),
                         v_i64(k->sign_count), v_i64(k->backup_eligible), v_str(k->name),
                         v_str(k->transports), v_i64(k->created_at)));
}

enum err passkeys_add(struct space *sp, const struct passkey *k)
{
    int64_t count = 0;
    assert(sp->writing);
    enum err e = passkeys_count(sp, &count);
    if (e == OK && count >= PASSKEYS_MAX)
        return ERR_QUOTA;
    return e ? e : insert(sp, k);
}

enum err passkeys_get(struct space *sp, struct str id, struct arena *mem, struct passkey *out)
{
    static const struct str sql = SQL("SELECT " COLUMNS " FROM passkey WHERE id = ?1");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(id)), &s);
    if (e)
        return e;
    *out = read_row(s);
    out->id = arena_dup(mem, out->id);
    out->public_key = arena_dup(mem, out->public_key);
    out->name = arena_dup(mem, out->name);
    out->transports = arena_dup(mem, out->transports);
    stmt_reset(s);
    return OK;
}

enum err passkeys_list(struct space *sp, void (*on_passkey)(void *arg, const struct passkey *k),
                       void *arg)
{
    static const struct str sql = SQL("SELECT " COLUMNS " FROM passkey ORDER BY created_at, id");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        struct passkey k = read_row(s);
        on_passkey(arg, &k);
    }
    stmt_reset(s);
    return e;
}

enum err passkeys_use(struct space *sp, struct str id, int64_t sign_count, int64_t now)
{
    static const struct str sql =
        SQL("UPDATE passkey SET sign_count = ?2, last_used_at = ?3 WHERE id = ?1");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(id), v_i64(sign_count), v_i64(now)), ERR_NOT_FOUND);
}

enum err passkeys_remove(struct space *sp, struct str id)
{
    static const struct str sql = SQL("DELETE FROM passkey WHERE id = ?1");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(id)), ERR_NOT_FOUND);
}

enum err passkeys_remove_all(struct space *sp, int64_t *removed)
{
    static const struct str sql = SQL("DELETE FROM passkey");
    assert(sp->writing);
    enum err e = db_run(sp->db, sql, NO_VALUES);
    *removed = e ? 0 : db_changes(sp->db);
    return e;
}
