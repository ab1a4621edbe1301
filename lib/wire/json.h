/*
 * JSON (RFC 8259), strict, on a tape: one pass over the client's text checks it whole and leaves a
 * flat array of tokens that point into it. Nothing is copied and no number is converted, so what is
 * stored and sent is the client's own text, spliced. Declarations, which live as long as the
 * process, are trees: wire/tree.h.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* What a text may hold. */
struct json_limits {
    size_t depth;   /* nested arrays and objects, 64 everywhere in Cubby */
    bool allow_nul; /* an escaped \u0000 inside string values (never in member names) */
};

#define JSON_DEPTH    64
#define JSON_STRICT   ((struct json_limits){JSON_DEPTH, false})
#define JSON_WITH_NUL ((struct json_limits){JSON_DEPTH, true})

/* One value or member name. Members of an object are a name token followed by the value's tokens.
 */
struct json_token {
    uint32_t start, end;  /* bytes of the text, quotes and brackets included */
    uint32_t next;        /* index of the token after this one and all within it */
    uint32_t type : 3;    /* enum json_type */
    uint32_t escaped : 1; /* a string with a backslash in it */
    uint32_t count : 28;  /* elements of an array, members of an object */
};

struct json {
    struct str text;
    struct json_token *tokens; /* in the arena given to json_parse */
    uint32_t count;
    size_t error_at;   /* after a failure: the byte where it was seen */
    const char *error; /* after a failure: what is wrong, one clause for a sentence */
};

/* A value of a document. doc == NULL: absent. */
struct json_value {
    const struct json *doc;
    uint32_t at;
};

#define JSON_ABSENT ((struct json_value){NULL, 0})

/*
 * Check and index text, which must live as long as doc. Refuses invalid UTF-8, unescaped control
 * characters, lone surrogate escapes, duplicate member names (compared unescaped), nesting over the
 * limit, \u0000 unless allowed, and anything after the value. Linear in the text, hostile ones
 * included (many members: hashed or sorted, not compared pairwise). Texts over 256 MiB:
 * ERR_TOO_LARGE. ERR_INVALID_JSON with doc->error and error_at otherwise. Does not block.
 */
enum err json_parse(struct json *doc, struct str text, struct json_limits limits,
                    struct arena *mem) must_check;

static inline struct json_value json_root(const struct json *doc)
{
    return (struct json_value){doc, 0};
}

static inline bool json_is_absent(struct json_value v)
{
    return v.doc == NULL;
}

static inline const struct json_token *json_token(struct json_value v)
{
    return &v.doc->tokens[v.at];
}

/* v must not be absent. */
static inline enum json_type json_type(struct json_value v)
{
    return (enum json_type)json_token(v)->type;
}

/* False for an absent value. */
static inline bool json_is(struct json_value v, enum json_type type)
{
    return v.doc && json_type(v) == type;
}

/* The value's own bytes: a string with its quotes, a number as it was written. */
static inline struct str json_raw(struct json_value v)
{
    const struct json_token *t = json_token(v);
    return str_make(v.doc->text.p + t->start, t->end - t->start);
}

/* Elements of an array or members of an object. */
static inline uint32_t json_count(struct json_value v)
{
    return json_token(v)->count;
}

/* The member called name (compared unescaped, case-sensitive); absent when obj has none or is no
 * object. */
struct json_value json_get(struct json_value obj, struct str name);

/*
 * Walk an array or object (anything else has no children):
 *     for (struct json_value v = json_first(obj); !json_is_absent(v); v = json_next(obj, v))
 * v is the value; json_key_raw() gives the member's name token.
 */
struct json_value json_first(struct json_value container);
struct json_value json_next(struct json_value container, struct json_value child);

/* The name of a member value found by json_first/json_next of an object; a string value. */
struct json_value json_key(struct json_value member);

/* The characters of a string value, unescaped: in the arena, or in the text when nothing was
 * escaped. */
struct str json_string(struct json_value string, struct arena *mem);

/* A number whose value is whole (5, 5.0, 5e2) and fits; false otherwise or for another type. */
bool json_to_i64(struct json_value v, int64_t *out);

/* The nearest double of a number; false for another type. */
bool json_to_double(struct json_value v, double *out);

/* Equal as JSON Schema 2020-12 (core 4.2.2) has it: 1 == 1.0 exactly, members in any order. */
bool json_equal(struct json_value a, struct json_value b);

/*
 * Append the one text that all values equal to v share: no white space, members sorted by name,
 * numbers normalised. For hashing and comparing; never sent or stored.
 */
void json_append_canonical(struct buf *out, struct json_value v);

/* Append s (valid UTF-8) as a JSON string with its quotes; '<' and U+2028/9 need no escape here. */
void json_append_string(struct buf *out, struct str s);

/* Append "name": with the quotes and colon; name holds nothing that needs escaping. */
#define json_append_name(out, name) buf_append_lit(out, "\"" name "\":")

/*
 * Append the object `obj` without the members named in drop[0..n) and without insignificant white
 * space between members. Names, at any depth, are written without escapes that they do not need, so
 * that all who look for them in the text find them; strings and numbers keep their bytes.
 */
void json_append_without(struct buf *out, struct json_value obj, const struct str *drop, size_t n);

/* Append target with each member of patch put in place of its namesake (one level deep). */
void json_append_merged(struct buf *out, struct json_value target, struct json_value patch);

/* RFC 7396 JSON Merge Patch: recursive, null removes. */
void json_append_merge_patch(struct buf *out, struct json_value target, struct json_value patch);

#endif
