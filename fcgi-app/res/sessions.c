/* The sessions of an account, and what happened to it. */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "domain/account_json.h"
#include "res/res.h"

#define ACTIVITY_PAGE 100

/* --- sessions --------------------------------------------------------------------------------- */

static void list_session(void *arg, const struct session *s)
{
    struct req *r = arg;
    struct buf *out = &r->body_out;
    if (out->p[out->n - 1] == '}')
        buf_append_ch(out, ',');
    session_append(out, s, r->who.sid);
}

enum err sessions_get_all(struct req *r)
{
    buf_append_lit(&r->body_out, "{\"ok\":true,\"sessions\":[");
    enum err e = sessions_list(r->space, clock_wall_ms(), list_session, r);
    buf_append_lit(&r->body_out, "]}");
    return e;
}

enum err sessions_remove(struct req *r)
{
    struct activity_from from = audit_from(r);
    struct str sid = r->args[0];
    int64_t removed = 0;
    enum err e = auth_begin_write(r);
    if (e)
        return e;
    e = sessions_revoke(r->space, sid, &removed);
    if (e == OK && !removed)
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = activity_add(r->space, ACTIVITY_SESSION_REVOKED, &from, STR_NULL);
    if (e == OK)
        e = space_commit(r->space);
    req_pause(r);
    if (e)
        return e;
    auth_tell_revoked(r, r->who.user_id);
    if (str_eq(sid, r->who.sid) && r->by_cookie)
        auth_clear_cookies(r);
    req_ok(r);
    return OK;
}

/* --- activity --------------------------------------------------------------------------------- */

struct page {
    struct buf *out;
    int64_t count, limit;
    int64_t last; /* id of the last line on the page */
};

/* One line more than the page has is asked for: it says that there is a next one. */
static void list_activity(void *arg, const struct activity *a)
{
    struct page *p = arg;
    if (p->count++ >= p->limit)
        return;
    if (p->count > 1)
        buf_append_ch(p->out, ',');
    activity_append(p->out, a);
    p->last = a->id;
}

static enum err read_number(struct req *r, struct str name, int64_t max, int64_t *out)
{
    struct str text = form_get(&r->params, name);
    if (text.p && !str_to_i64(text, 1, max, out))
        return req_fail(r, ERR_INVALID_QUERY, "%.*s must be a whole number from 1", STR_ARG(name));
    return OK;
}

enum err activity_get(struct req *r)
{
    struct page p = {.out = &r->body_out, .limit = ACTIVITY_PAGE};
    int64_t before = 0;
    enum err e = read_number(r, STR("limit"), INT64_MAX, &p.limit);
    if (e == OK)
        e = read_number(r, STR("cursor"), INT64_MAX, &before);
    if (e)
        return e;
    if (p.limit > ACTIVITY_MAX)
        p.limit = ACTIVITY_MAX;
    buf_append_lit(p.out, "{\"ok\":true,\"data\":[");
    e = activity_list(r->space, before, p.limit + 1, list_activity, &p);
    buf_append_ch(p.out, ']');
    if (p.count > p.limit)
        buf_appendf(p.out, ",\"next\":\"%lld\"", (long long)p.last);
    buf_append_ch(p.out, '}');
    return e;
}
