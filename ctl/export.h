/* Files that exports write. */
#ifndef CTL_EXPORT_H
#define CTL_EXPORT_H

#include "ctl.h"

/* A new file, written in blocks. */
struct output {
    const char *path;
    int fd;
    struct buf text; /* not written yet */
};

#define OUTPUT_BYTES (64 * 1024)

/* 0600; ERR_CONFLICT: it is there. */
enum err output_create(struct output *o, const char *path) must_check;

/* Write what is in text, where that is much. */
enum err output_flush(struct output *o) must_check;

/* The rest, durably if `sync`. After a failure, here or before (e), the file is removed. */
enum err output_close(struct output *o, bool sync, enum err e) must_check;

/*
 * `made` gets the name `path`. Something of that name is ERR_CONFLICT, or if `force` replaced: a
 * file for good; a folder is kept as <path>.replaced-<time>.
 */
enum err output_publish(const char *made, const char *path, bool force,
                        struct arena *mem) must_check;

/* The rows and pairs of an account's space, in a transaction, as files of CSV in a folder that is
 * there. */
enum err export_csv(struct ctl *c, struct space *sp, const char *folder) must_check;

#endif
