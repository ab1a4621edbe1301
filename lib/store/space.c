/* The store and its spaces: paths, opening and closing files, transactions under the writers' lock.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/migrate.h"
#include "store/tables.h"

#define HEX_ID_LEN    32
#define CLOSE_WAIT_MS 100 /* for the lock, when a file is closed: else its WAL stays */

static const char *const folders[SPACE_KINDS] = {
    [SPACE_MAIN] = "", [SPACE_USER] = "users", [SPACE_ORG] = "orgs", [SPACE_SHARED] = "shared"};

/* --- paths ------------------------------------------------------------------------------------ */

static bool id_is_valid(enum space_kind kind, struct str id)
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

static bool is_sharded(enum space_kind kind)
{
    return kind == SPACE_USER || kind == SPACE_ORG;
}

/* The folder of a space's file. */
static void folder_path(struct buf *out, const struct space *sp)
{
    buf_appendf(out, "%s", sp->store->data_dir);
    if (sp->kind != SPACE_MAIN)
        buf_appendf(out, "/%s", folders[sp->kind]);
    if (is_sharded(sp->kind))
        buf_appendf(out, "/%.2s", sp->id);
}

static void file_path(struct buf *out, const struct space *sp)
{
    folder_path(out, sp);
    buf_appendf(out, "/%s.db", sp->kind == SPACE_MAIN ? "main" : sp->id);
}

static enum err sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE ? ERR_BUSY : ERR_INTERNAL;
    int rc = fsync(fd);
    close(fd);
    return rc < 0 ? ERR_INTERNAL : OK;
}

/* Make the folder if need be, durably. */
static enum err make_folder(const char *path, const char *parent)
{
    if (mkdir(path, 0700) == 0)
        return sync_folder(parent);
    return errno == EEXIST ? OK : errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_INVALID;
}

static enum err make_shard(const struct space *sp)
{
    struct buf path = BUF_INIT, parent = BUF_INIT;
    folder_path(&path, sp);
    buf_appendf(&parent, "%s/%s", sp->store->data_dir, folders[sp->kind]);
    enum err e = make_folder(path.p, parent.p);
    buf_release(&parent);
    buf_release(&path);
    return e;
}

/* --- open and close a handle's file ----------------------------------------------------------- */

static struct db_options db_options_of(const struct store *s, enum space_kind kind, bool create)
{
    return (struct db_options){.create = create,
                               .reader = s->options.reader,
                               .sync = s->options.sync,
                               .busy_ms = s->options.busy_ms,
                               .max_bytes = is_sharded(kind) ? s->options.quota_bytes : 0};
}

