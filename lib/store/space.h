/*
 * Spaces: one SQLite file each, with its data, its change log and its topic. This file owns the
 * paths, the cache of open handles, and the discipline of writing: a handle is used by one thread
 * at a time (threads queue fairly on its mutex), writers and checkpoints of all processes exclude
 * each other by a lock of their own, so no commit runs beside a checkpoint.
 *
 *   data_dir/main.db  users/<first two of id>/<id>.db  orgs/<first two>/<id>.db  shared/<name>.db
 */
#ifndef STORE_SPACE_H
#define STORE_SPACE_H

#include "base/arena.h"
#include "store/db.h"

enum space_kind { SPACE_MAIN, SPACE_USER, SPACE_ORG, SPACE_SHARED, SPACE_KINDS };

/* Ids: 32 lower-case hex digits for users and organizations, a name of [a-z0-9_-] for shared ones,
 * "" for main. */
#define SPACE_ID_MAX 40
#define EPOCH_LEN    8

/* Between two looks of a process whether a file that it has open was deleted or replaced: its reads
 * may be that late, its writes are not. */
#define SPACE_LOOK_MS 200

bool space_id_is_valid(enum space_kind kind, struct str id);

/* A table of rows that a collection declares (domain/collection.h fills it). */
struct rows_table {
    struct str name;       /* [a-z][a-z0-9_]{0,62}: the table is c_<name> */
    enum space_kind scope; /* SPACE_USER or SPACE_ORG */
    size_t index_count;
    const struct str *indexes; /* field paths: createdAt, a.b */
    size_t search_count;
    const struct str *search; /* field paths of the full-text table */
    struct rows_sql *sql;     /* statements, made once by rows_table_prepare() (store/rows.h) */
};

/*
 * Beyond quota_bytes: for sign-ins, the account's activity, and the events of deletions. Rows and
 * keys are not written there. More than all sessions and activity of a user take.
 */
#define SPACE_RESERVE (2 * 1024 * 1024)

/* In a data folder, while a restore puts its files in place (store/restore.h). */
#define STORE_RESTORING "restoring"

struct store_options {
    const char *data_dir;
    bool reader;    /* pushd: opens what is there, never writes, migrates or checkpoints */
    size_t handles; /* open at most so many at rest (200) */
    enum db_sync sync;
    int busy_ms;             /* how long a writer waits for others before ERR_BUSY */
    int64_t log_keep_events; /* 0: all */
    int64_t log_keep_bytes;  /* 0: no bound */
    int64_t quota_bytes;     /* a space's file (but for SPACE_RESERVE), 0: no bound */
    int64_t quota_rows;      /* rows and keys of a space, 0: no bound */
    size_t table_count;
    const struct rows_table *tables; /* live as long as the store */
    const struct mailbox *mail;      /* store/mailbox.h; NULL: mail that is queued goes nowhere */
};

struct store; /* one per process, shared by its threads */

/* Public part of an open space; fields are read by lib/store and lib/domain, written by space.c and
 * event.c only. */
struct space {
    enum space_kind kind;
    char id[SPACE_ID_MAX + 1];
    char epoch[EPOCH_LEN + 1]; /* lower-case hex; changes when the file is restored */
    struct db *db;
    struct store *store;
    bool writing; /* in a write transaction */
    struct {
        bool known;    /* head read in this transaction */
        uint64_t seq;  /* last event, 0 when none */
        int64_t at;    /* time of this transaction's events: now, never before the last one's */
        int64_t bytes; /* total of name and data bytes ever appended */
    } log;
};

/*
 * Make the directories (0700), open and migrate main.db, start the checkpointer thread.
 * ERR_TOO_NEW, ERR_CORRUPT, ERR_INVALID (directory not usable), ERR_CONFLICT (half restored), with
 * *message for the log, in mem.
 */
enum err store_open(struct store **out, const struct store_options *o, struct arena *mem,
                    struct str *message) must_check;

