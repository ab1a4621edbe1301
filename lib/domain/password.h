/*
 * Passwords: Argon2id (RFC 9106; m=19 MiB, t=2, p=1), at most `cores` hashes at once at low
 * priority, a bounded queue before them.
 */
#ifndef DOMAIN_PASSWORD_H
#define DOMAIN_PASSWORD_H

#include "base/arena.h"
#include "base/err.h"

#define PASSWORD_MIN 8 /* the setting password_min may ask for more */
#define PASSWORD_MAX 1024

struct password_pool;

/* Start `workers` hashing threads; at most `queue` callers wait behind them. */
struct password_pool *password_pool_new(size_t workers, size_t queue);
void password_pool_free(struct password_pool *p);

/* Encoded hash in mem. Blocks until a worker is done. ERR_BUSY when the queue is full. */
enum err password_hash(struct password_pool *p, struct str password, struct arena *mem,
                       struct str *encoded) must_check;

/*
 * Compare. An empty `encoded` (no such account, or one without a password) costs the same time and
 * is false. ERR_BUSY as above.
 */
enum err password_verify(struct password_pool *p, struct str password, struct str encoded,
                         bool *same) must_check;

#endif
