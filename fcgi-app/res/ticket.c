/* POST /api/ticket: for pages whose streams cannot send headers (docs/protocol.md section 7). */
#include "base/base.h"

#include "base/clock.h"
#include "res/res.h"

enum err ticket_post(struct req *r)
{
    struct buf *out = &r->body_out;
    buf_append_lit(out, "{\"ok\":true,\"ticket\":\"");
    who_sign_ticket(out, &r->app->keys, &r->who, clock_wall_ms() / 1000);
    buf_appendf(out, "\",\"expiresIn\":%d}", TICKET_S);
    return OK;
}
