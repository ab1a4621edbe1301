/* Checks of the machine: disk, file system, SQLite, limits of the programs, cubby-pushd. */
#include "base/base.h"

#include <dirent.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "doctor.h"

#define MIB (INT64_C(1024) * 1024)

void check_disk(struct doctor *d)
{
    const char *dir = ctl_data_dir(d->ctl);
    struct statvfs fs;
    if (statvfs(dir, &fs) < 0) {
        doctor_skip(d, "%s: the system does not say", dir);
        return;
    }
    int64_t free = (int64_t)(fs.f_bavail * fs.f_frsize);
    const char *room = TEXT(d, "room on the disk of %s (data_dir in %s)", dir, d->settings);
    if (free < 64 * MIB)
        doctor_fault(d, room, "%s: the disk is full: %.*s are free", dir,
                     STR_ARG(ctl_bytes(d->ctl, free)));
    else if (free < 512 * MIB)
        doctor_warn(d, room, "%s: the disk is nearly full: %.*s are free", dir,
                    STR_ARG(ctl_bytes(d->ctl, free)));
    if (fs.f_files && fs.f_favail < 1000)
        doctor_fault(d, "fewer files on that disk, or a file system with more inodes",
                     "%s: only %llu more files can be made", dir, (unsigned long long)fs.f_favail);
    else if (free >= 512 * MIB)
        doctor_ok(d, "%.*s are free", STR_ARG(ctl_bytes(d->ctl, free)));
}

