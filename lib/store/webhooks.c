/* webhooks.db: receivers and their cursors. */
#include "base/base.h"

#include <unistd.h>

#include "base/digest.h"
#include "base/enc.h"
#include "base/mem.h"
#include "store/lock.h"
#include "store/migrate.h"
#include "store/webhooks.h"

#define CHECKPOINT_FRAMES 256 /* of the WAL (0.5 MiB), after which it begins anew */

struct webhooks {
    struct db *db;
    int locks; /* -1: a reader */
};

/* Steps as in migrate.c: the n-th makes version n; one that was ever released is never edited.
 * digest: of the address, which may hold a secret. */
static const char *const steps[] = {
    "CREATE TABLE url(id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE,"
    " since INTEGER NOT NULL, clean_at INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL "
    "DEFAULT 0,"
    " success_at INTEGER NOT NULL DEFAULT 0, failure_at INTEGER NOT NULL DEFAULT 0,"
    " failures INTEGER NOT NULL DEFAULT 0, status INTEGER NOT NULL DEFAULT 0,"
    " reason TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE cursor(url INTEGER NOT NULL, kind INTEGER NOT NULL, space TEXT NOT NULL,"
    " epoch TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(url, kind, space)) WITHOUT ROWID;"
    "PRAGMA user_version = 1",
};

/* --- open and close --------------------------------------------------------------------------- */

static int64_t place(void)
{
    return lock_place(STR("webhooks")); /* keys of spaces begin with another letter */
}

static enum err take_lock(struct webhooks *w, const char *data_dir)
{
    enum err e = lock_open(data_dir, &w->locks);
    if (!e)
        e = lock_use(w->locks, false);
    return e ? e : lock_take(w->locks, place(), 0);
}

static enum err migrate_file(struct db *db)
{
    int64_t version = 0;
    enum err e = db_begin_write(db);
    if (!e)
        e = migrate_read_version(db, &version);
    if (!e && version > (int64_t)ARRAY_LEN(steps))
        e = ERR_TOO_NEW;
    for (size_t i = (size_t)version; !e && i < ARRAY_LEN(steps); i++)
        e = db_exec(db, steps[i]);
    if (!e)
        e = db_commit(db);
    if (e)
        db_rollback(db);
    return e;
}

static enum err check_file(struct db *db)
{
    int64_t version;
    enum err e = migrate_read_version(db, &version);
    if (e)
        return e;
    return version == 0                          ? ERR_NOT_FOUND
           : version > (int64_t)ARRAY_LEN(steps) ? ERR_TOO_NEW
           : version < (int64_t)ARRAY_LEN(steps) ? ERR_BUSY
                                                 : OK;
}

enum err webhooks_open(struct webhooks **out, const char *data_dir, bool reader, int busy_ms)
{
    struct arena mem = ARENA_INIT;
    const struct db_options o = {.create = !reader, .reader = reader, .busy_ms = busy_ms};
    struct webhooks *w = mem_zalloc(1, sizeof *w);
    *out = NULL;
    w->locks = -1;
    db_library_init();
    enum err e = reader ? OK : take_lock(w, data_dir);
    if (!e)
        e = db_open(&w->db, arena_printf(&mem, "%s/" WEBHOOKS_NAME, data_dir).p, &o);
    if (!e)
        e = reader ? check_file(w->db) : migrate_file(w->db);
    arena_release(&mem);
    if (e)
        webhooks_close(w);
    else
        *out = w;
    return e;
}

void webhooks_close(struct webhooks *w)
{
    if (!w)
        return;
    if (w->db && w->locks >= 0 && !db_is_corrupt(w->db))
        db_close_last(w->db);
    else
        db_close(w->db);
    if (w->locks >= 0)
        close(w->locks); /* and with it the lock */
    mem_free(w);
}

/* --- receivers -------------------------------------------------------------------------------- */

static struct str digest_of(struct str url, char hex[2 * SHA256_LEN + 1])
{
    unsigned char hash[SHA256_LEN];
    sha256(url, hash);
    hex_encode(hash, sizeof hash, hex);
    return str_make(hex, 2 * SHA256_LEN);
}

static void fill(char *to, size_t size, struct str from)
{
    size_t n = from.n < size ? from.n : size - 1;
    if (n)
        memcpy(to, from.p, n);
    to[n] = '\0';
}

static enum err read_url(struct webhooks *w, struct str digest, struct webhooks_url *out)
{
    static const struct str sql = SQL("SELECT id, since, delivered, success_at, failure_at,"
                                      " failures, status, reason, clean_at FROM url"
                                      " WHERE digest = ?1");
    struct stmt *s;
    enum err e = db_row(w->db, sql, VALUES(v_str(digest)), &s);
    if (e)
        return e;
    *out = (struct webhooks_url){.id = stmt_i64(s, 0),
                                 .since = stmt_i64(s, 1),
                                 .delivered = stmt_i64(s, 2),
                                 .success_at = stmt_i64(s, 3),
                                 .failure_at = stmt_i64(s, 4),
                                 .failures = stmt_i64(s, 5),
                                 .status = stmt_i64(s, 6),
                                 .clean_at = stmt_i64(s, 8)};
    fill(out->reason, sizeof out->reason, stmt_str(s, 7));
    stmt_reset(s);
    return OK;
}

