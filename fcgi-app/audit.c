/* Lines about security events. */
#include "base/base.h"

#include "audit.h"
#include "base/clock.h"
#include "base/log.h"

struct activity_from audit_from(const struct req *r)
{
    return (struct activity_from){r->remote_addr, r->headers.user_agent, clock_wall_ms()};
}

struct activity_from audit_from_later(const struct req *r)
{
    struct activity_from from = audit_from(r);
    from.ip = arena_dup(r->mem, from.ip);
    from.user_agent = arena_dup(r->mem, from.user_agent);
    return from;
}

struct later {
    enum activity_kind kind;
    struct str user_id, detail;
    struct activity_from from;
};

static enum err write_line(struct req *r, const struct later *l)
{
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_USER, l->user_id, &sp);
    if (e == OK)
        e = activity_add(sp, l->kind, &l->from, l->detail);
    return space_leave(sp, e);
}

static void write_later(struct req *r)
{
    const struct later *l = r->after_arg;
    enum err e = write_line(r, l);
    if (e && e != ERR_NOT_FOUND)
        log_warn("activity lost kind=%d space=%.*s code=%.*s", (int)l->kind, STR_ARG(l->user_id),
                 STR_ARG(err_code(e)));
}

void audit_later(struct req *r, enum activity_kind kind, struct str user_id, struct str detail)
{
    struct later *l = arena_alloc(r->mem, sizeof *l);
    *l = (struct later){kind, user_id, detail, audit_from_later(r)};
    r->after = write_later;
    r->after_arg = l;
}

enum err audit_refused(struct req *r, const char *what, struct str user_id)
{
    if (user_id.n)
        audit_later(r, ACTIVITY_TOKEN_REFUSED, user_id, str_from_c(what));
    else
        log_info("refused token=%s from=%.*s", what, STR_ARG(r->remote_addr));
    return ERR_INVALID_TOKEN;
}
