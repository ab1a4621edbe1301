/* Tokens of a request. */
#include "base/base.h"

#include "auth.h"
#include "base/clock.h"
#include "server.h"
#include "wire/cookie.h"

static enum err by_token(const struct request *r, struct str token, int64_t now_s,
                         struct identity *out)
{
    struct who who;
    enum err e = who_verify(&who, token, &r->server->keys, now_s, r->mem);
    if (e != OK)
        return e;
    *out = (struct identity){
        .user_id = who.user_id, .sid = who.sid, .exp = who.exp, .backend = who.kind == WHO_BACKEND};
    return OK;
}

/* One of a session lives as long as that, as by cookie; one of a backend token as long as that. */
static enum err by_ticket(const struct request *r, struct str ticket, int64_t now_s,
                          struct identity *out)
{
    struct who_ticket t;
    enum err e = who_verify_ticket(&t, ticket, &r->server->keys, now_s, r->mem);
    if (e == OK)
        e = tickets_use(&r->server->tickets, &t, now_s);
    if (e != OK)
        return e;
    *out = (struct identity){.user_id = t.user_id, .sid = t.sid, .exp = t.until};
    return OK;
}

/*
 * A good refresh cookie is enough, and is not rotated here. Beside an access cookie that is no
 * longer good it must be of the same user.
 */
static enum err by_refresh_cookie(const struct request *r, struct str token, struct str refresh,
                                  int64_t now_s, struct identity *out)
{
    struct who_refresh w;
    struct who old;
    enum err e = who_verify_refresh(&w, refresh, &r->server->keys, now_s, r->mem);
    if (e != OK)
        return e;
    if (token.n > 0) {
        const int64_t long_ago = 1; /* before any expiry: whose it was is all that is asked */
        if (who_verify(&old, token, &r->server->keys, long_ago, r->mem) != OK ||
            !str_eq(old.user_id, w.user_id))
            return ERR_UNAUTHORIZED;
    }
    *out = (struct identity){.user_id = w.user_id, .sid = w.sid, .refresh_jti = w.jti};
    return OK;
}

static enum err by_cookie(const struct request *r, int64_t now_s, struct identity *out)
{
    struct str cookies = http_header(r->head, STR("cookie"));
    struct str token = cookie_get(cookies, STR("token"));
    struct str refresh = cookie_get(cookies, STR("refreshToken"));
    enum err e = ERR_UNAUTHORIZED;
    if (token.n > 0)
        e = by_token(r, token, now_s, out);
    if (e != OK && refresh.n > 0)
        e = by_refresh_cookie(r, token, refresh, now_s, out);
    if (e != OK)
        return e;
    out->by_cookie = true;
    if (out->sid.p)
        out->exp = 0;
    return OK;
}

enum err auth_identify(const struct request *r, struct identity *out)
{
    int64_t now_s = clock_wall_ms() / 1000;
    struct str authorization = http_header(r->head, STR("authorization"));
    struct str query = form_get(&r->query, STR("token"));
    struct str ticket = form_get(&r->query, STR("ticket"));
    if (authorization.p)
        return by_token(r, who_bearer(authorization), now_s, out);
    if (query.p)
        return by_token(r, query, now_s, out);
    if (ticket.p)
        return by_ticket(r, ticket, now_s, out);
    return by_cookie(r, now_s, out);
}

enum err auth_token(const struct request *r, struct identity *out)
{
    struct str given = http_header(r->head, STR("authorization"));
    struct str bearer = who_bearer(given);
    struct str token = given.p ? bearer.p ? bearer : given : form_get(&r->query, STR("token"));
    enum err e = by_token(r, token, clock_wall_ms() / 1000, out);
    out->is_free = e == OK && out->backend;
    return e;
}
