/* A small automaton: the state holds how many continuation bytes are due and the range allowed for
 * the next of them, which is what rules out overlong forms, surrogates and values over U+10FFFF. */
#include "base/base.h"

#include "base/utf8.h"

/* state = due << 16 | low << 8 | high: `due` more bytes, the next one within [low, high]. */
static uint32_t await(uint32_t due, uint32_t low, uint32_t high)
{
    return due << 16 | low << 8 | high;
}

/* The state after a lead byte, or UINT32_MAX (RFC 3629 section 4). */
static uint32_t after_lead(unsigned char c)
{
    if (c >= 0xc2 && c <= 0xdf)
        return await(1, 0x80, 0xbf);
    if (c == 0xe0)
        return await(2, 0xa0, 0xbf);
    if (c == 0xed)
        return await(2, 0x80, 0x9f);
    if (c >= 0xe1 && c <= 0xef)
        return await(2, 0x80, 0xbf);
    if (c == 0xf0)
        return await(3, 0x90, 0xbf);
    if (c >= 0xf1 && c <= 0xf3)
        return await(3, 0x80, 0xbf);
    if (c == 0xf4)
        return await(3, 0x80, 0x8f);
    return UINT32_MAX;
}

bool utf8_feed(struct utf8 *u, struct str s)
{
    uint32_t state = u->state;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (state == 0) {
            while (s.n - i >= 8) { /* eight ASCII bytes at a time */
                uint64_t word;
                memcpy(&word, s.p + i, 8);
                if (word & 0x8080808080808080)
                    break;
                i += 8;
            }
            if (i == s.n)
                break;
            c = (unsigned char)s.p[i];
            if (c < 0x80)
                continue;
            state = after_lead(c);
            if (state == UINT32_MAX)
                return false;
        } else {
            if (c < (state >> 8 & 0xff) || c > (state & 0xff))
                return false;
            state = state >> 16 > 1 ? await((state >> 16) - 1, 0x80, 0xbf) : 0;
        }
    }
    u->state = state;
    return true;
}

bool utf8_is_valid(struct str s)
{
    struct utf8 u = {0};
    return utf8_feed(&u, s) && utf8_is_complete(&u);
}

size_t utf8_count(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}
