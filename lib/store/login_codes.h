/*
 * Codes that sign an address in, sent to it by mail: one at a time for each address, in main.db.
 * Of the code only a hash is kept that nobody can compute without the server's secret, since a code
 * has few digits. What codes look like is the caller's. All are part of the caller's write
 * transaction (asserted).
 */
#ifndef STORE_LOGIN_CODES_H
#define STORE_LOGIN_CODES_H

#include "store/space.h"

#define LOGIN_CODE_ATTEMPTS 5

/* The code of this address from now on until `expires`, in place of one before. Times in ms. */
enum err login_codes_set(struct space *main, struct str email, struct str hash, int64_t expires,
                         int64_t now) must_check;

/*
 * Use the code up. ERR_INVALID_CREDENTIALS: it is another, there is none, or no more; that has to
 * be committed too, since it counts as an attempt: the code is gone after LOGIN_CODE_ATTEMPTS.
 */
enum err login_codes_use(struct space *main, struct str email, struct str hash,
                         int64_t now) must_check;

/* There is none for this address any more. */
enum err login_codes_drop(struct space *main, struct str email) must_check;

#endif
