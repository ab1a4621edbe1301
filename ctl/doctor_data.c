/* Checks of the data folder: that it is there, whose it is, who can read it, what is in it. */
#include "base/base.h"

#include <errno.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "doctor.h"
#include "store/migrate.h"
#include "store/tree.h"

#define FUTURE_S 60

void check_data_folder(struct doctor *d)
{
    const char *dir = ctl_data_dir(d->ctl);
    const char *setting = TEXT(d, "data_dir in %s names the data folder", d->settings);
    struct stat st;
    if (stat(dir, &st) < 0) {
        doctor_fault(d, setting, "%s: %s", dir, strerrordesc_np(errno));
    } else if (!S_ISDIR(st.st_mode)) {
        doctor_fault(d, setting, "%s: it is no folder", dir);
    } else if (access(dir, R_OK | X_OK) < 0) {
        doctor_fault(d,
                     TEXT(d, "run cubbyctl as its owner: sudo -u '#%lu'", (unsigned long)st.st_uid),
                     "%s: this user may not look into it", dir);
    } else if (access(TEXT(d, "%s/main.db", dir), F_OK) < 0) {
        doctor_fault(d, setting, "%s: there is no main.db in it", dir);
    } else {
        d->has_data = true;
        if ((st.st_mode & S_IRWXU) != S_IRWXU || (access(dir, W_OK) < 0 && errno == EROFS))
            doctor_fault(d, TEXT(d, "chmod 700 %s; mounted read-only: /etc/fstab", dir),
                         "%s: its owner cannot write to it (mode %03o)", dir,
                         (unsigned)st.st_mode & 0777);
        else
            doctor_ok(d, "%s", dir);
    }
}

/* --- every file ------------------------------------------------------------------------------- */

struct look {
    struct doctor *doctor;
    struct stat folder; /* the data folder itself */
    size_t count;       /* of those that on_file objected to */
    const char *first;
    int64_t newest;                                   /* seconds */
    bool (*on_file)(struct look *l, const FTSENT *f); /* true: it objects */
};

/* Sockets, logs and locks of programs that run, in run/, are not looked at. */
static void look_at_all(struct doctor *d, struct look *l)
{
    char *roots[] = {(char *)ctl_data_dir(d->ctl), NULL};
    FTSENT *f;
    l->doctor = d;
    if (stat(roots[0], &l->folder) < 0)
        return;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    while (tree && (f = fts_read(tree))) {
        if (f->fts_level == 1 && strcmp(f->fts_name, "run") == 0)
            fts_set(tree, f, FTS_SKIP);
        else if ((f->fts_info == FTS_D || f->fts_info == FTS_F) && l->on_file(l, f)) {
            if (!l->count++)
                l->first = TEXT(d, "%s", f->fts_path);
        }
    }
    if (tree)
        fts_close(tree);
}

static const char *others(const struct look *l)
{
    return l->count > 1 ? TEXT(l->doctor, " (and %zu more)", l->count - 1) : "";
}

static bool is_foreign(struct look *l, const FTSENT *f)
{
    return f->fts_statp->st_uid != l->folder.st_uid;
}

void check_owner(struct doctor *d)
{
    struct look l = {.on_file = is_foreign};
    const char *dir = ctl_data_dir(d->ctl);
    look_at_all(d, &l);
    unsigned long owner = (unsigned long)l.folder.st_uid;
    if (l.count)
        doctor_fault(
            d, TEXT(d, "chown -R %lu %s", owner, dir),
            "%s%s: it belongs to another user than the data folder; cubby.fcgi cannot use it",
            l.first, others(&l));
    else if (l.folder.st_uid != geteuid())
        doctor_warn(d, TEXT(d, "run cubbyctl as the owner: sudo -u '#%lu'", owner),
                    "%s belongs to user %lu, not to the one who asks: some checks are not made",
                    dir, owner);
}

