/* The table login_code of main.db. */
#include "base/base.h"

#include "base/digest.h"
#include "store/login_codes.h"

#define HASH_MAX 64

static enum err drop_expired(struct space *sp, int64_t now)
{
    static const struct str sql = SQL("DELETE FROM login_code WHERE expires <= ?1");
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_i64(s, 1, now);
    return stmt_run(s);
}

enum err login_codes_set(struct space *sp, struct str email, struct str hash, int64_t expires,
                         int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO login_code(email, hash, expires, attempts) VALUES(?1, ?2, ?3, 0)"
            " ON CONFLICT(email) DO UPDATE SET hash = ?2, expires = ?3, attempts = 0");
    struct stmt *s;
    assert(sp->kind == SPACE_MAIN && sp->writing && hash.n <= HASH_MAX);
    enum err e = drop_expired(sp, now);
    if (e == OK)
        e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, email);
    stmt_bind_str(s, 2, hash);
    stmt_bind_i64(s, 3, expires);
    return stmt_run(s);
}

static enum err find(struct space *sp, struct str email, struct str hash, bool *same)
{
    static const struct str sql = SQL("SELECT hash FROM login_code WHERE email = ?1");
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, email);
    e = stmt_step(s, &row);
    *same = e == OK && row && digest_equal(stmt_str(s, 0), hash);
    stmt_reset(s);
    return e;
}

static enum err count_attempt(struct space *sp, struct str email)
{
    static const struct str sql =
        SQL("UPDATE login_code SET attempts = attempts + 1 WHERE email = ?1");
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, email);
    return stmt_run(s);
}

static enum err remove_at(struct space *sp, struct str email, int64_t attempts)
{
    static const struct str sql = SQL("DELETE FROM login_code WHERE email = ?1 AND attempts >= ?2");
    struct stmt *s;
    enum err e = db_stmt(sp->db, sql, &s);
    if (e)
        return e;
    stmt_bind_str(s, 1, email);
    stmt_bind_i64(s, 2, attempts);
    return stmt_run(s);
}

enum err login_codes_use(struct space *sp, struct str email, struct str hash, int64_t now)
{
    bool same = false;
    assert(sp->kind == SPACE_MAIN && sp->writing);
    enum err e = drop_expired(sp, now);
    if (e == OK)
        e = find(sp, email, hash, &same);
    if (e == OK)
        e = count_attempt(sp, email);
    if (e == OK)
        e = remove_at(sp, email, same ? 0 : LOGIN_CODE_ATTEMPTS);
    return e || same ? e : ERR_INVALID_CREDENTIALS;
}
