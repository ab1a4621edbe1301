/* For the admin page: accounts, what they take, and the three things that can be done to one. */
#include "base/base.h"

#include "admin.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "domain/account_json.h"
#include "domain/address.h"
#include "res/res.h"
#include "store/event.h"
#include "store/rows.h"
#include "store/tables.h"

#define PAGE          20
#define PAGE_MAX      50
#define ACTIVITY_PAGE 50

/* --- an account ------------------------------------------------------------------------------- */

struct usage {
    int64_t bytes, rows; /* rows < 0: nobody counts */
    int64_t sessions, last_seen_at;
};

/* The one seen last comes first. */
static void count_session(void *arg, const struct session *s)
{
    struct usage *u = arg;
    if (!u->sessions++)
        u->last_seen_at = s->last_seen_at;
}

static enum err read_usage(struct space *sp, struct usage *u)
{
    enum err e = db_used_bytes(sp->db, &u->bytes);
    if (e == OK)
        e = tables_count(sp, &u->rows);
    return e ? e : sessions_list(sp, clock_wall_ms(), count_session, u);
}

static void append_usage(struct buf *out, const struct usage *u)
{
    buf_appendf(out, ",\"bytes\":%lld,\"rows\":", (long long)u->bytes);
    if (u->rows < 0)
        buf_append_lit(out, "null");
    else
        buf_append_i64(out, u->rows);
    buf_appendf(out, ",\"sessions\":%lld,\"lastSeenAt\":", (long long)u->sessions);
    row_append_time_or_null(out, u->last_seen_at);
}

/* A file that cannot be read says so in its line, and keeps nobody from the others. */
static enum err append_line(struct req *r, const struct account *a)
{
    struct buf *out = &r->body_out;
    struct usage u = {.sessions = 0};
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_USER, a->id, &sp);
    if (e == OK) {
        e = read_usage(sp, &u);
        space_release(sp);
    }
    buf_append_ch(out, '{');
    account_append_members(out, a);
    if (e == OK) {
        append_usage(out, &u);
    } else {
        buf_append_lit(out, ",\"error\":");
        json_append_string(out, err_code(e));
    }
    buf_append_ch(out, '}');
    return OK;
}

/* --- lists ------------------------------------------------------------------------------------ */

static enum err read_limit(struct req *r, int64_t *out)
{
    struct str text = form_get(&r->params, STR("limit"));
    *out = PAGE;
    if (text.p && !str_to_i64(text, 1, PAGE_MAX, out))
        return req_fail(r, ERR_INVALID_QUERY, "limit must be a whole number from 1 to %d",
                        PAGE_MAX);
    return OK;
}

/* The address that the page before ended with. */
static enum err read_cursor(struct req *r, struct str *out)
{
    struct str text = form_get(&r->params, STR("cursor"));
    char *bytes = arena_alloc(r->mem, text.n + 1);
    size_t n;
    *out = STR_NULL;
    if (!text.n)
        return OK;
    if (!base64url_decode(text, bytes, text.n, &n) || n > ADDRESS_MAX)
        return req_fail(r, ERR_INVALID_QUERY, "The cursor is not one of ours");
    *out = str_make(bytes, n);
    return OK;
}

enum err admin_users(struct req *r)
{
    struct buf *out = &r->body_out;
    struct str text = address_normal(form_get(&r->params, STR("query")), r->mem), after;
    struct account *list = arena_zalloc(r->mem, PAGE_MAX + 1, sizeof *list);
    int64_t limit;
    size_t count;
    enum err e = read_limit(r, &limit);
    if (e == OK)
        e = read_cursor(r, &after);
    if (e == OK) /* one more than the page has: it says that there is a next one */
        e = accounts_find(r->app->store, text, after, (size_t)limit + 1, r->mem, list, &count);
    if (e)
        return e;
    buf_append_lit(out, "{\"ok\":true,\"users\":[");
    for (size_t i = 0; e == OK && i < count && i < (size_t)limit; i++) {
        if (i)
            buf_append_ch(out, ',');
        e = append_line(r, &list[i]);
    }
    buf_append_ch(out, ']');
    if (count > (size_t)limit) {
        struct str last = list[limit - 1].email;
        buf_append_lit(out, ",\"next\":\"");
        base64url_append(out, last.p, last.n);
        buf_append_ch(out, '"');
    }
    buf_append_ch(out, '}');
    return e;
}

