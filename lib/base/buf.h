/*
 * Owned, growable bytes. Invariants: p[n] is always '\0' once anything was appended or reserved;
 * an empty struct buf of zeros (BUF_INIT) holds no memory. buf owns what p points at.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char *p;    /* NULL before the first append */
    size_t n;   /* bytes in use */
    size_t cap; /* bytes allocated, 0 or > n */
};

#define BUF_INIT ((struct buf){NULL, 0, 0})

/* Free the memory; b is BUF_INIT afterwards. */
void buf_release(struct buf *b);

/* Empty it, keep the memory. */
void buf_reset(struct buf *b);

/* Make room for `more` further bytes and return the place to write them; b->n is unchanged. */
char *buf_reserve(struct buf *b, size_t more);

void buf_append(struct buf *b, const void *p, size_t n);
void buf_append_ch(struct buf *b, char c);
void buf_append_u64(struct buf *b, uint64_t v);
void buf_append_i64(struct buf *b, int64_t v);
void buf_appendf(struct buf *b, const char *fmt, ...) printf_like(2, 3);

static inline void buf_append_str(struct buf *b, struct str s)
{
    buf_append(b, s.p, s.n);
}

/* Append a string literal. */
#define buf_append_lit(b, lit) buf_append((b), "" lit, sizeof(lit) - 1)

/* Drop the first n bytes (n <= b->n). */
void buf_consume(struct buf *b, size_t n);

/* The content, borrowed until the next change of b. */
static inline struct str buf_str(const struct buf *b)
{
    return str_make(b->p, b->n);
}

#endif
