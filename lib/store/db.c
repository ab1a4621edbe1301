/* The only file that knows SQLite: settings, statement cache, transactions, checkpoints, errors. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/enc.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/db.h"

#define PAGE_SIZE    2048 /* of new files: a fresh user's takes 46 KiB, with 4096 84 */
#define CACHE_KIB    256  /* page cache of a handle */
#define STMT_MAX     64   /* prepared statements kept with a handle */
#define STMT_BUCKETS 64
#define WAL_HEADER   32 /* sqlite.org/fileformat2.html 4.1: header, and header of each frame */
#define WAL_FRAME    24
#define DISK_FULL    (1 << 20) /* bytes free at which FULL is the disk's fault */
#define FULL_MARGIN  (8 << 20) /* more than one transaction adds */
#define LIMIT_SQL    48

struct stmt {
    struct db *db;
    sqlite3_stmt *handle;
    struct stmt *next; /* in its bucket */
    struct list used;  /* in db->used, most recent first */
    uint64_t hash;
    size_t sql_n;
    bool open; /* between its first and its last row */
};

struct db {
    sqlite3 *handle;
    struct db_options options;
    struct stmt *buckets[STMT_BUCKETS];
    struct list used;
    size_t stmt_count, open_count;
    int wal_frames;
    bool corrupt;
    bool without_reserve;                         /* `limit` holds, not `last_limit` */
    char limit[LIMIT_SQL], last_limit[LIMIT_SQL]; /* statements that set them */
    const char *begin_file;                       /* who began the transaction */
    int begin_line;
    char message[256];
};

static void library_init(void)
{
    /* A handle is used by one thread at a time, so SQLite needs no mutex of its own per handle.
     * Without the page cache's and lookaside's preallocation 200 handles cost half the memory. */
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 512, 32);
    sqlite3_config(SQLITE_CONFIG_MMAP_SIZE, (sqlite3_int64)0, (sqlite3_int64)0);
    sqlite3_initialize();
}

struct str db_library_version(void)
{
    return str_from_c(sqlite3_libversion());
}

void db_library_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);
}

/* --- errors ----------------------------------------------------------------------------------- */

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/*
 * SQLite says FULL both for a full disk and for a file at its max_page_count. It is the disk when
 * the file was not near its limit, or when the disk has hardly anything left.
 */
static enum err full(const struct db *db)
{
    struct statvfs fs;
    const char *path = sqlite3_db_filename(db->handle, "main");
    int64_t size = size_of(path) + size_of(sqlite3_filename_wal(path));
    if (!db->options.max_bytes || size + FULL_MARGIN < db->options.max_bytes)
        return ERR_FULL;
    if (statvfs(path, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize < DISK_FULL)
        return ERR_FULL;
    return ERR_QUOTA;
}

/* What the system said, where SQLite still knows it: after a failed commit it does not. */
static enum err system_error(const struct db *db, int rc)
{
    switch (sqlite3_system_errno(db->handle)) {
    case 0: /* ENOSPC is FULL, so mostly a disk quota */
        return rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE ? ERR_FULL : ERR_INTERNAL;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_FULL;
    case EMFILE:
    case ENFILE:
        return ERR_BUSY;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    default:
        return ERR_INTERNAL;
    }
}

static enum err classify(const struct db *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_BUSY;
    case SQLITE_FULL:
        return full(db);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return system_error(db, rc);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    default:
        return ERR_INTERNAL;
    }
}

/* The error of a failed call; its message is kept before other calls overwrite it. */
static enum err fail(struct db *db, int rc)
{
    enum err e = classify(db, rc);
    if (e == ERR_CORRUPT)
        db->corrupt = true;
    int n = snprintf(db->message, sizeof db->message, "%s (%d)", sqlite3_errmsg(db->handle),
                     sqlite3_extended_errcode(db->handle));
    if (db->begin_file && n > 0 && (size_t)n < sizeof db->message)
        snprintf(db->message + n, sizeof db->message - (size_t)n, ", transaction of %s:%d",
                 db->begin_file, db->begin_line);
    return e;
}

static enum err check(struct db *db, int rc)
{
    return rc == SQLITE_OK ? OK : fail(db, rc);
}

const char *db_error(const struct db *db)
{
    return db->message;
}

bool db_is_corrupt(const struct db *db)
{
    return db->corrupt;
}

/* --- open and close --------------------------------------------------------------------------- */

