/*
 * The handles of this process: found by key, held by one thread at a time, the least recently used
 * closed first. Under one mutex that is never held while something blocks.
 *
 * A handle that is given back while threads wait is free for whoever runs: handing it to the first
 * in line at once would cost a change of threads for each request of a busy user (a third of the
 * requests/s). Only who has waited for BARGE_MS already is served before all others, so nobody
 * starves.
 */
#include "base/base.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/handle.h"
#include "store/lock.h"

#define QUEUE_MAX 32 /* handles waiting for the checkpointer */
#define BARGE_MS  2

/* A thread waiting for a handle; lives on its stack. */
struct waiter {
    struct list node;
    pthread_cond_t look; /* the handle is free, or was granted */
    int64_t since_ms;
    bool granted;
};

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

void cache_init(struct cache *c, size_t limit)
{
    *c = (struct cache){.map = MAP_INIT, .limit = limit};
    pthread_mutex_init(&c->mutex, NULL);
    cond_init(&c->asked);
    list_init(&c->idle);
    list_init(&c->queue);
}

void cache_release(struct cache *c)
{
    assert(c->map.count == 0);
    map_release(&c->map);
    pthread_cond_destroy(&c->asked);
    pthread_mutex_destroy(&c->mutex);
}

static struct handle *make(struct cache *c, struct store *s, enum space_kind kind, struct str id)
{
    struct handle *h = mem_zalloc(1, sizeof *h);
    size_t n = files_key(h->key, kind, id);
    if (id.n)
        memcpy(h->space.id, id.p, id.n);
    h->space.kind = kind;
    h->space.store = s;
    h->place = lock_place(str_make(h->key, n));
    list_init(&h->idle);
    list_init(&h->waiters);
    list_init(&h->queue);
    map_put(&c->map, str_make(h->key, n), h);
    return h;
}

/* Wait for h, under the mutex: until it was granted, or is free when this thread looks. */
static enum err wait_in_line(struct cache *c, struct handle *h, int wait_ms)
{
    struct waiter w = {.since_ms = clock_mono_ms()};
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)wait_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    cond_init(&w.look);
    list_add_tail(&h->waiters, &w.node);
    while (h->held && !w.granted && pthread_cond_timedwait(&w.look, &c->mutex, &until) != ETIMEDOUT)
        ;
    list_del(&w.node);
    pthread_cond_destroy(&w.look);
    if (!w.granted && h->held)
        return ERR_BUSY;
    h->held = true;
    return OK;
}

static enum err hold(struct cache *c, struct handle *h, int wait_ms)
{
    if (h->held)
        return wait_in_line(c, h, wait_ms);
    h->held = true;
    list_del(&h->idle);
    return OK;
}

enum err cache_hold(struct cache *c, struct store *s, enum space_kind kind, struct str id,
                    int wait_ms, struct handle **out)
{
    char key[SPACE_ID_MAX + 2];
    size_t n = files_key(key, kind, id);
    pthread_mutex_lock(&c->mutex);
    struct handle *h = map_get(&c->map, str_make(key, n));
    if (!h)
        h = make(c, s, kind, id);
    enum err e = hold(c, h, wait_ms);
    c->stats.busy += e == ERR_BUSY;
    c->stats.hits += !e && h->counted;
    pthread_mutex_unlock(&c->mutex);
    *out = e ? NULL : h;
    return e;
}

static void forget(struct cache *c, struct handle *h)
{
    assert(list_is_empty(&h->waiters));
    c->stats.open -= h->counted;
    map_del(&c->map, str_make(h->key, strlen(h->key)));
    mem_free(h);
}

static void give(struct cache *c, struct handle *h)
{
    bool open = h->space.db != NULL;
    c->stats.open += open;
    c->stats.open -= h->counted;
    h->counted = open;
    h->frames = open ? db_wal_frames(h->space.db) : 0;
    h->held = false;
    if (!list_is_empty(&h->waiters)) {
        struct waiter *w = list_entry(h->waiters.next, struct waiter, node);
        if (clock_mono_ms() - w->since_ms >= BARGE_MS) {
            list_del(&w->node); /* the next in line is another one now */
            w->granted = h->held = true;
        }
        pthread_cond_signal(&w->look);
        return; /* if nobody takes it before, the one woken does */
    }
    if (open) {
        if (h->space.kind != SPACE_MAIN)
            list_add_tail(&c->idle, &h->idle);
        return;
    }
    if (!h->asked) /* else the checkpointer will come across it and forget it */
        forget(c, h);
}

