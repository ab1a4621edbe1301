/* The tables organization and member of main.db. */
#include "base/base.h"

#include "store/organizations.h"

static const struct {
    enum role role;
    struct str name;
} role_names[] = {{ROLE_MEMBER, {"member", 6}}, {ROLE_ADMIN, {"admin", 5}}};

enum role role_parse(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
        if (str_eq(name, role_names[i].name))
            return role_names[i].role;
    return ROLE_NONE;
}

struct str role_name(enum role r)
{
    assert(r == ROLE_MEMBER || r == ROLE_ADMIN);
    return r == ROLE_ADMIN ? STR("admin") : STR("member");
}

/* --- organizations ---------------------------------------------------------------------------- */

enum err organizations_insert(struct space *sp, const struct organization *o)
{
    static const struct str sql =
        SQL("INSERT INTO organization(id, name, owner_id, created_at) VALUES(?1, ?2, ?3, ?4)");
    assert(sp->writing);
    return db_run(sp->db, sql,
                  VALUES(v_str(o->id), v_str(o->name), v_str(o->owner_id), v_i64(o->created_at)));
}

static struct organization organization_at(struct stmt *s, struct arena *mem)
{
    return (struct organization){.id = arena_dup(mem, stmt_str(s, 0)),
                                 .name = arena_dup(mem, stmt_str(s, 1)),
                                 .owner_id = arena_dup(mem, stmt_str(s, 2)),
                                 .created_at = stmt_i64(s, 3)};
}

#define ORGANIZATION_COLUMNS "SELECT id, name, owner_id, created_at FROM organization"

enum err organizations_get(struct space *sp, struct str id, struct arena *mem,
                           struct organization *out)
{
    static const struct str sql = SQL(ORGANIZATION_COLUMNS " WHERE id = ?1");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(id)), &s);
    if (e)
        return e;
    *out = organization_at(s, mem);
    stmt_reset(s);
    return OK;
}

/* Run a statement whose one parameter is a text. */
static enum err run_with(struct space *sp, struct str sql, struct str value)
{
    assert(sp->writing);
    return db_run(sp->db, sql, VALUES(v_str(value)));
}

enum err organizations_remove(struct space *sp, struct str id)
{
    static const struct str sql = SQL("DELETE FROM organization WHERE id = ?1");
    return run_with(sp, sql, id);
}

enum err organizations_count(struct space *sp, int64_t *count)
{
    static const struct str sql = SQL("SELECT count(*) FROM organization");
    return db_i64(sp->db, sql, NO_VALUES, count);
}

/* Room for one more in an array in mem. */
static void *grow(struct arena *mem, void *list, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap ? 2 * *cap : 8;
    void *grown = arena_zalloc(mem, *cap, size);
    if (count)
        memcpy(grown, list, count * size);
    return grown;
}