/* Wait for the checkpointer, close all handles. No space may be held. NULL is fine. */
void store_close(struct store *s);

const struct store_options *store_options(const struct store *s);

/*
 * Get a space for this thread alone, opened and migrated if need be; blocks while another thread
 * has it. ERR_NOT_FOUND: no such file (or an id of the wrong form). ERR_BUSY after busy_ms,
 * ERR_CORRUPT, ERR_TOO_NEW, ERR_FULL. Take at most one SPACE_USER/SPACE_ORG at a time, and
 * SPACE_MAIN after it, never before.
 */
enum err space_acquire(struct store *s, enum space_kind kind, struct str id,
                       struct space **out) must_check;

/* The same, and the file is made with its tables when it is not there (0600, durable before it
 * returns). */
enum err space_create(struct store *s, enum space_kind kind, struct str id,
                      struct space **out) must_check;

/* Give it back; an open transaction is rolled back. NULL is fine. */
void space_release(struct space *sp);

/* Close every cached handle of the space and delete its files. ERR_BUSY when someone holds it too
 * long. */
enum err space_delete(struct store *s, enum space_kind kind, struct str id) must_check;

/*
 * Rewrite the file of a space that is held, outside of a transaction, without the pages that
 * deletions left free. Its writers wait meanwhile: ERR_BUSY, ERR_FULL.
 */
enum err space_vacuum(struct space *sp) must_check;

/*
 * Put the file `path`, at rest, durable and of the same file system, in the place of the space's:
 * every process sees it at its next write, and SPACE_LOOK_MS later at its reads. What was there
 * gets the name `keep` (new, of the same file system); it may be damaged, or not there.
 */
enum err space_replace(struct store *s, enum space_kind kind, struct str id, const char *path,
                       const char *keep) must_check;

/*
 * Transactions. A write takes the writers' lock of all processes first (store/lock.h), then BEGIN
 * IMMEDIATE: ERR_BUSY after busy_ms, ERR_NOT_FOUND when another process has deleted or replaced the
 * file meanwhile. A commit that leaves a long WAL asks the checkpointer to shorten it. A commit
 * that fails has rolled back.
 */
#define space_begin_read(sp)  space_begin_at((sp), false, __FILE__, __LINE__)
#define space_begin_write(sp) space_begin_at((sp), true, __FILE__, __LINE__)
enum err space_begin_at(struct space *sp, bool write, const char *file, int line) must_check;
enum err space_commit(struct space *sp) must_check;

/*
 * A transaction from end to end: take the space and begin to write in it (nothing is held and *out
 * is NULL after a failure); and commit where what was done in between is OK, give the space back,
 * and say what became of it. NULL is fine.
 */
#define space_enter(s, kind, id, out) space_enter_at((s), (kind), (id), (out), __FILE__, __LINE__)
enum err space_enter_at(struct store *s, enum space_kind kind, struct str id, struct space **out,
                        const char *file, int line) must_check;
enum err space_leave(struct space *sp, enum err e) must_check;
void space_rollback(struct space *sp);

/* For metrics, of this process. */
struct store_stats {
    uint64_t open;         /* handles, now */
    uint64_t misses, hits; /* handles that had to be opened, that were open */
    uint64_t busy;         /* waits for a handle that were given up */
    /* Of the WALs of open handles: all frames that are not in their files yet, and those of the
     * longest. */
    uint64_t wal_frames, wal_frames_most;
    uint64_t checkpoints_waiting; /* handles the checkpointer is asked for, now */
    /* Moved all; not all, for somebody read; nothing, for another process wrote, or it failed. */
    uint64_t checkpoints, checkpoints_partial, checkpoints_locked, checkpoints_failed;
};
struct store_stats store_stats(struct store *s);

/* Bytes that this user may still write on the disk of the data folder; negative: not to be had. */
int64_t store_free_bytes(const struct store *s);

#endif
