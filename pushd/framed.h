/* One WebSocket message for several connections: put into a frame once, and once more for those who
 * agreed to compression. */
#ifndef PUSHD_FRAMED_H
#define PUSHD_FRAMED_H

#include "base/buf.h"
#include "conn.h"

struct framed_form {
    struct buf frame;   /* empty: nobody needed it yet */
    struct msg *shared; /* for those who could not take it at once */
};

/* All zero is an empty one. The text is written by the caller, before the first is sent. */
struct framed {
    struct buf text;
    struct framed_form plain, deflated;
};

/* Is it open, and has it taken all it was sent? Then it can take one message of any length. */
static inline bool framed_is_welcome(const struct conn *c)
{
    return c->state == CONN_OPEN && conn_is_drained(c);
}

/* To one who is too slow for it: 4408. */
void framed_send(struct framed *m, struct conn *c);

/* Make room for another text. */
void framed_reset(struct framed *m);
void framed_release(struct framed *m);

#endif
