/* Hex, base32, base64, base64url, percent: bytes to text and back. Decoders refuse what is not
 * canonical.
 */
#ifndef BASE_ENC_H
#define BASE_ENC_H

#include "base/arena.h"
#include "base/buf.h"

/* Lower-case hex of n bytes: 2 * n characters and a '\0' go to out. */
void hex_encode(const void *p, size_t n, char *out);

/* 2 * n hex digits of any case to n bytes; false for anything else. */
bool hex_decode(struct str hex, void *out, size_t n);

/* RFC 4648 section 6, no padding: secrets that people type. */
void base32_append(struct buf *b, const void *p, size_t n);

/* The reverse, as base64url_decode below; upper-case letters only. */
bool base32_decode(struct str text, void *out, size_t size, size_t *n);

/* RFC 4648 section 5, no padding. */
void base64url_append(struct buf *b, const void *p, size_t n);

/*
 * Decode base64url without padding into out (room for size bytes). False for a character outside
 * the alphabet, an impossible length, non-zero spare bits, or no room.
 */
bool base64url_decode(struct str text, void *out, size_t size, size_t *n);

/* RFC 4648 section 4, with padding: RFC 6455 handshakes. */
void base64_append(struct buf *b, const void *p, size_t n);

/* Percent-encode all but the unreserved characters (RFC 3986 2.3): for queries and forms. */
void percent_append(struct buf *b, struct str text);

/*
 * Percent-decoding (RFC 3986 2.1) into the arena; plus_is_space for query strings and forms. False
 * for a '%' that two hex digits do not follow. Text without escapes is returned as it is, uncopied.
 */
bool percent_decode(struct arena *a, struct str text, bool plus_is_space, struct str *out);

#endif
