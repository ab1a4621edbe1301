/*
 * Comparing every log with its cursor: what hints lost, and what happened while nobody sent. A file
 * that did not change since everything was sent is not opened: 10,000 idle users cost some tens of
 * milliseconds.
 */
#include "base/base.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "domain/webhook_lanes.h"
#include "store/tree.h"

#define SOON_MS  1000            /* after one sweep, when another is wanted */
#define STEP_US  5000            /* of work, then as long a rest */
#define PAUSE_MS 200             /* while there is no room for what may be found */
#define CURSORS  64              /* looked at in one go */
#define SLACK_MS INT64_C(600000) /* by so much clocks may have been set */

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

/* Was this file written to later than that, or is it not there? Unix milliseconds. */
static bool was_written(const char *path, int64_t at)
{
    struct stat st;
    return stat(path, &st) < 0 || (int64_t)st.st_mtim.tv_sec * 1000 >= at;
}

/* Each commit writes to the WAL, and what replaces a file is written anew. */
static bool has_changed(const struct receiver *r, const struct tree_entry *t)
{
    struct arena mem = ARENA_INIT;
    struct stat st;
    int64_t at = r->row.clean_at - SLACK_MS;
    if (at <= 0)
        return true;
    struct str path = arena_printf(&mem, "%s/%.*s-wal", r->owner->data_dir, STR_ARG(t->path));
    bool has = stat(path.p, &st) == 0 && was_written(path.p, at);
    if (!has) {
        path = arena_printf(&mem, "%s/%.*s", r->owner->data_dir, STR_ARG(t->path));
        has = was_written(path.p, at);
    }
    arena_release(&mem);
    return has;
}

/* *news: there is something to be sent. */
static enum err look(struct receiver *r, const struct tree_entry *t, bool *news)
{
    struct webhook *w = r->owner;
    struct webhooks_cursor c;
    struct next next = {.kind = NEXT_NONE};
    struct space *sp;
    enum err e = webhooks_cursor(w->cursors, r->row.id, t->kind, t->id, &c);
    if (e && e != ERR_NOT_FOUND)
        return e;
    e = space_acquire(w->store, t->kind, t->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    e = space_begin_read(sp);
    if (!e)
        e = next_look(sp, r->row.since, &c, &next);
    space_release(sp);
    *news = !e && next.kind != NEXT_NONE;
    return e;
}

/* What cannot be read now is looked at by the next sweep. */
static enum err on_entry(void *arg, const struct tree_entry *t)
{
    struct visit *v = arg;
    struct receiver *r = v->receiver;
    bool news = false;
    if (t->is_space && has_changed(r, t) && look(r, t, &news) != OK)
        r->sweep.partial = true;
    if (news && !lane_touch(r, t->kind, t->id))
        v->full = true;
    return atomic_load(&r->owner->stop) ? ERR_BUSY : OK;
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
    if (v.full) {
        s->partial = true;
        sweep_want(r);
    }
}

/* A clock that was set back may hide what was written since: then everything is looked at. */
static void begin(struct receiver *r)
{
    struct sweep *s = &r->sweep;
    s->on = true;
    s->wanted = false;
    s->partial = false;
    s->began_at = clock_wall_ms();
    if (r->row.clean_at > s->began_at)
        r->row.clean_at = 0;
    s->kind = SPACE_USER;
    s->part = 0;
    s->at = (struct webhooks_cursor){.kind = SPACE_MAIN};
}

void sweep_settle(struct receiver *r)
{
    const struct sweep *s = &r->sweep;
    bool busy = false;
    for (size_t i = 0; i < LANE_DONE; i++)
        busy = busy || !list_is_empty(&r->list[i]);
    if (busy || s->on || s->partial || r->row.clean_at >= s->began_at)
        return;
    r->row.clean_at = s->began_at;
    r->row_changed = true;
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
        begin(r);
    while (s->on && took < STEP_US && r->lanes.count <= WEBHOOK_LANES_MAX / 2) {
        advance(r, now);
        took = clock_mono_us() - begun;
    }
    if (s->on)
        s->next_at = r->owner->once ? now : now + took / 1000 + 1;
}
