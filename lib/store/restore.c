/* Restoring: check, stage beside, put in place. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/folder.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/manifest.h"
#include "store/migrate.h"
#include "store/restore.h"
#include "store/tree.h"

#define STAGE "restoring.new"

struct restoring {
    const struct restore_order *order;
    struct arena *mem;
    struct str *message;
    struct restore_result *result;
    struct manifest manifest;
    struct str now; /* for names */
    int locks;
};

static enum err fail(struct restoring *r, enum err e, struct str path, const char *what)
{
    *r->message = arena_printf(r->mem, "%.*s: %s", STR_ARG(path), what);
    return e;
}

static const char *target(const struct restoring *r, const char *name)
{
    return arena_printf(r->mem, "%s/%s", r->order->data_dir, name).p;
}

static void step(const struct restoring *r, size_t done, size_t total)
{
    const struct progress *p = &r->order->progress;
    if (p->on_step)
        p->on_step(p->arg, done, total);
}

static enum err begin(struct restoring *r)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(clock_wall_ms(), iso);
    for (char *p = iso; *p; p++)
        if (*p == ':')
            *p = '-';
    r->now = arena_dup(r->mem, str_from_c(iso));
    *r->result = (struct restore_result){.files = 0};
    db_library_init();
    return manifest_read(&r->manifest, r->order->from, r->mem, r->message);
}

/* --- one file --------------------------------------------------------------------------------- */

/* The kind of the space that a path of the list is of; false: of none. */
static bool kind_of(struct str path, enum space_kind *kind)
{
    static const char *const starts[SPACE_KINDS] = {
        [SPACE_USER] = "users/", [SPACE_ORG] = "orgs/", [SPACE_SHARED] = "shared/"};
    if (str_eq(path, STR("main.db"))) {
        *kind = SPACE_MAIN;
        return true;
    }
    for (size_t i = SPACE_MAIN + 1; i < SPACE_KINDS; i++)
        if (str_starts_with(path, str_from_c(starts[i])) && str_ends_with(path, STR(".db"))) {
            *kind = (enum space_kind)i;
            return true;
        }
    return false;
}

/* A copy that is what the list says of it, with an epoch of its own and nobody signed in. */
static enum err renew(struct db *db, enum space_kind kind)
{
    static const struct str epoch =
        SQL("UPDATE meta SET value = lower(hex(randomblob(4))) WHERE name = 'epoch'");
    static const struct str sessions = SQL("DELETE FROM session");
    static const struct str admin_sessions = SQL("DELETE FROM admin_session");
    int64_t version;
    enum err e = migrate_read_version(db, &version);
    if (e)
        return e;
    if (version > migrate_version(kind))
        return ERR_TOO_NEW;
    if (version == 0)
        return ERR_CORRUPT;
    e = db_change(db, epoch, NO_VALUES, ERR_CORRUPT);
    if (e == OK && kind == SPACE_USER)
        e = db_run(db, sessions, NO_VALUES);
    if (e == OK && kind == SPACE_MAIN && version >= MIGRATE_MAIN_ADMINS)
        e = db_run(db, admin_sessions, NO_VALUES);
    return e;
}

static enum err renew_file(const char *path, enum space_kind kind)
{
    struct db *db;
    bool all;
    const struct db_options o = {.sync = DB_SYNC_NONE, .busy_ms = 1000};
    enum err e = db_open(&db, path, &o);
    if (e)
        return e;
    e = renew(db, kind);
    if (!e)
        e = db_checkpoint(db, &all);
    db_close_last(db);
    return e;
}

static const char *reason(enum err e)
{
    switch (e) {
    case ERR_TOO_NEW:
        return "a newer version of this program wrote it: restore with that one";
    case ERR_FULL:
        return "the disk of the data folder is full: make room, and try again";
    case ERR_CORRUPT:
        return "it is damaged: take another backup";
    case ERR_FORBIDDEN:
        return "it cannot be read or written by this user";
    default:
        return "it cannot be copied";
    }
}

/* Copy a file of the backup to `to`, checked and renewed. */
static enum err stage_file(struct restoring *r, const struct manifest_file *f, const char *to)
{
    char sha256[2 * SHA256_LEN + 1];
    enum space_kind kind;
    int64_t size;
    struct str from = arena_printf(r->mem, "%s/%.*s", r->order->from, STR_ARG(f->path));
    enum err e = folder_copy_file(from.p, to);
    if (e == ERR_NOT_FOUND)
        return fail(r, ERR_CORRUPT, from, "it is missing: take another backup");
    if (!e)
        e = manifest_digest(to, sha256, &size);
    if (!e && (size != f->size || memcmp(sha256, f->sha256, sizeof sha256) != 0))
        return fail(r, ERR_CORRUPT, from, "it is not what was backed up: take another backup");
    if (!e && kind_of(f->path, &kind))
        e = renew_file(to, kind);
    return e ? fail(r, e, from, reason(e)) : OK;
}

