/* Spaces: opening and closing their files, handing them out, transactions under the lock. */
#include "base/base.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/migrate.h"

#define HEX_ID_LEN    32
#define CLOSE_WAIT_MS 100 /* for the lock, when a file is closed: else its WAL stays */

#define OPEN_DOZE_LAST_MS 64 /* of the pauses between tries to open a file: 127 ms in all */

bool space_id_is_valid(enum space_kind kind, struct str id)
{
    if (kind == SPACE_MAIN)
        return id.n == 0;
    if (kind == SPACE_SHARED ? id.n < 1 || id.n > SPACE_ID_MAX : id.n != HEX_ID_LEN)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char ch = id.p[i];
        bool hex = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f');
        bool name = hex || (ch >= 'g' && ch <= 'z') || ch == '-' || ch == '_';
        if (kind == SPACE_SHARED ? !name : !hex)
            return false;
    }
    return true;
}

/* --- open and close a handle's file ----------------------------------------------------------- */

static struct db_options db_options_of(const struct store *s, enum space_kind kind, bool create)
{
    return (struct db_options){.create = create,
                               .reader = s->options.reader,
                               .sync = s->options.sync,
                               .busy_ms = s->options.busy_ms,
                               .max_bytes = files_is_sharded(kind) ? s->options.quota_bytes : 0,
                               .reserve_bytes = SPACE_RESERVE};
}

static enum err read_epoch(struct space *sp)
{
    static const struct str sql = SQL("SELECT value FROM meta WHERE name = 'epoch'");
    struct stmt *s;
    enum err e = db_row(sp->db, sql, NO_VALUES, &s);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    struct str epoch = stmt_str(s, 0);
    e = epoch.n == EPOCH_LEN ? OK : ERR_CORRUPT;
    if (!e)
        memcpy(sp->epoch, epoch.p, EPOCH_LEN);
    stmt_reset(s);
    return e;
}

/* Bring the open file up to date, or see that it is. */
static enum err prepare(struct space *sp, bool create)
{
    enum err e = sp->store->options.reader ? migrate_check(sp) : migrate(sp, create);
    return e ? e : read_epoch(sp);
}

/*
 * Open the file and what it takes to make it. Under the lock, for a file that is being turned into
 * a WAL database cannot be opened by two at once.
 */
static enum err create_file(struct handle *h, const char *path)
{
    struct space *sp = &h->space;
    struct store *s = sp->store;
    struct db_options o = db_options_of(s, sp->kind, true);
    enum err e = lock_take(s->locks, h->place, s->options.busy_ms);
    if (e)
        return e;
    if (files_is_sharded(sp->kind))
        e = files_make_shard(sp);
    if (!e)
        e = db_open(&sp->db, path, &o);
    lock_drop(s->locks, h->place);
    return e;
}

static enum err open_file(struct handle *h, bool create)
{
    struct space *sp = &h->space;
    struct db_options o = db_options_of(sp->store, sp->kind, false);
    struct buf path = BUF_INIT;
    files_path(&path, sp);
    enum err e = db_open(&sp->db, path.p, &o);
    if (create && (e == ERR_NOT_FOUND || e == ERR_BUSY))
        e = create_file(h, path.p);
    buf_release(&path);
    return e;
}

/* One try to open the file of a held handle; what fails leaves it as it was. */
static enum err try_open(struct handle *h, bool create)
{
    struct space *sp = &h->space;
    struct store *s = sp->store;
    enum err e = open_file(h, create);
    if (e)
        return e;
    h->drop = false;
    h->checkpoint_at = CHECKPOINT_DUE;
    cache_count(&s->cache, &s->cache.stats.misses);
    e = prepare(sp, create);
    if (!e && create)
        e = files_sync_shard(sp);
    if (e) {
        db_rollback(sp->db);
        db_close(sp->db);
        sp->db = NULL;
    }
    return e;
}

/*
 * Where another process makes or closes the same file at this moment, SQLite says at once that it
 * is busy, or even that it is read-only: making a WAL database and deleting a WAL both want the
 * file alone. A moment later it opens.
 */
