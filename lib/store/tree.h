/* What is in a data folder, or in a backup of one, by the names of its files. */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include "store/space.h"

struct tree_entry {
    struct str path; /* below the root, '\0'-terminated; valid during the call */
    bool is_space;   /* a file of that kind and id; else one of another name */
    enum space_kind kind;
    struct str id;
};

/*
 * Every file of a space, and the other files of the folders they are in, by name; main.db first.
 * The -wal and -shm of a file, `locks`, and other folders do not count. Ends with what on_entry
 * returns other than OK. ERR_NOT_FOUND: there is no such folder; ERR_FORBIDDEN: not for this user.
 */
enum err tree_walk(const char *root, enum err (*on_entry)(void *arg, const struct tree_entry *t),
                   void *arg) must_check;

/*
 * The same for one of TREE_PARTS pieces of a kind's folder, so that a walk can pause in between: of
 * users and organizations those whose ids begin with the two digits of `part`; of others part 0.
 */
#define TREE_PARTS 256
enum err tree_walk_part(const char *root, enum space_kind kind, unsigned part,
                        enum err (*on_entry)(void *arg, const struct tree_entry *t),
                        void *arg) must_check;

/* Where a space's file is below the root; '\0'-terminated, in mem. */
struct str tree_path(enum space_kind kind, struct str id, struct arena *mem);

#endif
