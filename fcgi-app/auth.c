/* Cookies and bearer tokens to a live sign-in; sessions made, refreshed and ended. */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "domain/counter.h"
#include "membership.h"
#include "routes.h"
#include "store/accounts.h"
#include "wire/cookie.h"

#define ACCESS_COOKIE  STR("token")
#define REFRESH_COOKIE STR("refreshToken")

/* Of a User-Agent header, what a list of sessions can show. */
#define USER_AGENT_MAX 256

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

struct origin_request auth_origin(const struct req *r)
{
    const struct req_headers *h = &r->headers;
    return (struct origin_request){
        .peer = r->peer_addr,
        .https = r->https,
        .host = h->host,
        .origin = h->origin,
        .sec_fetch_site = h->sec_fetch_site,
        .forwarded_for = h->forwarded_for,
        .forwarded_proto = h->forwarded_proto,
        .forwarded_host = h->forwarded_host,
    };
}

bool auth_is_same_site(const struct req *r)
{
    struct origin_request o = auth_origin(r);
    return origin_is_allowed(r->app->conf, &o);
}

/* --- cookies ---------------------------------------------------------------------------------- */

static void set_cookie(struct req *r, struct str name, struct str value, int64_t max_age)
{
    struct str base = r->app->conf->base_path;
    buf_append_lit(&r->head, "Set-Cookie: ");
    cookie_append(&r->head, &(struct cookie){.name = name,
                                             .value = value,
                                             .path = base.n ? base : STR("/"),
                                             .max_age = max_age,
                                             .secure = r->https});
    buf_append_lit(&r->head, "\r\n");
}

void auth_set_cookies(struct req *r, const struct auth_tokens *t)
{
    set_cookie(r, ACCESS_COOKIE, t->access, ACCESS_TOKEN_S);
    set_cookie(r, REFRESH_COOKIE, t->refresh, REFRESH_TOKEN_S);
}

void auth_clear_cookies(struct req *r)
{
    set_cookie(r, ACCESS_COOKIE, STR(""), 0);
    set_cookie(r, REFRESH_COOKIE, STR(""), 0);
}

struct str auth_refresh_cookie(const struct req *r)
{
    return cookie_get(r->headers.cookie, REFRESH_COOKIE);
}

/* --- who speaks ------------------------------------------------------------------------------- */

static bool is_safe(enum method m)
{
    return m == METHOD_GET || m == METHOD_HEAD;
}

enum err auth_identify(struct req *r)
{
    struct str bearer = who_bearer(r->headers.authorization);
    if (bearer.p)
        return who_verify(&r->who, bearer, &r->app->keys, now_s(), r->mem);

    struct str access = cookie_get(r->headers.cookie, ACCESS_COOKIE);
    bool good = access.n && who_verify(&r->who, access, &r->app->keys, now_s(), r->mem) == OK;
    if (!good)
        r->who = (struct who){0};
    if (!good && !auth_refresh_cookie(r).n)
        return ERR_UNAUTHORIZED;
    r->by_cookie = true;
    return is_safe(r->method) || auth_is_same_site(r) ? OK : ERR_CROSS_SITE;
}

/* Of an access cookie, good or not: whom it names. Not proof of anything. */
static struct str claimed_sub(struct str token, struct arena *mem)
{
    struct str header, payload;
    struct json doc;
    size_t n;
    if (!str_next(&token, '.', &header) || !str_next(&token, '.', &payload))
        return STR_NULL;
    char *text = arena_alloc(mem, payload.n);
    if (!base64url_decode(payload, text, payload.n, &n) ||
        json_parse(&doc, str_make(text, n), JSON_STRICT, mem))
        return STR_NULL;
    struct json_value sub = json_get(json_root(&doc), STR("sub"));
    return json_is(sub, JSON_STRING) ? json_string(sub, mem) : STR_NULL;
}

