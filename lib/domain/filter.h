/*
 * Does an event match? A filter is a set of entries, one of which must match: an event name, or the
 * beginning of one, and fields that the event's data must have.
 *     ?events=table:posts:*,kv:*        {"type":"table:posts:*","author":"ann"}
 */
#ifndef DOMAIN_FILTER_H
#define DOMAIN_FILTER_H

#include "wire/json.h"

#define FILTER_PATTERNS_MAX 50   /* of ?events= */
#define FILTER_BYTES_MAX    4096 /* of ?events= */

#define FILTER_ENTRIES_MAX 1000         /* of a set */
#define FILTER_MEMORY_MAX  (128 * 1024) /* of a set; entries beyond it are not added */

/* One allocation. NULL: no filter. */
struct filter;

/* Comma-separated patterns. ERR_INVALID: empty ones, a '*' that is not last, over the limits. Freed
 * by filter_free(). */
enum err filter_parse(struct filter **out, struct str patterns) must_check;
void filter_free(struct filter *f);

/* What the "type" of an entry may be. */
enum filter_type {
    FILTER_NAME,    /* a name, '*' is a character like others */
    FILTER_PATTERN, /* a final '*' stands for any suffix */
};

/*
 * Add an entry to *f (made if NULL): an object of strings, its "type" (trimmed, not empty) the
 * name, the others fields of the data. Equal ones count once, whatever the order of their members.
 * False: not such an object, or no room.
 */
bool filter_add(struct filter **f, struct json_value entry, enum filter_type type,
                struct arena *scratch);

/* Remove the entry equal to this one; *f is freed and NULL when none is left. */
void filter_remove(struct filter **f, struct json_value entry, enum filter_type type,
                   struct arena *scratch);

struct filter_field {
    struct str name, value;
};

/* What filters look at: set name, data and mem; data is read when the first entry asks for it. */
struct filter_event {
    struct str name;
    struct str data;   /* JSON */
    struct arena *mem; /* holds what was read of data */
    bool parsed;
    struct filter_field *fields; /* its members that are strings, by name; in mem */
    size_t count;
};

/* Bytes of the set, which adding or removing an entry may read. */
size_t filter_size(const struct filter *f);

/* Is the event's data looked at? */
bool filter_reads_data(const struct filter *f);

/* NULL matches everything. */
bool filter_matches(const struct filter *f, struct filter_event *e);

#endif
