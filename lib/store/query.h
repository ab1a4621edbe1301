/*
 * List queries: where, order, limit, offset, cursor, count, q → SQL with bound values. This file is
 * the whitelist: identifiers in SQL come from here and from declared names, nowhere else.
 */
#ifndef STORE_QUERY_H
#define STORE_QUERY_H

#include "base/buf.h"
#include "store/rows.h"
#include "wire/form.h"

#define QUERY_LIMIT_DEFAULT 100
#define QUERY_LIMIT_MAX     1000
#define QUERY_WHERE_MAX     32

/* A page ends early, with a cursor, once it has so many bytes. */
#define QUERY_PAGE_BYTES (16 * 1024 * 1024)

struct query; /* in the arena it was parsed into */

/*
 * Read the parameters of a list request. ERR_INVALID_QUERY with *message (a sentence, in mem) for
 * anything docs/protocol.md section 4 does not allow.
 */
enum err query_parse(struct query **out, const struct form *params, const struct rows_table *t,
                     struct arena *mem, struct str *message) must_check;

/* The statement that lists, for EXPLAIN QUERY PLAN. */
struct str query_sql(const struct query *q);

/* What a list found besides its rows. */
struct query_result {
    size_t rows;
    bool has_total;
    int64_t total;   /* when count=1 was asked for */
    struct str next; /* cursor of the next page, in the arena; STR_NULL at the end */
};

/*
 * Run it and append the rows to out, comma-separated, each as row_append() prints it. In a read
 * transaction when total is asked for, so that both agree.
 */
enum err query_list(struct space *sp, const struct query *q, struct str user_id, struct buf *out,
                    struct arena *mem, struct query_result *result) must_check;

/* Rows that the conditions hold for (limit and order do not count). */
enum err query_count(struct space *sp, const struct query *q, int64_t *count) must_check;

#endif
