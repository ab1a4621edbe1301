/*
 * Is everything whole? Each file by SQLite's own checks, its log (numbered without a gap), its rows
 * and keys against what the log last said of them, and files against accounts.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "store/backup.h"

struct verify_order {
    const char *folder; /* a data folder, in use or not, or a backup */
    bool is_backup;     /* compare with its list too */
    int busy_ms;
    /* What is wrong: the file, below the folder, and a sentence; valid during the call. */
    void (*on_problem)(void *arg, struct str path, struct str what);
    void *arg;
    struct progress progress;
};

struct verify_result {
    size_t files, problems;
    int64_t rows, events; /* that were looked at */
};

/* OK also when there are problems. A failure, of which *message tells: it could not be looked at.
 */
enum err verify_all(const struct verify_order *o, struct arena *mem, struct verify_result *out,
                    struct str *message) must_check;

#endif
