/*
 * JSON documents that live as long as the process and are walked by name: collection declarations,
 * schemas. The only user of cJSON; texts pass wire/json.h's strict check first. Requests do not
 * come through here: their bodies stay text (wire/json.h).
 */
#ifndef WIRE_TREE_H
#define WIRE_TREE_H

#include "wire/json.h"

struct tree; /* a node; the root owns all below it */

/* Parse text; on failure *error is a clause with line and column, in mem. Freed by tree_free(). */
enum err tree_parse(struct tree **out, struct str text, struct arena *mem,
                    struct str *error) must_check;
void tree_free(struct tree *root);

/* False for NULL. Booleans are JSON_FALSE or JSON_TRUE. */
bool tree_is(const struct tree *t, enum json_type type);
enum json_type tree_type(const struct tree *t);

/* Member by exact name, or NULL. */
const struct tree *tree_get(const struct tree *obj, const char *name);

/* Children in order: for (c = tree_first(t); c; c = tree_next(c)). */
const struct tree *tree_first(const struct tree *t);
const struct tree *tree_next(const struct tree *t);
size_t tree_count(const struct tree *t);

/* The member name of a child of an object, '\0'-terminated, owned by the tree. */
struct str tree_name(const struct tree *t);

/* The characters of a string node, '\0'-terminated, owned by the tree. */
struct str tree_string(const struct tree *t);
double tree_number(const struct tree *t);

/* A whole number within ±2^53; false otherwise. */
bool tree_integer(const struct tree *t, int64_t *out);

/* Append the node as JSON text. */
void tree_print(const struct tree *t, struct buf *out);

#endif
