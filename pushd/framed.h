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

/* False when c is too slow: nothing was taken. */
bool framed_send(struct framed *m, struct conn *c) must_check;

/* Make room for another text. */
void framed_reset(struct framed *m);
void framed_release(struct framed *m);

#endif
