/* Conditions of list queries: where=["field","op",value] as SQL with bound values. */
#ifndef STORE_WHERE_H
#define STORE_WHERE_H

#include "store/clause.h"

/* Values in the array of one "in". */
#define WHERE_IN_MAX 1000

/*
 * Append one condition to c, without an AND. `text` is the parameter as the client sent it, hostile
 * until checked here. ERR_INVALID_QUERY with *message, a sentence in c->mem.
 */
enum err where_append(struct clause *c, struct str text, struct str *message) must_check;

#endif