/* --- all -------------------------------------------------------------------------------------- */

static const char *const parts[] = {"main.db", "main.db-wal", "main.db-shm",
                                    "users",   "orgs",        "shared"};

static enum err lock_alone(struct restoring *r)
{
    struct str folder = str_from_c(r->order->data_dir);
    if (mkdir(r->order->data_dir, 0700) < 0 && errno != EEXIST)
        return fail(r, folder_errno(errno), folder, "the data folder cannot be made");
    if (lock_open(r->order->data_dir, &r->locks) != OK)
        return fail(r, ERR_FORBIDDEN, folder, "not a folder that this user can write to");
    if (lock_use(r->locks, true) != OK)
        return fail(r, ERR_BUSY, folder,
                    "it is in use: stop Cubby first, or restore one account with --user");
    if (!r->order->force && access(target(r, "main.db"), F_OK) == 0)
        return fail(r, ERR_CONFLICT, folder,
                    "there is data already: --force puts the backup in its place");
    return OK;
}

static enum err stage_all(struct restoring *r)
{
    const char *stage = target(r, STAGE);
    enum err e = folder_remove(stage);
    if (!e && mkdir(stage, 0700) < 0)
        e = folder_errno(errno);
    if (e)
        return fail(r, e, str_from_c(stage), reason(e));
    for (size_t i = 0; !e && i < r->manifest.count; i++) {
        const struct manifest_file *f = r->manifest.files[i];
        e = folder_make_parents(stage, f->path);
        if (e)
            return fail(r, e, str_from_c(stage), reason(e));
        e = stage_file(r, f, arena_printf(r->mem, "%s/%.*s", stage, STR_ARG(f->path)).p);
        step(r, i + 1, r->manifest.count);
    }
    if (!e && !manifest_find(&r->manifest, STR("main.db")))
        e = fail(r, ERR_CORRUPT, str_from_c(r->order->from), "it has no main.db: take another");
    if (e)
        return e;
    e = folder_sync(stage);
    return e ? fail(r, e, str_from_c(stage), reason(e)) : OK;
}

static enum err keep(struct restoring *r, const char *from, const char *name)
{
    struct str kept = arena_printf(r->mem, "%s/replaced-%.*s", r->order->data_dir, STR_ARG(r->now));
    if (access(from, F_OK) < 0)
        return OK;
    if (!r->result->kept.p && mkdir(kept.p, 0700) < 0)
        return folder_errno(errno);
    r->result->kept = kept;
    return rename(from, arena_printf(r->mem, "%s/%s", kept.p, name).p) < 0 ? folder_errno(errno)
                                                                           : OK;
}

/* The stage becomes what keeps the programs from starting; one of those that was there already goes
 * aside, in the same moment. */
static enum err mark(struct restoring *r)
{
    const char *stage = target(r, STAGE), *restoring = target(r, STORE_RESTORING);
    bool again = access(restoring, F_OK) == 0;
    if (renameat2(AT_FDCWD, stage, AT_FDCWD, restoring, again ? RENAME_EXCHANGE : 0) < 0)
        return folder_errno(errno);
    enum err e = again ? keep(r, stage, STORE_RESTORING) : OK;
    return e ? e : folder_sync(r->order->data_dir);
}

static enum err set_aside(struct restoring *r)
{
    enum err e = OK;
    for (size_t i = 0; !e && i < ARRAY_LEN(parts); i++)
        e = keep(r, target(r, parts[i]), parts[i]);
    return e;
}

/* A file beside main.db, such as a secret, that is there already stays as it is. */
static enum err move_in(struct restoring *r)
{
    struct folder_names names;
    const char *from = target(r, STORE_RESTORING);
    enum err e = folder_read(from, r->mem, &names);
    for (size_t i = 0; !e && i < names.count; i++) {
        const char *to = target(r, names.list[i].p);
        if (access(to, F_OK) < 0 &&
            rename(arena_printf(r->mem, "%s/%s", from, names.list[i].p).p, to) < 0)
            e = folder_errno(errno);
    }
    if (!e)
        e = folder_sync(r->order->data_dir);
    return e ? e : folder_remove(from);
}

/*
 * The folder `restoring` is there from before the first rename to after the last: the programs do
 * not start on what is half one and half the other.
 */
static enum err put_in_place(struct restoring *r)
{
    struct str folder = str_from_c(r->order->data_dir);
    enum err e = mark(r);
    if (!e)
        e = set_aside(r);
    if (!e)
        e = move_in(r);
    if (!e)
        e = folder_sync(r->order->data_dir);
    return e ? fail(r, e, folder, "the restored files cannot be put in place") : OK;
}

