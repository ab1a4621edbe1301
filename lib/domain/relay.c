/* Events from the outbox to the logs of their spaces, and the thread that sees to it. */
#include "base/base.h"

#include <time.h>

#include "base/mem.h"
#include "domain/change.h"
#include "domain/relay.h"
#include "store/accounts.h"
#include "store/organizations.h"

#define EVENTS_AT_ONCE 100  /* of one space, in one transaction */
#define SPACES_AT_ONCE 64   /* of one look at the outbox */
#define LOOK_MS        1000 /* what other processes left behind is found by looking */

/* --- one space -------------------------------------------------------------------------------- */

/* What one look at main.db says of a space. */
struct batch {
    struct outbox_event *list;
    size_t count;
    bool gone; /* an organization or an account that was deleted */
};

static int64_t last_id(const struct batch *b)
{
    return b->list[b->count - 1].id;
}

/* main.db is held only for this. */
static enum err look(struct space *main_db, const struct outbox_space *to, struct space *sp,
                     struct arena *mem, struct batch *out)
{
    struct organization o;
    struct account a;
    int64_t after = 0;
    enum err e = OK;
    *out = (struct batch){.list = NULL};
    if (to->kind == SPACE_ORG)
        e = organizations_get(main_db, to->id, mem, &o);
    else if (to->kind == SPACE_USER)
        e = accounts_by_id_within(main_db, to->id, mem, &a);
    out->gone = e == ERR_NOT_FOUND;
    e = out->gone ? OK : e;
    if (!e && sp)
        e = outbox_position(sp, str_from_c(main_db->epoch), &after);
    return e ? e : outbox_read(main_db, to, after, EVENTS_AT_ONCE, mem, &out->list, &out->count);
}

