/* The values of JSON Schema's `format` that are held to: dates, addresses, identifiers. */
#ifndef WIRE_FORMAT_H
#define WIRE_FORMAT_H

#include "base/str.h"

struct format {
    const char *name;
    bool (*fits)(struct str s);
    const char *message; /* to the person whose text does not fit */
};

/* NULL for a name that is not in the list. */
const struct format *format_find(struct str name);

#endif