/*
 * Make the file before SQLite does, so that it and its -wal and -shm are 0600 whatever the umask.
 * O_EXCL: an existing file must not be opened here, for closing a descriptor drops this process's
 * POSIX locks on the file, SQLite's included.
 */
static enum err create_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        switch (errno) {
        case EEXIST:
            return OK;
        case ENOSPC:
        case EDQUOT:
            return ERR_FULL;
        case EMFILE:
        case ENFILE:
            return ERR_BUSY;
        case ENOENT:
            return ERR_NOT_FOUND;
        default:
            return ERR_INTERNAL;
        }
    fchmod(fd, 0600);
    close(fd);
    return OK;
}

static int on_wal(void *arg, sqlite3 *handle, const char *name, int frames)
{
    (void)handle;
    (void)name;
    ((struct db *)arg)->wal_frames = frames;
    return SQLITE_OK;
}

/* A WAL that earlier processes left shows by its size alone: no lock, no read. */
static void guess_wal_frames(struct db *db, int64_t page_size)
{
    int64_t size = size_of(sqlite3_filename_wal(sqlite3_db_filename(db->handle, "main")));
    if (size > WAL_HEADER)
        db->wal_frames = (int)((size - WAL_HEADER) / (WAL_FRAME + page_size));
}

static void configure_handle(struct db *db)
{
    sqlite3 *h = db->handle;
    sqlite3_extended_result_codes(h, 1);
    sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    /* The schema stays trusted: SQLite 3.40 takes json_extract() for unsafe (its built-in JSON
     * functions lack the mark), and declared indexes are made of it. There is nothing unsafe to be
     * reached through a schema here: no function of our own, no extension. */
    sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(h, db->options.busy_ms);
    sqlite3_wal_autocheckpoint(h, 0);
    sqlite3_wal_hook(h, on_wal, db);
}

static void write_limit(char sql[LIMIT_SQL], int64_t bytes, int64_t page_size)
{
    int64_t pages = bytes / page_size;
    snprintf(sql, LIMIT_SQL, "PRAGMA max_page_count=%lld", pages < 1 ? 1LL : (long long)pages);
}

/* Limits in pages, known once the file's own page size is. */
static enum err limit_size(struct db *db, int64_t page_size)
{
    const struct db_options *o = &db->options;
    if (!o->max_bytes)
        return OK;
    write_limit(db->limit, o->max_bytes, page_size);
    write_limit(db->last_limit, o->max_bytes + o->reserve_bytes, page_size);
    return db_exec(db, db->last_limit);
}

/* A limit below the size that the file has becomes that size. */
static enum err set_limit(struct db *db, bool without_reserve)
{
    int64_t pages;
    if (!db->options.max_bytes || db->without_reserve == without_reserve)
        return OK;
    db->without_reserve = without_reserve;
    return db_i64(db, str_from_c(without_reserve ? db->limit : db->last_limit), NO_VALUES, &pages);
}

enum err db_forgo_reserve(struct db *db)
{
    return set_limit(db, true);
}

enum err db_used_bytes(struct db *db, int64_t *bytes)
{
    static const struct str size = SQL("PRAGMA page_size");
    static const struct str count = SQL("PRAGMA page_count");
    static const struct str unused = SQL("PRAGMA freelist_count");
    int64_t page_size, pages, free_pages;
    enum err e = db_i64(db, size, NO_VALUES, &page_size);
    if (!e)
        e = db_i64(db, count, NO_VALUES, &pages);
    if (!e)
        e = db_i64(db, unused, NO_VALUES, &free_pages);
    if (!e)
        *bytes = (pages - free_pages) * page_size;
    return e;
}

static enum err configure_file(struct db *db)
{
    static const struct str page_size_sql = SQL("PRAGMA page_size");
    static const char *const syncs[] = {[DB_SYNC_FULL] = "synchronous=FULL",
                                        [DB_SYNC_NORMAL] = "synchronous=NORMAL",
                                        [DB_SYNC_NONE] = "synchronous=OFF"};
    char sql[256];
    const char *mode = db->options.reader ? "query_only=ON" : syncs[db->options.sync];
    int64_t page_size = 0;
    snprintf(sql, sizeof sql,
             "PRAGMA page_size=%d; PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY;"
             " PRAGMA %s; %s",
             PAGE_SIZE, CACHE_KIB, mode, db->options.reader ? "" : "PRAGMA journal_mode=WAL");
    enum err e = db_exec(db, sql);
    if (!e)
        e = db_i64(db, page_size_sql, NO_VALUES, &page_size);
    if (e)
        return e;
    guess_wal_frames(db, page_size);
    return limit_size(db, page_size);
}

