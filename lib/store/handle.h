/*
 * Inside of the store's space files (space.c, cache.c, checkpoint.c, migrate.c): the handle behind
 * a struct space, the cache of handles, the store. Nobody else includes this.
 */
#ifndef STORE_HANDLE_H
#define STORE_HANDLE_H

#include <pthread.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "store/space.h"

#define TABLES_HASH_LEN 16

/* Frames of a WAL (1 MiB) at which the checkpointer is asked, and those at which no more is waited
 * for it. */
#define CHECKPOINT_DUE     512
#define CHECKPOINT_OVERDUE (3 * CHECKPOINT_DUE)

/*
 * One space of this process, open or not. The one who holds it may use everything but the fields
 * marked "cache", which belong to the cache's mutex. db is NULL while it is not open: whoever holds
 * it then opens it.
 */
struct handle {
    struct space space;
    char key[SPACE_ID_MAX + 2]; /* kind and id: name in the cache and in the lock file */
    int64_t place;              /* its byte in the lock file */
    bool locked;                /* this byte is ours */
    bool drop;                  /* do not use again: close at release */
    int64_t seen_ms;            /* when the file was last seen to be there (monotonic) */
    int checkpoint_at;          /* frames at which a checkpoint is due */

    bool held;           /* cache */
    bool asked;          /* cache: in the checkpointer's queue, so it must not be freed */
    bool evict;          /* cache: the checkpointer is to close it */
    bool counted;        /* cache: counts as open */
    int frames;          /* cache: of its WAL, when it was last given back */
    struct list idle;    /* cache: in cache.idle while open and not held */
    struct list waiters; /* cache: in the order they came */
    struct list queue;   /* cache: in cache.queue while asked */
};

struct cache {
    pthread_mutex_t mutex; /* held briefly: never while a file is opened or a handle waited for */
    struct map map;        /* key → handle */
    struct list idle;      /* least recently used first; main.db is never in it */
    size_t limit;          /* handles open at rest */
    struct list queue;     /* handles the checkpointer is asked for */
    size_t queued;
    bool served;          /* there is a checkpointer: a reader has none */
    pthread_cond_t asked; /* the queue or stop has changed */
    bool stop;
    struct store_stats stats;
};

struct store {
    struct store_options options;
    char *data_dir;
    int locks; /* lock.h, -1 for a reader */
    struct cache cache;
    pthread_t checkpointer;
    bool has_checkpointer;
    _Atomic int64_t failed_at; /* when the last commit did (monotonic), 0: it did not */
    _Atomic int failed;        /* how: ERR_FULL, ERR_INTERNAL */
    char tables_hash[SPACE_KINDS][TABLES_HASH_LEN + 1]; /* of the declarations, tables.c */
};

static inline struct handle *handle_of(struct space *sp)
{
    return container_of(sp, struct handle, space);
}

/* --- cache.c --- */

void cache_init(struct cache *c, size_t limit);
void cache_release(struct cache *c);

/*
 * Hold the handle of this space, made if there is none; waits in line, ERR_BUSY after wait_ms.
 */
enum err cache_hold(struct cache *c, struct store *s, enum space_kind kind, struct str id,
                    int wait_ms, struct handle **out) must_check;

/* Hand it to the next in line, or let it rest; a handle that is not open is forgotten then. True
 * when more than the limit are open: see cache_victim. */
bool cache_give(struct cache *c, struct handle *h);

/* Give up a held, closed handle for good; nobody may wait for it. */
void cache_forget(struct cache *c, struct handle *h);

/* When more than the limit rest open: the least recently used, held for the caller to close; else
 * NULL. Those with a WAL worth a checkpoint are left to the checkpointer if that is not too busy.
 */
struct handle *cache_victim(struct cache *c);

/* Any resting handle, held, for closing time; NULL when there is none. */
struct handle *cache_any(struct cache *c);

/* Have the checkpointer look after a handle that the caller holds. False when its queue is full. */
bool cache_ask(struct cache *c, struct handle *h);

/* The next handle asked for, held; NULL when the cache stops. *evict: close it if nobody waits. */
struct handle *cache_next_asked(struct cache *c, int wait_ms, bool *evict);
bool cache_is_wanted(struct cache *c, struct handle *h);
void cache_stop(struct cache *c);

void cache_count(struct cache *c, uint64_t *which);
struct store_stats cache_stats(struct cache *c);

/* --- files.c --- */

/* A space's name in the cache and in the lock file, '\0'-terminated; its length. */
size_t files_key(char out[SPACE_ID_MAX + 2], enum space_kind kind, struct str id);

/* data_dir and the folders in it, 0700. ERR_INVALID: not a folder one can use. */
enum err files_make_tree(const char *data_dir) must_check;

/* Is this kind spread over folders by the first two digits of the id? */
bool files_is_sharded(enum space_kind kind);

void files_path(struct buf *out, const struct space *sp);
enum err files_make_shard(const struct space *sp) must_check;

/* Make the names in the folder of this space durable. */
enum err files_sync_shard(const struct space *sp) must_check;

/*
 * Give the file, with its -wal if there is one, the name `keep` as well, and remove its -wal and
 * -shm, so that the next file of that name can take its place.
 */
enum err files_keep(const struct space *sp, const char *keep) must_check;

/* The file, its -wal and -shm, as far as they exist. */
enum err files_delete(const struct space *sp) must_check;

/* --- checkpoint.c --- */

enum err checkpointer_start(struct store *s) must_check;
void checkpointer_stop(struct store *s);

/* Checkpoint a held handle now; the lock is taken unless it is ours already. */
void checkpoint_now(struct handle *h);

/* db_checkpoint(), counted; under the lock. */
enum err checkpoint(struct store *s, struct db *db, bool *all) must_check;

/* --- space.c --- */

/* Close the file of a held handle, tidying up behind it where no other process has it open. */
void handle_close(struct handle *h);

#endif
