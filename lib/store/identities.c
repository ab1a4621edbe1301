/* The table identity of main.db. */
#include "base/base.h"

#include "store/identities.h"

enum err identities_find(struct space *sp, struct str provider, struct str subject,
                         struct arena *mem, struct str *user_id)
{
    static const struct str sql =
        SQL("SELECT account.id FROM identity JOIN account ON account.id = identity.user_id"
            " WHERE provider = ?1 AND subject = ?2");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(provider), v_str(subject)), &s);
    if (e)
        return e;
    *user_id = arena_dup(mem, stmt_str(s, 0));
    stmt_reset(s);
    return OK;
}

/* Does the account have an identity of the provider with another subject? */
static enum err has_other(struct space *sp, const struct identity *i, bool *has)
{
    static const struct str sql =
        SQL("SELECT 1 FROM identity WHERE user_id = ?1 AND provider = ?2 AND subject <> ?3");
    return db_has(sp->db, sql, VALUES(v_str(i->user_id), v_str(i->provider), v_str(i->subject)),
                  has);
}

/* A row of the same account stays as it is; one of an account that is gone is taken over. */
static enum err insert(struct space *sp, const struct identity *i)
{
    static const struct str sql =
        SQL("INSERT INTO identity(provider, subject, user_id, email, linked_at)"
            " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(provider, subject) DO UPDATE"
            " SET user_id = excluded.user_id, email = excluded.email,"
            " linked_at = excluded.linked_at"
            " WHERE NOT EXISTS(SELECT 1 FROM account WHERE id = identity.user_id)");
    return db_run(sp->db, sql,
                  VALUES(v_str(i->provider), v_str(i->subject), v_str(i->user_id), v_str(i->email),
                         v_i64(i->linked_at)));
}

/* Whose row it is, whether or not there is an account of that name. */
static enum err belongs_to(struct space *sp, const struct identity *i, bool *own)
{
    static const struct str sql =
        SQL("SELECT 1 FROM identity WHERE provider = ?1 AND subject = ?2 AND user_id = ?3");
    return db_has(sp->db, sql, VALUES(v_str(i->provider), v_str(i->subject), v_str(i->user_id)),
                  own);
}

enum err identities_add(struct space *sp, const struct identity *i, enum identity_added *result)
{
    bool other = false, own = false;
    assert(sp->writing);
    *result = IDENTITY_SECOND;
    enum err e = has_other(sp, i, &other);
    if (e || other)
        return e;
    e = insert(sp, i);
    if (!e)
        e = belongs_to(sp, i, &own);
    *result = own ? IDENTITY_ADDED : IDENTITY_TAKEN;
    return e;
}

enum err identities_remove(struct space *sp, struct str user_id, struct str provider)
{
    static const struct str sql = SQL("DELETE FROM identity WHERE user_id = ?1 AND provider = ?2");
    assert(sp->writing);
    return db_change(sp->db, sql, VALUES(v_str(user_id), v_str(provider)), ERR_NOT_FOUND);
}

enum err identities_remove_all(struct space *sp, struct str user_id)
{
    static const struct str sql = SQL("DELETE FROM identity WHERE user_id = ?1");
    assert(sp->writing);
    return db_run(sp->db, sql, VALUES(v_str(user_id)));
}

enum err identities_list(struct space *sp, struct str user_id,
                         void (*on_identity)(void *arg, const struct identity *i), void *arg)
{
    static const struct str sql =
        SQL("SELECT provider, subject, email, linked_at FROM identity WHERE user_id = ?1"
            " ORDER BY provider, subject");
    struct stmt *s;
    bool row;
    enum err e = db_rows(sp->db, sql, VALUES(v_str(user_id)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row)
        on_identity(arg, &(struct identity){.provider = stmt_str(s, 0),
                                            .subject = stmt_str(s, 1),
                                            .user_id = user_id,
                                            .email = stmt_str(s, 2),
                                            .linked_at = stmt_i64(s, 3)});
    stmt_reset(s);
    return e;
}
