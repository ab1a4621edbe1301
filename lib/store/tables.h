/*
 * The SQL objects of declared collections, in one place: the table c_<name>, its expression
 * indexes, its full-text table s_<name>; and the counter behind quota_rows.
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "store/space.h"

/* 16 hex digits and '\0' that stand for what a kind of space must have: changes with the
 * declarations. */
void tables_hash(const struct store_options *o, enum space_kind kind, char *out);

/*
 * Make tables, indexes and full-text tables match the declarations, when the hash kept in the file
 * differs. In a write transaction (asserted). Rows are never dropped: the table of a collection
 * that is no longer declared stays.
 */
enum err tables_sync(struct space *sp) must_check;

/* Does the file match? In any transaction, or none. */
enum err tables_match(struct space *sp, bool *match) must_check;

/* How many rows and keys there are; -1 where quota_rows is 0: nobody counts. */
enum err tables_count(struct space *sp, int64_t *count) must_check;

/* Is there room for one more row or key? ERR_QUOTA. Free when quota_rows is 0. In a write
 * transaction. */
enum err tables_room(struct space *sp) must_check;

#endif
