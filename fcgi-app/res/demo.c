/* What only the demonstration page needs (demo = on). */
#include "base/base.h"

#include "res/res.h"

#define MESSAGE_MAX 2000

/* A notification's data: {"message":"📢 Broadcast: …","type":"info","read":false}. */
static struct str notification(struct req *r, struct str message)
{
    struct buf b = BUF_INIT;
    struct str text = arena_printf(r->mem, "📢 Broadcast: %.*s", STR_ARG(message));
    buf_append_lit(&b, "{\"message\":");
    json_append_string(&b, text);
    buf_append_lit(&b, ",\"type\":\"info\",\"read\":false}");
    struct str data = arena_dup(r->mem, buf_str(&b));
    buf_release(&b);
    return data;
}

/* Everyone who is connected hears of it, once it is committed; nothing is logged. */
static void tell_everyone(struct req *r, struct str message)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "{\"message\":");
    json_append_string(&b, message);
    buf_append_lit(&b, ",\"userId\":");
    json_append_string(&b, r->who.user_id);
    buf_append_ch(&b, '}');
    change_tell_everyone(&r->change, STR("demo:broadcast"), arena_dup(r->mem, buf_str(&b)));
    buf_release(&b);
}

enum err demo_broadcast(struct req *r)
{
    const struct collection *c = collections_find(r->app->collections, STR("notifications"));
    struct str message;
    struct row row;
    if (!req_json_string(r, STR("message"), &message) || message.n == 0 || message.n > MESSAGE_MAX)
        return req_fail(r, ERR_INVALID, "message is a text of 1 to %d bytes", MESSAGE_MAX);
    if (!c || c->table.scope != r->space->kind)
        return req_fail(r, ERR_NOT_FOUND, "There is no collection notifications");
    enum err e = change_row_create(&r->change, c, notification(r, message), &row);
    if (e)
        return e;
    tell_everyone(r, message);
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":");
    row_append(&r->body_out, &row, r->who.user_id);
    buf_append_ch(&r->body_out, '}');
    return OK;
}
