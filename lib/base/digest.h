/* SHA-1, SHA-256, their HMACs, constant-time compare. The library's only libcrypto in base. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/str.h"

#define SHA1_LEN   20
#define SHA256_LEN 32

/* RFC 6455 handshakes only. */
void sha1(struct str s, unsigned char out[SHA1_LEN]);

void sha256(struct str s, unsigned char out[SHA256_LEN]);

/*
 * HMAC-SHA-256 (RFC 2104). The keyed context is kept per thread for the last few keys, so a
 * repeated key costs the digest alone. Frees itself when the thread ends.
 */
void hmac_sha256(struct str key, struct str message, unsigned char out[SHA256_LEN]);

/* HMAC-SHA-1: one-time codes (RFC 6238) only. */
void hmac_sha1(struct str key, struct str message, unsigned char out[SHA1_LEN]);

/* Same time whatever differs (lengths are not secret). */
bool digest_equal(struct str a, struct str b);

#endif
