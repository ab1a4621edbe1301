/* Where something is in a JSON value: a chain of names and positions on the stack of a walk. */
#ifndef WIRE_PLACE_H
#define WIRE_PLACE_H

#include "base/arena.h"
#include "base/str.h"

struct place {
    const struct place *up; /* NULL: the outermost value */
    struct str name;        /* of a member, or what the outermost value is called */
    size_t index;           /* of an element, when name.p is NULL */
};

/* "$.tags[3].name". Names that are no words are quoted, long ones cut. In mem. */
struct str place_text(const struct place *at, struct arena *mem);

/* s, or if it is long its beginning and "...", cut between characters. In mem or s itself. */
struct str place_shorten(struct str s, size_t max, struct arena *mem);

#endif