static int open_handle(sqlite3 **out, const char *path, bool immutable)
{
    struct buf uri = BUF_INIT;
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (!immutable)
        return sqlite3_open_v2(path, out, flags | SQLITE_OPEN_READWRITE, NULL);
    buf_append_lit(&uri, "file:");
    percent_append(&uri, str_from_c(path));
    buf_append_lit(&uri, "?immutable=1");
    int rc = sqlite3_open_v2(uri.p, out, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    buf_release(&uri);
    return rc;
}

enum err db_open(struct db **out, const char *path, const struct db_options *o)
{
    *out = NULL;
    enum err e = o->create ? create_file(path) : OK;
    if (e)
        return e;
    struct db *db = mem_zalloc(1, sizeof *db);
    db->options = *o;
    db->options.reader |= o->immutable;
    list_init(&db->used);
    e = check(db, open_handle(&db->handle, path, o->immutable));
    if (e)
        goto out;
    configure_handle(db);
    e = configure_file(db);
out:
    if (e) {
        db_close(db);
        return e;
    }
    *out = db;
    return OK;
}

static void stmt_free(struct stmt *s)
{
    struct stmt **p = &s->db->buckets[s->hash % STMT_BUCKETS];
    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
    list_del(&s->used);
    s->db->stmt_count--;
    sqlite3_finalize(s->handle);
    mem_free(s);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    assert(!db->handle || sqlite3_get_autocommit(db->handle));
    assert(db->open_count == 0);
    list_for_each_safe (node, &db->used)
        stmt_free(list_entry(node, struct stmt, used));
    int rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK);
    mem_free(db);
}

void db_close_last(struct db *db)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    db_close(db);
}

bool db_file_is_gone(struct db *db)
{
    int moved = 0;
    int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return rc == SQLITE_OK && moved;
}

/* --- statements ------------------------------------------------------------------------------- */

