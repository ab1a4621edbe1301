/* Is the place of the data well? For health checks: nothing is written, and nothing waited for. */
#ifndef STORE_LOOK_H
#define STORE_LOOK_H

#include "store/space.h"

/* A commit that failed is told for so long, or until one succeeds. */
#define LOOK_FAILED_MS 10000

/*
 * Has the disk less than min_free_bytes (0: no bound) left, can the folder not be written, or did
 * this process fail to write last? OK, or the error and a sentence.
 */
enum err store_look(struct store *s, int64_t min_free_bytes, struct str *what) must_check;

/* Read what every main.db has; opens it where it is not open. May wait for a disk. */
enum err store_probe(struct store *s) must_check;

#endif
