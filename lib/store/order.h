/* The order of a list, and cursors: where in that order the next page begins. */
#ifndef STORE_ORDER_H
#define STORE_ORDER_H

#include "store/clause.h"
#include "store/field.h"
#include "wire/form.h"

#define ORDER_TERMS_MAX 8

struct order_term {
    struct field field;
    bool descending;
};

/* At least one term; the last one is always the id, so no two rows are equal. */
struct order {
    size_t count;
    struct order_term term[ORDER_TERMS_MAX + 1];
};

/*
 * A place in an order: after the row of these values, or after so many rows where the values are
 * too long to travel.
 */
struct cursor {
    bool by_offset;
    int64_t offset;
    struct value after[ORDER_TERMS_MAX + 1];
};

/*
 * Read all order=field:asc|desc. Ids rise with createdAt, so a createdAt at the end of the list (or
 * no order at all: newest first) is the id alone. ERR_INVALID_QUERY with *message.
 */
enum err order_parse(struct order *o, const struct form *params, struct str *message) must_check;

/* Append what stands after ORDER BY. */
void order_append_sql(struct buf *out, const struct order *o);

/* Append the condition "after the cursor" (not by_offset), to be joined by AND. */
void order_append_after(struct clause *c, const struct order *o, const struct cursor *at);

/* Read a cursor that a client sends back: anything can be in it. ERR_INVALID_QUERY: none of this
 * order. */
enum err cursor_read(struct cursor *at, struct str text, const struct order *o,
                     struct arena *mem) must_check;

/* Write the cursor after row `id` of table t, which is the rows_before-th of the list. *text in
 * mem. */
enum err cursor_write(struct space *sp, const struct rows_table *t, const struct order *o,
                      struct str id, int64_t rows_before, struct arena *mem,
                      struct str *text) must_check;

#endif
