/*
 * GET /api/ws without a subprotocol: changes as UserDO's clients know them, over WebSocket. An
 * event's name is split differently there, and nothing but {event, data, timestamp} goes out.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ep/ep.h"
#include "feed.h"
#include "server.h"
#include "wire/json.h"

static void append_timestamp(struct buf *text, int64_t at)
{
    buf_append_lit(text, ",\"timestamp\":");
    buf_append_i64(text, at);
    buf_append_lit(text, "}");
}

/* table:posts:create → {"event":"table:posts","data":{"type":"create","data":row}} */
static void append_row(struct buf *text, const struct hub_event *e, struct json_value data)
{
    size_t split = e->name.n;
    while (e->name.p[split - 1] != ':')
        split--;
    struct str type = str_from(e->name, split);
    struct json_value id = json_get(data, STR("id"));

    buf_append_lit(text, "{\"event\":");
    json_append_string(text, str_make(e->name.p, split - 1));
    buf_append_lit(text, ",\"data\":{\"type\":");
    json_append_string(text, type);
    buf_append_lit(text, ",\"data\":");
    if (str_eq(type, STR("delete")) && !json_is_absent(id)) {
        buf_append_lit(text, "{\"id\":");
        buf_append_str(text, json_raw(id));
        buf_append_lit(text, "}");
    } else {
        buf_append_str(text, e->data);
    }
    buf_append_lit(text, "}");
}

/* kv:set {key,value} → {"event":"kv:<key>","data":<value>}, null after kv:delete */
static void append_key(struct buf *text, struct json_value data, struct arena *scratch)
{
    struct json_value key = json_get(data, STR("key")), value = json_get(data, STR("value"));
    struct buf name = BUF_INIT;
    buf_append_lit(&name, "kv:");
    if (json_is(key, JSON_STRING))
        buf_append_str(&name, json_string(key, scratch));
    buf_append_lit(text, "{\"event\":");
    json_append_string(text, buf_str(&name));
    buf_append_lit(text, ",\"data\":");
    buf_append_str(text, json_is_absent(value) ? STR("null") : json_raw(value));
    buf_release(&name);
}

static void append_as_it_is(struct buf *text, const struct hub_event *e)
{
    buf_append_lit(text, "{\"event\":");
    json_append_string(text, e->name);
    buf_append_lit(text, ",\"data\":");
    buf_append_str(text, e->data);
}

static void append_event(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    struct json doc;
    if (str_starts_with(e->name, STR("realtime:")))
        return; /* these clients know no log to resume */
    bool parsed = json_parse(&doc, e->data, JSON_WITH_NUL, scratch) == OK;
    if (parsed && str_starts_with(e->name, STR("table:")))
        append_row(out, e, json_root(&doc));
    else if (parsed && str_starts_with(e->name, STR("kv:")))
        append_key(out, json_root(&doc), scratch);
    else
        append_as_it_is(out, e);
    append_timestamp(out, e->at);
}

static const struct format format_user_ws = {append_event, .is_message = true};

enum err user_ws_open(struct conn *c, const struct request *r)
{
    if (form_get(&r->query, STR("org")).p)
        return ERR_NOT_FOUND; /* it must not become the user's own space */
    struct follower *f = mem_zalloc(1, sizeof(*f));
    c->stream = f;
    f->sub.conn = c;
    f->format = &format_user_ws;
    list_init(&f->node);
    return OK;
}

enum err user_ws_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct feed_position at;
    struct buf text = BUF_INIT;
    (void)user_id;
    feed_follow(c->stream, c->login, STR_NULL, &at);
    buf_append_lit(&text, "{\"event\":\"connected\",\"message\":\"WebSocket connected\"");
    append_timestamp(&text, clock_wall_ms());
    ws_append_frame(out, WS_TEXT, buf_str(&text));
    buf_release(&text);
    return OK;
}

/* JSON comes back, other text is none of ours. */
void user_ws_on_message(struct conn *c, const struct ws_message *m)
{
    struct arena *mem = &c->server->mem;
    struct buf text = BUF_INIT;
    struct json doc;
    if (m->opcode == WS_TEXT && json_parse(&doc, m->data, JSON_WITH_NUL, mem) == OK) {
        buf_append_lit(&text, "{\"event\":\"echo\",\"original\":");
        buf_append_str(&text, json_raw(json_root(&doc)));
        buf_append_lit(&text, ",\"message\":\"Message received\"");
        append_timestamp(&text, clock_wall_ms());
        ws_send(c, WS_TEXT, buf_str(&text));
    }
    buf_release(&text);
    arena_reset(mem);
}

void user_ws_on_close(struct conn *c)
{
    if (!c->stream)
        return;
    feed_unfollow(c->stream);
    mem_free(c->stream);
}
