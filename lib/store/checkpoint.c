/*
 * The checkpointer: one thread that shortens WALs after their writers have gone on, and closes
 * handles whose WAL had to be moved into the file first.
 */
#include "base/base.h"

#include "store/handle.h"
#include "store/lock.h"

enum err checkpoint(struct store *s, struct db *db, bool *all)
{
    struct cache *c = &s->cache;
    enum err e = db_checkpoint(db, all);
    cache_count(c, e      ? &c->stats.checkpoints_failed
                   : *all ? &c->stats.checkpoints
                          : &c->stats.checkpoints_partial);
    return e;
}

void checkpoint_now(struct handle *h)
{
    struct store *s = h->space.store;
    bool ours = h->locked, all = false;
    if (!ours && lock_take(s->locks, h->place, s->options.busy_ms) != OK) {
        cache_count(&s->cache, &s->cache.stats.checkpoints_locked);
        return; /* another process writes: it has the same duty */
    }
    enum err e = checkpoint(s, h->space.db, &all);
    if (!ours)
        lock_drop(s->locks, h->place);
    if (e == ERR_CORRUPT)
        h->drop = true;
    /* Readers in the way: try again when there is as much more to gain. */
    h->checkpoint_at = (all ? 0 : db_wal_frames(h->space.db)) + CHECKPOINT_DUE;
}

static void *run(void *arg)
{
    struct store *s = arg;
    struct handle *h;
    bool evict;
    while ((h = cache_next_asked(&s->cache, s->options.busy_ms, &evict)) != NULL) {
        if (h->space.db && evict && !cache_is_wanted(&s->cache, h))
            handle_close(h);
        else if (h->space.db && db_wal_frames(h->space.db) >= h->checkpoint_at)
            checkpoint_now(h);
        if (h->space.db && h->drop)
            handle_close(h);
        cache_give(&s->cache, h);
    }
    return NULL;
}

enum err checkpointer_start(struct store *s)
{
    if (pthread_create(&s->checkpointer, NULL, run, s) != 0)
        return ERR_BUSY;
    s->has_checkpointer = true;
    pthread_mutex_lock(&s->cache.mutex);
    s->cache.served = true;
    pthread_mutex_unlock(&s->cache.mutex);
    return OK;
}

void checkpointer_stop(struct store *s)
{
    if (!s->has_checkpointer)
        return;
    cache_stop(&s->cache);
    pthread_join(s->checkpointer, NULL);
    s->has_checkpointer = false;
}
