/* Folders and plain files, for what backups are made of. Paths end with '\0'. */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The last failure of the system, as an error: ERR_FULL, ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_BUSY (no
 * descriptor), ERR_CONFLICT (it exists), else ERR_INTERNAL. */
enum err folder_errno(int number);

/* All of s, however often that takes. */
enum err folder_write(int fd, struct str s) must_check;

/* Copy into a new file, 0600. A failure leaves nothing there. The disk begins to take it at once,
 * so that who syncs soon does not wait for all that was copied. */
enum err folder_copy_file(const char *from, const char *to) must_check;

/* The same of bytes at hand. */
enum err folder_write_file(const char *to, struct str bytes) must_check;

/* Append a file's bytes; one that is longer than max is ERR_TOO_LARGE. */
enum err folder_read_file(const char *path, size_t max, struct buf *out) must_check;

/* Make `path` below root with the folders it is in, 0700; `path` names a file or ends with '/'. */
enum err folder_make_parents(const char *root, struct str path) must_check;

/* The folder and all that is in it; OK also when it is not there. */
enum err folder_remove(const char *path) must_check;

/* Everything on the file system of this folder, and the names in it, is durable. */
enum err folder_sync(const char *path) must_check;

/* The names in a folder, sorted, without "." and "..", in mem. */
struct folder_names {
    struct str *list;
    size_t count, cap;
};
void folder_add_name(struct folder_names *n, struct str name, struct arena *mem);
enum err folder_read(const char *path, struct arena *mem, struct folder_names *out) must_check;

#endif
