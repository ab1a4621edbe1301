/* POST /publish: an envelope to the sockets of a user; answered when all have acknowledged it. */
#include "base/base.h"

#include "ep/ep.h"
#include "fanout.h"
#include "parts.h"
#include "reply.h"
#include "server.h"
#include "wire/json.h"

/* These texts, and nothing else in the body. */
bool publish_append_error(struct buf *body, struct str *type, enum err e)
{
    struct str text = e == ERR_UNAUTHORIZED   ? STR("Unauthorized")
                      : e == ERR_MEDIA_TYPE   ? STR("Unsupported Media Type")
                      : e == ERR_INVALID_JSON ? STR("Invalid JSON body")
                      : e == ERR_INVALID      ? STR("userId is required")
                                              : STR_NULL;
    (void)type;
    if (!text.p)
        return false;
    buf_append_lit(body, "{\"error\":\"");
    buf_append_str(body, text);
    buf_append_lit(body, "\"}");
    return true;
}

/* A member that is a string, trimmed; else nothing. */
static struct str text_of(struct json_value v, struct arena *mem)
{
    return json_is(v, JSON_STRING) ? str_trim(json_string(v, mem)) : STR_NULL;
}

static enum err publish(struct conn *c, const struct call *call, struct json_value body,
                        struct arena *mem)
{
    struct str user_id = text_of(json_get(body, STR("userId")), mem);
    struct str type = text_of(json_get(body, STR("type")), mem);
    struct json_value payload = json_get(body, STR("payload"));
    struct publish *waiting;
    if (user_id.n == 0)
        return ERR_INVALID;
    if (!call->backend && !str_eq(user_id, call->user_id))
        return ERR_FORBIDDEN;
    enum err e =
        fanout_publish(c->server->parts->fanout, c, user_id, type.n > 0 ? type : STR("message"),
                       json_is_absent(payload) ? STR_NULL : json_raw(payload), &waiting);
    if (e != OK)
        return e;
    if (waiting) {
        c->stream = waiting;
        return ERR_MORE;
    }
    reply_call(c, call->cors, STR("{\"clientCount\":0,\"results\":[]}"));
    return OK;
}

enum err publish_post(struct conn *c, const struct call *call)
{
    struct arena mem = ARENA_INIT;
    struct json doc;
    if (!call->is_json)
        return ERR_MEDIA_TYPE;
    enum err e = json_parse(&doc, call->body, JSON_WITH_NUL, &mem);
    if (e == OK && json_is(json_root(&doc), JSON_OBJECT))
        e = publish(c, call, json_root(&doc), &mem);
    else
        e = ERR_INVALID_JSON;
    arena_release(&mem);
    return e;
}

void publish_on_end(struct conn *c, enum end why, struct buf *out)
{
    (void)why;
    (void)out;
    fanout_answer(c->stream);
}

void publish_on_close(struct conn *c)
{
    if (c->stream)
        fanout_cancel(c->stream);
}
