/* Organizations between requests, rules and relay. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/relay.h"
#include "membership.h"

struct organization_call membership_call(struct req *r, struct space *main_db, struct str user_id)
{
    const struct conf *c = r->app->conf;
    return (struct organization_call){
        .main_db = main_db,
        .rules = {.auto_accept = c->org_auto_accept,
                  .owned_max = c->orgs_max,
                  .members_max = c->org_members_max,
                  .invitations_per_hour = c->limit_invitations},
        .user_id = user_id,
        .now = clock_wall_ms(),
        .mem = r->mem,
    };
}

static struct relay_line line_of(const struct app *app)
{
    return (struct relay_line){.store = app->store, .bus = app->bus, .wake = app->wake};
}

void membership_deliver_to(struct req *r, struct str organization_id)
{
    struct relay_line line = line_of(r->app);
    assert(!r->space);
    enum err ignored = relay_space(&line, SPACE_ORG, organization_id, NULL);
    (void)ignored; /* the thread tries again */
}

/* The others' files may be busy: who asks does not wait for them where there is a thread. */
void membership_deliver(struct req *r, struct str user_id)
{
    struct relay_line line = line_of(r->app);
    struct relay_mark mark = {.seq = 0};
    assert(!r->space);
    enum err e = relay_space(&line, SPACE_USER, user_id, &mark);
    if (e == OK && mark.seq) {
        buf_append_lit(&r->head, "X-Event-Id: ");
        event_id_append(&r->head, str_make(mark.epoch, EPOCH_LEN), mark.seq);
        buf_append_lit(&r->head, "\r\n");
    }
    if (r->app->relay)
        relay_poke(r->app->relay);
    else
        e = relay_pending(&line, 0);
}

struct str membership_asked(const struct req *r)
{
    return form_get(&r->params, STR("org"));
}

static enum err not_found(struct req *r)
{
    return req_fail(r, ERR_NOT_FOUND, "There is no such organization");
}

enum err membership_check(struct req *r, struct str organization_id)
{
    struct space *main_db;
    enum role role = ROLE_NONE;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    e = organizations_role(main_db, organization_id, r->who.user_id, &role);
    space_release(main_db);
    return e || role != ROLE_NONE ? e : not_found(r);
}

enum err membership_acquire(struct req *r, struct str organization_id, struct space **out)
{
    struct relay_line line = line_of(r->app);
    enum err e = membership_check(r, organization_id);
    if (e)
        return e;
    e = space_acquire(r->app->store, SPACE_ORG, organization_id, out);
    if (e != ERR_NOT_FOUND)
        return e;
    e = relay_space(&line, SPACE_ORG, organization_id, NULL);
    if (e == OK)
        e = space_acquire(r->app->store, SPACE_ORG, organization_id, out);
    return e == ERR_NOT_FOUND ? not_found(r) : e;
}