enum err organizations_owned(struct space *sp, struct str owner_id, struct arena *mem,
                             struct organization **list, size_t *count)
{
    static const struct str sql =
        SQL(ORGANIZATION_COLUMNS " WHERE owner_id = ?1 ORDER BY created_at, id");
    struct stmt *s;
    bool row;
    size_t cap = 0;
    *list = NULL;
    *count = 0;
    enum err e = db_rows(sp->db, sql, VALUES(v_str(owner_id)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        *list = grow(mem, *list, *count, &cap, sizeof **list);
        (*list)[(*count)++] = organization_at(s, mem);
    }
    return e;
}

enum err organizations_role(struct space *sp, struct str id, struct str user_id, enum role *role)
{
    static const struct str sql =
        SQL("SELECT 'owner' FROM organization WHERE id = ?1 AND owner_id = ?2"
            " UNION ALL SELECT role FROM member"
            " WHERE user_id = ?2 AND organization_id = ?1 AND status = 'active' LIMIT 1");
    struct stmt *s;
    *role = ROLE_NONE;
    enum err e = db_row(sp->db, sql, VALUES(v_str(id), v_str(user_id)), &s);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    *role = str_eq(stmt_str(s, 0), STR("owner")) ? ROLE_OWNER : role_parse(stmt_str(s, 0));
    stmt_reset(s);
    return OK;
}

/* --- members ---------------------------------------------------------------------------------- */

static struct str status_of(const struct member *m)
{
    return m->active ? STR("active") : STR("invited");
}

static struct db_value v_time(int64_t ms)
{
    return ms ? v_i64(ms) : v_null();
}

static struct db_value v_user(struct str user_id)
{
    return user_id.n ? v_str(user_id) : v_null();
}

enum err members_insert(struct space *sp, const struct member *m)
{
    static const struct str sql =
        SQL("INSERT INTO member(id, organization_id, email, user_id, role, status, created_at,"
            " joined_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    assert(sp->writing);
    return db_run(sp->db, sql,
                  VALUES(v_str(m->id), v_str(m->organization_id), v_str(m->email),
                         v_user(m->user_id), v_str(role_name(m->role)), v_str(status_of(m)),
                         v_i64(m->created_at), v_time(m->joined_at)));
}

enum err members_update(struct space *sp, const struct member *m)
{
    static const struct str sql = SQL(
        "UPDATE member SET email = ?2, user_id = ?3, status = ?4, joined_at = ?5 WHERE id = ?1");
    assert(sp->writing);
    return db_run(sp->db, sql,
                  VALUES(v_str(m->id), v_str(m->email), v_user(m->user_id), v_str(status_of(m)),
                         v_time(m->joined_at)));
}

enum err members_remove(struct space *sp, struct str member_id)
{
    static const struct str sql = SQL("DELETE FROM member WHERE id = ?1");
    return run_with(sp, sql, member_id);
}

static struct member member_at(struct stmt *s, struct arena *mem)
{
    return (struct member){.id = arena_dup(mem, stmt_str(s, 0)),
                           .organization_id = arena_dup(mem, stmt_str(s, 1)),
                           .email = arena_dup(mem, stmt_str(s, 2)),
                           .user_id = arena_dup(mem, stmt_str(s, 3)),
                           .role = role_parse(stmt_str(s, 4)),
                           .active = str_eq(stmt_str(s, 5), STR("active")),
                           .created_at = stmt_i64(s, 6),
                           .joined_at = stmt_i64(s, 7)};
}

#define MEMBER_COLUMNS                                                                             \
    "SELECT id, organization_id, email, user_id, role, status, created_at, joined_at FROM member"

static enum err list_by(struct space *sp, struct str sql, struct str value, struct arena *mem,
                        struct members *out)
{
    struct stmt *s;
    bool row;
    size_t cap = 0;
    *out = (struct members){.list = NULL};
    enum err e = db_rows(sp->db, sql, VALUES(v_str(value)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        out->list = grow(mem, out->list, out->count, &cap, sizeof *out->list);
        out->list[out->count++] = member_at(s, mem);
    }
    return e;
}

enum err members_list(struct space *sp, struct str organization_id, struct arena *mem,
                      struct members *out)
{
    static const struct str sql =
        SQL(MEMBER_COLUMNS " WHERE organization_id = ?1 ORDER BY created_at, id");
    return list_by(sp, sql, organization_id, mem, out);
}

enum err members_of_user(struct space *sp, struct str user_id, struct arena *mem,
                         struct members *out)
{
    static const struct str sql = SQL(MEMBER_COLUMNS " WHERE user_id = ?1 ORDER BY created_at, id");
    return list_by(sp, sql, user_id, mem, out);
}

enum err members_of_address(struct space *sp, struct str email, struct arena *mem,
                            struct members *out)
{
    static const struct str sql =
        SQL(MEMBER_COLUMNS " WHERE email = ?1 AND user_id IS NULL ORDER BY created_at, id");
    return list_by(sp, sql, email, mem, out);
}

enum err members_count(struct space *sp, struct str organization_id, int64_t *count)
{
    static const struct str sql = SQL("SELECT count(*) FROM member WHERE organization_id = ?1");
    return db_i64(sp->db, sql, VALUES(v_str(organization_id)), count);
}

enum err members_get(struct space *sp, struct str organization_id, struct str who,
                     struct arena *mem, struct member *out)
{
    /* By the two ids, not by way of all members: hence the +. */
    static const struct str sql =
        SQL(MEMBER_COLUMNS " WHERE +organization_id = ?1 AND (id = ?2 OR user_id = ?2)");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_str(organization_id), v_str(who)), &s);
    if (e)
        return e;
    *out = member_at(s, mem);
    stmt_reset(s);
    return OK;
}

enum err memberships_of_user(struct space *sp, struct str user_id, struct arena *mem,
                             struct membership **list, size_t *count)
{
    static const struct str sql =
        SQL("SELECT o.id, o.name, a.email, m.role, m.status, m.joined_at FROM member m"
            " JOIN organization o ON o.id = m.organization_id JOIN account a ON a.id = o.owner_id"
            " WHERE m.user_id = ?1 ORDER BY m.created_at, m.id");
    struct stmt *s;
    bool row;
    size_t cap = 0;
    *list = NULL;
    *count = 0;
    enum err e = db_rows(sp->db, sql, VALUES(v_str(user_id)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row) {
        *list = grow(mem, *list, *count, &cap, sizeof **list);
        (*list)[(*count)++] = (struct membership){
            .organization_id = arena_dup(mem, stmt_str(s, 0)),
            .organization_name = arena_dup(mem, stmt_str(s, 1)),
            .owner_email = arena_dup(mem, stmt_str(s, 2)),
            .role = role_parse(stmt_str(s, 3)),
            .active = str_eq(stmt_str(s, 4), STR("active")),
            .joined_at = stmt_i64(s, 5),
        };
    }
    return e;
}
