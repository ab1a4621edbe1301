/* How many files a data folder has, and how large they are. */
#ifndef STORE_SIZES_H
#define STORE_SIZES_H

#include "store/space.h"

struct sizes {
    struct {
        int64_t files, bytes, wal;
    } of[SPACE_KINDS];
};

/* What people call the files of a kind: "users". */
struct str sizes_name(enum space_kind kind);

/* Looks at every file: takes a while where there are many. ERR_NOT_FOUND, as tree_walk(). */
enum err sizes_measure(const char *root, struct sizes *out) must_check;

#endif