static void leave(struct req *r)
{
    space_release(r->space);
    r->space = NULL;
    r->change = (struct change){0};
}

static enum err begin(struct req *r, bool write)
{
    const struct app *app = r->app;
    return write ? change_begin(&r->change, r->space, app->collections, app->bus, r->mem)
                 : space_begin_read(r->space);
}

static enum err check_session(struct req *r)
{
    bool live = true;
    enum err e = OK;
    if (r->who.kind == WHO_ACCESS)
        e = sessions_is_live(r->space, r->who.sid, clock_wall_ms(), &live);
    return e ? e : live ? OK : ERR_UNAUTHORIZED;
}

/* A backend token names an account: that is so where its file is. */
static enum err enter_own(struct req *r, bool write)
{
    enum err e = space_acquire(r->app->store, SPACE_USER, r->who.user_id, &r->space);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    e = begin(r, write);
    if (e == OK)
        e = check_session(r);
    if (e)
        leave(r);
    return e;
}

/*
 * In place of the user's space. Who writes is looked at again when it is his turn: once a removal
 * is answered, nothing of the one removed is committed any more.
 */
static enum err enter_organization(struct req *r, struct str id, bool write)
{
    leave(r);
    enum err e = membership_acquire(r, id, &r->space);
    if (e)
        return e;
    e = begin(r, write);
    if (e == OK && write)
        e = membership_check(r, id);
    if (e)
        leave(r);
    return e;
}

static enum err enter(struct req *r, bool write)
{
    struct str org = membership_asked(r);
    enum err e = enter_own(r, write && !org.p);
    return e || !org.p ? e : enter_organization(r, org, write);
}

static enum err refresh_silently(struct req *r)
{
    struct str cookie = auth_refresh_cookie(r);
    struct str access = cookie_get(r->headers.cookie, ACCESS_COOKIE);
    struct auth_tokens tokens;
    struct who_refresh claims;
    if (!cookie.n)
        return ERR_UNAUTHORIZED;
    if (who_verify_refresh(&claims, cookie, &r->app->keys, now_s(), r->mem) ||
        (access.n && !str_eq(claimed_sub(access, r->mem), claims.user_id))) {
        auth_clear_cookies(r);
        return ERR_UNAUTHORIZED;
    }
    enum err e = auth_refresh(r, cookie, &tokens);
    if (e)
        return e;
    return who_verify(&r->who, tokens.access, &r->app->keys, now_s(), r->mem);
}

enum err auth_enter(struct req *r, bool write)
{
    /* A space that is named and not there must not become the user's own. */
    if (membership_asked(r).p && !(r->route->need & IN_ORG))
        return req_fail(r, ERR_NOT_FOUND, "This call is about no organization: leave ?org= out");
    enum err e = r->who.user_id.n ? enter(r, write) : ERR_UNAUTHORIZED;
    if (e == ERR_UNAUTHORIZED && r->by_cookie) {
        e = refresh_silently(r);
        if (e == OK)
            e = enter(r, write);
    }
    r->signed_in = e == OK;
    return e;
}

enum err auth_enter_counters(struct req *r, bool write)
{
    leave(r);
    enum err e = counter_space(r->app->store, &r->space);
    if (e)
        return e;
    e = begin(r, write);
    if (e)
        leave(r);
    return e;
}

enum err auth_enter_main(struct req *r)
{
    leave(r);
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &r->space);
    if (e)
        return e;
    e = begin(r, true);
    if (e)
        leave(r);
    return e;
}

void req_pause(struct req *r)
{
    leave(r);
}

/* By cookie it is the session that lives or not: the next call refreshes. */
enum err req_resume(struct req *r)
{
    if (!r->by_cookie && r->who.exp && r->who.exp <= now_s())
        return ERR_UNAUTHORIZED;
    return enter(r, false);
}