enum err restore_all(const struct restore_order *o, struct arena *mem, struct restore_result *out,
                     struct str *message)
{
    struct restoring r = {.order = o,
                          .mem = mem,
                          .message = message,
                          .result = out,
                          .manifest = MANIFEST_INIT,
                          .locks = -1};
    enum err e = begin(&r);
    if (!e)
        e = lock_alone(&r);
    if (!e) {
        e = stage_all(&r);
        if (!e)
            e = put_in_place(&r);
        if (e && folder_remove(target(&r, STAGE)) != OK)
            *message = arena_printf(mem, "%.*s; " STAGE " can be deleted", STR_ARG(*message));
    }
    if (!e)
        out->files = r.manifest.count;
    if (r.locks >= 0)
        close(r.locks);
    manifest_release(&r.manifest);
    return e;
}

/* --- one account ------------------------------------------------------------------------------ */

/* As it was when it was backed up. */
static enum err find_in_backup(struct restoring *r, struct str who, struct account *a)
{
    const char *path = arena_printf(r->mem, "%s/main.db", r->order->from).p;
    struct db *db = NULL;
    struct space sp = {.kind = SPACE_MAIN};
    enum err e = db_open(&db, path, &(struct db_options){.immutable = true});
    sp.db = db;
    if (!e)
        e = accounts_by_email_within(&sp, who, r->mem, a);
    if (e == ERR_NOT_FOUND)
        e = accounts_by_id_within(&sp, who, r->mem, a);
    db_close(db);
    if (e == ERR_NOT_FOUND)
        return fail(r, e, who, "the backup has no such account");
    return e ? fail(r, e, str_from_c(path), reason(e)) : OK;
}

/* Of main.db as it is now: the account, or whether its address is free. */
static enum err check_account(struct restoring *r, struct store *s, struct account *a, bool *is_new)
{
    struct account now;
    enum err e = accounts_by_id(s, a->id, r->mem, &now);
    *is_new = e == ERR_NOT_FOUND;
    if (e == OK && !r->order->force)
        return fail(r, ERR_CONFLICT, a->email,
                    "the account exists: --force puts its data of the backup in its place");
    if (e == OK)
        a->email = now.email;
    else if (e == ERR_NOT_FOUND)
        e = accounts_by_email(s, a->email, r->mem, &now) == OK ? ERR_EMAIL_TAKEN : OK;
    return e == ERR_EMAIL_TAKEN ? fail(r, e, a->email, "another account has this address now")
           : e                  ? fail(r, e, STR("main.db"), "it cannot be read")
                                : OK;
}

/* First the file, then the row: an account without a file cannot be. */
static enum err replace(struct restoring *r, struct store *s, const struct account *a,
                        const char *stage, bool is_new)
{
    struct str name = arena_printf(r->mem, "%.*s.db", STR_ARG(a->id));
    struct str kept = arena_printf(r->mem, "%s/replaced-%.*s", r->order->data_dir, STR_ARG(r->now));
    if (mkdir(kept.p, 0700) < 0)
        return folder_errno(errno);
    enum err e =
        space_replace(s, SPACE_USER, a->id, stage, arena_printf(r->mem, "%s/%s", kept.p, name.p).p);
    if (rmdir(kept.p) < 0)
        r->result->kept = kept;
    return e || !is_new ? e : accounts_create(s, a);
}

enum err restore_user(struct store *s, const struct restore_order *o, struct str who,
                      struct arena *mem, struct account *account, struct restore_result *out,
                      struct str *message)
{
    struct restoring r = {
        .order = o, .mem = mem, .message = message, .result = out, .manifest = MANIFEST_INIT};
    const struct manifest_file *f = NULL;
    bool is_new = false;
    enum err e = begin(&r);
    if (!e)
        e = find_in_backup(&r, who, account);
    if (!e)
        e = check_account(&r, s, account, &is_new);
    if (!e)
        f = manifest_find(&r.manifest, tree_path(SPACE_USER, account->id, mem));
    if (!e && !f)
        e = fail(&r, ERR_NOT_FOUND, account->email, "the backup has no file of this account");
    if (!e) {
        const char *stage = arena_printf(mem, "%s/" STAGE "-%.*s", o->data_dir, STR_ARG(r.now)).p;
        e = stage_file(&r, f, stage);
        if (!e)
            e = folder_sync(o->data_dir);
        if (!e && (e = replace(&r, s, account, stage, is_new)) != OK)
            e = fail(&r, e, account->email, "its file cannot be put in place");
        unlink(stage);
    }
    if (!e)
        out->files = 1;
    manifest_release(&r.manifest);
    return e;
}
