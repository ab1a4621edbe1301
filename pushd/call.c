/* Bodies of calls, whole or in pieces. */
#include "base/base.h"

#include "base/mem.h"
#include "call.h"
#include "serve.h"
#include "server.h"

#define BODY_MS 10000 /* for a whole body */

/* Of all bodies that are on their way. Whoever brings more while they hold this much is sent away,
 * unless it brought little itself. */
#define BODIES_MEMORY ((size_t)64 * 1024 * 1024)
#define BODY_LITTLE   ((size_t)64 * 1024)

/* A copy of s at *at, which moves on. */
static struct str keep(char **at, struct str s)
{
    if (!s.p)
        return s;
    if (s.n > 0)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return str_make(*at - s.n, s.n);
}

struct opening *opening_new(struct conn *c, const struct identity *id, struct str head,
                            struct str cors)
{
    size_t n = head.n + cors.n + id->user_id.n + id->sid.n + id->refresh_jti.n;
    struct opening *o = mem_zalloc(1, sizeof(*o) + n);
    char *at = o->text;
    o->conn = c;
    o->head = keep(&at, head);
    o->cors = keep(&at, cors);
    o->sign_in.user_id = keep(&at, id->user_id);
    o->sign_in.sid = keep(&at, id->sid);
    o->sign_in.refresh_jti = keep(&at, id->refresh_jti);
    list_init(&o->sign_in.node);
    c->opening = o;
    return o;
}

void opening_free(struct opening *o)
{
    o->conn->server->body_bytes -= o->body.n;
    buf_release(&o->body);
    mem_free(o);
}

/* --- calls --- */

static uint64_t length_of(const struct http_head *h)
{
    return h->content_length > 0 ? (uint64_t)h->content_length : 0;
}

static bool keeps(const struct http_head *h)
{
    return h->keep_alive && h->minor > 0;
}

static bool is_json(const struct http_head *h)
{
    struct str type = http_header(h, STR("content-type"));
    return str_eq_nocase(str_trim(str_make(type.p, str_find(type, ';'))), STR("application/json"));
}

enum err call_check(const struct request *r)
{
    int64_t max = r->server->conf->max_body;
    if (!str_eq(r->head->method, STR("POST")))
        return ERR_METHOD;
    return max > 0 && r->head->content_length > max ? ERR_TOO_LARGE : OK;
}

static enum err make_call(struct conn *c, const struct call *call)
{
    enum err e = c->endpoint->post(c, call);
    if (e != ERR_MORE)
        return e;
    conn_step(c, CONN_ANSWER);
    loop_timer_clear(&c->timer);
    return OK;
}

enum err call_begin(struct request *r, const struct identity *id, struct str cors)
{
    struct conn *c = r->conn;
    uint64_t length = length_of(r->head);
    if (r->head->chunked || length > r->after.n) {
        call_put_off(r, id, cors);
        call_await(c);
        return OK;
    }
    struct call call = {.user_id = id->user_id,
                        .backend = id->backend,
                        .is_json = is_json(r->head),
                        .body = str_make(r->after.p, length),
                        .cors = cors};
    r->used = length;
    c->keep = keeps(r->head);
    return make_call(c, &call);
}

struct opening *call_put_off(const struct request *r, const struct identity *id, struct str cors)
{
    struct opening *o = opening_new(r->conn, id, STR_NULL, cors);
    o->is_call = true;
    o->backend = id->backend;
    o->is_json = is_json(r->head);
    o->keep = keeps(r->head);
    o->expects_continue = http_header_has(r->head, STR("expect"), STR("100-continue"));
    o->chunked = r->head->chunked;
    o->left = length_of(r->head);
    return o;
}

void call_await(struct conn *c)
{
    conn_step(c, CONN_READ_BODY);
    loop_timer_set(c->server->loop, &c->timer, loop_now(c->server->loop) + BODY_MS);
    if (c->opening->expects_continue)
        conn_write(c, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    else if (!c->opening->chunked && c->opening->left == 0)
        call_read(c, STR_NULL);
}

/* Take some of the body in. ERR_MORE: there is more to come. */
static enum err take(struct opening *o, struct str in, size_t *used)
{
    struct server *s = o->conn->server;
    size_t before = o->body.n, max = (size_t)s->conf->max_body;
    enum err e;
    if (o->chunked) {
        e = http_chunks_feed(&o->chunks, in, used, &o->body, max > 0 ? max : SIZE_MAX);
    } else {
        *used = in.n < o->left ? in.n : (size_t)o->left;
        buf_append(&o->body, in.p, *used);
        o->left -= *used;
        e = o->left > 0 ? ERR_MORE : OK;
    }
    s->body_bytes += o->body.n - before;
    return s->body_bytes > BODIES_MEMORY && o->body.n > BODY_LITTLE ? ERR_BUSY : e;
}

size_t call_read(struct conn *c, struct str in)
{
    struct opening *o = c->opening;
    size_t used = 0;
    enum err e = take(o, in, &used);
    if (e == ERR_MORE)
        return used;
    c->opening = NULL;
    if (e == OK) {
        struct call call = {.user_id = o->sign_in.user_id,
                            .backend = o->backend,
                            .is_json = o->is_json,
                            .body = buf_str(&o->body),
                            .cors = o->cors};
        c->keep = o->keep;
        e = make_call(c, &call);
    } else {
        used = in.n; /* no more of it is read: the connection ends */
    }
    if (e != OK)
        serve_fail(c, e, o->cors);
    opening_free(o);
    return used;
}