static enum err handle_open(struct handle *h, bool create)
{
    enum err e = try_open(h, create);
    for (long ms = 1; (e == ERR_BUSY || e == ERR_INTERNAL) && ms <= OPEN_DOZE_LAST_MS; ms *= 2) {
        nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
        e = try_open(h, create);
    }
    return e;
}

void handle_close(struct handle *h)
{
    struct store *s = h->space.store;
    struct db *db = h->space.db;
    bool all;
    h->space.db = NULL;
    h->drop = false;
    if (s->options.reader || db_is_corrupt(db) ||
        lock_take(s->locks, h->place, CLOSE_WAIT_MS) != OK) {
        db_close(db);
        return;
    }
    if (db_file_is_gone(db)) {
        db_close(db); /* the WAL by its name may belong to another file now */
    } else {
        if (db_wal_frames(db) == 0 || checkpoint(s, db, &all) == OK)
            db_close_last(db);
        else
            db_close(db); /* what could not be moved stays in the WAL */
    }
    lock_drop(s->locks, h->place);
}

static void close_surplus(struct store *s)
{
    struct handle *h;
    while ((h = cache_victim(&s->cache)) != NULL) {
        handle_close(h);
        cache_give(&s->cache, h);
    }
}

/* --- acquire and release ---------------------------------------------------------------------- */

/*
 * Was the file deleted or restored by another process? Asked of the file system once in
 * SPACE_LOOK_MS: a read may be that late, a write looks again under the writers' lock
 * (begin_write).
 */
static bool is_still_there(struct handle *h)
{
    int64_t now = clock_mono_ms();
    if (now - h->seen_ms < SPACE_LOOK_MS)
        return true;
    h->seen_ms = now;
    return !db_file_is_gone(h->space.db);
}

static enum err acquire(struct store *s, enum space_kind kind, struct str id, bool create,
                        struct space **out)
{
    struct handle *h;
    *out = NULL;
    if (!space_id_is_valid(kind, id) || (create && s->options.reader))
        return ERR_NOT_FOUND;
    enum err e = cache_hold(&s->cache, s, kind, id, s->options.busy_ms, &h);
    if (e)
        return e;
    if (h->space.db && !is_still_there(h))
        handle_close(h);
    if (!h->space.db)
        e = handle_open(h, create);
    if (e) {
        cache_give(&s->cache, h);
        return e;
    }
    *out = &h->space;
    return OK;
}

enum err space_acquire(struct store *s, enum space_kind kind, struct str id, struct space **out)
{
    return acquire(s, kind, id, false, out);
}

enum err space_create(struct store *s, enum space_kind kind, struct str id, struct space **out)
{
    return acquire(s, kind, id, true, out);
}

void space_release(struct space *sp)
{
    if (!sp)
        return;
    struct handle *h = handle_of(sp);
    struct store *s = sp->store;
    space_rollback(sp);
    if (h->drop || db_is_corrupt(sp->db))
        handle_close(h);
    else if (!s->options.reader && db_wal_frames(sp->db) >= h->checkpoint_at)
        cache_ask(&s->cache, h);
    if (cache_give(&s->cache, h))
        close_surplus(s);
}

enum err space_delete(struct store *s, enum space_kind kind, struct str id)
{
    struct handle *h;
    if (kind == SPACE_MAIN || !space_id_is_valid(kind, id) || s->options.reader)
        return ERR_NOT_FOUND;
    enum err e = cache_hold(&s->cache, s, kind, id, s->options.busy_ms, &h);
    if (e)
        return e;
    e = lock_take(s->locks, h->place, s->options.busy_ms);
    if (!e) {
        db_close(h->space.db);
        h->space.db = NULL;
        e = files_delete(&h->space);
        lock_drop(s->locks, h->place);
    }
    cache_give(&s->cache, h);
    return e;
}

enum err space_vacuum(struct space *sp)
{
    struct handle *h = handle_of(sp);
    struct store *s = sp->store;
    bool all;
    assert(!db_in_transaction(sp->db) && !s->options.reader);
    enum err e = lock_take(s->locks, h->place, s->options.busy_ms);
    if (e)
        return e;
    e = db_file_is_gone(sp->db) ? ERR_NOT_FOUND : db_exec(sp->db, "VACUUM");
    if (!e)
        e = db_checkpoint(sp->db, &all);
    lock_drop(s->locks, h->place);
    return e;
}

