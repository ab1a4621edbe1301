/*
 * Fields of rows as SQL: the whitelist of identifiers. A collection's table is
 *     c_<name>(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data TEXT NOT NULL,
 *              created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL)
 * and its full-text table s_<name> (store/search.h). Whoever makes an index, an order or a
 * condition takes the expression from here, so that SQLite sees that they are the same.
 */
#ifndef STORE_FIELD_H
#define STORE_FIELD_H

#include "base/buf.h"

#define FIELD_PATH_MAX 256

enum field_kind {
    FIELD_DATA, /* a member of the client's object, a.b.c deep */
    FIELD_ID,
    FIELD_CREATED_AT,
    FIELD_UPDATED_AT,
    FIELD_VERSION,
    FIELD_USER_ID, /* no column: the space's id */
};

struct field {
    enum field_kind kind;
    struct str path; /* borrowed */
};

/* Segments of [A-Za-z0-9_] joined by '.', at most FIELD_PATH_MAX bytes; false for anything else. */
bool field_parse(struct field *f, struct str path);

/*
 * Append the field's value as SQL: a column (createdAt and updatedAt: milliseconds), or
 * json_extract() of the column data. Not for FIELD_USER_ID (asserted). `table` is put before
 * columns: "c." in queries, "" in CREATE INDEX, "new." and "old." in triggers.
 */
void field_append_sql(struct buf *out, const struct field *f, const char *table);

/* Append the JSON type of the field as SQL: a constant, or json_type(), NULL when it is missing. */
void field_append_type_sql(struct buf *out, const struct field *f, const char *table);

#endif