static bool is_open(struct look *l, const FTSENT *f)
{
    (void)l;
    struct str name = str_make(f->fts_name, f->fts_namelen);
    bool counts = f->fts_info == FTS_D || str_ends_with(name, STR(".db")) ||
                  str_ends_with(name, STR(".db-wal")) || str_ends_with(name, STR(".db-shm"));
    return counts && (f->fts_statp->st_mode & (S_IRWXG | S_IRWXO));
}

void check_permissions(struct doctor *d)
{
    struct look l = {.on_file = is_open};
    look_at_all(d, &l);
    if (l.count)
        doctor_fault(d, TEXT(d, "chmod -R go= %s", ctl_data_dir(d->ctl)),
                     "%s%s: others than its owner can open it", l.first, others(&l));
}

static bool is_of_the_future(struct look *l, const FTSENT *f)
{
    return f->fts_statp->st_mtime > clock_wall_ms() / 1000 + FUTURE_S && l->doctor;
}

void check_file_times(struct doctor *d)
{
    struct look l = {.on_file = is_of_the_future};
    look_at_all(d, &l);
    if (l.count)
        doctor_fault(d, "the clock of this machine (timedatectl set-ntp true)",
                     "%s%s: it was changed in the future: the clock is wrong, or was", l.first,
                     others(&l));
}

/* --- what is in them -------------------------------------------------------------------------- */

void check_restore(struct doctor *d)
{
    const char *dir = ctl_data_dir(d->ctl);
    if (access(TEXT(d, "%s/" STORE_RESTORING, dir), F_OK) == 0) {
        d->no_account = "a restore was cut short";
        doctor_fault(
            d, "run `cubbyctl restore BACKUP --force` again: the programs do not start before",
            "%s/" STORE_RESTORING ": a restore was cut short", dir);
    }
}

struct versions {
    struct doctor *doctor;
    size_t files, newer, damaged;
    const char *first_newer, *first_damaged;
};

/* A file with no WAL beside it is at rest: looking at it leaves no trace. */
static enum err read_version(struct doctor *d, const char *path, int64_t *version)
{
    struct db *db;
    struct db_options o = {.reader = true, .busy_ms = 1000};
    struct stat st;
    bool is_owner = stat(path, &st) == 0 && st.st_uid == geteuid();
    o.immutable = !is_owner || access(TEXT(d, "%s-wal", path), F_OK) < 0;
    enum err e = db_open(&db, path, &o);
    if (e)
        return e;
    e = migrate_read_version(db, version);
    db_close(db);
    return e;
}

static enum err on_entry(void *arg, const struct tree_entry *t)
{
    struct versions *v = arg;
    int64_t version = 0;
    if (!t->is_space)
        return OK;
    const char *path = TEXT(v->doctor, "%s/%.*s", ctl_data_dir(v->doctor->ctl), STR_ARG(t->path));
    enum err e = read_version(v->doctor, path, &version);
    v->files++;
    if (e == ERR_CORRUPT && !v->damaged++)
        v->first_damaged = path;
    if (e == OK && version > migrate_version(t->kind) && !v->newer++)
        v->first_newer = path;
    if (t->kind == SPACE_MAIN && (e || version != migrate_version(t->kind)))
        v->doctor->no_account = "main.db is not of this program's version";
    return OK;
}

void check_databases(struct doctor *d)
{
    struct versions v = {.doctor = d};
    enum err e = tree_walk(ctl_data_dir(d->ctl), on_entry, &v);
    if (e)
        doctor_fault(d, "run cubbyctl as the owner of the data folder", "%s: %.*s",
                     ctl_data_dir(d->ctl), STR_ARG(err_text(e)));
    if (v.newer)
        doctor_fault(d, "install the newer programs again; this one never writes to such a file",
                     "%s (%zu such): a newer version of Cubby wrote it", v.first_newer, v.newer);
    if (v.damaged)
        doctor_fault(d,
                     "`cubbyctl verify` says where, `cubbyctl restore BACKUP --user USER` puts a "
                     "backup in its place",
                     "%s (%zu such): it is damaged", v.first_damaged, v.damaged);
    if (!e && !v.newer && !v.damaged)
        doctor_ok(d, "%zu files, of versions this program knows; `cubbyctl verify` looks into them",
                  v.files);
}
