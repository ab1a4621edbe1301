/* What files bring, whatever their format, to be put into an account by import.c. */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include "ctl.h"

/* Bytes of a row, or of a member of a document that is passed over. */
#define IMPORT_PIECE_MAX (32 * 1024 * 1024)

/* The name that key-value pairs go by, where collections have theirs: none can be called so. */
#define IMPORT_PAIRS "data"

/* A row or a pair; valid during the call. */
struct incoming {
    const struct collection *collection; /* NULL: a pair */
    int64_t number;                      /* of the line, or of the row in its list, from 1 */
    struct str key;                      /* of a pair */
    struct str text;                     /* JSON: the row as an object, or the pair's value */
};

struct import_source {
    struct ctl *ctl;
    const char *path;
    const char *only; /* this collection, or IMPORT_PAIRS, and no other; NULL: all */
    /* Other than OK ends the reading. */
    enum err (*on_item)(void *arg, const struct incoming *item);
    void *arg;
    struct progress progress; /* bytes */
    struct str problem; /* after a failure of the source's own: where, and what; in ctl->mem */
};

/*
 * All of the file. ERR_INVALID with *problem: it is not what it should be; ERR_NOT_FOUND,
 * ERR_FORBIDDEN…: it cannot be read; or what on_item returned.
 */
enum err import_json(struct import_source *s) must_check;

/* A file of one collection: `only`, or else the one it is called by. */
enum err import_csv(struct import_source *s) must_check;

/* --- import_item.c --- */

/*
 * Check an item by itself: *row is what is to be stored, in mem; for a pair only its data is, the
 * value. Times and version are 0 where none are given; a row without an id gets one that is made of
 * what and where it is, the same each time. ERR_VALIDATION with problems.
 */
enum err import_read_item(const struct incoming *item, struct arena *mem, struct problems *problems,
                          struct row *row) must_check;

/* One problem more, as long as there is room. */
void import_add_problem(struct problems *problems, const char *path, const char *message);

/* --- input.c --- */

struct input {
    int fd;
    int64_t size, read;
};

enum err input_open(struct input *in, const char *path) must_check;
void input_close(struct input *in);

/* Append at most n bytes; *at_end: there are no more. */
enum err input_read(struct input *in, struct buf *out, size_t n, bool *at_end) must_check;

#endif
