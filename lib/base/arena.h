/*
 * Bump allocation for one request: allocate, never free, reset after the reply. What must outlive
 * the reset is copied by the one who keeps it.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *first; /* kept across resets */
    struct arena_block *last;  /* where allocations come from; larger ones hang behind it */
};

#define ARENA_INIT ((struct arena){NULL, NULL})

/* Uninitialised memory, aligned for any type, valid until arena_reset or arena_release. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));

/* Zeroed array; a product that overflows ends the process. */
void *arena_zalloc(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));

/* A '\0'-terminated copy. */
struct str arena_dup(struct arena *a, struct str s);

/* printf into the arena, '\0'-terminated. */
struct str arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);

/* Forget all allocations; keeps the first block for the next use. */
void arena_reset(struct arena *a);

/* Free everything; a is ARENA_INIT afterwards. */
void arena_release(struct arena *a);

#endif
