/*
 * Hash map from bytes to a pointer, keyed by SipHash-2-4 with a random key per map so that hostile
 * keys cannot collide on purpose. The map does not own keys or values: the key bytes must live as
 * long as the entry (usually inside the value). Not thread-safe.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_slot;

struct map {
    struct map_slot *slots; /* NULL while empty */
    size_t count;           /* live entries */
    size_t cap;             /* power of two, or 0 */
    uint64_t key[2];        /* chosen at the first insert */
};

#define MAP_INIT ((struct map){NULL, 0, 0, {0, 0}})

/* Value stored under key, or NULL. */
void *map_get(const struct map *m, struct str key);

/* Store value (not NULL) under key; returns the value it replaced, or NULL. */
void *map_put(struct map *m, struct str key, void *value);

/* Remove key; returns its value, or NULL. */
void *map_del(struct map *m, struct str key);

/* Walk all entries: *pos starts at 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *pos);

/* Free the table (not the values); m is MAP_INIT afterwards. */
void map_release(struct map *m);

#endif
