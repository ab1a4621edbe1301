/*
 * Passwords that many people have, and that are tried first: a list of them, such as the ten
 * thousand most common ones of a breach, in a file with one a line. Read once at start, immutable
 * afterwards.
 */
#ifndef DOMAIN_WEAK_H
#define DOMAIN_WEAK_H

#include "base/arena.h"
#include "base/err.h"

#define WEAK_FILE_MAX ((size_t)64 * 1024 * 1024)

struct weak_list {
    const struct str *items; /* sorted, lower-case; in the arena */
    size_t count;
};

/* Lines that begin with "#!comment:", as such lists have them, are none; nor are those of fewer
 * than PASSWORD_MIN bytes. ERR_INVALID with *message "file: what is wrong", in mem. */
enum err weak_load(struct weak_list *out, const char *path, struct arena *mem,
                   struct str *message) must_check;

/* Is it on the list, whatever the case of its letters from A to Z? */
bool weak_has(const struct weak_list *l, struct str password);

#endif
