/*
 * When a user's changed notes go out: a delete at once, another change too unless an update went
 * out just before; then changes are gathered for a while, and the last stands for all.
 */
#ifndef PUSHD_WINDOW_H
#define PUSHD_WINDOW_H

#include "loop.h"

/* What happened last, as an update tells it. */
struct window_change {
    char operation[16];
    char affected[40]; /* a note's id; "": nobody knows */
};

/* Embedded in its owner. */
struct window {
    struct loop *loop;
    void (*on_due)(struct window *w); /* time to look, and to take what is due */
    struct loop_timer timer;          /* set: it is open */
    int64_t updated_at;               /* when an update went out last; monotonic ms */
    bool changed;                     /* since then */
    bool due;                         /* … and it may wait no longer */
    struct window_change change;
};

void window_init(struct window *w, struct loop *l, void (*on_due)(struct window *w));
/* Forget what it gathered. */
void window_clear(struct window *w);

void window_add(struct window *w, struct str operation, struct str affected);

/* Take what is due; false: nothing. */
bool window_take(struct window *w, struct window_change *out);

/* An update went out now. */
void window_sent(struct window *w);

/* It could not be done: on_due comes again soon, with c (NULL: nothing was taken) if nothing has
 * happened since. */
void window_again(struct window *w, const struct window_change *c);

#endif