enum err auth_begin_write(struct req *r)
{
    enum err e = OK;
    if (!r->space)
        e = space_acquire(r->app->store, SPACE_USER, r->who.user_id, &r->space);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    space_rollback(r->space);
    e = space_begin_write(r->space);
    if (e == OK)
        e = check_session(r);
    if (e)
        leave(r);
    return e;
}

/* --- sessions --------------------------------------------------------------------------------- */

static struct refresh_state new_refresh_state(struct req *r, char jti[RAND_ID_LEN + 1])
{
    int64_t now = now_s();
    rand_id(jti);
    return (struct refresh_state){
        .jti = str_make(jti, RAND_ID_LEN),
        .iat = now,
        .exp = now + REFRESH_TOKEN_S,
        .kid = r->app->keys.key[0].kid,
    };
}

/* However often it is refreshed, a session ends. */
static void end_in_time(const struct req *r, int64_t created_at, struct refresh_state *s)
{
    int64_t lasts = r->app->conf->session_max_age, end = created_at / 1000 + lasts;
    if (lasts && s->exp > end)
        s->exp = end;
}

static enum err sign_both(struct req *r, const struct account *a, struct str sid,
                          const struct refresh_state *s, struct auth_tokens *out)
{
    struct buf text = BUF_INIT;
    who_sign_access(&text, &r->app->keys, a->id, a->email, sid, now_s());
    out->access = arena_dup(r->mem, buf_str(&text));
    buf_reset(&text);
    enum err e = who_sign_refresh(&text, &r->app->keys, a->id, sid, s->jti, s->iat, s->exp, s->kid);
    out->refresh = arena_dup(r->mem, buf_str(&text));
    buf_release(&text);
    return e;
}

static struct str shown_user_agent(const struct req *r)
{
    struct str s = r->headers.user_agent;
    if (s.n > USER_AGENT_MAX)
        s.n = USER_AGENT_MAX;
    return utf8_is_valid(s) ? s : STR("");
}

enum err auth_open_session(struct req *r, struct space *sp, struct str user_id, struct str email,
                           struct auth_tokens *out)
{
    char jti[RAND_ID_LEN + 1], sid[RAND_ID_LEN + 1];
    struct refresh_state state = new_refresh_state(r, jti);
    struct account who = {.id = user_id, .email = email};
    int64_t now = clock_wall_ms();

    rand_id(sid);
    struct session s = {
        .id = str_make(sid, RAND_ID_LEN),
        .created_at = now,
        .last_seen_at = now,
        .user_agent = shown_user_agent(r),
        .ip = r->remote_addr,
    };
    end_in_time(r, now, &state);
    enum err e = sessions_create(sp, &s, &state);
    if (e == OK)
        e = sign_both(r, &who, s.id, &state, out);
    return e;
}

void auth_tell_revoked(struct req *r, struct str user_id)
{
    if (r->app->bus)
        bus_publish(r->app->bus, &(struct bus_message){.kind = BUS_SESSIONS,
                                                       .space_kind = SPACE_USER,
                                                       .space_id = user_id,
                                                       .request_id = r->request_id});
}

/* An account that is gone has no session any more. */
static enum err open_to_write(struct req *r, struct str user_id, struct space **sp)
{
    enum err e = space_enter(r->app->store, SPACE_USER, user_id, sp);
    return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
}

/* Has it had its time, perhaps since the setting was changed? */
static enum err check_age(struct req *r, struct space *sp, struct str sid,
                          struct refresh_state *next, bool *over)
{
    struct session s;
    enum err e = sessions_get(sp, sid, clock_wall_ms(), r->mem, &s);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    end_in_time(r, s.created_at, next);
    *over = next->exp <= now_s();
    return OK;
}

