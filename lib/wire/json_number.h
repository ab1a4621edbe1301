/*
 * A JSON number as sign, significant digits and power of ten, read from its text without loss:
 * what whole-number conversion, exact comparison and the canonical form are made of.
 */
#ifndef WIRE_JSON_NUMBER_H
#define WIRE_JSON_NUMBER_H

#include "base/buf.h"
#include "base/str.h"

struct json_number {
    bool negative;     /* never for zero */
    struct str digits; /* from the first to the last that is not 0; a '.' may lie among them */
    size_t count;      /* of the digits; 0: the number is zero */
    int64_t exponent;  /* the power of ten of the last digit, without `far` */
    struct str far;    /* an exponent of more than 17 digits, its text without sign; else empty */
    bool far_negative;
};

/* Read a number that json_parse accepted. */
struct json_number json_number_read(struct str raw);

/*
 * Below 0, 0 or above 0 as a is less than, equal to or greater than b. Exact; but numbers whose
 * exponents have more than 17 digits are equal only when those are written alike.
 */
int json_number_compare(const struct json_number *a, const struct json_number *b);

bool json_number_is_whole(const struct json_number *n);

/* a is a whole multiple of b, exactly; b is above 0 and has at most 18 digits and no `far`. */
bool json_number_is_multiple(const struct json_number *a, const struct json_number *b);

/* Append the one form that all equal numbers share. */
void json_number_append_canonical(struct buf *out, const struct json_number *n);

#endif
