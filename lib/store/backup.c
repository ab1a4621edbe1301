/* Making and finding backups. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/backup.h"
#include "store/census.h"
#include "store/folder.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/manifest.h"
#include "store/tree.h"
#include "store/webhooks.h"

#define PARTIAL       ".partial"
#define AT_REST_BYTES (4 << 20) /* larger files are not copied under the writers' lock */
#define MAIN_TRIES    5

struct item {
    struct str path;
    bool is_space;
    enum space_kind kind;
    struct str id;
};

struct job {
    const struct backup_order *order;
    struct arena *mem;
    struct str *message;
    struct backup_result *result;
    const char *folder; /* <time>.partial */
    bool has_folder;
    struct str before; /* the backup before, p == NULL: none */
    struct manifest old, made;
    struct item *items;
    size_t count, cap;
    int locks;
    struct buf bytes; /* of a file at rest */
    int64_t begun_at; /* of the copying; ms */
};

static enum err fail(struct job *j, enum err e, struct str path, const char *what)
{
    *j->message = arena_printf(
        j->mem, "%.*s: %s (%.*s)", STR_ARG(path), what,
        STR_ARG(e == ERR_FULL ? STR("the disk of the backup is full: make room, and try again")
                              : err_text(e)));
    return e;
}

static const char *source_of(const struct job *j, struct str path)
{
    return arena_printf(j->mem, "%s/%.*s", j->order->data_dir, STR_ARG(path)).p;
}

/* --- what there is ---------------------------------------------------------------------------- */

static void add_item(struct job *j, const struct item *it)
{
    if (j->count == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 64;
        struct item *grown = arena_zalloc(j->mem, j->cap, sizeof *grown);
        if (j->count)
            memcpy(grown, j->items, j->count * sizeof *grown);
        j->items = grown;
    }
    j->items[j->count++] = *it;
}

/* main.db comes last, strays in the folders of spaces not at all. */
static enum err on_entry(void *arg, const struct tree_entry *t)
{
    struct job *j = arg;
    bool wanted = t->is_space ? t->kind != SPACE_MAIN : str_find(t->path, '/') == t->path.n;
    if (wanted)
        add_item(j, &(struct item){arena_dup(j->mem, t->path), t->is_space, t->kind,
                                   arena_dup(j->mem, t->id)});
    return OK;
}

/*
 * What tells that a file is the same as when it was copied: its inode, size and time of change, and
 * its WAL's. "-" when it changed so lately that the clock of the file system might hide a change.
 */
static struct str stamp_of(const struct job *j, const char *path)
{
    struct stat db, wal;
    int64_t now = clock_wall_ms() / 1000;
    if (stat(path, &db) < 0)
        return STR("-");
    if (stat(arena_printf(j->mem, "%s-wal", path).p, &wal) < 0 || wal.st_size == 0)
        wal = (struct stat){.st_size = 0};
    if (db.st_mtim.tv_sec + j->order->quick_s > now || wal.st_mtim.tv_sec + j->order->quick_s > now)
        return STR("-");
    return arena_printf(j->mem, "%llu.%lld.%lld.%ld.%lld.%lld.%ld", (unsigned long long)db.st_ino,
                        (long long)db.st_size, (long long)db.st_mtim.tv_sec, db.st_mtim.tv_nsec,
                        (long long)wal.st_size, (long long)wal.st_mtim.tv_sec, wal.st_mtim.tv_nsec);
}

/* --- copying ---------------------------------------------------------------------------------- */

/* No WAL, not large: under the lock of its writers its bytes are what the last commit left. They
 * are written when the lock is free again: a disk that is busy keeps no writer. */
static enum err read_at_rest(struct job *j, const struct item *it, const char *from, bool *done)
{
    char key[SPACE_ID_MAX + 2];
    struct stat st;
    int64_t place = lock_place(str_make(key, files_key(key, it->kind, it->id)));
    buf_reset(&j->bytes);
    enum err e = lock_take(j->locks, place, j->order->busy_ms);
    if (e)
        return e;
    bool has_wal = stat(arena_printf(j->mem, "%s-wal", from).p, &st) == 0 && st.st_size > 0;
    *done = !has_wal && stat(from, &st) == 0 && st.st_size <= AT_REST_BYTES;
    if (*done)
        e = folder_read_file(from, AT_REST_BYTES, &j->bytes);
    lock_drop(j->locks, place);
    return e;
}

