/*
 * Full text of collections that declare `search`: an FTS5 table s_<name> without content of its
 * own, kept in step with c_<name> by triggers, so no write can forget it.
 */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/space.h"

/* Append the SQL that makes the table and its triggers and fills it from the rows there are. Only
 * for t->search_count > 0 (asserted). */
void search_append_create(struct buf *out, const struct rows_table *t);

/* Append the SQL that removes all of that, as far as it exists. */
void search_append_drop(struct buf *out, struct str table_name);

/* Append the condition that row c.n is among the matches of parameter ?number. */
void search_append_condition(struct buf *out, const struct rows_table *t, size_t number);

/*
 * A client's words as an FTS5 expression, in mem: every word must occur, in any order; "two words"
 * in quotes stand together; a final '*' makes a word a prefix. No other syntax of FTS5 can be
 * reached. ERR_INVALID_QUERY: no word in it.
 */
enum err search_expression(struct str q, struct arena *mem, struct str *out) must_check;

#endif
