/* Requests: which endpoint, may they, who is it; then an answer, a call or a stream. */
#include "base/base.h"

#include "auth.h"
#include "base/log.h"
#include "base/request_id.h"
#include "call.h"
#include "endpoints.h"
#include "feed.h"
#include "opening.h"
#include "reply.h"
#include "serve.h"
#include "server.h"
#include "stream.h"

/* --- streams --- */

/* What open made is undone: the connection may go on to another request. */
static void abandon(struct conn *c)
{
    if (c->endpoint && c->endpoint->on_close)
        c->endpoint->on_close(c);
    c->endpoint = NULL;
    c->stream = NULL;
    limit_give_back(&c->server->addresses, c->address);
    c->address = NULL;
}

void serve_fail(struct conn *c, enum err e, struct str cors)
{
    const struct endpoint *ep = c->endpoint;
    abandon(c);
    reply_error(c, ep, e, cors);
}

/* Everything is known and allowed: head and greeting leave in one send. */
static enum err start(struct conn *c, struct str head, struct str user_id, int64_t expires)
{
    struct buf *out = &c->server->out;
    enum err e = OK;
    c->expires = expires;
    if (out->p != head.p) {
        buf_reset(out);
        buf_append_str(out, head);
    }
    if (c->head_only) {
        abandon(c);
        c->keep = false;
        conn_answer(c, buf_str(out));
        return OK;
    }
    if (c->endpoint->start)
        e = c->endpoint->start(c, user_id, out);
    if (e == OK)
        stream_begin(c, buf_str(out));
    else
        c->keep = false; /* it may count for somebody already */
    return e;
}

/* The pass that the stream still needs, NULL: none. */
static struct pass *pass_of(struct conn *c, struct str *organization_id)
{
    const struct endpoint *ep = c->endpoint;
    struct pass *p = ep->pass ? ep->pass(c, organization_id) : NULL;
    return p && !p->is_held ? p : NULL;
}

static void on_signed_in(struct sign_in *si, enum err e);

/* The sign-in may have ended meanwhile: it is looked at again. */
static void on_pass(struct pass *p, enum err e)
{
    struct conn *c = p->conn;
    if (c->state != CONN_WAIT)
        return; /* it is being closed */
    struct sign_in *si = &c->opening->sign_in;
    if (e == OK)
        e = feed_sign_in(c->server->feed, si);
    if (e == ERR_MORE)
        feed_wait(c->server->feed, si);
    else
        on_signed_in(si, e);
}

/* ERR_MORE: on_pass will be called, OK: there is nothing to ask for. */
static enum err ask_for_pass(struct conn *c, struct str user_id)
{
    struct str organization_id;
    struct pass *p = pass_of(c, &organization_id);
    if (!p)
        return OK;
    p->on_answer = on_pass;
    return feed_ask(c->server->feed, p, organization_id, user_id);
}

/* A reader thread has answered: on, as if it had been known at once. */
static void on_signed_in(struct sign_in *si, enum err e)
{
    struct opening *o = container_of(si, struct opening, sign_in);
    struct conn *c = o->conn;
    if (e == OK && !o->is_call)
        e = ask_for_pass(c, si->user_id);
    if (e == ERR_MORE)
        return;
    conn_step(c, CONN_READ_HEAD);
    if (e == OK && o->is_call) {
        call_await(c);
        conn_resume(c);
        return;
    }
    c->opening = NULL;
    if (e == OK)
        e = feed_enter(c->server->feed, si->login, c);
    if (e == OK)
        e = start(c, o->head, si->user_id, o->expires);
    if (e != OK)
        serve_fail(c, e, o->cors);
    opening_free(o);
    conn_resume(c);
}

void serve_cancel(struct opening *o)
{
    if (!o)
        return;
    feed_cancel(&o->sign_in);
    opening_free(o);
}

static void wait_for_sign_in(struct opening *o)
{
    o->sign_in.on_answer = on_signed_in;
    conn_step(o->conn, CONN_WAIT);
    feed_wait(o->conn->server->feed, &o->sign_in);
}