/* By SQLite, in a snapshot: its writers go on. */
static enum err copy_in_use(struct job *j, const char *from, const char *to)
{
    const struct db_options o = {.reader = true, .busy_ms = j->order->busy_ms};
    struct db *db = NULL;
    enum err e = db_open(&db, from, &o);
    for (int ms = 1; (e == ERR_BUSY || e == ERR_INTERNAL) && ms <= 64; ms *= 2) {
        nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
        e = db_open(&db, from, &o); /* it was just being made, or closed */
    }
    if (!e)
        e = db_copy(db, to);
    db_close(db);
    return e;
}

/* *made gets size and digest. */
static enum err copy(struct job *j, const struct item *it, const char *from, const char *to,
                     struct manifest_file *made)
{
    bool at_rest = false;
    enum err e = it->is_space ? read_at_rest(j, it, from, &at_rest) : OK;
    if (e)
        return e;
    if (at_rest) {
        manifest_digest_of(buf_str(&j->bytes), made->sha256);
        made->size = (int64_t)j->bytes.n;
        return folder_write_file(to, buf_str(&j->bytes));
    }
    e = it->is_space ? copy_in_use(j, from, to) : folder_copy_file(from, to);
    return e ? e : manifest_digest(to, made->sha256, &made->size);
}

/* Wait until so much may have been written. */
static void pace(const struct job *j)
{
    int64_t rate = j->order->bytes_per_s;
    int64_t due = rate ? j->begun_at + j->result->written * 1000 / rate : 0, now = clock_mono_ms();
    if (due > now)
        nanosleep(&(struct timespec){(due - now) / 1000, (due - now) % 1000 * 1000000}, NULL);
}

static bool link_unchanged(struct job *j, const struct manifest_file *old, const char *to)
{
    const char *from = arena_printf(j->mem, "%.*s/%.*s", STR_ARG(j->before), STR_ARG(old->path)).p;
    struct stat st;
    return !j->order->full && stat(from, &st) == 0 && st.st_size == old->size &&
           link(from, to) == 0;
}

/* ERR_NOT_FOUND: it is gone meanwhile. */
static enum err add_file(struct job *j, const struct item *it)
{
    const char *from = source_of(j, it->path);
    const char *to = arena_printf(j->mem, "%s/%.*s", j->folder, STR_ARG(it->path)).p;
    struct str stamp = stamp_of(j, from);
    const struct manifest_file *old = manifest_find(&j->old, it->path);
    struct manifest_file made = {.size = 0};
    enum err e = folder_make_parents(j->folder, it->path);
    bool linked = !e && old && !str_eq(stamp, STR("-")) && str_eq(stamp, old->stamp) &&
                  link_unchanged(j, old, to);
    if (linked)
        made = *old;
    else if (!e)
        e = copy(j, it, from, to, &made);
    if (e)
        return e == ERR_NOT_FOUND ? e : fail(j, e, it->path, "cannot be copied");
    struct manifest_file *f = manifest_add(&j->made, it->path, stamp, j->mem);
    memcpy(f->sha256, made.sha256, sizeof f->sha256);
    f->size = made.size;
    j->result->linked += linked;
    j->result->written += linked ? 0 : made.size;
    pace(j);
    return OK;
}

static enum err add_files(struct job *j)
{
    enum err e = OK;
    const struct progress *p = &j->order->progress;
    for (size_t i = 0; !e && i < j->count; i++) {
        e = add_file(j, &j->items[i]);
        if (e == ERR_NOT_FOUND)
            e = OK;
        if (p->on_step)
            p->on_step(p->arg, i + 1, j->count + 1);
    }
    return e;
}

/* --- main.db, and what follows from it -------------------------------------------------------- */