static enum err read_epoch(struct space *sp)
{
    static const struct str sql = SQL("SELECT value FROM meta WHERE name = 'epoch'");
    struct stmt *s;
    bool row;
    enum err e = db_stmt(sp->db, sql, &s);
    if (!e)
        e = stmt_step(s, &row);
    if (e)
        return e;
    struct str epoch = row ? stmt_str(s, 0) : STR_NULL;
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

/* Open the file of a held handle; what fails leaves it as it was. */
static enum err handle_open(struct handle *h, bool create)
{
    struct space *sp = &h->space;
    struct store *s = sp->store;
    struct buf path = BUF_INIT, folder = BUF_INIT;
    struct db_options o = db_options_of(s, sp->kind, create);
    file_path(&path, sp);
    bool fresh = create && access(path.p, F_OK) < 0;
    enum err e = fresh && is_sharded(sp->kind) ? make_shard(sp) : OK;
    if (!e)
        e = db_open(&sp->db, path.p, &o);
    if (e)
        goto out;
    h->drop = false;
    h->checkpoint_at = CHECKPOINT_DUE;
    cache_count(&s->cache, &s->cache.stats.misses);
    e = prepare(sp, create);
    if (!e && fresh) {
        folder_path(&folder, sp);
        e = sync_folder(folder.p);
    }
    if (e) {
        db_rollback(sp->db);
        db_close(sp->db);
        sp->db = NULL;
    }
out:
    buf_release(&folder);
    buf_release(&path);
    return e;
}

void handle_close(struct handle *h)
{
    struct store *s = h->space.store;
    struct db *db = h->space.db;
    h->space.db = NULL;
    h->drop = false;
    bool tidy = !s->options.reader && !db_is_corrupt(db) &&
                lock_take(s->locks, h->place, CLOSE_WAIT_MS) == OK;
    if (!tidy) {
        db_close(db);
        return;
    }
    bool all;
    if (db_wal_frames(db) > 0 && db_checkpoint(db, &all) == OK)
        cache_count(&s->cache, &s->cache.stats.checkpoints);
    db_close_last(db);
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

static enum err acquire(struct store *s, enum space_kind kind, struct str id, bool create,
                        struct space **out)
{
    struct handle *h;
    *out = NULL;
    if (!id_is_valid(kind, id) || (create && s->options.reader))
        return ERR_NOT_FOUND;
    enum err e = cache_hold(&s->cache, s, kind, id, s->options.busy_ms, &h);
    if (e)
        return e;
    if (h->space.db && db_file_is_gone(h->space.db))
        handle_close(h); /* deleted or restored by another process */
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

static enum err delete_files(const struct space *sp)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct buf path = BUF_INIT, folder = BUF_INIT;
    enum err e = OK;
    file_path(&path, sp);
    size_t n = path.n;
    for (size_t i = 0; !e && i < ARRAY_LEN(suffixes); i++) {
        path.n = n;
        buf_appendf(&path, "%s", suffixes[i]);
        if (unlink(path.p) < 0 && errno != ENOENT)
            e = ERR_INTERNAL;
    }
    folder_path(&folder, sp);
    if (!e)
        e = sync_folder(folder.p);
    buf_release(&folder);
    buf_release(&path);
    return e;
}

enum err space_delete(struct store *s, enum space_kind kind, struct str id)
{
    struct handle *h;
    if (kind == SPACE_MAIN || !id_is_valid(kind, id) || s->options.reader)
        return ERR_NOT_FOUND;
    enum err e = cache_hold(&s->cache, s, kind, id, s->options.busy_ms, &h);
    if (e)
        return e;
    e = lock_take(s->locks, h->place, s->options.busy_ms);
    if (!e) {
        db_close(h->space.db);
        h->space.db = NULL;
        e = delete_files(&h->space);
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

enum err space_commit(struct space *sp)
{
    struct handle *h = handle_of(sp);
    enum err e = db_commit(sp->db);
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

/* --- the store -------------------------------------------------------------------------------- */

static enum err make_folders(const struct store *s)
{
    struct buf path = BUF_INIT;
    enum err e = mkdir(s->data_dir, 0700) == 0 || errno == EEXIST ? OK : ERR_INVALID;
    for (size_t kind = SPACE_MAIN + 1; !e && kind < SPACE_KINDS; kind++) {
        buf_reset(&path);
        buf_appendf(&path, "%s/%s", s->data_dir, folders[kind]);
        e = make_folder(path.p, s->data_dir);
    }
    if (!e && access(s->data_dir, R_OK | W_OK | X_OK) < 0)
        e = ERR_INVALID;
    buf_release(&path);
    return e;
}

/* A reader waits for nothing here: what is not there yet is ERR_NOT_FOUND when it is asked for. */
static enum err start_writer(struct store *s)
{
    struct space *main_db;
    enum err e = make_folders(s);
    if (!e)
        e = lock_open(s->data_dir, &s->locks);
    if (!e)
        e = space_create(s, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    space_release(main_db);
    return checkpointer_start(s);
}

enum err store_open(struct store **out, const struct store_options *o, struct arena *mem,
                    struct str *message)
{
    db_library_init();
    struct store *s = mem_zalloc(1, sizeof *s);
    s->options = *o;
    s->data_dir = mem_dup(o->data_dir, strlen(o->data_dir));
    s->options.data_dir = s->data_dir;
    s->locks = -1;
    cache_init(&s->cache, o->handles);
    for (size_t kind = 0; kind < SPACE_KINDS; kind++)
        tables_hash(o, (enum space_kind)kind, s->tables_hash[kind]);
    enum err e = o->reader ? OK : start_writer(s);
    if (e) {
        struct str text = err_text(e);
        *message = arena_printf(mem, "%s: %.*s", s->data_dir, STR_ARG(text));
        store_close(s);
        s = NULL;
    }
    *out = s;
    return e;
}

void store_close(struct store *s)
{
    struct handle *h;
    if (!s)
        return;
    checkpointer_stop(s);
    while ((h = cache_any(&s->cache)) != NULL) {
        if (h->space.db)
            handle_close(h);
        cache_forget(&s->cache, h);
    }
    cache_release(&s->cache);
    if (s->locks >= 0)
        close(s->locks);
    mem_free(s->data_dir);
    mem_free(s);
}

const struct store_options *store_options(const struct store *s)
{
    return &s->options;
}

struct store_stats store_stats(struct store *s)
{
    pthread_mutex_lock(&s->cache.mutex);
    struct store_stats stats = s->cache.stats;
    pthread_mutex_unlock(&s->cache.mutex);
    return stats;
}
