/*
 * Backups of a data folder, consistent while it is in use: each in a folder of its own, called by
 * its time, within one for them all. A file that did not change since the backup before is a hard
 * link to the copy there. While it is being written the folder is called <time>.partial; what was
 * cut short keeps that name, and nobody takes it for a backup.
 *
 * Each file is as one of its commits left it, main.db later than all others: whoever has an account
 * there has a file, and a file without an account or organization is left out.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "store/space.h"

/* NULL: nobody looks. */
struct progress {
    void (*on_step)(void *arg, size_t done, size_t total);
    void *arg;
};

struct backup_order {
    const char *data_dir;
    const char *to;  /* the folder of backups, made if need be */
    bool full;       /* no hard links */
    int busy_ms;     /* how long to wait for the writers of a file */
    int64_t quick_s; /* a file that changed so little ago is copied again next time; 2 in earnest */
    int64_t bytes_per_s; /* copied, so that the disk has time for those who write; 0: all it can */
    struct progress progress;
};

struct backup_result {
    struct str path; /* in mem */
    size_t files, linked;
    int64_t bytes, written;
};

/* A failure has *message, a sentence in mem with the file it is about. */
enum err backup_make(const struct backup_order *o, struct arena *mem, struct backup_result *out,
                     struct str *message) must_check;

/*
 * The backup that `path` is, or the newest one in it that was finished by not_after (ms; 0: any).
 * *folder in mem. ERR_NOT_FOUND, ERR_CORRUPT, with *message.
 */
enum err backup_find(const char *path, int64_t not_after, struct arena *mem, struct str *folder,
                     struct str *message) must_check;

#endif