static enum err read_census(struct job *j, const char *path, struct census *c)
{
    struct db *db = NULL;
    enum err e = db_open(&db, path, &(struct db_options){.immutable = true});
    if (!e)
        e = census_read(c, db, j->mem);
    db_close(db);
    return e ? fail(j, e, STR("main.db"), "its copy cannot be read") : OK;
}

/* Accounts that were made since the walk; *gone when one was deleted since the copy of main.db. */
static enum err add_new_ones(struct job *j, const struct census *c, bool *gone)
{
    struct census_entry *entry;
    size_t pos = 0;
    enum err e = OK;
    *gone = false;
    while (!e && (entry = map_next(&c->by_path, &pos)) != NULL) {
        struct item it = {tree_path(entry->kind, entry->id, j->mem), true, entry->kind, entry->id};
        if (entry->leaving || manifest_find(&j->made, it.path))
            continue;
        e = add_file(j, &it);
        *gone |= e == ERR_NOT_FOUND;
        if (e == ERR_NOT_FOUND)
            e = OK;
    }
    return e;
}

static void drop_strangers(struct job *j, const struct census *c)
{
    for (size_t i = 0; i < j->made.count; i++) {
        struct manifest_file *f = j->made.files[i];
        const struct census_entry *entry = map_get(&c->by_path, f->path);
        bool owned =
            str_starts_with(f->path, STR("users/")) || str_starts_with(f->path, STR("orgs/"));
        if (!owned || (entry && !entry->leaving))
            continue;
        f->dropped = true;
        unlink(arena_printf(j->mem, "%s/%.*s", j->folder, STR_ARG(f->path)).p);
    }
}

/* A file that an account has, and that is lost, is for `verify` to tell: the backup is made. */
static enum err add_main(struct job *j)
{
    static const struct item it = {{"main.db", 7}, true, SPACE_MAIN, {"", 0}};
    const char *copy_path = arena_printf(j->mem, "%s/main.db", j->folder).p;
    bool gone = true;
    enum err e = OK;
    for (int i = 0; !e && gone && i < MAIN_TRIES; i++) {
        struct census census = CENSUS_INIT;
        struct manifest_file *last = manifest_find(&j->made, it.path);
        if (last) {
            last->dropped = true;
            unlink(copy_path);
        }
        e = add_file(j, &it);
        if (e == ERR_NOT_FOUND)
            e = fail(j, e, STR("main.db"), "there is none: this is no data folder");
        j->made.created_at = clock_wall_ms();
        if (!e)
            e = read_census(j, copy_path, &census);
        if (!e)
            e = add_new_ones(j, &census, &gone);
        if (!e && (!gone || i + 1 == MAIN_TRIES))
            drop_strangers(j, &census);
        census_release(&census);
    }
    return e;
}

/* --- the whole -------------------------------------------------------------------------------- */

static enum err open_source(struct job *j)
{
    struct str folder = str_from_c(j->order->data_dir);
    if (access(source_of(j, STR("main.db")), R_OK) < 0)
        return fail(j, folder_errno(errno), folder, "no data folder that this user can read");
    if (access(source_of(j, STR(STORE_RESTORING)), F_OK) == 0)
        return fail(j, ERR_CONFLICT, folder, "a restore was cut short here: restore again first");
    enum err e = lock_open(j->order->data_dir, &j->locks);
    if (!e)
        e = lock_use(j->locks, false);
    return e ? fail(j, e, folder, "its lock file cannot be used") : OK;
}

static enum err open_target(struct job *j, struct str *name)
{
    char iso[CLOCK_ISO_LEN + 1];
    struct str none;
    struct str to = str_from_c(j->order->to);
    if (mkdir(j->order->to, 0700) < 0 && errno != EEXIST)
        return fail(j, folder_errno(errno), to, "cannot be made");
    if (backup_find(j->order->to, 0, j->mem, &j->before, &none) == OK &&
        manifest_read(&j->old, j->before.p, j->mem, &none) != OK)
        j->before = STR_NULL;
    clock_iso(clock_wall_ms(), iso);
    for (char *p = iso; *p; p++)
        if (*p == ':')
            *p = '-';
    *name = arena_printf(j->mem, "%s/%s", j->order->to, iso);
    j->folder = arena_printf(j->mem, "%.*s" PARTIAL, STR_ARG(*name)).p;
    j->has_folder = mkdir(j->folder, 0700) == 0;
    return j->has_folder ? OK : fail(j, folder_errno(errno), to, "cannot be written to");
}