/* In one transaction: what becomes of the session of these claims. */
static enum err rotate(struct req *r, const struct who_refresh *claims, struct refresh_state *next,
                       struct refresh_state *current)
{
    struct activity_from from = audit_from(r);
    enum session_refresh result = REFRESH_UNKNOWN;
    struct space *sp = NULL;
    bool over = false;
    int64_t removed;
    enum err e = open_to_write(r, claims->user_id, &sp);
    if (e)
        return e;
    e = check_age(r, sp, claims->sid, next, &over);
    if (e == OK && over)
        e = sessions_revoke(sp, claims->sid, &removed);
    else if (e == OK)
        e = sessions_refresh(sp, claims->sid, claims->jti, clock_wall_ms(), REFRESH_GRACE_MS, next,
                             r->mem, current, &result);
    if (e == OK && result == REFRESH_REUSED)
        e = activity_add(sp, ACTIVITY_REFRESH_REUSED, &from, STR_NULL);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    if (e)
        return e;
    if (result == REFRESH_REUSED || over)
        auth_tell_revoked(r, claims->user_id);
    if (result == REFRESH_ROTATED)
        *current = *next;
    return result == REFRESH_ROTATED || result == REFRESH_REPEATED ? OK : ERR_UNAUTHORIZED;
}

static enum err refresh(struct req *r, struct str token, struct auth_tokens *out)
{
    char jti[RAND_ID_LEN + 1];
    struct refresh_state next = new_refresh_state(r, jti), current = {.jti = STR_NULL};
    struct who_refresh claims;
    struct account account;
    enum err e = who_verify_refresh(&claims, token, &r->app->keys, now_s(), r->mem);
    if (e)
        return e;
    /* Before the user's space is taken: its order is first the user's, then the main one. */
    e = accounts_by_id(r->app->store, claims.user_id, r->mem, &account);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    e = rotate(r, &claims, &next, &current);
    return e ? e : sign_both(r, &account, claims.sid, &current, out);
}

enum err auth_refresh(struct req *r, struct str token, struct auth_tokens *out)
{
    enum err e = refresh(r, token, out);
    if (e == OK)
        auth_set_cookies(r, out);
    else if (e == ERR_UNAUTHORIZED)
        auth_clear_cookies(r);
    return e;
}

/* Whose session r's tokens are: from the access token, else from the refresh cookie. */
static bool find_session(struct req *r, struct who_refresh *out)
{
    *out = (struct who_refresh){.exp = 0};
    if (auth_identify(r) == OK && r->who.user_id.n) {
        out->user_id = r->who.user_id;
        out->sid = r->who.sid;
        return out->sid.p != NULL;
    }
    return r->by_cookie &&
           who_verify_refresh(out, auth_refresh_cookie(r), &r->app->keys, now_s(), r->mem) == OK;
}

static enum err is_live(struct space *sp, const struct who_refresh *s, bool *live)
{
    int64_t now = clock_wall_ms();
    if (s->jti.p)
        return sessions_refresh_is_good(sp, s->sid, s->jti, now, REFRESH_GRACE_MS, live);
    return sessions_is_live(sp, s->sid, now, live);
}

enum err auth_end_session(struct req *r, bool all)
{
    struct activity_from from = audit_from(r);
    struct who_refresh s;
    struct space *sp = NULL;
    bool live = false;
    int64_t removed = 0;
    enum err e = find_session(r, &s) ? open_to_write(r, s.user_id, &sp) : ERR_UNAUTHORIZED;
    if (e)
        goto out;
    e = is_live(sp, &s, &live);
    if (e == OK && live)
        e = all ? sessions_revoke_others(sp, STR_NULL, &removed)
                : sessions_revoke(sp, s.sid, &removed);
    if (e == OK && removed)
        e = activity_add(sp, all ? ACTIVITY_LOGOUT_ALL : ACTIVITY_LOGOUT, &from, STR_NULL);
    if (e == OK)
        e = space_commit(sp);
    if (e == OK && removed)
        auth_tell_revoked(r, s.user_id);
out:
    space_release(sp);
    if (e == OK || e == ERR_UNAUTHORIZED) {
        auth_clear_cookies(r);
        return OK;
    }
    return e;
}
