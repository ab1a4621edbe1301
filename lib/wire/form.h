/* Query strings, application/x-www-form-urlencoded and multipart/form-data (fields only). */
#ifndef WIRE_FORM_H
#define WIRE_FORM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define FORM_FIELDS_MAX 256

struct form_field {
    struct str name, value; /* decoded */
};

struct form {
    struct form_field *fields; /* in the arena */
    size_t count;
};

/*
 * name=value pairs joined by '&'. ERR_INVALID: a bad percent escape, invalid UTF-8, a NUL, or more
 * than FORM_FIELDS_MAX pairs. An absent or empty text is an empty form.
 */
enum err form_parse(struct form *f, struct str text, struct arena *mem) must_check;

/*
 * RFC 7578 with the boundary of that Content-Type value. ERR_MEDIA_TYPE: another type, or a part
 * with a filename (only fields are read). ERR_INVALID: no good boundary or none at the end, lines
 * that end without CRLF, folded headers, a part without a name, text that is no UTF-8 or holds a
 * NUL, more than FORM_FIELDS_MAX parts.
 */
enum err form_parse_multipart(struct form *f, struct str content_type, struct str body,
                              struct arena *mem) must_check;

/* Value of the first field of that name, or STR_NULL. */
struct str form_get(const struct form *f, struct str name);

/* How many fields have that name. */
size_t form_count(const struct form *f, struct str name);

/* Append the form as a JSON object of strings; of repeated names the first counts. */
void form_append_json(const struct form *f, struct buf *out);

#endif
