/* What a receiver has to get next of a space: events, or word of those that it cannot get. */
#include "base/base.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "domain/webhook_lanes.h"
#include "store/tree.h"

/* Looked at in one reading. */
#define EVENTS_MAX 256
#define BYTES_MAX  (256 * 1024)

static void set_epoch(struct webhooks_cursor *c, const struct space *sp)
{
    memcpy(c->epoch, sp->epoch, sizeof c->epoch);
}

/* A space that was never looked at: from the first event on that is not older than the receiver. */
static enum err look_first(struct space *sp, int64_t since, struct webhooks_cursor *c,
                           struct next *out)
{
    enum err e = event_before(sp, since, &c->seq);
    bool lost = !e && c->seq == 0 && out->oldest > 1;
    out->kind = lost ? NEXT_TRIMMED : c->seq < out->newest ? NEXT_EVENTS : NEXT_NONE;
    if (!lost)
        set_epoch(c, sp);
    return e;
}

enum err next_look(struct space *sp, int64_t since, struct webhooks_cursor *c, struct next *out)
{
    out->kind = NEXT_NONE;
    enum err e = event_bounds(sp, &out->oldest, &out->newest);
    if (e)
        return e;
    if (!c->epoch[0])
        return look_first(sp, since, c, out);
    if (!str_eq(str_from_c(c->epoch), str_from_c(sp->epoch)) || out->newest < c->seq)
        out->kind = NEXT_RESTORED;
    else if (c->seq + 1 < out->oldest)
        out->kind = NEXT_TRIMMED;
    else if (c->seq < out->newest)
        out->kind = NEXT_EVENTS;
    return OK;
}

bool next_file_is_there(const char *data_dir, enum space_kind kind, struct str id)
{
    struct arena mem = ARENA_INIT;
    const char *path = arena_printf(&mem, "%s/%s", data_dir, tree_path(kind, id, &mem).p).p;
    bool is = access(path, F_OK) == 0;
    arena_release(&mem);
    return is;
}

/* --- messages --------------------------------------------------------------------------------- */

static struct message *message_new(struct lane *lane)
{
    struct message *m = mem_zalloc(1, sizeof *m);
    m->lane = lane;
    m->then = lane->cursor;
    return m;
}

void message_free(struct message *m)
{
    if (!m)
        return;
    buf_release(&m->id);
    buf_release(&m->body);
    buf_release(&m->signature);
    mem_free(m);
}

static void sign(struct message *m, const struct webhook *w)
{
    m->post.timestamp_s = clock_wall_ms() / 1000;
    webhook_append_signature(&m->signature, w->keys, w->key_count, buf_str(&m->id),
                             m->post.timestamp_s, buf_str(&m->body));
    m->post.url = m->lane->receiver->url;
    m->post.id = buf_str(&m->id);
    m->post.signature = buf_str(&m->signature);
    m->post.body = buf_str(&m->body);
}

/* m->then says where the lane will be. */
static void write_gap(struct message *m, enum webhook_gap why)
{
    const struct webhooks_cursor *from = &m->lane->cursor;
    struct str id = str_from_c(from->id), from_epoch = str_from_c(from->epoch);
    struct str to_epoch = m->ends ? STR("") : str_from_c(m->then.epoch);
    const struct webhook_span span = {why, from_epoch, to_epoch, from->seq, m->then.seq};
    m->is_gap = true;
    webhook_append_id(&m->id, from->kind, id, m->ends ? from_epoch : to_epoch, m->then.seq,
                      m->ends ? "-deleted" : "-gap");
    webhook_append_gap(&m->body, from->kind, id, clock_wall_ms(), &span);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct reading {
    struct lane *lane;
    struct message *message;
};

static bool is_wanted(const struct webhook *w, struct str name)
{
    bool wanted = w->pattern_count == 0;
    for (size_t i = 0; i < w->pattern_count && !wanted; i++)
        wanted = webhook_pattern_matches(w->patterns[i], name);
    return wanted;
}

/* The first event that is wanted; those before it count as taken. */
static enum err on_event(void *arg, const struct event *e)
{
    struct reading *r = arg;
    struct lane *lane = r->lane;
    struct webhooks_cursor *c = &lane->cursor;
    if (!is_wanted(lane->receiver->owner, e->name)) {
        c->seq = e->seq;
        return OK;
    }
    struct message *m = r->message = message_new(lane);
    m->then.seq = e->seq;
    lane->oldest_at = e->at;
    webhook_append_id(&m->id, c->kind, str_from_c(c->id), str_from_c(c->epoch), e->seq, "");
    webhook_append_event(&m->body, c->kind, str_from_c(c->id), str_from_c(c->epoch), e);
    return ERR_MORE;
}

static enum err read_events(struct lane *lane, struct space *sp, struct message **out)
{
    struct reading r = {.lane = lane};
    uint64_t before = lane->cursor.seq;
    enum err e = event_read(sp, before, EVENTS_MAX, BYTES_MAX, on_event, &r);
    if (r.message)
        e = OK;
    if (e)
        return e;
    if (lane->cursor.seq != before && !lane->unsaved) {
        lane->unsaved = true;
        lane->receiver->unsaved++;
    }
    *out = r.message;
    return r.message ? OK : ERR_MORE;
}

static enum err read_space(struct lane *lane, struct space *sp, struct message **out)
{
    struct next next;
    enum err e = next_look(sp, lane->receiver->row.since, &lane->cursor, &next);
    if (e)
        return e;
    if (next.kind == NEXT_NONE)
        return ERR_NOT_FOUND;
    if (next.kind == NEXT_EVENTS)
        return read_events(lane, sp, out);
    struct message *m = *out = message_new(lane);
    bool trimmed = next.kind == NEXT_TRIMMED;
    set_epoch(&m->then, sp);
    m->then.seq = trimmed ? next.oldest - 1 : next.newest;
    write_gap(m, trimmed ? WEBHOOK_TRIMMED : WEBHOOK_RESTORED);
    return OK;
}

/* A data folder without main.db is another folder, or none: then nobody was deleted. */
static enum err tell_deleted(struct lane *lane, struct message **out)
{
    const char *data_dir = lane->receiver->owner->data_dir;
    const struct webhooks_cursor *c = &lane->cursor;
    if (!lane->has_cursor || next_file_is_there(data_dir, c->kind, str_from_c(c->id)) ||
        !next_file_is_there(data_dir, SPACE_MAIN, STR("")))
        return ERR_NOT_FOUND;
    struct message *m = *out = message_new(lane);
    m->ends = true;
    write_gap(m, WEBHOOK_DELETED);
    return OK;
}

enum err next_message(struct lane *lane, struct message **out)
{
    struct webhook *w = lane->receiver->owner;
    struct space *sp;
    *out = NULL;
    enum err e = space_acquire(w->store, lane->cursor.kind, str_from_c(lane->cursor.id), &sp);
    if (!e) {
        e = space_begin_read(sp);
        if (!e)
            e = read_space(lane, sp, out);
        space_release(sp);
    }
    if (e == ERR_NOT_FOUND) /* of a file that is open it shows a little later that it is deleted */
        e = tell_deleted(lane, out);
    if (!e)
        sign(*out, w);
    return e;
}