static enum err open_signed_in(const struct request *r, const struct identity *id, struct str head,
                               struct str cors)
{
    struct conn *c = r->conn;
    struct sign_in si = {.user_id = id->user_id, .sid = id->sid, .refresh_jti = id->refresh_jti};
    int64_t expires = stream_expiry(r->server, id->exp);
    if (id->is_free)
        return start(c, head, id->user_id, expires);
    enum err e = feed_sign_in(r->server->feed, &si);
    struct str organization_id;
    if (e == ERR_MORE || (e == OK && pass_of(c, &organization_id))) {
        struct opening *o = opening_new(c, id, head, cors);
        o->expires = expires;
        wait_for_sign_in(o);
        return OK;
    }
    if (e == OK)
        e = feed_enter(r->server->feed, si.login, c);
    return e == OK ? start(c, head, id->user_id, expires) : e;
}

static enum err count_address(const struct request *r)
{
    struct origin_address a;
    struct conn *c = r->conn;
    const struct conf *conf = r->server->conf;
    bool known = r->from.forwarded_for.p
                     ? origin_address_parse(&a, origin_client_address(conf, &r->from))
                     : conn_address(c, &a);
    if (!known)
        return OK; /* a unix socket */
    c->address = limit_take(&r->server->addresses, &a, conf->push_max_connections_per_ip);
    return c->address ? OK : ERR_RATE_LIMIT;
}

/* Who it is, as this endpoint wants to know it; nobody where visitors are welcome. */
static enum err identify(const struct request *r, struct identity *id)
{
    const struct endpoint *ep = r->conn->endpoint;
    const struct transport *t = transport_of(ep->transport);
    *id = (struct identity){.is_free = true};
    if (ep->need == NEED_NOTHING || (ep->is_public && ep->is_public(r->server->conf)))
        return OK;
    enum err e = ep->need == NEED_TOKEN ? auth_token(r, id) : auth_identify(r, id);
    if (e == OK && id->by_cookie && t && t->same_site_only &&
        !origin_is_allowed(r->server->conf, &r->from))
        return ERR_CROSS_SITE;
    return e;
}

static enum err open_stream(const struct request *r, const struct endpoint *ep, struct str cors)
{
    struct conn *c = r->conn;
    struct buf *out = &r->server->out;
    const struct transport *t = transport_of(ep->transport);
    struct identity id;
    enum err e = t->check(r->head);
    if (e == OK)
        e = count_address(r);
    if (e != OK)
        return e;
    c->endpoint = ep;
    e = ep->open ? ep->open(c, r) : OK;
    if (e == OK)
        e = identify(r, &id);
    buf_reset(out);
    t->append_head(out, c, r->head, cors);
    if (e == OK)
        e = open_signed_in(r, &id, buf_str(out), cors);
    if (e != OK)
        abandon(c);
    return e;
}

/* --- calls --- */

static enum err begin_call(struct request *r, const struct endpoint *ep, struct str cors)
{
    struct conn *c = r->conn;
    struct identity id;
    enum err e = call_check(r);
    if (e != OK)
        return e;
    c->endpoint = ep;
    e = identify(r, &id);
    struct sign_in si = {.user_id = id.user_id, .sid = id.sid, .refresh_jti = id.refresh_jti};
    if (e == OK && !id.is_free)
        e = feed_sign_in(r->server->feed, &si);
    if (e == ERR_MORE) {
        wait_for_sign_in(call_put_off(r, &id, cors));
        return OK;
    }
    if (e == OK)
        e = call_begin(r, &id, cors);
    if (e != OK)
        abandon(c);
    return e;
}

/* --- requests --- */

/* The peer matters only where a proxy may have spoken for somebody else. */
static void read_origin(struct request *r, char peer[ORIGIN_ADDRESS_MAX + 1])
{
    const struct http_head *h = r->head;
    struct origin_address a;
    r->from = (struct origin_request){
        .https = r->conn->secure,
        .host = http_header(h, STR("host")),
        .origin = http_header(h, STR("origin")),
        .sec_fetch_site = http_header(h, STR("sec-fetch-site")),
        .forwarded_for = http_header(h, STR("x-forwarded-for")),
        .forwarded_proto = http_header(h, STR("x-forwarded-proto")),
        .forwarded_host = http_header(h, STR("x-forwarded-host")),
    };
    if (r->from.forwarded_for.p || r->from.forwarded_proto.p || r->from.forwarded_host.p)
        r->from.peer = conn_address(r->conn, &a) ? origin_address_text(&a, peer) : STR("unix:");
}