/* From here on it is a backup: first all of it is durable, then its list, then its name. */
static enum err finish(struct job *j, struct str name)
{
    struct str folder = str_from_c(j->folder);
    enum err e = folder_sync(j->folder);
    if (!e)
        e = manifest_write(&j->made, j->folder);
    if (!e)
        e = folder_sync(j->folder);
    if (!e && rename(j->folder, name.p) < 0)
        e = folder_errno(errno);
    if (!e)
        e = folder_sync(j->order->to);
    return e ? fail(j, e, folder, "cannot be finished") : OK;
}

static void count_result(struct job *j, struct str name)
{
    j->result->path = name;
    for (size_t i = 0; i < j->made.count; i++) {
        j->result->files += !j->made.files[i]->dropped;
        j->result->bytes += j->made.files[i]->dropped ? 0 : j->made.files[i]->size;
    }
}

enum err backup_make(const struct backup_order *o, struct arena *mem, struct backup_result *out,
                     struct str *message)
{
    struct job j = {.order = o,
                    .mem = mem,
                    .message = message,
                    .result = out,
                    .old = MANIFEST_INIT,
                    .made = MANIFEST_INIT,
                    .locks = -1,
                    .begun_at = clock_mono_ms()};
    struct str name = STR_NULL;
    *out = (struct backup_result){.files = 0};
    db_library_init();
    enum err e = open_source(&j);
    if (!e)
        e = open_target(&j, &name);
    if (!e)
        e = tree_walk(o->data_dir, on_entry, &j);
    if (!e)
        e = add_files(&j);
    if (!e)
        e = add_main(&j);
    if (!e)
        e = finish(&j, name);
    if (!e)
        count_result(&j, name);
    if (!e && o->progress.on_step)
        o->progress.on_step(o->progress.arg, j.count + 1, j.count + 1);
    if (e && j.has_folder && folder_remove(j.folder) != OK)
        *message = arena_printf(mem, "%.*s; %s can be deleted", STR_ARG(*message), j.folder);
    if (j.locks >= 0)
        close(j.locks);
    buf_release(&j.bytes);
    manifest_release(&j.made);
    manifest_release(&j.old);
    return e;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* Is it one, finished by then? */
static enum err look_at(const char *path, int64_t not_after, struct arena *mem, struct str *why)
{
    struct manifest m = MANIFEST_INIT;
    enum err e = manifest_read(&m, path, mem, why);
    if (!e && not_after && m.created_at > not_after) {
        e = ERR_NOT_FOUND;
        *why = STR("it is of a later time");
    }
    manifest_release(&m);
    return e;
}

enum err backup_find(const char *path, int64_t not_after, struct arena *mem, struct str *folder,
                     struct str *message)
{
    struct folder_names names;
    struct str why = STR_NULL;
    *folder = arena_dup(mem, str_from_c(path));
    if (str_ends_with(*folder, STR(PARTIAL))) {
        *message =
            arena_printf(mem, "%s: it was cut short before it was whole: take another", path);
        return ERR_CORRUPT;
    }
    if (access(arena_printf(mem, "%s/" MANIFEST_NAME, path).p, F_OK) == 0) {
        enum err e = look_at(path, not_after, mem, &why);
        *message = arena_printf(mem, "%s: %.*s", path, STR_ARG(why));
        return e;
    }
    enum err e = folder_read(path, mem, &names);
    for (size_t i = e ? 0 : names.count; i-- > 0;) {
        *folder = arena_printf(mem, "%s/%.*s", path, STR_ARG(names.list[i]));
        if (!str_ends_with(names.list[i], STR(PARTIAL)) &&
            look_at(folder->p, not_after, mem, &why) == OK)
            return OK;
    }
    *message = arena_printf(mem, "%s: %s", path,
                            e ? "no folder that this user can read"
                              : "no finished backup of that time is in it");
    return ERR_NOT_FOUND;
}
