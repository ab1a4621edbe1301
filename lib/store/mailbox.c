/* The table mail of main.db. */
#include "base/base.h"

#include "base/clock.h"
#include "store/limits.h"
#include "store/mailbox.h"
#include "wire/json.h"

#define HOUR_MS INT64_C(3600000)

/* --- into the queue --------------------------------------------------------------------------- */

static enum err check_room(struct space *sp)
{
    static const struct str sql = SQL("SELECT 1 FROM mail LIMIT 1 OFFSET ?1");
    bool full;
    enum err e = db_has(sp->db, sql, VALUES(v_i64(MAILBOX_MAX - 1)), &full);
    return e || !full ? e : ERR_BUSY;
}

static void append_fields(struct buf *out, const struct mail *m)
{
    buf_append_ch(out, '{');
    for (size_t i = 0; i < m->count; i++) {
        if (i)
            buf_append_ch(out, ',');
        json_append_string(out, m->fields[i].name);
        buf_append_ch(out, ':');
        json_append_string(out, m->fields[i].value);
    }
    buf_append_ch(out, '}');
}

static enum err insert(struct space *sp, const struct mail *m, int64_t now)
{
    static const struct str sql =
        SQL("INSERT INTO mail(recipient, template, language, data, created_at, due_at)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?5)");
    struct buf fields = BUF_INIT;
    append_fields(&fields, m);
    enum err e = db_run(sp->db, sql,
                        VALUES(v_str(m->to), v_str(m->template),
                               v_str(m->language.p ? m->language : STR("")),
                               v_str(buf_str(&fields)), v_i64(now)));
    buf_release(&fields);
    return e;
}

/* What an address may get. */
static struct limit share_of(const struct mailbox *box, const struct mail *m)
{
    int64_t max = box ? box->per_address : 0;
    if (m->notice)
        return (struct limit){STR("notice"), m->to, max ? MAILBOX_NOTICES : 0, HOUR_MS};
    return (struct limit){STR("mail"), m->to, max, HOUR_MS};
}

enum err mail_enqueue(struct space *sp, const struct mail *m)
{
    const struct mailbox *box = store_options(sp->store)->mail;
    int64_t now = clock_wall_ms(), retry_ms;
    struct limit share = share_of(box, m);
    assert(sp->kind == SPACE_MAIN && sp->writing);
    assert(m->to.n && m->template.n && m->count <= MAIL_FIELDS_MAX);
    if (!box)
        return OK;
    enum err e = check_room(sp);
    if (!e)
        e = limits_take_within(sp, &share, 1, now, &retry_ms);
    if (e == ERR_RATE_LIMIT)
        return OK;
    if (!e)
        e = insert(sp, m, now);
    if (!e && box->on_mail)
        box->on_mail(box->arg);
    return e;
}

enum err mail_drop(struct space *sp, struct str to)
{
    static const struct str sql = SQL("DELETE FROM mail WHERE recipient = ?1");
    assert(sp->kind == SPACE_MAIN && sp->writing);
    return db_run(sp->db, sql, VALUES(v_str(to)));
}

/* --- out of it -------------------------------------------------------------------------------- */

static enum err find_due(struct space *sp, int64_t now, struct arena *mem, struct mail_claim *out)
{
    static const struct str sql =
        SQL("SELECT id, recipient, template, language, data, created_at, attempts FROM mail"
            " WHERE due_at <= ?1 AND lease <= ?1 ORDER BY due_at, id LIMIT 1");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, VALUES(v_i64(now)), &s);
    if (e)
        return e;
    *out = (struct mail_claim){.id = stmt_i64(s, 0),
                               .to = arena_dup(mem, stmt_str(s, 1)),
                               .template = arena_dup(mem, stmt_str(s, 2)),
                               .language = arena_dup(mem, stmt_str(s, 3)),
                               .fields = arena_dup(mem, stmt_str(s, 4)),
                               .created_at = stmt_i64(s, 5),
                               .attempts = stmt_i64(s, 6)};
    stmt_reset(s);
    return OK;
}

static enum err take(struct space *sp, int64_t id, int64_t lease)
{
    static const struct str sql = SQL("UPDATE mail SET lease = ?2 WHERE id = ?1");
    return db_run(sp->db, sql, VALUES(v_i64(id), v_i64(lease)));
}

enum err mailbox_claim(struct store *st, int64_t now, int64_t lease_ms, struct arena *mem,
                       struct mail_claim *out)
{
    struct space *sp;
    enum err e = space_acquire(st, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = find_due(sp, now, mem, out); /* an idle look takes no lock from writers */
    if (!e)
        e = space_begin_write(sp);
    if (!e)
        e = find_due(sp, now, mem, out);
    if (!e)
        e = take(sp, out->id, now + lease_ms);
    out->lease = now + lease_ms;
    return space_leave(sp, e);
}

enum err mailbox_remove(struct store *st, const struct mail_claim *c)
{
    static const struct str sql = SQL("DELETE FROM mail WHERE id = ?1");
    struct space *sp;
    enum err e = space_enter(st, SPACE_MAIN, STR_NULL, &sp);
    if (!e)
        e = db_run(sp->db, sql, VALUES(v_i64(c->id)));
    return space_leave(sp, e);
}

static enum err put_back(struct store *st, const struct mail_claim *c, int64_t due_at,
                         int64_t attempts)
{
    static const struct str sql = SQL("UPDATE mail SET due_at = coalesce(?3, due_at),"
                                      " attempts = attempts + ?4, lease = 0"
                                      " WHERE id = ?1 AND lease = ?2");
    struct space *sp;
    enum err e = space_enter(st, SPACE_MAIN, STR_NULL, &sp);
    if (!e)
        e = db_run(sp->db, sql,
                   VALUES(v_i64(c->id), v_i64(c->lease), attempts ? v_i64(due_at) : v_null(),
                          v_i64(attempts)));
    return space_leave(sp, e);
}

enum err mailbox_retry(struct store *st, const struct mail_claim *c, int64_t due_at)
{
    return put_back(st, c, due_at, 1);
}

enum err mailbox_give_back(struct store *st, const struct mail_claim *c)
{
    return put_back(st, c, 0, 0);
}