/* Word-wise multiply-mix: the texts are our own, so nobody can make them collide on purpose. */
static uint64_t hash_text(struct str s)
{
    uint64_t h = s.n * 0x9e3779b97f4a7c15u;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    for (; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static void make_room(struct db *db)
{
    for (struct list *node = db->used.prev; db->stmt_count >= STMT_MAX && node != &db->used;) {
        struct stmt *s = list_entry(node, struct stmt, used);
        node = node->prev;
        if (!s->open)
            stmt_free(s);
    }
}

static enum err stmt_prepare(struct db *db, struct str sql, uint64_t hash, struct stmt **out)
{
    sqlite3_stmt *handle = NULL;
    int rc =
        sqlite3_prepare_v3(db->handle, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
    if (rc != SQLITE_OK)
        return fail(db, rc);
    make_room(db);
    struct stmt *s = mem_zalloc(1, sizeof *s);
    s->db = db;
    s->handle = handle;
    s->hash = hash;
    s->sql_n = sql.n;
    s->next = db->buckets[hash % STMT_BUCKETS];
    db->buckets[hash % STMT_BUCKETS] = s;
    list_add_head(&db->used, &s->used);
    db->stmt_count++;
    *out = s;
    return OK;
}

enum err db_stmt(struct db *db, struct str sql, struct stmt **out)
{
    uint64_t hash = hash_text(sql);
    for (struct stmt *s = db->buckets[hash % STMT_BUCKETS]; s; s = s->next) {
        if (s->hash != hash || s->sql_n != sql.n ||
            memcmp(sqlite3_sql(s->handle), sql.p, sql.n) != 0)
            continue;
        stmt_reset(s);
        sqlite3_clear_bindings(s->handle);
        list_del(&s->used);
        list_add_head(&db->used, &s->used);
        *out = s;
        return OK;
    }
    return stmt_prepare(db, sql, hash, out);
}

enum err db_exec(struct db *db, const char *sql)
{
    return check(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* A parameter that the statement does not have is our own mistake. */
static void bound(int rc)
{
    assert(rc == SQLITE_OK);
}

void stmt_bind_str(struct stmt *s, int at, struct str v)
{
    bound(sqlite3_bind_text64(s->handle, at, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_bind_i64(struct stmt *s, int at, int64_t v)
{
    bound(sqlite3_bind_int64(s->handle, at, v));
}

void stmt_bind_double(struct stmt *s, int at, double v)
{
    bound(sqlite3_bind_double(s->handle, at, v));
}

void stmt_bind_null(struct stmt *s, int at)
{
    bound(sqlite3_bind_null(s->handle, at));
}

static void set_open(struct stmt *s, bool open)
{
    s->db->open_count += open;
    s->db->open_count -= s->open;
    s->open = open;
}

enum err stmt_step(struct stmt *s, bool *row)
{
    int rc = sqlite3_step(s->handle);
    *row = rc == SQLITE_ROW;
    if (*row) {
        set_open(s, true);
        return OK;
    }
    enum err e = rc == SQLITE_DONE ? OK : fail(s->db, rc);
    sqlite3_reset(s->handle);
    set_open(s, false);
    return e;
}

enum err stmt_run(struct stmt *s)
{
    bool row;
    enum err e = stmt_step(s, &row);
    stmt_reset(s);
    return e;
}

void stmt_reset(struct stmt *s)
{
    if (!s->open)
        return;
    sqlite3_reset(s->handle);
    set_open(s, false);
}

struct str stmt_str(struct stmt *s, int column)
{
    const char *p = (const char *)sqlite3_column_text(s->handle, column);
    return p ? str_make(p, (size_t)sqlite3_column_bytes(s->handle, column)) : STR_NULL;
}

int64_t stmt_i64(struct stmt *s, int column)
{
    return sqlite3_column_int64(s->handle, column);
}

double stmt_double(struct stmt *s, int column)
{
    return sqlite3_column_double(s->handle, column);
}

bool stmt_is_null(struct stmt *s, int column)
{
    return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

/* --- transactions ----------------------------------------------------------------------------- */

/* A statement left before its last row would keep its snapshot beyond the transaction. */
static void reset_open(struct db *db)
{
    if (db->open_count == 0)
        return;
    list_for_each (node, &db->used)
        stmt_reset(list_entry(node, struct stmt, used));
}

enum err db_begin_at(struct db *db, bool write, const char *file, int line)
{
    static const struct str begin_read = SQL("BEGIN");
    static const struct str begin_write = SQL("BEGIN IMMEDIATE");
    enum err e = write ? set_limit(db, false) : OK;
    db->begin_file = file;
    db->begin_line = line;
    return e ? e : db_run(db, write ? begin_write : begin_read, NO_VALUES);
}

enum err db_commit(struct db *db)
{
    static const struct str commit = SQL("COMMIT");
    reset_open(db);
    return db_run(db, commit, NO_VALUES);
}

void db_rollback(struct db *db)
{
    reset_open(db);
    if (db_in_transaction(db))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    db->begin_file = NULL;
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->handle);
}

int db_wal_frames(const struct db *db)
{
    return db->wal_frames;
}

enum err db_checkpoint(struct db *db, bool *all)
{
    int frames = 0, moved = 0;
    *all = false;
    /* Without a busy handler: whoever reads an old snapshot must not keep the writers' lock held.
     */
    sqlite3_busy_timeout(db->handle, 0);
    int rc =
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_RESTART, &frames, &moved);
    sqlite3_busy_timeout(db->handle, db->options.busy_ms);
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        return fail(db, rc);
    *all = rc == SQLITE_OK;
    if (*all)
        db->wal_frames = 0;
    return OK;
}

/* --- copies ----------------------------------------------------------------------------------- */

/* All pages in one step: one snapshot. `to` has its own error, for its own disk. */
static enum err copy_pages(struct db *from, struct db *to)
{
    sqlite3_backup *copy = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (!copy)
        return fail(to, sqlite3_errcode(to->handle));
    int rc = sqlite3_backup_step(copy, -1);
    int rc_end = sqlite3_backup_finish(copy);
    if (rc == SQLITE_DONE)
        return check(to, rc_end);
    return fail(to, rc);
}

/* The new file is nobody's until the copy is whole, so it needs no journal and no sync here. */
static enum err open_copy(struct db **out, const char *path)
{
    struct db *db = mem_zalloc(1, sizeof *db);
    *out = db;
    list_init(&db->used);
    enum err e = check(db, open_handle(&db->handle, path, false));
    if (e)
        return e;
    sqlite3_extended_result_codes(db->handle, 1);
    return db_exec(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");
}

enum err db_copy(struct db *db, const char *path)
{
    struct db *to = NULL;
    enum err e = create_file(path);
    if (e)
        return e;
    e = open_copy(&to, path);
    if (!e)
        e = copy_pages(db, to);
    if (e)
        memcpy(db->message, to->message, sizeof db->message);
    db_close(to);
    if (e)
        unlink(path);
    return e;
}