/* statfs(2). SQLite's WAL wants memory shared by all processes, and locks that hold. */
void check_file_system(struct doctor *d)
{
    static const struct {
        uint32_t type;
        const char *name;
    } bad[] = {
        {0x6969, "NFS"},      {0xff534d42, "CIFS"},  {0xfe534d42, "SMB"},    {0x517b, "SMB"},
        {0x01021997, "9p"},   {0x65735546, "FUSE"},  {0x00c36400, "Ceph"},   {0x0bd00bd0, "Lustre"},
        {0x5346414f, "AFS"},  {0x6b414653, "AFS"},   {0x73757245, "Coda"},   {0x786f4256, "vboxsf"},
        {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"}, {0x19830326, "BeeGFS"},
    };
    const char *dir = ctl_data_dir(d->ctl);
    struct statfs fs;
    if (statfs(dir, &fs) < 0) {
        doctor_skip(d, "%s: the system does not say", dir);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if ((uint32_t)fs.f_type == bad[i].type)
            doctor_fault(d,
                         TEXT(d,
                              "data_dir in %s: a folder on a local disk (move the data with "
                              "`cubbyctl backup` and `restore`)",
                              d->settings),
                         "%s is on %s: SQLite's WAL loses data there", dir, bad[i].name);
    if ((uint32_t)fs.f_type == 0x01021994)
        doctor_warn(d, TEXT(d, "data_dir in %s: a folder on a disk", d->settings),
                    "%s is in memory (tmpfs): it is gone with the machine's next start", dir);
}

/* RETURNING is the newest thing that is used. */
#define SQLITE_MIN 3035000

/* 3040001 for "3.40.1". */
static int64_t version_number(struct str text)
{
    int64_t number = 0, part;
    struct str word;
    while (str_next(&text, '.', &word))
        number = number * 1000 + (str_to_i64(word, 0, 999, &part) ? part : 0);
    return number;
}

/* Before 3.51.3, but for 3.50.7 and 3.44.6, a checkpoint beside a commit can lose that. */
void check_sqlite(struct doctor *d)
{
    struct str text = db_library_version();
    int64_t v = version_number(text);
    if (v < SQLITE_MIN)
        doctor_fault(
            d, "libsqlite3-0 of the system, or the library that LD_LIBRARY_PATH puts before it",
            "SQLite %.*s is too old: Cubby needs 3.35", STR_ARG(text));
    else if (v < 3051003 && v != 3050007 && v != 3044006)
        doctor_warn(
            d,
            "libsqlite3-0 3.51.3 or later, where there is one; until then let no other "
            "program write to the files (sqlite3 -readonly)",
            "SQLite %.*s has the WAL-reset bug; Cubby keeps writers out of checkpoints, so its "
            "own do not meet it",
            STR_ARG(text));
    else
        doctor_ok(d, "SQLite %.*s", STR_ARG(text));
}

/* --- the programs that run -------------------------------------------------------------------- */

/* Does this process have files of the data folder open? */
static bool uses_data(struct doctor *d, const char *pid, const char *dir)
{
    const char *fds = TEXT(d, "/proc/%s/fd", pid);
    char target[4096];
    struct str prefix = str_from_c(TEXT(d, "%s/", dir));
    bool found = false;
    DIR *list = opendir(fds);
    for (struct dirent *e; list && !found && (e = readdir(list));) {
        ssize_t n = readlink(TEXT(d, "%s/%s", fds, e->d_name), target, sizeof target);
        found = n > 0 && str_starts_with(str_make(target, (size_t)n), prefix);
    }
    if (list)
        closedir(list);
    return found;
}

/* The word behind `label` in a file of /proc/<pid>, or -1. */
static int64_t read_limit(struct doctor *d, const char *pid, const char *label)
{
    char line[256];
    int64_t value = -1;
    FILE *f = fopen(TEXT(d, "/proc/%s/limits", pid), "re");
    while (f && fgets(line, sizeof line, f)) {
        struct str rest = str_from_c(line), word;
        if (!str_starts_with(rest, str_from_c(label)))
            continue;
        rest = str_trim(str_from(rest, strlen(label)));
        if (str_next(&rest, ' ', &word) && !str_to_i64(word, 0, INT64_MAX, &value))
            value = INT64_MAX; /* unlimited */
    }
    if (f)
        fclose(f);
    return value;
}

static bool is_named(struct doctor *d, const char *pid, const char *name)
{
    char comm[32] = "";
    FILE *f = fopen(TEXT(d, "/proc/%s/comm", pid), "re");
    bool same =
        f && fgets(comm, sizeof comm, f) && str_eq(str_trim(str_from_c(comm)), str_from_c(name));
    if (f)
        fclose(f);
    return same;
}

static void check_limit(struct doctor *d, const char *pid, const char *name, int64_t wanted)
{
    int64_t limit = read_limit(d, pid, "Max open files");
    if (limit >= 0 && limit < wanted)
        doctor_fault(d,
                     TEXT(d,
                          "LimitNOFILE=65536 in %s.service, or `ulimit -n 65536` before it starts",
                          strcmp(name, "cubby-pushd") == 0 ? name : "cubby"),
                     "%s (process %s) may have %lld files open, and needs %lld", name, pid,
                     (long long)limit, (long long)wanted);
}

/* Each cached data file takes three; each connection of cubby-pushd one. */
void check_descriptors(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    char dir[4096];
    size_t seen = 0;
    DIR *list = realpath(ctl_data_dir(d->ctl), dir) ? opendir("/proc") : NULL;
    for (struct dirent *e; list && (e = readdir(list));) {
        bool app = is_named(d, e->d_name, "cubby.fcgi");
        if ((!app && !is_named(d, e->d_name, "cubby-pushd")) || !uses_data(d, e->d_name, dir))
            continue;
        seen++;
        check_limit(d, e->d_name, app ? "cubby.fcgi" : "cubby-pushd",
                    app ? 3 * c->handle_cache + 64 : 1024);
    }
    if (list)
        closedir(list);
    if (!seen)
        doctor_skip(d, "no process of this user has %s open", ctl_data_dir(d->ctl));
}

/* --- cubby-pushd's own ports ------------------------------------------------------------------ */

/* A host that has none sends its paths nowhere: then it is meant so. */
void check_pushd(struct doctor *d)
{
    struct str at = d->ctl->conf.push_listen;
    if (doctor_pushd_runs(d))
        doctor_ok(d, "cubby-pushd answers at %.*s", STR_ARG(at));
    else if (d->is_reached && !d->has_push && d->push_status == 404)
        doctor_warn(d,
                    TEXT(d, "start cubby-pushd, and let the web server pass its paths on: %s",
                         doctor_directive(d, TROUBLE_PUSH)),
                    "there is no cubby-pushd here: clients poll in place of streams");
    else
        doctor_fault(d,
                     TEXT(d,
                          "start cubby-pushd (systemctl start cubby-pushd); its log says why it "
                          "ended; push_listen in %s says where it listens",
                          d->settings),
                     "cubby-pushd does not answer at %.*s: %s", STR_ARG(at), d->no_pushd);
}

void check_push_tls(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    const char *why;
    if (!c->push_tls_listen.n) {
        doctor_ok(d, "push_tls_listen is not set");
        return;
    }
    struct dial_to to = {.origin = TEXT(d, "https://%.*s", STR_ARG(c->push_tls_listen)),
                         .ca = ctl_option(d->ctl, "ca"),
                         .timeout_ms = ASK_MS};
    struct dial *dial = dial_open(&to, d->mem, &why);
    if (!dial)
        doctor_fault(d,
                     TEXT(d, "push_tls_cert and push_tls_key in %s; cubby-pushd's log says why",
                          d->settings),
                     "nobody speaks TLS at %.*s: %s", STR_ARG(c->push_tls_listen), why);
    else
        doctor_certificate(d, dial, TEXT(d, "push_tls_cert in %s", d->settings), false);
    dial_close(dial);
}