bool cache_give(struct cache *c, struct handle *h)
{
    pthread_mutex_lock(&c->mutex);
    give(c, h);
    bool surplus = c->stats.open > c->limit;
    pthread_mutex_unlock(&c->mutex);
    return surplus;
}

void cache_forget(struct cache *c, struct handle *h)
{
    pthread_mutex_lock(&c->mutex);
    if (h->asked)
        list_del(&h->queue);
    forget(c, h);
    pthread_mutex_unlock(&c->mutex);
}

static void ask(struct cache *c, struct handle *h)
{
    h->asked = true;
    list_add_tail(&c->queue, &h->queue);
    c->queued++;
    pthread_cond_signal(&c->asked);
}

bool cache_ask(struct cache *c, struct handle *h)
{
    pthread_mutex_lock(&c->mutex);
    bool room = c->served && (h->asked || c->queued < QUEUE_MAX);
    if (room && !h->asked)
        ask(c, h);
    pthread_mutex_unlock(&c->mutex);
    return room;
}

struct handle *cache_victim(struct cache *c)
{
    struct handle *victim = NULL;
    pthread_mutex_lock(&c->mutex);
    /* Handles on their way out through the checkpointer's queue count as gone. */
    size_t open = c->stats.open;
    for (struct list *node = c->idle.next; !victim && node != &c->idle && open > c->limit;) {
        struct handle *h = list_entry(node, struct handle, idle);
        node = node->next;
        bool dirty = c->served && db_wal_frames(h->space.db) > 0;
        if (!h->asked && (!dirty || c->queued >= QUEUE_MAX)) {
            victim = h;
            continue;
        }
        if (!h->asked)
            ask(c, h);
        h->evict = true;
        open--;
    }
    if (victim && hold(c, victim, 0) != OK)
        victim = NULL;
    pthread_mutex_unlock(&c->mutex);
    return victim;
}

struct handle *cache_any(struct cache *c)
{
    struct handle *any = NULL, *h;
    size_t pos = 0;
    pthread_mutex_lock(&c->mutex);
    while (!any && (h = map_next(&c->map, &pos)) != NULL)
        if (!h->held && hold(c, h, 0) == OK)
            any = h;
    pthread_mutex_unlock(&c->mutex);
    return any;
}

struct handle *cache_next_asked(struct cache *c, int wait_ms, bool *evict)
{
    struct handle *next = NULL;
    pthread_mutex_lock(&c->mutex);
    while (!next && !c->stop) {
        if (list_is_empty(&c->queue)) {
            pthread_cond_wait(&c->asked, &c->mutex);
            continue;
        }
        struct handle *h = list_entry(c->queue.next, struct handle, queue);
        enum err e = hold(c, h, wait_ms);
        list_del(&h->queue);
        c->queued--;
        h->asked = false;
        *evict = h->evict;
        h->evict = false;
        if (!e)
            next = h;
    }
    pthread_mutex_unlock(&c->mutex);
    return next;
}

bool cache_is_wanted(struct cache *c, struct handle *h)
{
    pthread_mutex_lock(&c->mutex);
    bool wanted = !list_is_empty(&h->waiters);
    pthread_mutex_unlock(&c->mutex);
    return wanted;
}

void cache_stop(struct cache *c)
{
    pthread_mutex_lock(&c->mutex);
    c->served = false;
    c->stop = true;
    pthread_cond_signal(&c->asked);
    pthread_mutex_unlock(&c->mutex);
}

void cache_count(struct cache *c, uint64_t *which)
{
    pthread_mutex_lock(&c->mutex);
    (*which)++;
    pthread_mutex_unlock(&c->mutex);
}

struct store_stats cache_stats(struct cache *c)
{
    struct handle *h;
    size_t pos = 0;
    pthread_mutex_lock(&c->mutex);
    struct store_stats stats = c->stats;
    stats.checkpoints_waiting = c->queued;
    while ((h = map_next(&c->map, &pos)) != NULL) {
        stats.wal_frames += (uint64_t)h->frames;
        if ((uint64_t)h->frames > stats.wal_frames_most)
            stats.wal_frames_most = (uint64_t)h->frames;
    }
    pthread_mutex_unlock(&c->mutex);
    return stats;
}
