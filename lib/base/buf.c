/* Owned, growable bytes. */
#include "base/base.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

void buf_release(struct buf *b)
{
    mem_free(b->p);
    *b = BUF_INIT;
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    if (b->p)
        b->p[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t more)
{
    if (more >= SIZE_MAX / 2 - b->n)
        fatal("buffer too large: bytes=%zu more=%zu", b->n, more);
    size_t need = b->n + more + 1;
    if (need > b->cap) {
        size_t cap = b->cap + b->cap / 2;
        if (cap < 64)
            cap = 64;
        if (cap < need)
            cap = need;
        b->p = mem_realloc(b->p, cap);
        b->p[b->n] = '\0';
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);
    if (n)
        memcpy(to, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_append_ch(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_append_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_append(b, digits + i, sizeof digits - i);
}

void buf_append_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_append_ch(b, '-');
    buf_append_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_appendf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *to = buf_reserve(b, 127);
    int n = vsnprintf(to, 128, fmt, args);
    va_end(args);
    assert(n >= 0);
    if (n > 127) {
        va_start(args, fmt);
        to = buf_reserve(b, (size_t)n);
        vsnprintf(to, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}
