/* Bump allocation in a chain of blocks, the first of which is reused. */
#include "base/base.h"

#include <stdalign.h>
#include <stdarg.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"

#define BLOCK_SIZE (16 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static struct arena_block *block_new(size_t size)
{
    struct arena_block *b = mem_alloc(sizeof *b + size);
    b->next = NULL;
    b->used = 0;
    b->size = size;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > SIZE_MAX / 2)
        fatal("arena: too large: bytes=%zu", n);
    n = (n + align - 1) & ~(align - 1);
    if (!a->first)
        a->first = a->last = block_new(n > BLOCK_SIZE ? n : BLOCK_SIZE);
    if (a->last->size - a->last->used < n) {
        a->last->next = block_new(n > BLOCK_SIZE ? n : BLOCK_SIZE);
        a->last = a->last->next;
    }
    void *p = a->last->bytes + a->last->used;
    a->last->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        fatal("arena: too large: count=%zu size=%zu", count, size);
    void *p = arena_alloc(a, count * size);
    memset(p, 0, count * size);
    return p;
}

struct str arena_dup(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return str_make(p, s.n);
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, args);
    va_end(args);
    return str_make(p, (size_t)n);
}

static void free_chain(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;
        mem_free(b);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    if (!a->first)
        return;
    free_chain(a->first->next);
    a->first->next = NULL;
    a->last = a->first;
    if (a->first->size > BLOCK_SIZE) {
        free_chain(a->first);
        *a = ARENA_INIT;
        return;
    }
    a->first->used = 0;
}

void arena_release(struct arena *a)
{
    free_chain(a->first);
    *a = ARENA_INIT;
}
