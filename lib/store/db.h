/*
 * SQLite behind one door: the only file that includes sqlite3.h. Opening with Cubby's settings,
 * cached prepared statements, transactions; SQLite's result codes become enum err:
 * BUSY → ERR_BUSY, FULL and IOERR of a full disk → ERR_FULL, FULL of a file at its max_bytes →
 * ERR_QUOTA, CORRUPT and NOTADB → ERR_CORRUPT, CONSTRAINT → ERR_CONFLICT, TOOBIG → ERR_TOO_LARGE,
 * the rest → ERR_INTERNAL. A db is used by one thread at a time (its owner's lock); every call may
 * block on the disk.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/err.h"

struct db;   /* an open file and its statements */
struct stmt; /* a prepared statement, owned by the db's cache */

/* NONE: of a file that nobody needs before its folder was synced. */
enum db_sync { DB_SYNC_FULL, DB_SYNC_NORMAL, DB_SYNC_NONE };

struct db_options {
    bool create;           /* make the file (0600) when it is not there; else ERR_NOT_FOUND */
    bool reader;           /* this process never writes: refuse statements that would */
    enum db_sync sync;     /* durability of commits in WAL mode */
    int busy_ms;           /* how long to wait for SQLite's own locks */
    int64_t max_bytes;     /* size the file may not grow beyond (then ERR_QUOTA), 0: no limit */
    int64_t reserve_bytes; /* but by that much more it may, see db_forgo_reserve */
    bool immutable;        /* a reader of a file at rest that nobody changes: no lock, no trace */
};

/* Initialiser of a statement's text: static const struct str sql_get = SQL("SELECT …"); */
#define SQL(text)                                                                                  \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }

/* Once per process, before threads start: memory settings that make a handle small. */
void db_library_init(void);

/* SQLite's, such as "3.40.1". */
struct str db_library_version(void);

/* Open path: WAL, foreign keys, defensive, no extensions, no automatic checkpoints (not at close
 * either). */
enum err db_open(struct db **out, const char *path, const struct db_options *o) must_check;

/* NULL is fine. Asserts that no transaction and no statement is open. */
void db_close(struct db *db);

/*
 * The same, and if no process has the file open any more its WAL is moved into it and removed, so
 * that a file at rest is one file. Only under the lock of store/lock.h, as db_checkpoint.
 */
void db_close_last(struct db *db);

/* The path no longer leads to this file: deleted or replaced since it was opened. */
bool db_file_is_gone(struct db *db);

/* SQLite has called the file damaged since it was opened. */
bool db_is_corrupt(const struct db *db);

/* The message of the last failure and the place that began the transaction, for one log line.
 * Borrowed until the next call. */
const char *db_error(const struct db *db);

/*
 * A statement for this SQL text: prepared at first use, kept with the file (the least recently used
 * of many makes room), reset and with no values bound: one text is not used twice at a time. Text
 * is a constant, or was built by store/query.c or from whitelisted names; values are always bound.
 */
enum err db_stmt(struct db *db, struct str sql, struct stmt **out) must_check;

/* Run SQL without values or rows: schema steps, PRAGMA. Several statements may be joined by ';'. */
enum err db_exec(struct db *db, const char *sql) must_check;

/* Parameters count from 1. Bytes must stay unchanged until the statement is reset. p == NULL binds
 * NULL. */
void stmt_bind_str(struct stmt *s, int at, struct str v);
void stmt_bind_i64(struct stmt *s, int at, int64_t v);
void stmt_bind_double(struct stmt *s, int at, double v);
void stmt_bind_null(struct stmt *s, int at);

/* Next row: *row is false at the end. At the end or on failure the statement is reset. */
enum err stmt_step(struct stmt *s, bool *row) must_check;

/* Run a statement that returns no rows, and reset it. */
enum err stmt_run(struct stmt *s) must_check;

