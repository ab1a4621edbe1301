/* Messages in frames. */
#include "base/base.h"

#include "framed.h"
#include "server.h"
#include "wire/ws.h"

void framed_send(struct framed *m, struct conn *c)
{
    bool deflate = c->deflate == WS_DEFLATE;
    struct framed_form *f = deflate ? &m->deflated : &m->plain;
    if (f->frame.n == 0)
        ws_append_message(&f->frame, deflate ? c->server->deflater : NULL, WS_TEXT,
                          buf_str(&m->text));
    if (conn_send(c, buf_str(&f->frame), &f->shared))
        return;
    c->server->stats.slow++;
    conn_end(c, END_SLOW);
}

static void reset_form(struct framed_form *f)
{
    buf_reset(&f->frame);
    msg_unref(f->shared);
    f->shared = NULL;
}

void framed_reset(struct framed *m)
{
    buf_reset(&m->text);
    reset_form(&m->plain);
    reset_form(&m->deflated);
}

void framed_release(struct framed *m)
{
    framed_reset(m);
    buf_release(&m->text);
    buf_release(&m->plain.frame);
    buf_release(&m->deflated.frame);
}
