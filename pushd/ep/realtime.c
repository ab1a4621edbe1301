/* GET /realtime?key=: the renders of a page, as Server-Sent Events or over a WebSocket. */
#include "base/base.h"

#include "base/mem.h"
#include "ep/ep.h"
#include "live.h"
#include "parts.h"
#include "server.h"
#include "wire/sse.h"

struct page_reader {
    struct keyed_sub sub;
    struct str key; /* until the stream begins; owned */
};

/* --- formats --- */

static void append_sse(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    struct sse_event sse = {.event = e->name, .data = e->data};
    (void)scratch;
    sse_append(out, &sse);
}

static void append_message(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    buf_append_lit(out, "{\"event\":\"render\",\"data\":");
    buf_append_str(out, e->data);
    buf_append_lit(out, ",\"timestamp\":");
    buf_append_i64(out, e->at);
    buf_append_lit(out, "}");
}

static const struct format format_sse = {append_sse, .is_message = false};
static const struct format format_ws = {append_message, .is_message = true};

/* --- hooks --- */

enum err realtime_open(struct conn *c, const struct request *r)
{
    struct str key = form_get(&r->query, STR("key"));
    struct page_reader *p = mem_zalloc(1, sizeof(*p));
    c->stream = p;
    p->sub.sub.conn = c;
    if (key.n == 0)
        return ERR_INVALID;
    if (key.n > LIVE_KEY_MAX)
        return ERR_URI_TOO_LONG;
    p->key = str_make(mem_dup(key.p, key.n), key.n);
    return OK;
}

static void forget_key(struct page_reader *p)
{
    mem_free((char *)p->key.p);
    p->key = STR_NULL;
}

enum err realtime_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct page_reader *p = c->stream;
    bool ws = c->endpoint->transport == TRANSPORT_WS;
    (void)user_id;
    (void)out;
    live_listen(c->server->parts->live, p->key, &p->sub, ws ? &format_ws : &format_sse);
    forget_key(p);
    return OK;
}

/* A browser cannot send the protocol's own pings. */
void realtime_on_message(struct conn *c, const struct ws_message *m)
{
    if (str_eq(str_trim(m->data), STR("ping")))
        ws_send(c, WS_TEXT, STR("pong"));
}

void realtime_on_close(struct conn *c)
{
    struct page_reader *p = c->stream;
    live_unlisten(c->server->parts->live, &p->sub);
    forget_key(p);
    mem_free(p);
}
