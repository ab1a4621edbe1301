/* Whose files there should be: the accounts and organizations of a main.db, by id. */
#ifndef STORE_CENSUS_H
#define STORE_CENSUS_H

#include "base/map.h"
#include "store/space.h"

struct census_entry {
    enum space_kind kind;
    struct str id;
    bool leaving; /* deleted; its file goes when events that wait for it are taken there */
};

struct census {
    struct map by_path; /* store/tree.h's paths → struct census_entry */
};

#define CENSUS_INIT ((struct census){MAP_INIT})

/* Read it from an open main.db, into mem. */
enum err census_read(struct census *c, struct db *main_db, struct arena *mem) must_check;
void census_release(struct census *c);

#endif
