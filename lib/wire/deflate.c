/* Deflate by the message, on zlib; its memory comes from base/mem.h like all other. */
#include "base/base.h"

#include <limits.h>

#include <zlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/deflate.h"

#define WINDOW_BITS (-15) /* the largest window; negative: no zlib header (RFC 1951 alone) */

/* Measured on JSON of 200 B to 64 KiB: level 1 is no faster below 4 KiB, level 6 costs twice as
 * much from there for a tenth in size. Smaller tables (MEM_LEVEL) make long messages slower, larger
 * ones cost short messages the time to clear them. */
#define LEVEL     3
#define MEM_LEVEL 6

#define TAIL STR("\0\0\xff\xff") /* an empty block, left out of every message (RFC 7692 7.2.1) */

static voidpf on_alloc(voidpf arg, uInt count, uInt size)
{
    (void)arg;
    return mem_alloc((size_t)count * size);
}

static void on_free(voidpf arg, voidpf p)
{
    (void)arg;
    mem_free(p);
}

/* zlib counts in unsigned int. */
static uInt clip(size_t n)
{
    return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

/* --- compressing ----------------------------------------------------------------------------- */

struct deflater {
    z_stream z;
};

struct deflater *deflater_new(void)
{
    struct deflater *d = mem_zalloc(1, sizeof(*d));
    d->z.zalloc = on_alloc;
    d->z.zfree = on_free;
    if (deflateInit2(&d->z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        fatal("zlib does not start: deflate");
    return d;
}

void deflater_free(struct deflater *d)
{
    if (!d)
        return;
    deflateEnd(&d->z);
    mem_free(d);
}

bool deflater_append(struct deflater *d, struct buf *out, struct str data)
{
    z_stream *z = &d->z;
    if (data.n == 0 || data.n > UINT_MAX)
        return false;
    /* With the tail it may be three bytes longer than data, and is shorter without. */
    char *to = buf_reserve(out, data.n + TAIL.n - 1);
    deflateReset(z);
    z->next_in = (z_const Bytef *)data.p;
    z->avail_in = (uInt)data.n;
    z->next_out = (Bytef *)to;
    z->avail_out = clip(data.n + TAIL.n - 1);
    /* Output that fills the room to the last byte may lack some: it counts as too long. */
    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in > 0 || z->avail_out == 0)
        return false;
    size_t n = (size_t)(z->next_out - (Bytef *)to);
    assert(n > TAIL.n && memcmp(to + n - TAIL.n, TAIL.p, TAIL.n) == 0);
    out->n += n - TAIL.n;
    out->p[out->n] = '\0';
    return true;
}

/* --- inflating ------------------------------------------------------------------------------- */

struct inflater {
    z_stream z;
    size_t tail; /* bytes of TAIL taken */
};

struct inflater *inflater_new(void)
{
    struct inflater *i = mem_zalloc(1, sizeof(*i));
    i->z.zalloc = on_alloc;
    i->z.zfree = on_free;
    if (inflateInit2(&i->z, WINDOW_BITS) != Z_OK)
        fatal("zlib does not start: inflate");
    return i;
}

void inflater_free(struct inflater *i)
{
    if (!i)
        return;
    inflateEnd(&i->z);
    mem_free(i);
}

enum err inflater_append(struct inflater *i, struct str *in, struct buf *out, size_t room)
{
    z_stream *z = &i->z;
    Bytef *to = (Bytef *)buf_reserve(out, room);
    z->next_in = (z_const Bytef *)in->p;
    z->avail_in = clip(in->n);
    z->next_out = to;
    z->avail_out = clip(room);
    int result = inflate(z, Z_SYNC_FLUSH);
    *in = str_from(*in, in->n - z->avail_in);
    out->n += (size_t)(z->next_out - to);
    out->p[out->n] = '\0';
    /* A final block may come at any time, and others after it (RFC 7692 7.2.3.4). */
    if (result == Z_STREAM_END)
        result = inflateReset(z);
    if (result != Z_OK && result != Z_BUF_ERROR)
        return ERR_INVALID;
    return in->n > 0 || z->avail_out == 0 ? ERR_MORE : OK;
}

/* Between two blocks and at a byte's edge, as zlib notes it in data_type. */
#define AT_BLOCK 128

enum err inflater_finish(struct inflater *i, struct buf *out, size_t room)
{
    struct str rest = str_from(TAIL, i->tail);
    if (i->z.total_in == 0)
        return OK; /* no byte at all, or none after a final block: many leave the last zero out */
    enum err e = inflater_append(i, &rest, out, room);
    i->tail = TAIL.n - rest.n;
    if (e == OK && i->z.total_in > 0 && i->z.data_type != AT_BLOCK)
        return ERR_INVALID;
    return e;
}
