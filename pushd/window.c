/* Gathering changes. */
#include "base/base.h"

#include "base/str.h"
#include "window.h"

#define QUIET_MS 200 /* so long after an update the next change goes out at once */
#define OPEN_MS  150 /* … else so long after it came */
#define AGAIN_MS 500 /* after a failure */

static void on_timer(struct loop_timer *t)
{
    struct window *w = container_of(t, struct window, timer);
    w->due = w->changed;
    w->on_due(w);
}

void window_init(struct window *w, struct loop *l, void (*on_due)(struct window *w))
{
    *w = (struct window){.loop = l, .on_due = on_due, .updated_at = loop_now(l) - QUIET_MS};
    loop_timer_init(&w->timer, on_timer);
}

void window_clear(struct window *w)
{
    w->changed = w->due = false;
    loop_timer_clear(&w->timer);
}

static void set_change(struct window_change *c, struct str operation, struct str affected)
{
    *c = (struct window_change){.operation = ""};
    if (operation.n < sizeof(c->operation))
        memcpy(c->operation, operation.p, operation.n);
    if (affected.n > 0 && affected.n < sizeof(c->affected))
        memcpy(c->affected, affected.p, affected.n);
}

void window_add(struct window *w, struct str operation, struct str affected)
{
    int64_t now = loop_now(w->loop);
    bool open = !list_is_empty(&w->timer.node);
    set_change(&w->change, operation, affected);
    w->changed = true;
    if (str_eq(operation, STR("delete")) || (!open && now - w->updated_at >= QUIET_MS)) {
        w->due = true;
        w->on_due(w);
    } else if (!open) {
        loop_timer_set(w->loop, &w->timer, now + OPEN_MS);
    }
}

bool window_take(struct window *w, struct window_change *out)
{
    if (!w->due)
        return false;
    *out = w->change;
    window_clear(w);
    window_sent(w);
    return true;
}

void window_sent(struct window *w)
{
    w->updated_at = loop_now(w->loop);
}

void window_again(struct window *w, const struct window_change *c)
{
    if (c && !w->changed) {
        w->change = *c;
        w->changed = true;
    }
    loop_timer_set(w->loop, &w->timer, loop_now(w->loop) + AGAIN_MS);
}
