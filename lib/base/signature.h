/*
 * Signatures that others made with their private keys: RS256 (RSASSA-PKCS1-v1_5, RFC 8017) and
 * ES256 (ECDSA on P-256, FIPS 186-4), both with SHA-256. Verifying only, by libcrypto.
 */
#ifndef BASE_SIGNATURE_H
#define BASE_SIGNATURE_H

#include "base/err.h"

enum signature_alg {
    SIGNATURE_RS256,
    SIGNATURE_ES256,
};

/* How the two numbers of an ES256 signature are written. */
enum signature_form {
    SIGNATURE_RAW, /* r and s, 32 bytes each: JOSE (RFC 7518 3.4) */
    SIGNATURE_DER, /* SEQUENCE of two INTEGERs: WebAuthn (section 6.5.5), X.509 */
};

/* Sizes of keys and signatures. */
#define SIGNATURE_RSA_MIN_BITS 2048
#define SIGNATURE_RSA_MAX_BITS 8192
#define SIGNATURE_P256_LEN     32
#define SIGNATURE_MAX          (SIGNATURE_RSA_MAX_BITS / 8)

/* A public key: big-endian unsigned numbers, borrowed. */
struct signature_key {
    enum signature_alg alg;
    struct str n, e; /* SIGNATURE_RS256: modulus and exponent, leading zeros allowed */
    struct str x, y; /* SIGNATURE_ES256: SIGNATURE_P256_LEN bytes each */
};

/*
 * Could this key verify anything: a modulus of SIGNATURE_RSA_MIN_BITS to SIGNATURE_RSA_MAX_BITS, an
 * odd exponent from 3 to 2^64; a point on the curve? ERR_INVALID when not.
 */
enum err signature_check_key(const struct signature_key *key) must_check;

/*
 * Is `signature` key's own over `message`? `form` counts for ES256 only. ERR_INVALID for a key that
 * signature_check_key() refuses as for a signature that does not fit. Some 30 µs (RSA 2048) to
 * 500 µs (RSA 8192) of work; does not block.
 */
enum err signature_verify(const struct signature_key *key, enum signature_form form,
                          struct str message, struct str signature) must_check;

#endif
