/* Heads and bodies of plain answers. */
#include "base/base.h"

#include "reply.h"
#include "server.h"
#include "wire/json.h"

#define RETRY_AFTER_S 5

void reply_append_cors(struct buf *out, const struct request *r)
{
    if (!origin_is_known(r->server->conf, &r->from))
        return;
    buf_append_lit(out, "Access-Control-Allow-Origin: ");
    buf_append_str(out, r->from.origin);
    buf_append_lit(out, "\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
}

static struct str methods_of(const struct endpoint *ep)
{
    return ep && ep->post ? STR("POST, OPTIONS") : STR("GET, HEAD, OPTIONS");
}

static void append_line(struct buf *out, struct str name, struct str value)
{
    buf_append_str(out, name);
    buf_append_str(out, value);
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
static void append_error_headers(struct buf *out, const struct endpoint *ep, enum err e)
{
    if (e == ERR_METHOD)
        append_line(out, STR("Allow: "), methods_of(ep));
    if (e == ERR_UPGRADE)
        buf_append_lit(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\n");
    if (err_status(e) == 429 || err_status(e) == 503)
        buf_appendf(out, "Retry-After: %d\r\n", RETRY_AFTER_S);
}

static void append_content(struct buf *out, struct str type, size_t length)
{
    append_line(out, STR("Content-Type: "), type);
    buf_append_lit(out, "Content-Length: ");
    buf_append_u64(out, length);
    buf_append_lit(out, "\r\n");
}

static void finish(struct conn *c, struct buf *out, struct str cors, struct str body)
{
    append_common(out, c, cors);
    buf_append_lit(out, "\r\n");
    if (!c->head_only)
        buf_append_str(out, body);
    conn_answer(c, buf_str(out));
}

void reply(struct conn *c, int status, struct str cors, struct str type, struct str body)
{
    struct buf *out = &c->server->out;
    buf_reset(out);
    http_append_status(out, status);
    append_content(out, type, body.n);
    finish(c, out, cors, body);
}

static void append_error(struct buf *body, enum err e)
{
    buf_append_lit(body, "{\"error\":");
    json_append_string(body, err_text(e));
    buf_append_lit(body, ",\"code\":");
    json_append_string(body, err_code(e));
    buf_append_lit(body, "}");
}

void reply_error(struct conn *c, const struct endpoint *ep, enum err e, struct str cors)
{
    struct buf *out = &c->server->out;
    struct buf body = BUF_INIT;
    struct str type = STR("application/json");
    c->server->stats.failures[e]++;
    if (!ep || !ep->append_error || !ep->append_error(&body, &type, e))
        append_error(&body, e);
    buf_reset(out);
    http_append_status(out, err_status(e));
    append_content(out, type, body.n);
    append_error_headers(out, ep, e);
    finish(c, out, cors, buf_str(&body));
    buf_release(&body);
}

void reply_options(struct conn *c, const struct endpoint *ep, struct str cors)
{
    struct buf *out = &c->server->out;
    buf_reset(out);
    http_append_status(out, 204);
    append_line(out, STR("Allow: "), methods_of(ep));
    if (ep->preflight.n > 0)
        buf_append_str(out, ep->preflight);
    else if (str_starts_with(cors, STR("Access-Control-")))
        buf_append_lit(out, "Access-Control-Allow-Methods: GET, HEAD, POST, PUT, PATCH, DELETE, "
                            "OPTIONS\r\nAccess-Control-Allow-Headers: authorization, content-type, "
                            "if-match, idempotency-key, last-event-id, x-cookie-domain\r\n");
    append_common(out, c, cors);
    buf_append_lit(out, "\r\n");
    conn_answer(c, buf_str(out));
}

void reply_later(struct conn *c, int status, struct str cors, struct str json)
{
    bool late = c->state == CONN_ANSWER;
    assert(!c->stream);
    c->endpoint = NULL;
    reply(c, status, cors, STR("application/json"), json);
    if (late)
        conn_resume(c);
}

void reply_call(struct conn *c, struct str cors, struct str json)
{
    reply_later(c, 200, cors, json);
}
