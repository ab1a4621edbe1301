/* Server-Sent Events and WebSocket, as far as every stream of that kind needs them. */
#include "base/base.h"

#include "endpoints.h"
#include "server.h"
#include "transport.h"
#include "wire/sse.h"

/* --- Server-Sent Events --- */

static enum err sse_check(const struct http_head *h)
{
    (void)h;
    return OK;
}

/* No length and no chunks: the body ends with the connection, so an event is only its own bytes. */
static void sse_append_head(struct buf *out, struct conn *c, const struct http_head *h,
                            struct str headers)
{
    (void)c;
    (void)h;
    http_append_status(out, 200);
    buf_append_lit(out, "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                        "X-Accel-Buffering: no\r\nConnection: close\r\n");
    buf_append_str(out, headers);
    buf_append_lit(out, "\r\n");
}

/* Nothing is expected from the client. */
static size_t sse_on_input(struct conn *c, struct str in)
{
    (void)c;
    return in.n;
}

/* A peer that is gone without a word is TCP's to notice, by what this sends. */
static void sse_on_beat(struct conn *c)
{
    if (conn_is_drained(c))
        conn_write(c, STR(":\n\n"));
}

static void sse_append_end(struct buf *out, uint16_t code, struct str reason)
{
    (void)out;
    (void)code;
    (void)reason;
}

/* --- WebSocket (RFC 6455) --- */

#define MISSED_MAX 2

static enum err ws_check(const struct http_head *h)
{
    struct buf accept = BUF_INIT;
    if (!str_eq(h->method, STR("GET")))
        return ERR_METHOD;
    if (h->minor == 0 || !http_header_has(h, STR("connection"), STR("upgrade")) ||
        !http_header_has(h, STR("upgrade"), STR("websocket")) ||
        !str_eq(http_header(h, STR("sec-websocket-version")), STR("13")))
        return ERR_UPGRADE;
    if (h->content_length > 0 || h->chunked)
        return ERR_INVALID; /* what follows the head must be frames */
    enum err e = ws_append_accept(&accept, http_header(h, STR("sec-websocket-key")));
    buf_release(&accept);
    return e;
}

/* Choose among the client's extensions, whose header may come several times (RFC 6455 9.1). */
static enum ws_deflate negotiate(const struct http_head *h, struct buf *answer)
{
    struct buf offers = BUF_INIT;
    for (size_t i = 0; i < h->header_count; i++) {
        if (!str_eq_nocase(h->headers[i].name, STR("sec-websocket-extensions")))
            continue;
        if (offers.n > 0)
            buf_append_lit(&offers, ", ");
        buf_append_str(&offers, h->headers[i].value);
    }
    enum ws_deflate deflate = ws_negotiate(buf_str(&offers), answer);
    buf_release(&offers);
    return deflate;
}

static void append_extensions(struct buf *out, struct conn *c, const struct http_head *h)
{
    struct buf answer = BUF_INIT;
    enum ws_deflate deflate = negotiate(h, &answer);
    c->deflate = deflate & 3;
    if (deflate != WS_PLAIN) {
        buf_append_lit(out, "Sec-WebSocket-Extensions: ");
        buf_append_str(out, buf_str(&answer));
        buf_append_lit(out, "\r\n");
    }
    buf_release(&answer);
}

static void ws_append_head(struct buf *out, struct conn *c, const struct http_head *h,
                           struct str headers)
{
    struct str subprotocol = c->endpoint->subprotocol;
    http_append_status(out, 101);
    buf_append_lit(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    if (ws_append_accept(out, http_header(h, STR("sec-websocket-key"))) != OK)
        assert(!"ws_check saw the key");
    buf_append_lit(out, "\r\n");
    append_extensions(out, c, h);
    if (subprotocol.n > 0) {
        buf_append_lit(out, "Sec-WebSocket-Protocol: ");
        buf_append_str(out, subprotocol);
        buf_append_lit(out, "\r\n");
    }
    buf_append_str(out, headers);
    buf_append_lit(out, "\r\n");
}

void ws_send(struct conn *c, enum ws_opcode opcode, struct str payload)
{
    struct buf frame = BUF_INIT;
    struct deflater *d = c->deflate == WS_DEFLATE ? c->server->deflater : NULL;
    ws_append_message(&frame, d, opcode, payload);
    conn_write(c, buf_str(&frame));
    buf_release(&frame);
}

static void take_message(struct conn *c, const struct ws_message *m)
{
    switch (m->opcode) {
    case WS_PING:
        ws_send(c, WS_PONG, m->data);
        break;
    case WS_PONG:
        break;
    case WS_CLOSE:
        conn_end_code(c, END_CLOSED, m->code);
        break;
    case WS_TEXT:
    case WS_BINARY:
        if (c->endpoint->on_message)
            c->endpoint->on_message(c, m);
        break;
    }
}

/* Of all messages that are not complete yet. Whoever wants more while they hold this much is sent
 * away, unless it holds little itself. */
#define PARTIAL_MEMORY ((size_t)256 * 1024 * 1024)
#define PARTIAL_LITTLE ((size_t)64 * 1024)

static enum err read_message(struct conn *c, struct str in, size_t *used, struct ws_message *m)
{
    size_t before = ws_reader_memory(c->reader);
    enum err e = ws_read(&c->reader, in, &c->endpoint->limits, c->deflate, used, m);
    size_t after = ws_reader_memory(c->reader);
    c->server->partial_bytes += after - before;
    if (e == ERR_MORE && after > PARTIAL_LITTLE && c->server->partial_bytes > PARTIAL_MEMORY) {
        m->code = WS_CLOSE_TRY_LATER;
        return ERR_BUSY;
    }
    return e;
}

static size_t ws_on_input(struct conn *c, struct str in)
{
    struct ws_message m;
    size_t used = 0;
    c->missed = 0;
    enum err e = read_message(c, in, &used, &m);
    if (e == ERR_MORE)
        return in.n;
    if (e == OK) {
        c->server->taken += m.data.n;
        take_message(c, &m);
        if (used == in.n) { /* an idle connection holds no memory */
            c->server->partial_bytes -= ws_reader_memory(c->reader);
            ws_reader_trim(&c->reader);
            c->server->partial_bytes += ws_reader_memory(c->reader);
        }
        return used;
    }
    conn_end_code(c, e == ERR_BUSY ? END_CROWDED : END_PROTOCOL, m.code);
    return in.n;
}

static void ws_on_beat(struct conn *c)
{
    static const char ping[] = {(char)(0x80 | WS_PING), 0};
    if (c->missed >= MISSED_MAX) {
        conn_close(c, END_DEAD);
        return;
    }
    c->missed++;
    if (conn_is_drained(c))
        conn_write(c, str_make(ping, sizeof(ping)));
}

/* A normal closure answers the peer's own: there is no reason to give. */
static void ws_append_end(struct buf *out, uint16_t code, struct str reason)
{
    bool normal = code == WS_CLOSE_NORMAL || code == WS_CLOSE_NO_STATUS;
    ws_append_close(out, code, normal ? STR_NULL : reason);
}

const struct transport *transport_of(enum transport_kind kind)
{
    static const struct transport kinds[] = {
        [TRANSPORT_SSE] = {sse_check, sse_append_head, sse_on_input, sse_on_beat, sse_append_end,
                           .same_site_only = false},
        [TRANSPORT_WS] = {ws_check, ws_append_head, ws_on_input, ws_on_beat, ws_append_end,
                          .same_site_only = true},
    };
    return kind == TRANSPORT_NONE ? NULL : &kinds[kind];
}
