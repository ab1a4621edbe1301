/* Comparing every log with its cursor: what hints lost, and what happened while nobody sent. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/webhook_lanes.h"
#include "store/tree.h"

#define SOON_MS  1000 /* after one sweep, when another is wanted */
#define STEP_US  5000 /* of work, then as long a rest */
#define PAUSE_MS 200  /* while there is no room for what may be found */
#define CURSORS  64   /* looked at in one go */

void sweep_want(struct receiver *r)
{
    struct sweep *s = &r->sweep;
    s->wanted = true;
    if (!s->on && s->next_at > s->ended_at + SOON_MS)
        s->next_at = s->ended_at + SOON_MS;
}

struct visit {
    struct receiver *receiver;
    bool full; /* something had no room */
};

/* Is there something to be sent? */
static bool has_news(struct receiver *r, const struct tree_entry *t)
{
    struct webhook *w = r->owner;
    struct webhooks_cursor c;
    struct next next = {.kind = NEXT_NONE};
    struct space *sp;
    enum err e = webhooks_cursor(w->cursors, r->row.id, t->kind, t->id, &c);
    if (e && e != ERR_NOT_FOUND)
        return false;
    e = space_acquire(w->store, t->kind, t->id, &sp);
    if (e)
        return false; /* deleted meanwhile, or damaged: the next sweep looks again */
    e = space_begin_read(sp);
    if (!e)
        e = next_look(sp, r->row.since, &c, &next);
    space_release(sp);
    return !e && next.kind != NEXT_NONE;
}

static enum err on_entry(void *arg, const struct tree_entry *t)
{
    struct visit *v = arg;
    if (t->is_space && has_news(v->receiver, t) && !lane_touch(v->receiver, t->kind, t->id))
        v->full = true;
    return atomic_load(&v->receiver->owner->stop) ? ERR_BUSY : OK;
}

/* Cursors whose space is no more. */
static bool visit_cursors(struct receiver *r, bool *full)
{
    struct webhook *w = r->owner;
    struct webhooks_cursor list[CURSORS];
    size_t count = 0;
    enum err e = webhooks_next_cursors(w->cursors, r->row.id, &r->sweep.at, list, CURSORS, &count);
    for (size_t i = 0; !e && i < count; i++) {
        struct str id = str_from_c(list[i].id);
        if (!next_file_is_there(w->data_dir, list[i].kind, id) && !lane_touch(r, list[i].kind, id))
            *full = true;
    }
    if (count)
        r->sweep.at = list[count - 1];
    return !e && count == CURSORS;
}

static unsigned parts_of(enum space_kind kind)
{
    return kind == SPACE_USER || kind == SPACE_ORG ? TREE_PARTS : 1;
}

static void end(struct receiver *r, int64_t now)
{
    struct sweep *s = &r->sweep;
    s->on = false;
    s->ended_at = now;
    s->next_at = now + WEBHOOK_SWEEP_MS;
    if (s->wanted)
        sweep_want(r);
    pthread_mutex_lock(&r->owner->lock);
    r->owner->stats.sweeps++;
    pthread_mutex_unlock(&r->owner->lock);
}

/* One folder, or some cursors. What had no room is looked for by the sweep after this one. */
static void advance(struct receiver *r, int64_t now)
{
    struct sweep *s = &r->sweep;
    struct visit v = {.receiver = r};
    if (s->kind < SPACE_KINDS) {
        enum err e = tree_walk_part(r->owner->data_dir, s->kind, s->part, on_entry, &v);
        v.full = v.full || (e && e != ERR_NOT_FOUND);
        if (++s->part == parts_of(s->kind)) {
            s->part = 0;
            s->kind++;
        }
    } else if (!visit_cursors(r, &v.full)) {
        end(r, now);
    }
    if (v.full)
        sweep_want(r);
}

static void begin(struct sweep *s)
{
    s->on = true;
    s->wanted = false;
    s->kind = SPACE_USER;
    s->part = 0;
    s->at = (struct webhooks_cursor){.kind = SPACE_MAIN};
}

void sweep_step(struct receiver *r, int64_t now)
{
    struct sweep *s = &r->sweep;
    int64_t begun = clock_mono_us(), took = 0;
    if (now < s->next_at)
        return;
    s->next_at = now + PAUSE_MS;
    if (receiver_is_down(r) || r->lanes.count > WEBHOOK_LANES_MAX / 2)
        return;
    if (!s->on)
        begin(s);
    while (s->on && took < STEP_US && r->lanes.count <= WEBHOOK_LANES_MAX / 2) {
        advance(r, now);
        took = clock_mono_us() - begun;
    }
    if (s->on)
        s->next_at = r->owner->once ? now : now + took / 1000 + 1;
}
