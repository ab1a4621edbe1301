/*
 * JSON Schema 2020-12, the keywords of docs/protocol.md section 4: compiled once from a
 * declaration, run on the tape of each body. `pattern` by PCRE2 with match limits.
 */
#ifndef WIRE_SCHEMA_H
#define WIRE_SCHEMA_H

#include "wire/json.h"
#include "wire/tree.h"

struct schema;

/* Why a value does not fit. */
struct problem {
    struct str path;    /* "$.title", "$.tags[3]" */
    struct str message; /* "must be at least 1 character long" */
};

/* Problems of one validation, at most PROBLEMS_MAX; strings in mem. */
#define PROBLEMS_MAX 20
struct problems {
    struct arena *mem;
    size_t count;
    struct problem list[PROBLEMS_MAX];
};

/*
 * Compile. An unknown keyword, a keyword of the wrong type, an invalid pattern or a $ref that leads
 * nowhere is ERR_INVALID with *error = "schema.properties.title.minLenght: unknown keyword", in
 * mem. The tree may be freed afterwards. Freed by schema_free().
 */
enum err schema_compile(struct schema **out, const struct tree *t, struct arena *mem,
                        struct str *error) must_check;
void schema_free(struct schema *s);

/*
 * True when v fits; otherwise problems are added. Thread-safe: a compiled schema is immutable.
 * Work is bounded: by the size of v times the schema's (a value that would take more, which needs
 * branching circles of $refs, does not fit), and by PCRE2's match and depth limits (a pattern that
 * exceeds them does not match). uniqueItems is not quadratic.
 */
bool schema_validate(const struct schema *s, struct json_value v, struct problems *problems);

/*
 * `default` of top-level properties that the object v lacks, as member text in buf
 * (`"read":false`), comma-separated, without braces.
 */
void schema_append_defaults(const struct schema *s, struct json_value v, struct buf *out);

#endif
