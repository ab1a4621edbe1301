/* Random bytes from the kernel, and the identifiers made of them. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "base/base.h"

/* Characters of a random id: 128 bits in hex, and of a UUID with dashes. */
#define RAND_ID_LEN 32
#define UUID_LEN    36

/* Fill p with n random bytes; ends the process if the kernel has none to give. */
void rand_bytes(void *p, size_t n);

/* A number under n, each as likely as any other. n > 0. */
uint32_t rand_below(uint32_t n);

/* 128 random bits as 32 lower-case hex digits, '\0'-terminated: user and session ids. */
void rand_id(char out[RAND_ID_LEN + 1]);

/*
 * UUID version 7 (RFC 9562 5.7, method 3 of 6.2): 48 bits of unix milliseconds, then `counter`
 * (its low 42 bits), then 32 random bits. Ids sort by (ms, counter): whoever passes both
 * non-decreasing, the counter strictly rising, gets strictly rising ids. '\0'-terminated.
 */
void rand_uuid7(int64_t ms, uint64_t counter, char out[UUID_LEN + 1]);

#endif
