/*
 * GET /ws/counter/{name}: every change of one counter, in order; with subprotocol cubby.v1 also how
 * many watch it.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/enc.h"
#include "base/mem.h"
#include "domain/counter.h"
#include "ep/ep.h"
#include "live.h"
#include "parts.h"
#include "server.h"
#include "wire/json.h"

struct watcher {
    struct live_viewer viewer;
    const struct format *format;
    struct str name; /* until the stream begins; owned */
};

/* --- formats: one for each set of operations, so that a set costs nothing per connection --- */

static unsigned bit_of(struct str op)
{
    static const struct str ops[] = {STR("increment"), STR("decrement"), STR("setValue"),
                                     STR("reset")};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
        if (str_eq(ops[i], op))
            return 1u << i;
    }
    return 0;
}

#define OPS_ALL     15u
#define OPS_LIST(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#define X(ops)                                                                                     \
    static void append_##ops(struct buf *out, const struct hub_event *e, struct arena *scratch)    \
    {                                                                                              \
        (void)scratch;                                                                             \
        if (bit_of(e->name) & (ops))                                                               \
            buf_append_str(out, e->data);                                                          \
    }
OPS_LIST(X)
#undef X

static const struct format formats[] = {
#define X(ops) [ops] = {append_##ops, .is_message = true},
    OPS_LIST(X)
#undef X
};

static void append_viewers(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    buf_append_str(out, e->data);
}

static const struct format format_viewers = {append_viewers, .is_message = true};

/* --- hooks --- */

/* ?types=increment,reset; absent or empty: all. */
static enum err read_types(struct str types, const struct format **out)
{
    unsigned ops = types.n > 0 ? 0 : OPS_ALL;
    while (types.n > 0) {
        size_t end = str_find(types, ',');
        unsigned bit = bit_of(str_make(types.p, end));
        if (bit == 0 || end + 1 == types.n)
            return ERR_INVALID;
        ops |= bit;
        types = str_from(types, end + 1);
    }
    *out = &formats[ops];
    return OK;
}

enum err counter_ws_open(struct conn *c, const struct request *r)
{
    struct watcher *w = mem_zalloc(1, sizeof(*w));
    struct str name;
    c->stream = w;
    w->viewer.changes.sub.conn = w->viewer.viewers.sub.conn = c;
    if (!percent_decode(r->mem, r->rest, false, &name) || !counter_name_is_valid(name))
        return ERR_INVALID;
    w->name = str_make(mem_dup(name.p, name.n), name.n);
    return read_types(form_get(&r->query, STR("types")), &w->format);
}

static void forget_name(struct watcher *w)
{
    mem_free((char *)w->name.p);
    w->name = STR_NULL;
}

enum err counter_ws_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct watcher *w = c->stream;
    struct live *l = c->server->parts->live;
    (void)user_id;
    (void)out;
    if (!live_counters_are_ready(l))
        return ERR_BUSY;
    live_watch(l, w->name, &w->viewer, w->format, NULL);
    forget_name(w);
    return OK;
}

enum err counter_v1_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct watcher *w = c->stream;
    struct live *l = c->server->parts->live;
    struct buf text = BUF_INIT;
    (void)user_id;
    if (!live_counters_are_ready(l))
        return ERR_BUSY;
    live_watch(l, w->name, &w->viewer, w->format, &format_viewers);
    live_append_viewers(&text, live_count_viewers(l, w->name));
    ws_append_frame(out, WS_TEXT, buf_str(&text));
    buf_release(&text);
    forget_name(w);
    return OK;
}

static void send_pong(struct conn *c)
{
    char iso[CLOCK_ISO_LEN + 1];
    struct buf text = BUF_INIT;
    clock_iso(clock_wall_ms(), iso);
    buf_appendf(&text, "{\"type\":\"pong\",\"timestamp\":\"%s\"}", iso);
    ws_send(c, WS_TEXT, buf_str(&text));
    buf_release(&text);
}

void counter_ws_on_message(struct conn *c, const struct ws_message *m)
{
    struct arena *mem = &c->server->mem;
    struct json doc;
    if (str_eq(str_trim(m->data), STR("ping"))) {
        ws_send(c, WS_TEXT, STR("pong"));
    } else if (json_parse(&doc, m->data, JSON_WITH_NUL, mem) != OK) {
        ws_send(c, WS_TEXT, STR("{\"type\":\"error\",\"message\":\"Invalid message format\"}"));
    } else {
        struct json_value type = json_get(json_root(&doc), STR("type"));
        if (json_is(type, JSON_STRING) && str_eq(json_string(type, mem), STR("ping")))
            send_pong(c);
    }
    arena_reset(mem);
}

void counter_ws_on_close(struct conn *c)
{
    struct watcher *w = c->stream;
    live_unwatch(c->server->parts->live, &w->viewer);
    forget_name(w);
    mem_free(w);
}
