/* Attempts against the limits of store/limits.h and the delays of store/failures.h. */
#include "base/base.h"

#include "attempts.h"
#include "base/clock.h"
#include "base/log.h"
#include "credentials.h"
#include "domain/address.h"
#include "store/failures.h"
#include "store/limits.h"

#define ATTEMPTS_MS 60000
#define FORGET_MS   60000 /* one failure of a client address: many may share it */
#define FACTORS_MAX 5     /* whatever the settings say of passwords: a code has six digits only */

/* --- limits --------------------------------------------------------------------------------- */

static void set_limits(struct req *r, const char *kind, struct str email, struct limit out[2])
{
    const struct conf *c = r->app->conf;
    if (email.n > ADDRESS_MAX) /* no account's: not worth the room of a whole body */
        email.n = ADDRESS_MAX;
    out[0] = (struct limit){arena_printf(r->mem, "%s-address", kind), email,
                            c->limit_auth_per_address, ATTEMPTS_MS};
    out[1] = (struct limit){arena_printf(r->mem, "%s-ip", kind), r->remote_addr,
                            c->limit_auth_per_ip, ATTEMPTS_MS};
}

enum err attempts_take(struct req *r, const char *kind, struct str email)
{
    struct limit limits[2];
    int64_t retry_ms = 0;
    set_limits(r, kind, email, limits);
    enum err e = limits_take(r->app->store, limits, ARRAY_LEN(limits), clock_wall_ms(), &retry_ms);
    r->retry_after_s = (retry_ms + 999) / 1000;
    return e;
}

enum err attempts_take_within(struct req *r, struct space *main, const char *kind, struct str email)
{
    struct limit limits[2];
    int64_t retry_ms = 0;
    set_limits(r, kind, email, limits);
    enum err e = limits_take_within(main, limits, ARRAY_LEN(limits), clock_wall_ms(), &retry_ms);
    r->retry_after_s = (retry_ms + 999) / 1000;
    return e;
}

static struct limit factor_limit(struct str whose)
{
    return (struct limit){STR("factor"), whose, FACTORS_MAX, ATTEMPTS_MS};
}

enum err attempts_take_factor(struct req *r, struct str user_id)
{
    const struct limit l = factor_limit(user_id);
    int64_t retry_ms = 0;
    enum err e = limits_take(r->app->store, &l, 1, clock_wall_ms(), &retry_ms);
    r->retry_after_s = (retry_ms + 999) / 1000;
    return e;
}

/* --- failures --------------------------------------------------------------------------------- */

enum { BY_ADDRESS, BY_IP, KINDS };

struct attempt {
    struct failures of[KINDS];
};

/* Where a kind of limit is off its delays are off too. */
static struct attempt *make_attempt(struct req *r, struct str email)
{
    const struct conf *c = r->app->conf;
    struct attempt *a = arena_zalloc(r->mem, 1, sizeof *a);
    a->of[BY_ADDRESS] =
        (struct failures){.scope = STR("address"),
                          .subject = email,
                          .harmless = c->limit_auth_per_address ? c->delay_after_failures : 0,
                          .max_ms = c->delay_max * 1000};
    a->of[BY_IP] =
        (struct failures){.scope = STR("ip"),
                          .subject = r->remote_addr,
                          .harmless = c->limit_auth_per_ip ? c->delay_after_failures_per_ip : 0,
                          .max_ms = c->delay_max * 1000,
                          .forget_ms = FORGET_MS};
    return a;
}

/* What an attempt is counted against. */
struct counted {
    struct limit limits[3];
    size_t count;
    struct attempt *attempt;
};

static enum err count(struct space *main, const struct counted *c, int64_t *retry_ms)
{
    int64_t now = clock_wall_ms();
    /* A look first: who hammers a limit that is used up costs a read, not a write to the disk. */
    enum err e = failures_check(main, c->attempt->of, KINDS, now, retry_ms);
    if (e == OK)
        e = limits_check(main, c->limits, c->count, now, retry_ms);
    if (e == OK)
        e = space_begin_write(main);
    if (e == OK)
        e = failures_take_within(main, c->attempt->of, KINDS, now, retry_ms);
    if (e == OK)
        e = limits_take_within(main, c->limits, c->count, now, retry_ms);
    return e ? e : space_commit(main);
}

static enum err begin(struct req *r, const struct counted *c)
{
    int64_t retry_ms = 0, limits = 0;
    struct space *main;
    for (size_t i = 0; i < c->count; i++)
        limits += c->limits[i].max;
    if (!limits) /* and so no delays either */
        return OK;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e)
        return e;
    e = count(main, c, &retry_ms);
    space_release(main);
    r->retry_after_s = (retry_ms + 999) / 1000;
    if (e == OK)
        r->attempt = c->attempt;
    return e;
}

enum err attempts_begin(struct req *r, struct str email)
{
    struct counted c = {.count = 2};
    set_limits(r, "auth", email, c.limits);
    c.attempt = make_attempt(r, c.limits[0].subject);
    return begin(r, &c);
}

enum err attempts_begin_code(struct req *r, struct str email)
{
    struct counted c = {.count = 3, .attempt = make_attempt(r, email)};
    set_limits(r, "auth", email, c.limits);
    c.limits[2] = factor_limit(email);
    return begin(r, &c);
}

enum err attempts_begin_factor(struct req *r, const struct account *a)
{
    struct counted c = {
        .limits = {factor_limit(a->id)}, .count = 1, .attempt = make_attempt(r, a->email)};
    return begin(r, &c);
}

static enum err give_back(struct req *r, const struct attempt *a, bool forget)
{
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = forget ? failures_clear_within(main, &a->of[BY_ADDRESS])
                   : failures_forgive_within(main, &a->of[BY_ADDRESS]);
    if (e == OK)
        e = failures_forgive_within(main, &a->of[BY_IP]);
    return space_leave(main, e);
}

static void end_attempt(struct req *r, bool forget)
{
    const struct attempt *a = r->attempt;
    r->attempt = NULL;
    if (!a || (!a->of[BY_ADDRESS].harmless && !a->of[BY_IP].harmless))
        return;
    enum err e = give_back(r, a, forget);
    if (e)
        log_warn("an attempt stays a failure code=%.*s", STR_ARG(err_code(e)));
}

void attempts_forgive(struct req *r)
{
    end_attempt(r, false);
}

void attempts_forget(struct req *r)
{
    end_attempt(r, true);
}
