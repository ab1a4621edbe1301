/* The store: one per process. Opens the data folder and main.db, runs the checkpointer, counts. */
#include "base/base.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/tables.h"

/* A folder of that name holds what a restore was about to put in place when it was cut short. */
static bool is_half_restored(const struct store *s)
{
    struct arena mem = ARENA_INIT;
    bool half = access(arena_printf(&mem, "%s/" STORE_RESTORING, s->data_dir).p, F_OK) == 0;
    arena_release(&mem);
    return half;
}

/* Is there a main.db that this user may not use? */
static bool is_closed(const struct store *s)
{
    struct arena mem = ARENA_INIT;
    bool closed = access(arena_printf(&mem, "%s/main.db", s->data_dir).p, R_OK | W_OK) != 0 &&
                  errno == EACCES;
    arena_release(&mem);
    return closed;
}

/* A reader waits for nothing here: what is not there yet is ERR_NOT_FOUND when it is asked for. */
static enum err start_writer(struct store *s)
{
    struct space *main_db;
    enum err e = files_make_tree(s->data_dir);
    if (!e)
        e = lock_open(s->data_dir, &s->locks);
    if (!e)
        e = lock_use(s->locks, false);
    if (!e && is_half_restored(s))
        e = ERR_CONFLICT;
    if (!e && is_closed(s))
        e = ERR_INVALID;
    if (!e)
        e = space_create(s, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    space_release(main_db);
    return checkpointer_start(s);
}

/* For whoever reads the log at start. */
static const char *reason(enum err e)
{
    switch (e) {
    case ERR_INVALID:
        return "not a folder whose files this user can read and write: look at its owner and mode, "
               "and at those of main.db";
    case ERR_TOO_NEW:
        return "main.db was written by a newer version of this program: install that one again, or "
               "restore a backup of this one's";
    case ERR_CORRUPT:
        return "main.db is damaged";
    case ERR_BUSY:
        return "it is being restored, main.db is in use, or no descriptor or thread is to be had";
    case ERR_CONFLICT:
        return "a restore was cut short here: run `cubbyctl restore` again, with --force";
    case ERR_FULL:
        return "the disk is full";
    default:
        return "main.db cannot be opened";
    }
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
        *message = arena_printf(mem, "%s: %s", s->data_dir, reason(e));
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
    return cache_stats(&s->cache);
}

int64_t store_free_bytes(const struct store *s)
{
    struct statvfs fs;
    if (statvfs(s->data_dir, &fs) < 0)
        return -1;
    return (int64_t)((uint64_t)fs.f_bavail * fs.f_frsize);
}
