/* The cookie of a sign-in under way, and what is computed from it. */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "oauth_state.h"
#include "store/limits.h"
#include "store/once.h"
#include "wire/cookie.h"

#define COOKIE STR("oauth")
#define PATH   "/api/auth/oauth"

#define ATTEMPTS_MS 60000

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

static void set_cookie(struct req *r, struct str value, int64_t max_age)
{
    struct str path = arena_printf(r->mem, "%.*s" PATH, STR_ARG(r->app->conf->base_path));
    buf_append_lit(&r->head, "Set-Cookie: ");
    cookie_append(
        &r->head,
        &(struct cookie){
            .name = COOKIE, .value = value, .path = path, .max_age = max_age, .secure = r->https});
    buf_append_lit(&r->head, "\r\n");
}

/* 43 characters that nobody can guess who has the token but not the key. */
static struct str derive(struct req *r, const struct jwt_key *key, const char *what,
                         const struct oidc_provider *p, struct str token)
{
    unsigned char mac[SHA256_LEN];
    struct buf text = BUF_INIT;
    struct str input =
        arena_printf(r->mem, "oauth %s %.*s %.*s", what, STR_ARG(p->name), STR_ARG(token));
    hmac_sha256(key->secret, input, mac);
    base64url_append(&text, mac, sizeof mac);
    struct str out = arena_dup(r->mem, buf_str(&text));
    buf_release(&text);
    return out;
}

/* Where the provider sends the browser back to; the same in each of the two requests to it. */
static struct str redirect_uri(struct req *r, const struct oidc_provider *p)
{
    struct origin_request o = auth_origin(r);
    struct str own = origin_own(r->app->conf, &o, r->mem);
    if (!own.p)
        return STR_NULL;
    return arena_printf(r->mem, "%.*s%.*s" PATH "/%.*s/callback", STR_ARG(own),
                        STR_ARG(r->app->conf->base_path), STR_ARG(p->name));
}

static enum err compute(struct req *r, const struct jwt_key *key, const struct oidc_provider *p,
                        struct str token, struct oidc_attempt *out)
{
    *out = (struct oidc_attempt){
        .state = derive(r, key, "state", p, token),
        .nonce = derive(r, key, "nonce", p, token),
        .verifier = derive(r, key, "verifier", p, token),
        .redirect_uri = redirect_uri(r, p),
    };
    return out->redirect_uri.p ? OK : req_fail(r, ERR_INVALID, "The Host header is not valid");
}

enum err oauth_state_begin(struct req *r, const struct oidc_provider *p, struct oauth_state *s)
{
    const struct who_keys *keys = &r->app->keys;
    struct buf token = BUF_INIT;
    who_sign_once(&token, keys, &(struct who_once){.type = WHO_OAUTH, .user_id = s->link_to},
                  now_s(), OAUTH_STATE_S);
    enum err e = compute(r, &keys->key[0], p, buf_str(&token), &s->attempt);
    if (e == OK)
        set_cookie(r, buf_str(&token), OAUTH_STATE_S);
    buf_release(&token);
    return e;
}

/* The secret may have been changed since: the key is the one that gives this state. */
static enum err find(struct req *r, const struct oidc_provider *p, struct str token,
                     struct str state, struct oidc_attempt *out)
{
    const struct who_keys *keys = &r->app->keys;
    for (size_t i = 0; i < keys->count; i++)
        if (digest_equal(derive(r, &keys->key[i], "state", p, token), state))
            return compute(r, &keys->key[i], p, token, out);
    return ERR_INVALID_TOKEN;
}

static enum err use_up(struct req *r, const struct who_once *token)
{
    const struct limit limit = {STR("auth-ip"), r->remote_addr, r->app->conf->limit_auth_per_ip,
                                ATTEMPTS_MS};
    int64_t retry_ms = 0;
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e == OK)
        e = limits_take_within(sp, &limit, 1, clock_wall_ms(), &retry_ms);
    if (e == OK)
        e = once_use(sp, token->jti, token->exp, now_s());
    e = space_leave(sp, e);
    r->retry_after_s = (retry_ms + 999) / 1000;
    return e;
}

enum err oauth_state_end(struct req *r, const struct oidc_provider *p, struct str state,
                         struct oauth_state *s)
{
    struct str token = cookie_get(r->headers.cookie, COOKIE);
    struct who_once claims = {.user_id = STR_NULL};
    enum err e = ERR_INVALID_TOKEN;
    if (token.n && state.n)
        e = who_verify_once(&claims, token, WHO_OAUTH, &r->app->keys, now_s(), r->mem);
    if (e == OK)
        e = find(r, p, token, state, &s->attempt);
    if (e == OK)
        e = use_up(r, &claims);
    if (token.n && e != ERR_RATE_LIMIT)
        set_cookie(r, STR(""), 0);
    s->link_to = claims.user_id;
    return e == ERR_INVALID_TOKEN ? audit_refused(r, "oauth_state", claims.user_id) : e;
}
