/* Frames as bytes. */
#include "base/base.h"

#include "lib/frames.h"

static const char mask[4] = {0x12, 0, (char)0xf0, 0x7d};

void frames_append_head(struct buf *out, int first, uint64_t n)
{
    int bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
    buf_append_ch(out, (char)first);
    buf_append_ch(out, (char)(0x80 | (bytes == 0 ? n : bytes == 2 ? 126 : 127)));
    while (bytes-- > 0)
        buf_append_ch(out, (char)(n >> (8 * bytes)));
    buf_append(out, mask, sizeof(mask));
}

void frames_append(struct buf *out, int first, struct str payload)
{
    frames_append_head(out, first, payload.n);
    char *to = buf_reserve(out, payload.n);
    for (size_t i = 0; i < payload.n; i++)
        to[i] = (char)(payload.p[i] ^ mask[i % 4]);
    out->n += payload.n;
}
