/*
 * Rows as lines of CSV: the columns of a collection, and what their cells mean.
 *
 * A field that is declared as a string, and as nothing else, has its characters in the cell. The
 * cell of any other field is JSON, but for strings that could not be taken for JSON: those are as
 * they are. Nothing at all (no quotes either) is a field that the row does not have.
 */
#ifndef CTL_COLUMNS_H
#define CTL_COLUMNS_H

#include "base/map.h"
#include "domain/collection.h"

#define COLUMNS_MAX 1000

struct column {
    struct str name;
    bool is_text; /* a string by its declaration */
};

struct columns {
    size_t count, cap;
    struct column **list;
    struct map by_name;
};

#define COLUMNS_INIT ((struct columns){.by_name = MAP_INIT})

/* Those of the declaration: id, its fields, createdAt, updatedAt, version. In mem. */
void columns_init(struct columns *c, const struct collection *of, struct arena *mem);
void columns_release(struct columns *c);

/* The columns of a header, as far as they are declared. ERR_CONFLICT: two of one name, or one of
 * none. */
enum err columns_from_header(struct columns *c, const struct collection *of,
                             const struct str *names, size_t count, struct arena *mem) must_check;

/* Further ones, at the end, for the members of this row that have none. False: too many. */
bool columns_add_members(struct columns *c, struct json_value row, struct arena *mem) must_check;

/* The line of this row. */
void columns_append_names(struct buf *out, const struct columns *c);
void columns_append_row(struct buf *out, const struct columns *c, const struct row *row,
                        struct json_value data, struct arena *mem);

/* The row of this line as an object, cells in the order of the columns. */
void columns_append_object(struct buf *out, const struct columns *c, const struct str *cells,
                           struct arena *mem);

#endif
