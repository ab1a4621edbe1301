/* A small text file, by lines. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "base/buf.h"

struct lines {
    struct buf text;
    struct str *line;
    size_t count;
};

/* Empty lines are left out; a file without any other ends the program. */
void lines_read(struct lines *l, const char *path);
void lines_release(struct lines *l);

#endif
