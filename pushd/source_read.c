/* What a reader thread does for a source. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/who.h"
#include "source_read.h"
#include "store/accounts.h"
#include "store/organizations.h"

/* One read takes at most so much, so that replays of many spaces share the threads. */
#define READ_EVENTS 512
#define READ_BYTES  (128 * 1024)

static enum err collect(void *arg, const struct event *e)
{
    struct source_read *r = arg;
    if (r->count == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 8;
        struct event *more = arena_zalloc(&r->mem, cap, sizeof(*more));
        if (r->count > 0)
            memcpy(more, r->events, r->count * sizeof(*more));
        r->events = more;
        r->cap = cap;
    }
    struct event *copy = &r->events[r->count++];
    *copy = *e;
    copy->name = arena_dup(&r->mem, e->name);
    copy->data = arena_dup(&r->mem, e->data);
    return OK;
}

static enum err check_session(struct space *sp, struct check *c)
{
    bool good = false;
    int64_t now = clock_wall_ms();
    struct str sid = str_from_c(c->sid), jti = str_from_c(c->jti);
    enum err e = jti.n > 0 ? sessions_refresh_is_good(sp, sid, jti, now, REFRESH_GRACE_MS, &good)
                           : sessions_is_live(sp, sid, now, &good);
    c->result = good ? OK : ERR_UNAUTHORIZED;
    return e;
}

/* Everything that is in the space's own file, as of one moment. */
static enum err read_space(struct source_read *r, struct space *sp)
{
    enum err e = space_begin_read(sp);
    if (e == OK)
        e = event_bounds(sp, &r->oldest, &r->newest);
    if (e == OK && r->events_too)
        e = event_read(sp, r->after, READ_EVENTS, READ_BYTES, collect, r);
    for (size_t i = 0; e == OK && i < r->check_count; i++) {
        if (r->checks[i].sid[0] != '\0')
            e = check_session(sp, &r->checks[i]);
    }
    memcpy(r->epoch, sp->epoch, sizeof(r->epoch));
    space_rollback(sp);
    return e;
}

/* A backend token's user must have an account; that a file is there says so of the others. */
static enum err check_account(struct source_read *r, struct store *store, struct check *c)
{
    struct account a;
    enum err e = accounts_by_id(store, r->id, &r->mem, &a);
    c->result = e == OK ? OK : ERR_UNAUTHORIZED;
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Who is a member is said in main.db. */
static enum err check_members(struct source_read *r, struct store *store)
{
    struct space *main_db;
    enum role role;
    enum err e = space_acquire(store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    for (size_t i = 0; e == OK && i < r->check_count; i++) {
        struct check *c = &r->checks[i];
        e = organizations_role(main_db, r->id, str_from_c(c->user_id), &role);
        c->result = role != ROLE_NONE ? OK : ERR_UNAUTHORIZED;
    }
    space_release(main_db);
    return e;
}

static enum err check_accounts(struct source_read *r, struct store *store)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < r->check_count; i++) {
        if (r->checks[i].sid[0] == '\0')
            e = check_account(r, store, &r->checks[i]);
    }
    return e;
}

void source_read_file(struct reader_job *job, struct store *store)
{
    struct source_read *r = container_of(job, struct source_read, job);
    struct space *sp = NULL;
    r->err = space_acquire(store, r->kind, r->id, &sp);
    if (r->err == OK)
        r->err = read_space(r, sp);
    space_release(sp);
    if (r->err == OK && r->check_count > 0)
        r->err = r->kind == SPACE_ORG ? check_members(r, store) : check_accounts(r, store);
}
