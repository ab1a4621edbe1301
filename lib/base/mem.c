/* The only malloc and free: everything else asks here and never sees NULL. */
#include "base/base.h"

#include <malloc.h>

#include "base/log.h"
#include "base/mem.h"

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        fatal("out of memory: bytes=%zu", n);
    return p;
}

void *mem_zalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        fatal("out of memory: count=%zu size=%zu", count, size);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (!q)
        fatal("out of memory: bytes=%zu", n);
    return q;
}

char *mem_dup(const void *p, size_t n)
{
    char *q = mem_alloc(n + 1);
    if (n)
        memcpy(q, p, n);
    q[n] = '\0';
    return q;
}

void mem_free(void *p)
{
    free(p);
}

void mem_limit_heaps(int count)
{
    mallopt(M_ARENA_MAX, count);
}
