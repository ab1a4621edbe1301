/*
 * Collections: collections/NAME.json declares a table, its schema, indexes, search and effects.
 * Loaded and checked once at start, immutable afterwards.
 */
#ifndef DOMAIN_COLLECTION_H
#define DOMAIN_COLLECTION_H

#include "store/rows.h"
#include "wire/schema.h"

/* Bytes of one row's data, however many updates it grew by. */
#define COLLECTION_ROW_MAX (4 * 1024 * 1024)

enum effect_on { ON_CREATE, ON_UPDATE, ON_DELETE, EFFECT_KINDS };

struct effect; /* insert a row made from a template into another collection */

struct collection {
    struct str name;
    struct rows_table table;
    struct schema *schema;
    struct str schema_text;                              /* as it was declared */
    struct str event_create, event_update, event_delete; /* "table:posts:create" … */
    size_t effect_count[EFFECT_KINDS];
    struct effect *effects[EFFECT_KINDS];
};

struct collections {
    size_t count;
    struct collection *list;   /* sorted by name */
    struct rows_table *tables; /* theirs, in the same order */
    struct arena mem;          /* owns the strings */
};

/*
 * Load every *.json of dir. ERR_INVALID with *message "file: place: what is wrong, what was
 * expected", in mem. Names that are fixed paths of the API (docs/protocol.md section 1) are
 * refused; an effect's target must exist and its values fit the target's schema in type.
 */
enum err collections_load(struct collections *out, const char *dir, struct arena *mem,
                          struct str *message) must_check;
void collections_release(struct collections *c);

const struct collection *collections_find(const struct collections *c, struct str name);

/* The rows_tables of all collections as an array for struct store_options; lives as long as c. */
const struct rows_table *collections_tables(const struct collections *c, size_t *count);

/*
 * Check a client's object against the schema, apply defaults, drop the five members of ours: *data
 * is the text to store, in mem. ERR_VALIDATION with problems otherwise, ERR_TOO_LARGE over
 * COLLECTION_ROW_MAX.
 */
enum err collection_validate(const struct collection *c, struct json_value body,
                             struct problems *problems, struct arena *mem,
                             struct str *data) must_check;

/* Text of the row that effect makes of `row`: "{title}" in its templates is the row's member. In
 * mem. */
struct str effect_render(const struct effect *e, struct str row_data, struct arena *mem);
struct str effect_target(const struct effect *e);
const struct effect *effect_at(const struct collection *c, enum effect_on on, size_t i);

#endif
