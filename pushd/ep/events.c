/* GET /api/events: the changes of a space as Server-Sent Events. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "ep/ep.h"
#include "feed.h"
#include "server.h"
#include "wire/json.h"
#include "wire/sse.h"

struct reader {
    struct follower follower;
    struct str last; /* Last-Event-ID, until the stream begins; owned */
};

/* --- formats --- */

/* {"event":name,"data":…,"timestamp":ms} */
static struct str envelope(const struct hub_event *e, struct buf *text)
{
    buf_append_lit(text, "{\"event\":");
    json_append_string(text, e->name);
    buf_append_lit(text, ",\"data\":");
    buf_append_str(text, e->data);
    buf_append_lit(text, ",\"timestamp\":");
    buf_append_i64(text, e->at);
    buf_append_lit(text, "}");
    return buf_str(text);
}

static void append_event(struct buf *out, const struct hub_event *e, struct str event_line)
{
    struct buf text = BUF_INIT;
    struct sse_event sse = {.id = e->id, .event = event_line, .data = envelope(e, &text)};
    sse_append(out, &sse);
    buf_release(&text);
}

static void append_named(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    append_event(out, e, e->name);
}

/* ?format=message: all arrive in the page's onmessage. */
static void append_message(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    append_event(out, e, STR_NULL);
}

static const struct format format_named = {append_named, .is_message = false};
static const struct format format_message = {append_message, .is_message = false};

/* An event of this connection's own. */
static void append_own(struct buf *out, const struct reader *rd, struct str id, struct str name,
                       struct str data)
{
    struct hub_event e = {.id = id, .name = name, .data = data, .at = clock_wall_ms()};
    rd->follower.format->append(out, &e, NULL);
}

/* --- hooks --- */

static enum err read_options(struct reader *rd, const struct request *r)
{
    struct str events = form_get(&r->query, STR("events"));
    struct str format = form_get(&r->query, STR("format"));
    struct filter *filter = NULL;
    rd->follower.format = str_eq(format, STR("message")) ? &format_message : &format_named;
    if (form_get(&r->query, STR("org")).p)
        return ERR_NOT_FOUND; /* an organization the user is no member of */
    enum err e = events.n > 0 ? filter_parse(&filter, events) : OK;
    rd->follower.sub.filter = filter;
    return e;
}

/* The header wins: the browser sends it when it reconnects, with the address unchanged. */
static void read_last_id(struct reader *rd, const struct request *r)
{
    struct str last = http_header(r->head, STR("last-event-id"));
    if (last.n == 0)
        last = form_get(&r->query, STR("lastEventId"));
    if (last.n == 0)
        return;
    rd->last = str_make(mem_dup(last.p, last.n), last.n);
}

enum err events_open(struct conn *c, const struct request *r)
{
    struct reader *rd = mem_zalloc(1, sizeof(*rd));
    c->stream = rd;
    rd->follower.sub.conn = c;
    list_init(&rd->follower.node);
    read_last_id(rd, r);
    return read_options(rd, r);
}

static void forget_last_id(struct reader *rd)
{
    mem_free((char *)rd->last.p);
    rd->last = STR_NULL;
}

/* "epoch":"…","seq":n} */
static void append_head_of_log(struct buf *data, const struct feed_position *at)
{
    buf_append_lit(data, "\"epoch\":\"");
    buf_append_str(data, at->epoch);
    buf_append_lit(data, "\",\"seq\":");
    buf_append_u64(data, at->seq);
    buf_append_lit(data, "}");
}

static void append_connected(struct buf *out, const struct reader *rd,
                             const struct feed_position *at)
{
    char client_id[RAND_ID_LEN + 1];
    struct buf id = BUF_INIT, data = BUF_INIT;
    rand_id(client_id);
    event_id_append(&id, at->epoch, at->from);
    buf_append_lit(&data, "{\"clientId\":\"");
    buf_append(&data, client_id, RAND_ID_LEN);
    buf_append_lit(&data, "\",");
    append_head_of_log(&data, at);
    append_own(out, rd, buf_str(&id), STR("realtime:connected"), buf_str(&data));
    if (at->resync) {
        buf_reset(&data);
        buf_append_lit(&data, "{");
        append_head_of_log(&data, at);
        append_own(out, rd, buf_str(&id), STR("realtime:resync"), buf_str(&data));
    }
    buf_release(&id);
    buf_release(&data);
}

enum err events_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct reader *rd = c->stream;
    struct feed_position at;
    (void)user_id;
    /* Clients of a restart come back spread out. */
    sse_append_retry(out, 2000 + server_spread(c->server, 3001));
    feed_follow(&rd->follower, c->login, rd->last, &at);
    forget_last_id(rd);
    append_connected(out, rd, &at);
    return OK;
}

void events_on_drain(struct conn *c)
{
    struct reader *rd = c->stream;
    feed_drained(&rd->follower);
}

void events_on_expiring(struct conn *c)
{
    const struct reader *rd = c->stream;
    struct buf out = BUF_INIT;
    append_own(&out, rd, STR_NULL, STR("realtime:token_expiring"), STR("{\"expiresIn\":60}"));
    conn_write(c, buf_str(&out));
    buf_release(&out);
}

void events_on_end(struct conn *c, enum end why, struct buf *out)
{
    const struct reader *rd = c->stream;
    struct buf data = BUF_INIT;
    if (end_code(why) != WS_CLOSE_UNAUTHORIZED)
        return;
    buf_append_lit(&data, "{\"code\":");
    json_append_string(&data, err_code(ERR_UNAUTHORIZED));
    buf_append_lit(&data, ",\"message\":");
    json_append_string(&data, err_text(ERR_UNAUTHORIZED));
    buf_append_lit(&data, "}");
    append_own(out, rd, STR_NULL, STR("realtime:error"), buf_str(&data));
    buf_release(&data);
}

void events_on_close(struct conn *c)
{
    struct reader *rd = c->stream;
    feed_unfollow(&rd->follower);
    filter_free((struct filter *)rd->follower.sub.filter);
    forget_last_id(rd);
    mem_free(rd);
}
