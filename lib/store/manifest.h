/*
 * What a backup holds: one line per file in the file MANIFEST, which is written last. A folder
 * without it, or with one that is not whole, is no backup.
 *
 *   cubby-backup 1
 *   created <milliseconds>
 *   file <SHA-256> <bytes> <stamp> <path>         (one per file)
 *   end <SHA-256 of the lines before>
 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include "base/digest.h"
#include "base/map.h"
#include "store/space.h"

#define MANIFEST_NAME "MANIFEST"

struct manifest_file {
    struct str path; /* below the folder */
    char sha256[2 * SHA256_LEN + 1];
    struct str stamp; /* of the file it was copied from, "-": not known to be the same again */
    int64_t size;
    bool dropped; /* not to be written */
};

struct manifest {
    int64_t created_at; /* ms */
    size_t count, cap;
    struct manifest_file **files;
    struct map by_path;
};

#define MANIFEST_INIT ((struct manifest){.by_path = MAP_INIT})

void manifest_release(struct manifest *m);

/* A new entry, in mem; path and stamp are copied. */
struct manifest_file *manifest_add(struct manifest *m, struct str path, struct str stamp,
                                   struct arena *mem);
struct manifest_file *manifest_find(const struct manifest *m, struct str path);

/* Write and sync it; all other files of the folder are durable before. ERR_FULL, ERR_INTERNAL. */
enum err manifest_write(const struct manifest *m, const char *folder) must_check;

/*
 * Read the one of a folder. ERR_NOT_FOUND: there is none; ERR_CORRUPT: it is not whole;
 * ERR_TOO_NEW; with *message, a clause in mem.
 */
enum err manifest_read(struct manifest *m, const char *folder, struct arena *mem,
                       struct str *message) must_check;

/* SHA-256 in hex of bytes; and of a file, with its size. ERR_NOT_FOUND. */
void manifest_digest_of(struct str bytes, char sha256[2 * SHA256_LEN + 1]);
enum err manifest_digest(const char *path, char sha256[2 * SHA256_LEN + 1],
                         int64_t *size) must_check;

#endif
