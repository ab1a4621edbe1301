/* Checks of files, of logs, and of what belongs together. */
#include "base/base.h"

#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/census.h"
#include "store/folder.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/manifest.h"
#include "store/migrate.h"
#include "store/tree.h"
#include "store/verify.h"

#define YOUNG_S 60 /* a file without an account may be one that is just being made */

struct check {
    const struct verify_order *order;
    struct arena *mem; /* of the whole */
    struct verify_result *result;
    struct str *paths;
    size_t count, cap;
    struct map seen; /* paths */
    struct manifest manifest;
    struct str path; /* of the file that is being looked at */
    int locks;       /* -1: a backup */
};

static void problem(struct check *c, struct str path, const char *fmt, ...) printf_like(3, 4);

static void problem(struct check *c, struct str path, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->result->problems++;
    c->order->on_problem(c->order->arg, path, str_from_c(text));
}

static const char *full_path(const struct check *c, struct str path, struct arena *mem)
{
    return arena_printf(mem, "%s/%.*s", c->order->folder, STR_ARG(path)).p;
}

/* --- inside of a file ------------------------------------------------------------------------- */

static enum err check_pages(struct check *c, struct db *db)
{
    static const struct str integrity = SQL("PRAGMA integrity_check(20)");
    static const struct str keys = SQL("PRAGMA foreign_key_check");
    struct stmt *s;
    bool row;
    enum err e = db_rows(db, integrity, NO_VALUES, &s);
    while (!e && !(e = stmt_step(s, &row)) && row)
        if (!str_eq(stmt_str(s, 0), STR("ok")))
            problem(c, c->path, "damaged: %.*s", STR_ARG(stmt_str(s, 0)));
    if (!e)
        e = db_rows(db, keys, NO_VALUES, &s);
    while (!e && !(e = stmt_step(s, &row)) && row)
        problem(c, c->path, "a row of %.*s refers to one of %.*s that is not there",
                STR_ARG(stmt_str(s, 0)), STR_ARG(stmt_str(s, 2)));
    return e;
}

/* Numbers without a gap; times that do not go back; each event as long as it was when written. */
static enum err check_log(struct check *c, struct db *db)
{
    static const struct str numbers =
        SQL("SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0) FROM change");
    static const struct str order =
        SQL("SELECT count(*) FROM change a JOIN change b ON b.seq = a.seq + 1 WHERE b.at < a.at OR"
            " b.bytes <> a.bytes + length(CAST(b.name AS BLOB)) + length(CAST(b.data AS BLOB))");
    struct stmt *s;
    int64_t wrong = 0;
    enum err e = db_row(db, numbers, NO_VALUES, &s);
    if (e)
        return e;
    int64_t count = stmt_i64(s, 0), first = stmt_i64(s, 1), last = stmt_i64(s, 2);
    stmt_reset(s);
    c->result->events += count;
    if (count && count != last - first + 1)
        problem(c, c->path, "of its events %lld to %lld only %lld are there", (long long)first,
                (long long)last, (long long)count);
    e = db_i64(db, order, NO_VALUES, &wrong);
    if (!e && wrong)
        problem(c, c->path, "%lld events are not what was written", (long long)wrong);
    return e;
}

/* --- rows against the log ----------------------------------------------------------------------
 * What the newest event of a row or key says must be so. Of those whose events were trimmed the log
 * says nothing. */

static enum err check_kv(struct check *c, struct db *db)
{
    static const struct str sql =
        SQL("SELECT count(*) FROM (SELECT json_extract(data, '$.key') AS key, max(seq), name"
            " FROM change WHERE name IN ('kv:set', 'kv:delete') GROUP BY 1) e"
            " LEFT JOIN kv ON kv.key = e.key WHERE (e.name = 'kv:set') <> (kv.key IS NOT NULL)");
    int64_t wrong = 0;
    enum err e = db_i64(db, sql, NO_VALUES, &wrong);
    if (!e && wrong)
        problem(c, c->path, "%lld keys are not what the log says", (long long)wrong);
    return e;
}

static enum err check_rows(struct check *c, struct db *db, struct str name)
{
    struct arena mem = ARENA_INIT;
    int64_t rows = 0, wrong = 0;
    struct str count = arena_printf(&mem, "SELECT count(*) FROM c_%.*s", STR_ARG(name));
    struct str compare = arena_printf(
        &mem,
        "SELECT count(*) FROM (SELECT json_extract(data, '$.id') AS id, max(seq), name,"
        " json_extract(data, '$.version') AS version FROM change WHERE name IN"
        " ('table:' || ?1 || ':create', 'table:' || ?1 || ':update', 'table:' || ?1 || ':delete')"
        " GROUP BY 1) e LEFT JOIN c_%.*s r ON r.id = e.id"
        " WHERE (e.name LIKE '%%:delete') = (r.id IS NOT NULL) OR r.version <> e.version",
        STR_ARG(name));
    enum err e = db_i64(db, count, NO_VALUES, &rows);
    if (!e)
        e = db_i64(db, compare, VALUES(v_str(name)), &wrong);
    if (!e && wrong)
        problem(c, c->path, "%lld rows of %.*s are not what the log says", (long long)wrong,
                STR_ARG(name));
    c->result->rows += rows;
    arena_release(&mem);
    return e;
}

