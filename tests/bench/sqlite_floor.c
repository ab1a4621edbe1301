/*
 * The floor of a durable write: what bare SQLite does on this disk. N threads, each with files of
 * its own, each transaction one row and one row of a log, WAL, synchronous=FULL.
 *
 *   sqlite_floor FOLDER FILES THREADS SECONDS   prints transactions per second
 */
#include "base/base.h"

#include <pthread.h>
#include <sqlite3.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "bench/lib/proc.h"

struct file {
    sqlite3 *db;
    sqlite3_stmt *begin, *row, *event, *commit;
};

struct worker {
    pthread_t thread;
    struct file *files;
    size_t count;
    int64_t until;
    uint64_t done;
};

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS kv(key TEXT PRIMARY KEY, value TEXT, at INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS change(seq INTEGER PRIMARY KEY, at INTEGER, name TEXT, data TEXT);";

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
        fatal("sqlite: %s", sqlite3_errmsg(db));
    return s;
}

static void file_open(struct file *f, const char *folder, size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/floor-%zu.db", folder, n);
    if (sqlite3_open_v2(path, &f->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK ||
        sqlite3_exec(f->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        fatal("%s: %s", path, sqlite3_errmsg(f->db));
    f->begin = prepare(f->db, "BEGIN IMMEDIATE");
    f->row = prepare(f->db, "INSERT INTO kv VALUES('bench',?1,?2)"
                            " ON CONFLICT(key) DO UPDATE SET value=?1, at=?2");
    f->event = prepare(f->db, "INSERT INTO change(at,name,data) VALUES(?1,'kv:set',?2)");
    f->commit = prepare(f->db, "COMMIT");
}

static void run(struct file *f, sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE)
        fatal("sqlite: %s", sqlite3_errmsg(f->db));
    sqlite3_reset(s);
}

static void write_once(struct file *f, int64_t n)
{
    char value[128];
    snprintf(value, sizeof value, "{\"n\":%lld,\"text\":\"%064lld\"}", (long long)n, (long long)n);
    run(f, f->begin);
    sqlite3_bind_text(f->row, 1, value, -1, SQLITE_STATIC);
    sqlite3_bind_int64(f->row, 2, n);
    run(f, f->row);
    sqlite3_bind_int64(f->event, 1, n);
    sqlite3_bind_text(f->event, 2, value, -1, SQLITE_STATIC);
    run(f, f->event);
    run(f, f->commit);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    while (now_ns() < w->until) {
        write_once(&w->files[w->done % w->count], (int64_t)w->done);
        w->done++;
    }
    return NULL;
}

static size_t number(const char *text, int64_t max)
{
    int64_t n;
    if (!str_to_i64(str_from_c(text), 1, max, &n))
        fatal("usage: sqlite_floor FOLDER FILES THREADS SECONDS");
    return (size_t)n;
}

int main(int argc, char **argv)
{
    size_t count = number(argc == 5 ? argv[2] : "", 1000);
    size_t threads = number(argv[3], 64), seconds = number(argv[4], 60);
    struct file *files = mem_zalloc(count, sizeof *files);
    struct worker *workers = mem_zalloc(threads, sizeof *workers);
    uint64_t done = 0;
    for (size_t i = 0; i < count; i++)
        file_open(&files[i], argv[1], i);
    int64_t start = now_ns(), until = start + (int64_t)seconds * 1000000000;
    for (size_t i = 0; i < threads; i++) {
        size_t first = count * i / threads, next = count * (i + 1) / threads;
        workers[i] = (struct worker){.files = files + first, .count = next - first, .until = until};
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
            fatal("no thread");
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
    }
    printf("%.0f\n", (double)done * 1e9 / (double)(now_ns() - start));
    return 0; /* the files are left as they are: their folder is removed by the caller */
}
