/* Requests: which endpoint, may they, who is it; then an answer or a stream. */
#include "base/base.h"

#include "auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "endpoints.h"
#include "feed.h"
#include "serve.h"
#include "server.h"
#include "stream.h"
#include "wire/json.h"

#define RETRY_AFTER_S 5

/* A stream that waits for a reader thread's word on who asks for it. */
struct opening {
    struct sign_in sign_in;
    struct conn *conn;
    struct str head; /* the response head, should it come to that */
    struct str cors; /* header lines for an error */
    int64_t expires;
    char text[]; /* of all the strings: thousands may wait at once */
};

/* --- answers --- */

/* Header lines that let pages of our own and of listed origins read the answer. */
static void append_cors(struct buf *out, const struct request *r)
{
    if (!origin_is_known(r->server->conf, &r->from))
        return;
    buf_append_lit(out, "Access-Control-Allow-Origin: ");
    buf_append_str(out, r->from.origin);
    buf_append_lit(out, "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
}

static void append_length(struct buf *out, size_t n)
{
    buf_append_lit(out, "Content-Length: ");
    buf_append_u64(out, n);
    buf_append_lit(out, "\r\n");
}

static void append_common(struct buf *out, const struct conn *c, struct str cors)
{
    buf_append_lit(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    buf_append_str(out, cors);
    if (!c->keep)
        buf_append_lit(out, "Connection: close\r\n");
}

/* What some errors say besides their status. */
static void append_error_headers(struct buf *out, enum err e)
{
    if (e == ERR_METHOD)
        buf_append_lit(out, "Allow: GET, HEAD, OPTIONS\r\n");
    if (e == ERR_UPGRADE)
        buf_append_lit(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\n");
    if (err_status(e) == 429 || err_status(e) == 503)
        buf_appendf(out, "Retry-After: %d\r\n", RETRY_AFTER_S);
}

static void refuse(struct conn *c, enum err e, struct str cors)
{
    struct buf *out = &c->server->out;
    struct buf body = BUF_INIT;
    c->server->stats.refused++;
    buf_append_lit(&body, "{\"error\":");
    json_append_string(&body, err_text(e));
    buf_append_lit(&body, ",\"code\":");
    json_append_string(&body, err_code(e));
    buf_append_lit(&body, "}");

    buf_reset(out);
    http_append_status(out, err_status(e));
    buf_append_lit(out, "Content-Type: application/json\r\n");
    append_length(out, body.n);
    append_error_headers(out, e);
    append_common(out, c, cors);
    buf_append_lit(out, "\r\n");
    if (!c->head_only)
        buf_append_str(out, buf_str(&body));
    buf_release(&body);
    conn_answer(c, buf_str(out));
}

static enum err answer_plain(const struct request *r, const struct endpoint *ep, struct str cors)
{
    struct conn *c = r->conn;
    struct buf *out = &r->server->out;
    struct buf body = BUF_INIT;
    struct answer a = {.type = STR("application/json"), .body = &body};
    enum err e = ep->answer(r, &a);
    if (e == OK) {
        buf_reset(out);
        http_append_status(out, 200);
        buf_append_lit(out, "Content-Type: ");
        buf_append_str(out, a.type);
        buf_append_lit(out, "\r\n");
        append_length(out, body.n);
        append_common(out, c, cors);
        buf_append_lit(out, "\r\n");
        if (!c->head_only)
            buf_append_str(out, buf_str(&body));
        conn_answer(c, buf_str(out));
    }
    buf_release(&body);
    return e;
}

/* CORS preflight (Fetch standard), or a plain question for the methods. */
static void answer_options(const struct request *r, struct str cors)
{
    struct buf *out = &r->server->out;
    buf_reset(out);
    http_append_status(out, 204);
    buf_append_lit(out, "Allow: GET, HEAD, OPTIONS\r\n");
    if (cors.n > 0)
        buf_append_lit(out, "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE, "
                            "OPTIONS\r\nAccess-Control-Allow-Headers: authorization, content-type, "
                            "if-match, idempotency-key, last-event-id, x-cookie-domain\r\n");
    append_common(out, r->conn, cors);
    buf_append_lit(out, "\r\n");
    conn_answer(r->conn, buf_str(out));
}

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

/* Everything is known and allowed: head and greeting leave in one send. */
static void start(struct conn *c, struct str head, int64_t expires)
{
    struct buf *out = &c->server->out;
    c->expires = expires;
    if (out->p != head.p) {
        buf_reset(out);
        buf_append_str(out, head);
    }
    if (c->head_only) {
        abandon(c);
        c->keep = false;
        conn_answer(c, buf_str(out));
        return;
    }
    if (c->endpoint->start)
        c->endpoint->start(c, out);
    stream_begin(c, buf_str(out));
}

static void on_signed_in(struct sign_in *si, enum err e)
{
    struct opening *o = container_of(si, struct opening, sign_in);
    struct conn *c = o->conn;
    c->opening = NULL;
    conn_step(c, CONN_READ_HEAD); /* as if it had been known at once */
    if (e == OK)
        e = feed_enter(c->server->feed, si->login, c);
    if (e == OK) {
        start(c, o->head, o->expires);
    } else {
        abandon(c);
        refuse(c, e, o->cors);
    }
    mem_free(o);
    conn_resume(c);
}

void serve_cancel(struct opening *o)
{
    if (!o)
        return;
    feed_cancel(&o->sign_in);
    mem_free(o);
}

/* Monotonic time of a token's end; exp is in unix seconds. Far enough away is never. */
static int64_t expiry(const struct server *s, int64_t exp)
{
    const int64_t never = INT64_C(1) << 40; /* in 30,000 years */
    return exp == 0 || exp > never ? 0 : loop_now(s->loop) + exp * 1000 - clock_wall_ms();
}

/* A copy of s at *at, which moves on. */
static struct str keep(char **at, struct str s)
{
    if (!s.p)
        return s;
    memcpy(*at, s.p, s.n);
    *at += s.n;
    return str_make(*at - s.n, s.n);
}

/* Go on when a reader thread has answered. */
static void put_off(struct conn *c, const struct sign_in *si, struct str head, struct str cors,
                    int64_t expires)
{
    size_t n = head.n + cors.n + si->user_id.n + si->sid.n + si->refresh_jti.n;
    struct opening *o = mem_zalloc(1, sizeof(*o) + n);
    char *at = o->text;
    o->conn = c;
    o->expires = expires;
    o->head = keep(&at, head);
    o->cors = keep(&at, cors);
    o->sign_in.user_id = keep(&at, si->user_id);
    o->sign_in.sid = keep(&at, si->sid);
    o->sign_in.refresh_jti = keep(&at, si->refresh_jti);
    o->sign_in.on_answer = on_signed_in;
    c->opening = o;
    conn_step(c, CONN_WAIT);
    feed_wait(c->server->feed, &o->sign_in);
}

static enum err sign_in(const struct request *r, const struct endpoint *ep, struct str head,
                        struct str cors)
{
    struct conn *c = r->conn;
    struct identity id;
    enum err e = auth_identify(r, &id);
    if (e != OK)
        return e;
    if (id.by_cookie && transport_of(ep->transport)->same_site_only &&
        !origin_is_allowed(r->server->conf, &r->from))
        return ERR_CROSS_SITE;
    struct sign_in si = {.user_id = id.user_id, .sid = id.sid, .refresh_jti = id.refresh_jti};
    int64_t expires = expiry(r->server, id.exp);
    e = feed_sign_in(r->server->feed, &si);
    if (e == ERR_MORE) {
        put_off(c, &si, head, cors, expires);
        return OK;
    }
    if (e == OK)
        e = feed_enter(r->server->feed, si.login, c);
    if (e == OK)
        start(c, head, expires);
    return e;
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

static enum err open_stream(const struct request *r, const struct endpoint *ep, struct str cors)
{
    struct conn *c = r->conn;
    struct buf *out = &r->server->out;
    const struct transport *t = transport_of(ep->transport);
    enum err e = t->check(r->head);
    if (e == OK)
        e = count_address(r);
    if (e != OK)
        return e;
    c->endpoint = ep;
    e = ep->open ? ep->open(c, r) : OK;
    buf_reset(out);
    t->append_head(out, r->head, cors);
    if (e == OK && ep->need == NEED_USER)
        e = sign_in(r, ep, buf_str(out), cors);
    else if (e == OK)
        start(c, buf_str(out), 0);
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

static enum err serve(struct request *r, struct str cors)
{
    struct server *s = r->server;
    const struct endpoint *ep = endpoint_find(own_path(s->conf, r->head->path));
    int64_t max = s->conf->push_max_connections;
    if (s->ending || (max > 0 && s->conns > max))
        return ERR_BUSY;
    if (!ep)
        return ERR_NOT_FOUND;
    enum err e = form_parse(&r->query, r->head->query, r->mem);
    if (e == OK && ep->allow)
        e = ep->allow(r);
    if (e != OK)
        return e;
    if (str_eq(r->head->method, STR("OPTIONS"))) {
        answer_options(r, cors);
        return OK;
    }
    if (!str_eq(r->head->method, STR("GET")) && !r->conn->head_only)
        return ERR_METHOD;
    return ep->transport == TRANSPORT_NONE ? answer_plain(r, ep, cors) : open_stream(r, ep, cors);
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
        refuse(c, e, STR_NULL);
        return in.n;
    }
    struct request r = {.server = s, .conn = c, .head = &h, .mem = &s->mem};
    read_origin(&r, peer);
    c->head_only = str_eq(h.method, STR("HEAD"));
    c->keep = h.keep_alive && h.minor > 0 && h.content_length <= 0 && !h.chunked;
    append_cors(&cors, &r);
    e = serve(&r, buf_str(&cors));
    if (e != OK)
        refuse(c, e, buf_str(&cors));
    buf_release(&cors);
    arena_reset(&s->mem);
    return used;
}
