/* Sessions of administrators: a cookie of their own, of which main.db keeps a hash. */
#include "base/base.h"

#include "admin.h"
#include "attempts.h"
#include "auth.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/rand.h"
#include "credentials.h"
#include "domain/address.h"
#include "domain/totp.h"
#include "routes.h"
#include "wire/cookie.h"

#define COOKIE STR("adminSession")

/* A use is written down no more often. */
#define USE_MS 60000

/* A proxy that nobody has said to trust may speak for anyone: it is not let in as itself. */
bool admin_is_open(const struct req *r)
{
    const struct conf *c = r->app->conf;
    if (r->headers.forwarded_for.p && !origin_is_in_list(&c->trusted_proxies, r->peer_addr))
        return false;
    return c->admin && origin_is_in_list(&c->admin_from, r->remote_addr);
}

bool admin_is_own_page(const struct req *r)
{
    struct origin_request o = auth_origin(r);
    return origin_is_from_own(r->app->conf, &o);
}

/* --- the cookie ------------------------------------------------------------------------------- */

static struct str hash_of(struct req *r, struct str token)
{
    unsigned char digest[SHA256_LEN];
    char *hex = arena_alloc(r->mem, 2 * SHA256_LEN + 1);
    sha256(token, digest);
    hex_encode(digest, sizeof digest, hex);
    return str_make(hex, 2 * SHA256_LEN);
}

/* For the calls of the page alone: no other path of this host gets to see it. */
static void set_cookie(struct req *r, struct str value, int64_t max_age)
{
    struct str base = r->app->conf->base_path;
    buf_append_lit(&r->head, "Set-Cookie: ");
    cookie_append(&r->head,
                  &(struct cookie){.name = COOKIE,
                                   .value = value,
                                   .path = arena_printf(r->mem, "%.*s/api/admin", STR_ARG(base)),
                                   .max_age = max_age,
                                   .strict = true,
                                   .secure = r->https});
    buf_append_lit(&r->head, "\r\n");
}

static struct str cookie_of(const struct req *r)
{
    return cookie_get(r->headers.cookie, COOKIE);
}

/* --- a session -------------------------------------------------------------------------------- */

static enum err use(struct req *r, struct str hash, int64_t now)
{
    struct space *main_db;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = admins_use_session_within(main_db, hash, now);
    return space_leave(main_db, e);
}

static enum err find(struct req *r, struct admin_here *out, int64_t now)
{
    struct space *main_db;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    e = admins_session(main_db, out->hash, now, r->mem, &out->session);
    space_release(main_db);
    return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
}

enum err admin_enter(struct req *r)
{
    struct admin_here *here = arena_zalloc(r->mem, 1, sizeof *here);
    struct str token = cookie_of(r);
    int64_t now = clock_wall_ms();
    if (!token.n)
        return ERR_UNAUTHORIZED;
    here->hash = hash_of(r, token);
    enum err e = find(r, here, now);
    if (e == OK && !(r->route->need & BY_ITSELF) && here->session.used_at + USE_MS < now)
        e = use(r, here->hash, now);
    if (e == OK)
        r->admin = here;
    return e;
}

/* --- signing in ------------------------------------------------------------------------------- */

/* Nobody's: so that who asks for unknown addresses waits for the same work. */
#define NO_SECRET STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

/* Both are looked at whatever comes of the first. */
static enum err check(struct req *r, const struct admin *a, struct str password, struct str code,
                      int64_t *step)
{
    const struct account shape = {.password_hash = a ? a->password_hash : STR_NULL};
    enum err e = credentials_check(r, password, a ? &shape : NULL);
    bool right = totp_check(a ? a->totp_secret : NO_SECRET, code, clock_wall_ms() / 1000,
                            a ? a->last_step : 0, step);
    return e ? e : right && a ? OK : ERR_INVALID_CREDENTIALS;
}

static enum err open_session(struct req *r, const struct admin *a, int64_t step)
{
    char token[RAND_ID_LEN + 1];
    struct space *main_db;
    rand_id(token);
    struct str text = str_make(token, RAND_ID_LEN);
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = admins_sign_in_within(main_db, a, step, hash_of(r, text), clock_wall_ms());
    e = space_leave(main_db, e);
    if (e == OK)
        set_cookie(r, text, ADMIN_AGE_MS / 1000);
    return e;
}

/* Apart from a user of the same address. */
static struct str attempts_subject(struct req *r, struct str email)
{
    if (email.n > ADDRESS_MAX)
        email.n = ADDRESS_MAX;
    return arena_printf(r->mem, "admin %.*s", STR_ARG(email));
}

enum err admin_sign_in(struct req *r, struct str email, struct str password, struct str code,
                       struct admin *out)
{
    int64_t step = 0;
    enum err e = attempts_begin_code(r, attempts_subject(r, email));
    if (e)
        return e;
    e = admins_by_email(r->app->store, email, r->mem, out);
    if (e && e != ERR_NOT_FOUND)
        return e;
    e = check(r, e == OK ? out : NULL, password, code, &step);
    if (e == OK)
        e = open_session(r, out, step);
    if (e == OK) {
        attempts_forget(r);
        log_info("admin signed in admin=%.*s from=%.*s", STR_ARG(out->id), STR_ARG(r->remote_addr));
    } else if (e == ERR_INVALID_CREDENTIALS) {
        log_warn("admin sign-in refused from=%.*s", STR_ARG(r->remote_addr));
    }
    return e;
}

enum err admin_sign_out(struct req *r)
{
    struct str token = cookie_of(r);
    struct space *main_db;
    enum err e = OK;
    if (token.n) {
        e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
        if (e == OK)
            e = admins_end_session_within(main_db, hash_of(r, token));
        e = space_leave(main_db, e);
    }
    if (e == OK)
        set_cookie(r, STR(""), 0);
    return e;
}