/* Under the lock. A WAL that cannot be moved into the file is kept beside it. */
static enum err put_in_place(struct handle *h, const char *path, const char *keep)
{
    struct buf at = BUF_INIT;
    bool all;
    enum err e = open_file(h, false);
    if (!e)
        e = db_checkpoint(h->space.db, &all);
    db_close(h->space.db);
    h->space.db = NULL;
    if (e && e != ERR_NOT_FOUND && e != ERR_CORRUPT)
        return e;
    e = files_is_sharded(h->space.kind) ? files_make_shard(&h->space) : OK;
    if (!e)
        e = files_keep(&h->space, keep);
    files_path(&at, &h->space);
    if (!e && rename(path, at.p) < 0)
        e = ERR_INTERNAL;
    buf_release(&at);
    return e ? e : files_sync_shard(&h->space);
}

enum err space_replace(struct store *s, enum space_kind kind, struct str id, const char *path,
                       const char *keep)
{
    struct handle *h;
    if (kind == SPACE_MAIN || !space_id_is_valid(kind, id) || s->options.reader)
        return ERR_NOT_FOUND;
    enum err e = cache_hold(&s->cache, s, kind, id, s->options.busy_ms, &h);
    if (e)
        return e;
    if (h->space.db)
        handle_close(h);
    e = lock_take(s->locks, h->place, s->options.busy_ms);
    if (!e) {
        e = put_in_place(h, path, keep);
        lock_drop(s->locks, h->place);
    }
    cache_give(&s->cache, h);
    return e;
}

/* --- transactions ----------------------------------------------------------------------------- */

static enum err begin_write(struct handle *h, const char *file, int line)
{
    struct space *sp = &h->space;
    struct store *s = sp->store;
    enum err e = lock_take(s->locks, h->place, s->options.busy_ms);
    if (e)
        return e;
    h->locked = true;
    /* space_delete() of another process held the same lock: now it shows for certain. */
    h->drop = db_file_is_gone(sp->db);
    e = h->drop ? ERR_NOT_FOUND : db_begin_at(sp->db, true, file, line);
    if (e) {
        lock_drop(s->locks, h->place);
        h->locked = false;
        return e;
    }
    sp->writing = true;
    return OK;
}

enum err space_begin_at(struct space *sp, bool write, const char *file, int line)
{
    assert(!db_in_transaction(sp->db));
    assert(!write || !sp->store->options.reader);
    sp->log.known = false;
    return write ? begin_write(handle_of(sp), file, line) : db_begin_at(sp->db, false, file, line);
}

static void end(struct space *sp)
{
    struct handle *h = handle_of(sp);
    sp->writing = false;
    sp->log.known = false;
    if (h->locked)
        lock_drop(sp->store->locks, h->place);
    h->locked = false;
}

/* For store_look(). What only this space is to blame for is not said of all. */
static void note_commit(struct store *s, enum err e)
{
    if (e == ERR_FULL || e == ERR_INTERNAL) {
        s->failed = e;
        s->failed_at = clock_mono_ms();
    } else if (!e && s->failed_at) {
        s->failed_at = 0;
    }
}

enum err space_commit(struct space *sp)
{
    struct handle *h = handle_of(sp);
    bool writing = sp->writing;
    enum err e = db_commit(sp->db);
    if (writing)
        note_commit(sp->store, e);
    if (e)
        db_rollback(sp->db);
    else if (h->locked && db_wal_frames(sp->db) >= h->checkpoint_at + CHECKPOINT_OVERDUE)
        checkpoint_now(h); /* the checkpointer does not keep up with this one */
    end(sp);
    return e;
}

void space_rollback(struct space *sp)
{
    db_rollback(sp->db);
    end(sp);
}

enum err space_enter_at(struct store *s, enum space_kind kind, struct str id, struct space **out,
                        const char *file, int line)
{
    *out = NULL;
    struct space *sp;
    enum err e = space_acquire(s, kind, id, &sp);
    if (e)
        return e;
    e = space_begin_at(sp, true, file, line);
    if (e)
        space_release(sp);
    else
        *out = sp;
    return e;
}

enum err space_leave(struct space *sp, enum err e)
{
    if (!e && sp)
        e = space_commit(sp);
    space_release(sp);
    return e;
}
