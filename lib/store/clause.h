/* A piece of SQL being written, together with the values bound to its parameters. */
#ifndef STORE_CLAUSE_H
#define STORE_CLAUSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/space.h"
#include "wire/json.h"

enum value_kind {
    VALUE_NULL,
    VALUE_INTEGER,
    VALUE_REAL,
    VALUE_TEXT,
    VALUE_SPACE_ID, /* the id of the space the statement runs in */
};

struct value {
    enum value_kind kind;
    int64_t integer;
    double real;
    struct str text;
};

struct clause {
    struct buf text;
    struct arena *mem;
    size_t count, cap;
    struct value *values; /* in mem; values[i] is parameter ?(i + 1) */
};

/* Keep a value; the result is its parameter's number, to be written as ?number, as often as
 * needed. */
size_t clause_value(struct clause *c, struct value v);
size_t clause_text(struct clause *c, struct str text);
size_t clause_integer(struct clause *c, int64_t v);

/* A number as SQLite reads it out of JSON: whole ones written without point and exponent are
 * integers, the others doubles, so that a number always equals itself. False for another type. */
bool value_of_number(struct json_value v, struct value *out);

/* Bind the first `count` values to s. */
void values_bind(const struct value *values, size_t count, const struct space *sp, struct stmt *s);

#endif
