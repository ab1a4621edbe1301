/* The table login_code of main.db. */
#include "base/base.h"

#include "base/digest.h"
#include "store/login_codes.h"

#define HASH_MAX 64

static enum err drop_expired(struct space *sp, int64_t now)
{
    static const struct str sql = SQL("DELETE FROM login_code WHERE expires <= ?1");
    return db_run(sp->db, sql, VALUES(v_i64(now)));
}

enum err login_codes_set(struct space *sp, struct str email, struct str hash, int64_t expires,
                         int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO login_code(email, hash, expires, attempts) VALUES(?1, ?2, ?3, 0)"
            " ON CONFLICT(email) DO UPDATE SET hash = ?2, expires = ?3, attempts = 0");
    assert(sp->kind == SPACE_MAIN && sp->writing && hash.n <= HASH_MAX);
    enum err e = drop_expired(sp, now);
    return e ? e : db_run(sp->db, sql, VALUES(v_str(email), v_str(hash), v_i64(expires)));
}

static enum err find(struct space *sp, struct str email, struct str hash, bool *same)
{
    static const struct str sql = SQL("SELECT hash FROM login_code WHERE email = ?1");
    struct stmt *s;
    *same = false;
    enum err e = db_row(sp->db, sql, VALUES(v_str(email)), &s);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    *same = digest_equal(stmt_str(s, 0), hash);
    stmt_reset(s);
    return OK;
}

static enum err count_attempt(struct space *sp, struct str email)
{
    static const struct str sql =
        SQL("UPDATE login_code SET attempts = attempts + 1 WHERE email = ?1");
    return db_run(sp->db, sql, VALUES(v_str(email)));
}

static enum err remove_at(struct space *sp, struct str email, int64_t attempts)
{
    static const struct str sql = SQL("DELETE FROM login_code WHERE email = ?1 AND attempts >= ?2");
    return db_run(sp->db, sql, VALUES(v_str(email), v_i64(attempts)));
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

enum err login_codes_drop(struct space *sp, struct str email)
{
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return remove_at(sp, email, 0);
}
