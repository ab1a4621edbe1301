/*
 * A JSON document that is larger than memory, taken apart: the caller enters the containers that
 * matter, and is given each value within as a text of its own, to be checked by json_parse(). Only
 * where pieces begin and end is decided here.
 *
 * Each call takes from p->text, of which the caller has read a part so far. ERR_MORE: it needs more
 * of it, and nothing was taken; ERR_INVALID_JSON: no document goes on like this.
 */
#ifndef WIRE_JSON_PIECES_H
#define WIRE_JSON_PIECES_H

#include "base/err.h"
#include "base/str.h"

struct json_pieces {
    struct str text; /* read, and not yet taken */
    bool at_end;     /* nothing comes behind it */
};

/* Enter an object ('{') or an array ('['). */
enum err json_pieces_enter(struct json_pieces *p, char bracket) must_check;

/*
 * To the next member or element of the container that `bracket` opened; *end: there was none, and
 * it is left behind. *first: true before the first call, then false.
 */
enum err json_pieces_next(struct json_pieces *p, char bracket, bool *first, bool *end) must_check;

/* A member's name, with its quotes, and the colon. */
enum err json_pieces_name(struct json_pieces *p, struct str *name) must_check;

/* A whole value. */
enum err json_pieces_value(struct json_pieces *p, struct str *value) must_check;

/* Is nothing left but white space? */
enum err json_pieces_finish(struct json_pieces *p) must_check;

#endif