/* The path as the table has it: without the base path this server is mounted at. */
static struct str own_path(const struct conf *conf, struct str path)
{
    struct str base = conf->base_path;
    if (base.n > 0 && str_starts_with(path, base) && path.n > base.n && path.p[base.n] == '/')
        return str_from(path, base.n);
    return path;
}

static enum err answer_plain(const struct request *r, const struct endpoint *ep, struct str cors)
{
    struct conn *c = r->conn;
    struct buf body = BUF_INIT;
    struct answer a = {.status = 200, .type = STR("application/json"), .cors = cors, .body = &body};
    enum err e = ep->answer(r, &a);
    if (e == OK)
        reply(c, a.status, cors, a.type, buf_str(&body));
    buf_release(&body);
    if (e != ERR_MORE)
        return e;
    c->endpoint = ep;
    conn_step(c, CONN_ANSWER);
    loop_timer_clear(&c->timer);
    return OK;
}

static enum err serve(struct request *r, const struct endpoint *ep, struct str cors)
{
    struct server *s = r->server;
    int64_t max = s->conf->push_max_connections;
    if (s->ending || (max > 0 && s->conns > max))
        return ERR_BUSY;
    if (!ep)
        return ERR_NOT_FOUND;
    bool options = str_eq(r->head->method, STR("OPTIONS"));
    enum err e = form_parse(&r->query, r->head->query, r->mem);
    if (e == OK && ep->allow && !(options && ep->post)) /* a preflight has no token */
        e = ep->allow(r);
    if (e != OK)
        return e;
    if (options) {
        reply_options(r->conn, ep, cors);
        return OK;
    }
    if (ep->post)
        return begin_call(r, ep, cors);
    if (!str_eq(r->head->method, STR("GET")) && !r->conn->head_only)
        return ERR_METHOD;
    return ep->transport == TRANSPORT_NONE ? answer_plain(r, ep, cors) : open_stream(r, ep, cors);
}

/* Into every answer, as a header like those of CORS. */
static void append_request_id(struct buf *headers, const struct request *r)
{
    struct str id = request_id_of(http_header(r->head, STR("x-request-id")), r->mem);
    log_request(id);
    buf_append_lit(headers, "X-Request-Id: ");
    buf_append_str(headers, id);
    buf_append_lit(headers, "\r\n");
}

/* As the app's lines (fcgi-app/dispatch.c); of what is answered later, that it has begun. */
static void report(const struct request *r, const struct endpoint *ep, enum err e)
{
    struct str route = ep ? ep->path : STR("-"), code = e ? err_code(e) : STR("ok");
    (r->server->conf->log_requests ? log_info : log_debug)(
        "route=%.*s code=%.*s connections=%u", STR_ARG(route), STR_ARG(code), r->server->conns);
}

size_t serve_head(struct conn *c, struct str in, size_t seen)
{
    struct server *s = c->server;
    struct http_head h;
    char peer[ORIGIN_ADDRESS_MAX + 1];
    struct buf cors = BUF_INIT;
    size_t used = 0;
    enum err e = http_head_parse(&h, in, seen, &used);
    if (e == ERR_MORE)
        return 0;
    s->stats.requests++;
    c->keep = false;
    c->head_only = false;
    if (e != OK) {
        reply_error(c, NULL, e, STR_NULL);
        return in.n;
    }
    struct request r = {
        .server = s, .conn = c, .head = &h, .mem = &s->mem, .after = str_from(in, used)};
    const struct endpoint *ep = endpoint_find(own_path(s->conf, h.path), &h, &r.rest);
    read_origin(&r, peer);
    c->head_only = str_eq(h.method, STR("HEAD"));
    c->keep = h.keep_alive && h.minor > 0 && h.content_length <= 0 && !h.chunked && !s->retiring;
    if (ep && ep->cors.n > 0)
        buf_append_str(&cors, ep->cors);
    else
        reply_append_cors(&cors, &r);
    append_request_id(&cors, &r);
    e = serve(&r, ep, buf_str(&cors));
    if (e != OK)
        reply_error(c, ep, e, buf_str(&cors));
    report(&r, ep, e);
    log_request(STR_NULL);
    buf_release(&cors);
    arena_reset(&s->mem);
    return used + r.used;
}