/* Leave a statement before its last row. Idempotent. */
void stmt_reset(struct stmt *s);

/* Columns count from 0; text is borrowed until the next step or reset; NULL gives STR_NULL or 0. */
struct str stmt_str(struct stmt *s, int column);
int64_t stmt_i64(struct stmt *s, int column);
double stmt_double(struct stmt *s, int column);
bool stmt_is_null(struct stmt *s, int column);

/* Rows changed by the last INSERT, UPDATE or DELETE. */
int64_t db_changes(const struct db *db);

/*
 * The same in one word, for statements that are bound once and read at once. Values stand in the
 * order of the parameters: db_run(db, sql, VALUES(v_str(id), v_i64(now))).
 */
struct db_value {
    enum { DB_NULL, DB_STR, DB_I64 } kind;
    struct str s;
    int64_t i;
};
struct db_values {
    const struct db_value *list;
    size_t count;
};
#define NO_VALUES ((struct db_values){NULL, 0})
#define VALUES(...)                                                                                \
    ((struct db_values){(const struct db_value[]){__VA_ARGS__},                                    \
                        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)})
struct db_value v_str(struct str s); /* p == NULL: NULL */
struct db_value v_i64(int64_t i);
struct db_value v_null(void);

/* Run a statement that returns no rows; db_change: and changes some, else it is `otherwise`. */
enum err db_run(struct db *db, struct str sql, struct db_values v) must_check;
enum err db_change(struct db *db, struct str sql, struct db_values v,
                   enum err otherwise) must_check;

/* The rows, by stmt_step to the last one. */
enum err db_rows(struct db *db, struct str sql, struct db_values v, struct stmt **rows) must_check;

/* The first row, to be reset when it is read. ERR_NOT_FOUND: there is none; nothing to reset. */
enum err db_row(struct db *db, struct str sql, struct db_values v, struct stmt **row) must_check;

/* Is there a row? */
enum err db_has(struct db *db, struct str sql, struct db_values v, bool *has) must_check;

/* The number that the first row begins with; 0 where there is no row. */
enum err db_i64(struct db *db, struct str sql, struct db_values v, int64_t *out) must_check;

/*
 * Transactions; file and line of the caller are kept for messages. db_begin_read is deferred: its
 * first read fixes what it sees. db_begin_write is IMMEDIATE. Both ends reset the statements left
 * before their last row. db_rollback never fails and is harmless without a transaction.
 */
#define db_begin_read(db)  db_begin_at((db), false, __FILE__, __LINE__)
#define db_begin_write(db) db_begin_at((db), true, __FILE__, __LINE__)
enum err db_begin_at(struct db *db, bool write, const char *file, int line) must_check;
enum err db_commit(struct db *db) must_check;
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);

/*
 * The rest of this transaction does without reserve_bytes: the file does not grow beyond max_bytes,
 * nor at all where it has. For what users fill their files with: a full one can still be signed in
 * to, and emptied.
 */
enum err db_forgo_reserve(struct db *db) must_check;

/* Bytes of the file that hold something: without the pages that deletions left free. */
enum err db_used_bytes(struct db *db, int64_t *bytes) must_check;

/*
 * Write what the last commit left to `path`, a new file (0600), page by page; writers go on
 * meanwhile. Not yet durable. A failure leaves nothing there, and says ERR_FULL of that disk.
 */
enum err db_copy(struct db *db, const char *path) must_check;

/* Frames in the WAL after the last commit of this handle (right after the open: by its size): what
 * a checkpoint would move. */
int db_wal_frames(const struct db *db);

/*
 * Copy the WAL into the file; the next commit starts it anew, within its present size (commits that
 * grow a file cost twice as much). Only where no writer of any process can run (see
 * store/space.h): SQLite before 3.51.3 can lose a commit beside a checkpoint. *all is false when
 * readers kept it from finishing.
 */
enum err db_checkpoint(struct db *db, bool *all) must_check;

#endif