/* A name that no declaration can have is not put into SQL. */
static bool is_table_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') ||
              name.p[i] == '_'))
            return false;
    return name.n > 0;
}

static enum err check_tables(struct check *c, struct db *db)
{
    static const struct str sql =
        SQL("SELECT substr(name, 3) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'c_*'"
            " AND sql GLOB 'CREATE TABLE c_*'");
    struct arena mem = ARENA_INIT;
    struct folder_names names = {.count = 0};
    struct stmt *s;
    bool row;
    enum err e = db_rows(db, sql, NO_VALUES, &s);
    while (!e && !(e = stmt_step(s, &row)) && row)
        folder_add_name(&names, stmt_str(s, 0), &mem);
    for (size_t i = 0; !e && i < names.count; i++)
        if (is_table_name(names.list[i]))
            e = check_rows(c, db, names.list[i]);
    arena_release(&mem);
    return e;
}

static enum err check_inside(struct check *c, struct db *db, enum space_kind kind)
{
    int64_t version;
    enum err e = migrate_read_version(db, &version);
    if (e || version > migrate_version(kind) || version == 0) {
        if (!e)
            problem(c, c->path,
                    version ? "a newer version of this program wrote it" : "it was never finished");
        return e;
    }
    e = check_pages(c, db);
    if (!e && kind != SPACE_MAIN)
        e = check_log(c, db);
    if (!e && (kind == SPACE_USER || kind == SPACE_ORG))
        e = check_kv(c, db);
    if (!e && (kind == SPACE_USER || kind == SPACE_ORG))
        e = check_tables(c, db);
    return e;
}

/* --- each file -------------------------------------------------------------------------------- */

/* A file at rest stays one file: the WAL that reading it made goes, under the writers' lock. */
static void leave(struct check *c, struct db *db, enum space_kind kind, struct str id)
{
    char key[SPACE_ID_MAX + 2];
    int64_t place = lock_place(str_make(key, files_key(key, kind, id)));
    if (c->locks < 0 || db_is_corrupt(db) || lock_take(c->locks, place, 0) != OK) {
        db_close(db);
        return;
    }
    db_close_last(db);
    lock_drop(c->locks, place);
}

static enum err check_space(struct check *c, enum space_kind kind, struct str id)
{
    struct arena mem = ARENA_INIT;
    struct db *db = NULL;
    const struct db_options o = {
        .reader = true, .immutable = c->order->is_backup, .busy_ms = c->order->busy_ms};
    enum err e = db_open(&db, full_path(c, c->path, &mem), &o);
    if (!e) {
        e = db_begin_read(db);
        if (!e)
            e = check_inside(c, db, kind);
        if (e && e != ERR_NOT_FOUND)
            problem(c, c->path, "%s", db_error(db));
        db_rollback(db);
        leave(c, db, kind, id);
    } else if (e != ERR_NOT_FOUND) { /* gone meanwhile: deleted with its account */
        problem(c, c->path, "it cannot be opened: %.*s", STR_ARG(err_text(e)));
    }
    c->result->files += e != ERR_NOT_FOUND;
    arena_release(&mem);
    return OK;
}

static void check_list_entry(struct check *c)
{
    char sha256[2 * SHA256_LEN + 1];
    struct arena mem = ARENA_INIT;
    int64_t size;
    const struct manifest_file *f = manifest_find(&c->manifest, c->path);
    if (!f)
        problem(c, c->path, "the backup's list does not have it");
    else if (manifest_digest(full_path(c, c->path, &mem), sha256, &size) != OK)
        problem(c, c->path, "it cannot be read");
    else if (size != f->size || memcmp(sha256, f->sha256, sizeof sha256) != 0)
        problem(c, c->path, "it is not what was backed up");
    arena_release(&mem);
}

/* A file that has no place in its folder; those beside main.db are the host's. */
static void check_stray(struct check *c, const struct tree_entry *t)
{
    if (str_find(t->path, '/') < t->path.n)
        problem(c, t->path, "it is no file of Cubby's");
}

