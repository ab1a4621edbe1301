/*
 * Tokens and codes that work once: those that were used, until they would have ended anyway. In
 * main.db and in each user's file; where, is the caller's choice: in the transaction of what the
 * token does, so that both happen or neither.
 */
#ifndef STORE_ONCE_H
#define STORE_ONCE_H

#include "store/space.h"

/* Use up the token `id` (its jti), good until `expires`; both times in seconds. ERR_INVALID_TOKEN:
 * it was used already, or is past its end. In a write transaction (asserted). */
enum err once_use(struct space *sp, struct str id, int64_t expires, int64_t now) must_check;

/* Was it used? For an early look only: two may ask at the same time. In any transaction, or none.
 */
enum err once_is_used(struct space *sp, struct str id, bool *used) must_check;

#endif
