/* POST /live/render: any script that holds the secret makes its page live. */
#include "base/base.h"

#include "ep/ep.h"
#include "live.h"
#include "parts.h"
#include "reply.h"
#include "server.h"
#include "wire/json.h"

/* {"key":…,"html":…}, of the caller's own text. */
static void append_data(struct buf *out, struct json_value key, struct json_value html)
{
    buf_append_lit(out, "{\"key\":");
    buf_append_str(out, json_raw(key));
    if (!json_is_absent(html)) {
        buf_append_lit(out, ",\"html\":");
        buf_append_str(out, json_raw(html));
    }
    buf_append_lit(out, "}");
}

static enum err render(struct conn *c, struct json_value body, struct arena *mem, size_t *count)
{
    struct json_value key = json_get(body, STR("key")), html = json_get(body, STR("html"));
    struct buf data = BUF_INIT;
    if (!json_is(key, JSON_STRING) || (!json_is_absent(html) && !json_is(html, JSON_STRING)))
        return ERR_INVALID;
    struct str name = json_string(key, mem);
    if (name.n == 0 || name.n > LIVE_KEY_MAX)
        return ERR_INVALID;
    append_data(&data, key, html);
    *count = live_render(c->server->parts->live, name, buf_str(&data));
    buf_release(&data);
    return OK;
}

static void answer(struct conn *c, const struct call *call, size_t count)
{
    struct buf json = BUF_INIT;
    buf_append_lit(&json, "{\"ok\":true,\"clientCount\":");
    buf_append_u64(&json, count);
    buf_append_lit(&json, "}");
    reply_call(c, call->cors, buf_str(&json));
    buf_release(&json);
}

enum err live_render_post(struct conn *c, const struct call *call)
{
    struct arena mem = ARENA_INIT;
    struct json doc;
    size_t count = 0;
    if (!call->backend)
        return ERR_FORBIDDEN;
    if (!call->is_json)
        return ERR_MEDIA_TYPE;
    enum err e = json_parse(&doc, call->body, JSON_STRICT, &mem);
    if (e == OK)
        e = render(c, json_root(&doc), &mem, &count);
    if (e == OK)
        answer(c, call, count);
    arena_release(&mem);
    return e;
}