static void remember(struct check *c, struct str path)
{
    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        struct str *grown = arena_zalloc(c->mem, c->cap, sizeof *grown);
        if (c->count)
            memcpy(grown, c->paths, c->count * sizeof *grown);
        c->paths = grown;
    }
    struct str kept = arena_dup(c->mem, path);
    c->paths[c->count++] = kept;
    map_put(&c->seen, kept, (void *)(uintptr_t)kept.p);
}

static enum err count_entry(void *arg, const struct tree_entry *t)
{
    (void)t;
    ++*(size_t *)arg;
    return OK;
}

struct visit {
    struct check *check;
    size_t done, total;
};

static enum err on_entry(void *arg, const struct tree_entry *t)
{
    struct visit *v = arg;
    struct check *c = v->check;
    const struct progress *p = &c->order->progress;
    bool is_list = c->order->is_backup && str_eq(t->path, STR(MANIFEST_NAME));
    c->path = t->path;
    remember(c, t->path);
    if (c->order->is_backup && !is_list)
        check_list_entry(c);
    enum err e = OK;
    if (t->is_space)
        e = check_space(c, t->kind, t->id);
    else
        check_stray(c, t);
    if (p->on_step)
        p->on_step(p->arg, ++v->done, v->total);
    return e;
}

/* --- files against accounts ------------------------------------------------------------------- */

static bool is_young(const struct check *c, struct str path)
{
    struct arena mem = ARENA_INIT;
    struct stat st;
    int64_t now = clock_wall_ms() / 1000;
    bool young = stat(full_path(c, path, &mem), &st) < 0 || st.st_mtim.tv_sec + YOUNG_S > now;
    arena_release(&mem);
    return young && !c->order->is_backup;
}

static void compare(struct check *c, const struct census *census)
{
    const struct census_entry *entry;
    for (size_t i = 0; i < c->count; i++) {
        struct str path = c->paths[i];
        bool owned = str_starts_with(path, STR("users/")) || str_starts_with(path, STR("orgs/"));
        if (owned && str_ends_with(path, STR(".db")) && !map_get(&census->by_path, path) &&
            !is_young(c, path))
            problem(c, path, "no account or organization has this file");
    }
    size_t pos = 0;
    while ((entry = map_next(&census->by_path, &pos)) != NULL) {
        struct str path = tree_path(entry->kind, entry->id, c->mem);
        if (!entry->leaving && !map_get(&c->seen, path) &&
            access(full_path(c, path, c->mem), F_OK) < 0)
            problem(c, path, "it is missing: restore it from a backup");
    }
    for (size_t i = 0; i < c->manifest.count; i++)
        if (!map_get(&c->seen, c->manifest.files[i]->path))
            problem(c, c->manifest.files[i]->path, "it is on the backup's list, and missing");
}

static enum err check_owners(struct check *c)
{
    struct census census = CENSUS_INIT;
    struct db *db = NULL;
    const struct db_options o = {
        .reader = true, .immutable = c->order->is_backup, .busy_ms = c->order->busy_ms};
    if (!map_get(&c->seen, STR("main.db")))
        problem(c, STR("main.db"), "it is missing: restore it from a backup");
    enum err e = db_open(&db, full_path(c, STR("main.db"), c->mem), &o);
    if (!e)
        e = census_read(&census, db, c->mem);
    if (!e)
        compare(c, &census);
    if (db)
        leave(c, db, SPACE_MAIN, STR(""));
    census_release(&census);
    return OK; /* a main.db that cannot be read has its problem already */
}

static enum err begin(struct check *c, struct str *message)
{
    enum err e = OK;
    if (c->order->is_backup) {
        e = manifest_read(&c->manifest, c->order->folder, c->mem, message);
    } else if (access(full_path(c, STR("main.db"), c->mem), R_OK) < 0 ||
               lock_open(c->order->folder, &c->locks) != OK) {
        e = ERR_NOT_FOUND;
        *message = STR("no data folder that this user can use");
    }
    if (e)
        *message = arena_printf(c->mem, "%s: %.*s", c->order->folder, STR_ARG(*message));
    return e;
}

enum err verify_all(const struct verify_order *o, struct arena *mem, struct verify_result *out,
                    struct str *message)
{
    struct check c = {.order = o,
                      .mem = mem,
                      .result = out,
                      .seen = MAP_INIT,
                      .manifest = MANIFEST_INIT,
                      .locks = -1};
    struct visit v = {.check = &c};
    *out = (struct verify_result){.files = 0};
    db_library_init();
    enum err e = begin(&c, message);
    if (!e)
        e = tree_walk(o->folder, count_entry, &v.total);
    if (!e)
        e = tree_walk(o->folder, on_entry, &v);
    if (!e)
        e = check_owners(&c);
    if (c.locks >= 0)
        close(c.locks);
    map_release(&c.seen);
    manifest_release(&c.manifest);
    return e;
}