enum err webhooks_find(struct webhooks *w, struct str url, int64_t now, struct webhooks_url *out)
{
    static const struct str sql = SQL("INSERT INTO url(digest, since) VALUES(?1, ?2)");
    char hex[2 * SHA256_LEN + 1];
    struct str digest = digest_of(url, hex);
    enum err e = read_url(w, digest, out);
    if (e != ERR_NOT_FOUND || w->locks < 0)
        return e;
    e = db_run(w->db, sql, VALUES(v_str(digest), v_i64(now)));
    return e ? e : read_url(w, digest, out);
}

enum err webhooks_note(struct webhooks *w, const struct webhooks_url *url)
{
    static const struct str sql =
        SQL("UPDATE url SET delivered = ?2, success_at = ?3, failure_at = ?4, failures = ?5,"
            " status = ?6, reason = ?7, clean_at = ?8 WHERE id = ?1");
    return db_run(w->db, sql,
                  VALUES(v_i64(url->id), v_i64(url->delivered), v_i64(url->success_at),
                         v_i64(url->failure_at), v_i64(url->failures), v_i64(url->status),
                         v_str(str_from_c(url->reason)), v_i64(url->clean_at)));
}

/* --- cursors ---------------------------------------------------------------------------------- */

static enum err read_cursor(struct stmt *s, int column, struct webhooks_cursor *out)
{
    struct str epoch = stmt_str(s, column);
    if (epoch.n != EPOCH_LEN)
        return ERR_CORRUPT;
    fill(out->epoch, sizeof out->epoch, epoch);
    out->seq = (uint64_t)stmt_i64(s, column + 1);
    return OK;
}

enum err webhooks_cursor(struct webhooks *w, int64_t url_id, enum space_kind kind, struct str id,
                         struct webhooks_cursor *out)
{
    static const struct str sql =
        SQL("SELECT epoch, seq FROM cursor WHERE url = ?1 AND kind = ?2 AND space = ?3");
    struct stmt *s;
    *out = (struct webhooks_cursor){.kind = kind};
    fill(out->id, sizeof out->id, id);
    enum err e = db_row(w->db, sql, VALUES(v_i64(url_id), v_i64(kind), v_str(id)), &s);
    if (e)
        return e;
    e = read_cursor(s, 0, out);
    stmt_reset(s);
    return e;
}

enum err webhooks_next_cursors(struct webhooks *w, int64_t url_id, const struct webhooks_cursor *at,
                               struct webhooks_cursor *out, size_t max, size_t *count)
{
    static const struct str sql =
        SQL("SELECT kind, space, epoch, seq FROM cursor WHERE url = ?1"
            " AND (kind, space) > (?2, ?3) ORDER BY kind, space LIMIT ?4");
    struct stmt *s;
    bool row;
    *count = 0;
    enum err e = db_rows(
        w->db, sql,
        VALUES(v_i64(url_id), v_i64(at->kind), v_str(str_from_c(at->id)), v_i64((int64_t)max)), &s);
    if (e)
        return e;
    while (!(e = stmt_step(s, &row)) && row && *count < max) {
        struct webhooks_cursor *c = &out[*count];
        int64_t kind = stmt_i64(s, 0);
        if (kind <= SPACE_MAIN || kind >= SPACE_KINDS) {
            e = ERR_CORRUPT;
            break;
        }
        *c = (struct webhooks_cursor){.kind = (enum space_kind)kind};
        fill(c->id, sizeof c->id, stmt_str(s, 1));
        e = read_cursor(s, 2, c);
        if (e)
            break;
        ++*count;
    }
    stmt_reset(s);
    return e;
}

enum err webhooks_put(struct webhooks *w, int64_t url_id, const struct webhooks_cursor *c)
{
    static const struct str sql =
        SQL("INSERT INTO cursor(url, kind, space, epoch, seq) VALUES(?1, ?2, ?3, ?4, ?5)"
            " ON CONFLICT DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq");
    return db_run(w->db, sql,
                  VALUES(v_i64(url_id), v_i64(c->kind), v_str(str_from_c(c->id)),
                         v_str(str_from_c(c->epoch)), v_i64((int64_t)c->seq)));
}

enum err webhooks_remove(struct webhooks *w, int64_t url_id, enum space_kind kind, struct str id)
{
    static const struct str sql =
        SQL("DELETE FROM cursor WHERE url = ?1 AND kind = ?2 AND space = ?3");
    return db_run(w->db, sql, VALUES(v_i64(url_id), v_i64(kind), v_str(id)));
}

/* --- transactions ----------------------------------------------------------------------------- */

enum err webhooks_begin(struct webhooks *w)
{
    return db_begin_write(w->db);
}

/* Nobody else writes to this file, so a checkpoint meets no commit. */
enum err webhooks_commit(struct webhooks *w)
{
    bool all;
    enum err e = db_commit(w->db);
    if (e)
        db_rollback(w->db);
    else if (db_wal_frames(w->db) >= CHECKPOINT_FRAMES)
        e = db_checkpoint(w->db, &all) == ERR_CORRUPT ? ERR_CORRUPT : OK;
    return e;
}

void webhooks_rollback(struct webhooks *w)
{
    db_rollback(w->db);
}