static void separate(struct buf *out)
{
    if (out->p[out->n - 1] == '}')
        buf_append_ch(out, ',');
}

static void list_session(void *arg, const struct session *s)
{
    separate(arg);
    session_append(arg, s, STR_NULL);
}

static void list_activity(void *arg, const struct activity *a)
{
    separate(arg);
    activity_append(arg, a);
}

static enum err append_whole(struct req *r, struct space *sp, const struct account *a)
{
    const struct conf *c = r->app->conf;
    struct buf *out = &r->body_out;
    struct usage u = {.sessions = 0};
    uint64_t oldest, newest = 0;
    enum err e = read_usage(sp, &u);
    if (e == OK)
        e = event_bounds(sp, &oldest, &newest);
    if (e)
        return e;
    buf_append_lit(out, "{\"ok\":true,\"user\":{");
    account_append_members(out, a);
    append_usage(out, &u);
    buf_appendf(out, ",\"quotaBytes\":%lld,\"quotaRows\":%lld,\"events\":%llu},\"sessions\":[",
                (long long)c->quota_bytes, (long long)c->quota_rows, (unsigned long long)newest);
    e = sessions_list(sp, clock_wall_ms(), list_session, out);
    buf_append_lit(out, "],\"activity\":[");
    if (e == OK)
        e = activity_list(sp, 0, ACTIVITY_PAGE, list_activity, out);
    buf_append_lit(out, "]}");
    return e;
}

static enum err show(struct req *r, const struct account *a)
{
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_USER, a->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    e = append_whole(r, sp, a);
    space_release(sp);
    return e;
}

enum err admin_user(struct req *r)
{
    struct account a;
    enum err e = accounts_by_id(r->app->store, r->args[0], r->mem, &a);
    return e ? e : show(r, &a);
}

/* --- what can be done ------------------------------------------------------------------------- */

/* The user reads that it was the administration, not who of it, and from where. */
static struct activity_from from_here(void)
{
    return (struct activity_from){STR(""), STR("admin page"), clock_wall_ms()};
}

static enum err set_disabled(struct req *r, int64_t now)
{
    struct space *main_db;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = accounts_set_disabled_within(main_db, r->args[0], now);
    return space_leave(main_db, e);
}

/* A line in the activity, with `revoke` the end of all sessions; streams end with them. */
static enum err write_down(struct req *r, enum activity_kind kind, bool revoke)
{
    struct activity_from from = from_here();
    struct space *sp;
    int64_t removed;
    enum err e = space_enter(r->app->store, SPACE_USER, r->args[0], &sp);
    if (e == OK && revoke)
        e = sessions_revoke_others(sp, STR_NULL, &removed);
    if (e == OK)
        e = activity_add(sp, kind, &from, STR_NULL);
    e = space_leave(sp, e);
    if (e == OK && revoke)
        auth_tell_revoked(r, r->args[0]);
    return e;
}

/* Who did it is in the log. */
static enum err finish(struct req *r, enum err e, const char *what)
{
    if (e)
        return e;
    log_info("admin=%.*s did=%s space=%.*s", STR_ARG(r->admin->session.admin_id), what,
             STR_ARG(r->args[0]));
    req_ok(r);
    return OK;
}

/* First the flag: a sign-in that begins later sees it, one that began before is ended here. */
enum err admin_user_disable(struct req *r)
{
    enum err e = set_disabled(r, clock_wall_ms());
    if (e == OK)
        e = write_down(r, ACTIVITY_ACCOUNT_DISABLED, true);
    return finish(r, e, "disable");
}

enum err admin_user_enable(struct req *r)
{
    enum err e = set_disabled(r, 0);
    if (e == OK)
        e = write_down(r, ACTIVITY_ACCOUNT_ENABLED, false);
    return finish(r, e, "enable");
}

enum err admin_user_revoke(struct req *r)
{
    struct account a;
    enum err e = accounts_by_id(r->app->store, r->args[0], r->mem, &a);
    if (e == OK)
        e = write_down(r, ACTIVITY_LOGOUT_ALL, true);
    return finish(r, e, "revoke");
}
