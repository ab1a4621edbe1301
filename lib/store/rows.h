/* Rows of collections: JSON text in one table per collection, spliced, never re-printed. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/rand.h"
#include "store/space.h"

struct row {
    struct str id;   /* UUIDv7 */
    struct str data; /* the client's object, without the five members of ours */
    int64_t created_at, updated_at;
    int64_t version; /* 1, 2, 3 … */
};

/* Build the table's SQL once, at start; freed by rows_table_release. The name is checked against
 * the whitelist (asserted). */
void rows_table_prepare(struct rows_table *t);
void rows_table_release(struct rows_table *t);

/* Write calls: in a write transaction (asserted). insert: ERR_QUOTA when quota_rows is used up. */
enum err rows_insert(struct space *sp, const struct rows_table *t, const struct row *r) must_check;
enum err rows_update(struct space *sp, const struct rows_table *t, const struct row *r) must_check;
enum err rows_delete(struct space *sp, const struct rows_table *t, struct str id,
                     bool *existed) must_check;

/* ERR_NOT_FOUND; strings in mem. */
enum err rows_get(struct space *sp, const struct rows_table *t, struct str id, struct arena *mem,
                  struct row *out) must_check;

/* Ids of at most max rows, oldest first, in mem. */
enum err rows_ids(struct space *sp, const struct rows_table *t, size_t max, struct arena *mem,
                  struct str **ids, size_t *count) must_check;

/*
 * Rows behind the id `after` ("": from the oldest), by id, until on_row wants no more or there are
 * none; *more says whether further ones follow. Strings are valid during the call.
 */
enum err rows_each(struct space *sp, const struct rows_table *t, struct str after, bool *more,
                   bool (*on_row)(void *arg, const struct row *r), void *arg) must_check;

enum err rows_count(struct space *sp, const struct rows_table *t, int64_t *count) must_check;

/*
 * Append the row as the client sees it: {"id":…,<data's members>,"createdAt":…,"updatedAt":…,
 * "version":…,"userId":…}. A splice: data is copied, not parsed.
 */
void row_append(struct buf *out, const struct row *r, struct str user_id);

/* Append a row's time as a JSON string: ISO 8601. */
void row_append_time(struct buf *out, int64_t ms);
void row_append_time_or_null(struct buf *out, int64_t ms); /* null for 0 */

#endif
