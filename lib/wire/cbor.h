/*
 * CBOR (RFC 8949) as authenticators write it (CTAP2's canonical form), read strictly and in place:
 * lengths are definite, numbers as short as they go, texts UTF-8, names in a map once. Tags,
 * floating-point numbers and simple values but false, true and null are refused. The order of names
 * is free: not every authenticator sorts them. Allocates nothing, does not block.
 */
#ifndef WIRE_CBOR_H
#define WIRE_CBOR_H

#include "base/err.h"

/* Maps and arrays within each other, and members of one map; the largest statements have half. */
#define CBOR_DEPTH   8
#define CBOR_MEMBERS 64

enum cbor_type {
    CBOR_NUMBER, /* whole, of either sign */
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,
};

struct cbor {
    enum cbor_type type;
    int64_t number;  /* CBOR_NUMBER; one that does not fit is refused */
    struct str text; /* CBOR_BYTES, CBOR_TEXT: what is in it; CBOR_ARRAY, CBOR_MAP: its items */
    uint64_t count;  /* CBOR_ARRAY: items, CBOR_MAP: pairs of items */
    struct str raw;  /* all its bytes */
};

/*
 * Read the item that *rest begins with and check everything in it; *rest moves behind it. What out
 * points at is borrowed. ERR_INVALID: it is cut short or refused; *rest and *out are unspecified.
 */
enum err cbor_read(struct str *rest, struct cbor *out) must_check;

/* The value of a name in a map that cbor_read gave. False: no such name, or no map. */
bool cbor_find_text(const struct cbor *map, struct str name, struct cbor *out) must_check;
bool cbor_find_number(const struct cbor *map, int64_t name, struct cbor *out) must_check;

#endif
