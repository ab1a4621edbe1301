/* UTF-8 (RFC 3629): validate whole or in pieces, count characters. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* State between pieces of one text; zero at the start. */
struct utf8 {
    uint32_t state; /* 0: between characters */
};

/*
 * Feed a piece; false at the first byte that no valid text can continue with (RFC 6455 8.1: fail at
 * once). The text is valid when the last piece was accepted and utf8_is_complete().
 */
bool utf8_feed(struct utf8 *u, struct str piece);

static inline bool utf8_is_complete(const struct utf8 *u)
{
    return u->state == 0;
}

bool utf8_is_valid(struct str s);

/* Code points of a valid text. */
size_t utf8_count(struct str s);

#endif
