/* Random bytes from getrandom(2). */
#include "base/base.h"

#include <errno.h>
#include <sys/random.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/rand.h"

void rand_bytes(void *p, size_t n)
{
    unsigned char *to = p;
    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fatal("getrandom failed: errno=%d", errno);
        to += got;
        n -= (size_t)got;
    }
}

/* What lies above the last whole multiple of n is thrown away: it would favour low numbers. */
uint32_t rand_below(uint32_t n)
{
    uint32_t limit = UINT32_MAX - UINT32_MAX % n, x;
    assert(n > 0);
    do
        rand_bytes(&x, sizeof x);
    while (x >= limit);
    return x % n;
}

void rand_id(char out[RAND_ID_LEN + 1])
{
    unsigned char raw[RAND_ID_LEN / 2];
    rand_bytes(raw, sizeof raw);
    hex_encode(raw, sizeof raw, out);
}

void rand_uuid7(int64_t ms, uint64_t counter, char out[UUID_LEN + 1])
{
    unsigned char raw[16];
    uint64_t t = (uint64_t)ms, high = counter >> 30 & 0xfff, low = counter & 0x3fffffff;
    for (int i = 0; i < 6; i++)
        raw[i] = (unsigned char)(t >> (40 - 8 * i));
    raw[6] = (unsigned char)(0x70 | high >> 8);
    raw[7] = (unsigned char)high;
    raw[8] = (unsigned char)(0x80 | low >> 24);
    raw[9] = (unsigned char)(low >> 16);
    raw[10] = (unsigned char)(low >> 8);
    raw[11] = (unsigned char)low;
    rand_bytes(raw + 12, 4);
    char hex[33];
    hex_encode(raw, sizeof raw, hex);
    static const unsigned char group[] = {8, 4, 4, 4, 12};
    const char *from = hex;
    char *to = out;
    for (size_t g = 0; g < sizeof group; g++) {
        if (g > 0)
            *to++ = '-';
        memcpy(to, from, group[g]);
        to += group[g];
        from += group[g];
    }
    *to = '\0';
}