static enum err look_from_outside(const struct relay_line *l, const struct outbox_space *to,
                                  struct arena *mem, struct batch *out)
{
    struct space *main_db;
    enum err e = space_acquire(l->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    e = look(main_db, to, NULL, mem, out);
    space_release(main_db);
    return e;
}

/* The space has them, durably, or will never want them. */
static enum err forget(const struct relay_line *l, const struct outbox_space *to, int64_t last)
{
    struct space *main_db;
    enum err e = space_enter(l->store, SPACE_MAIN, STR_NULL, &main_db);
    if (!e)
        e = outbox_remove(main_db, to, last);
    return space_leave(main_db, e);
}

/* In a transaction of the space: the events that it does not have, and how far it is now. */
static enum err append(struct change *c, const struct relay_line *l, const struct outbox_space *to,
                       struct arena *mem, struct batch *batch)
{
    struct space *main_db;
    enum err e = space_acquire(l->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    char epoch[EPOCH_LEN + 1];
    memcpy(epoch, main_db->epoch, sizeof epoch);
    e = look(main_db, to, c->space, mem, batch);
    space_release(main_db);
    if (!e && batch->gone)
        e = ERR_NOT_FOUND;
    for (size_t i = 0; !e && i < batch->count; i++)
        e = change_event(c, batch->list[i].name, batch->list[i].data);
    if (!e && batch->count)
        e = outbox_set_position(c->space, str_from_c(epoch), last_id(batch));
    return e;
}

/* Up to EVENTS_AT_ONCE events. An organization's file is made here: its row is there before. */
static enum err take_batch(const struct relay_line *l, const struct outbox_space *to,
                           struct arena *mem, struct batch *batch, struct relay_mark *mark)
{
    struct change c;
    struct space *sp;
    enum err e = to->kind == SPACE_ORG ? space_create(l->store, to->kind, to->id, &sp)
                                       : space_acquire(l->store, to->kind, to->id, &sp);
    if (e)
        return e;
    e = change_begin(&c, sp, NULL, l->bus, mem);
    if (!e)
        e = append(&c, l, to, mem, batch);
    if (!e && batch->count)
        e = change_commit(&c);
    if (!e && change_last_seq(&c)) {
        mark->seq = change_last_seq(&c);
        memcpy(mark->epoch, sp->epoch, sizeof mark->epoch);
        if (l->wake)
            wake_notify(l->wake, sp);
    }
    space_release(sp);
    return e;
}

static enum err delete_space(const struct relay_line *l, const struct outbox_space *to)
{
    enum err e = space_delete(l->store, to->kind, to->id);
    if (!e && l->bus) /* who listens there must go */
        bus_publish(l->bus, &(struct bus_message){
                                .kind = BUS_SESSIONS, .space_kind = to->kind, .space_id = to->id});
    return e;
}

/* What waits for a space that is there no more, or is to go. */
static enum err drop(const struct relay_line *l, const struct outbox_space *to,
                     const struct batch *waiting)
{
    enum err e = waiting->gone ? delete_space(l, to) : OK;
    return e ? e : forget(l, to, last_id(waiting));
}

enum err relay_space(const struct relay_line *l, enum space_kind kind, struct str id,
                     struct relay_mark *mark)
{
    const struct outbox_space to = {kind, id};
    struct arena mem = ARENA_INIT;
    struct relay_mark none;
    struct batch waiting, taken = {.list = NULL};
    enum err e;
    if (!mark)
        mark = &none;
    *mark = (struct relay_mark){.seq = 0};
    for (;;) {
        e = look_from_outside(l, &to, &mem, &waiting);
        if (e || !waiting.count)
            break;
        e = waiting.gone ? ERR_NOT_FOUND : take_batch(l, &to, &mem, &taken, mark);
        waiting.gone = waiting.gone || taken.gone;
        if (e == ERR_NOT_FOUND)
            e = drop(l, &to, &waiting);
        else if (!e) /* with none taken, it had all of them */
            e = forget(l, &to, last_id(taken.count ? &taken : &waiting));
        if (e)
            break;
        arena_reset(&mem);
    }
    arena_release(&mem);
    return e;
}

/* --- all that wait ---------------------------------------------------------------------------- */

static enum err list_waiting(const struct relay_line *l, int64_t *after, size_t max,
                             struct arena *mem, struct outbox_space *list, size_t *count)
{
    struct space *main_db;
    *count = 0;
    enum err e = space_acquire(l->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    e = outbox_spaces(main_db, after, max, mem, list, count);
    space_release(main_db);
    return e;
}

enum err relay_pending(const struct relay_line *l, size_t max)
{
    struct outbox_space list[SPACES_AT_ONCE];
    struct arena mem = ARENA_INIT;
    enum err first = OK, e;
    int64_t after = 0;
    size_t count, done = 0, room;
    do {
        room = max && max - done < SPACES_AT_ONCE ? max - done : SPACES_AT_ONCE;
        e = list_waiting(l, &after, room, &mem, list, &count);
        for (size_t i = 0; !e && i < count; i++) {
            enum err one = relay_space(l, list[i].kind, list[i].id, NULL);
            first = first ? first : one;
        }
        done += count;
        arena_reset(&mem);
    } while (!e && count == room && (!max || done < max));
    arena_release(&mem);
    return e ? e : first;
}

/* --- the thread ------------------------------------------------------------------------------- */

struct relay {
    struct relay_line line;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool poked, stopping; /* under lock */
    pthread_t thread;
};

/* Until there is something to do, or the time to look has come. False: it is over. */
static bool wait_for_work(struct relay *r)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_MS / 1000;
    pthread_mutex_lock(&r->lock);
    while (!r->poked && !r->stopping)
        if (pthread_cond_timedwait(&r->told, &r->lock, &until))
            break;
    r->poked = false;
    bool go_on = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

static void *work(void *arg)
{
    struct relay *r = arg;
    do {
        enum err ignored = relay_pending(&r->line, 0); /* what failed is looked at again */
        (void)ignored;
    } while (wait_for_work(r));
    return NULL;
}

static void release(struct relay *r)
{
    pthread_cond_destroy(&r->told);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

struct relay *relay_start(const struct relay_line *l)
{
    struct relay *r = mem_zalloc(1, sizeof *r);
    pthread_condattr_t attributes;
    r->line = *l;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&r->told, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&r->thread, NULL, work, r) == 0)
        return r;
    release(r);
    return NULL;
}

void relay_poke(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    r->poked = true;
    pthread_cond_signal(&r->told);
    pthread_mutex_unlock(&r->lock);
}

void relay_stop(struct relay *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->told);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    release(r);
}
