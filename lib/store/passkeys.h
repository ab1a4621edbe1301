/*
 * The passkeys of an account, in the user's own file. What they are is domain/webauthn.h's: here
 * ids and keys are text, base64url of their bytes. All that change something are part of the
 * caller's write transaction (asserted).
 */
#ifndef STORE_PASSKEYS_H
#define STORE_PASSKEYS_H

#include "store/space.h"

#define PASSKEYS_MAX 20 /* of an account */

struct passkey {
    struct str id, public_key;
    int64_t algorithm, sign_count;
    bool backup_eligible;
    struct str name;
    struct str transports;            /* words with a space between: how the browser reaches it */
    int64_t created_at, last_used_at; /* ms; the latter 0: never */
};

/* ERR_CONFLICT: it is there already; ERR_QUOTA: there are PASSKEYS_MAX. */
enum err passkeys_add(struct space *sp, const struct passkey *k) must_check;

/* ERR_NOT_FOUND. Strings in mem. In any transaction, or none; the two below as well. */
enum err passkeys_get(struct space *sp, struct str id, struct arena *mem,
                      struct passkey *out) must_check;

/* Each, the oldest first; its strings are valid during the call. */
enum err passkeys_list(struct space *sp, void (*on_passkey)(void *arg, const struct passkey *k),
                       void *arg) must_check;

enum err passkeys_count(struct space *sp, int64_t *count) must_check;

/* It signed in, and its counter is this one now. ERR_NOT_FOUND. */
enum err passkeys_use(struct space *sp, struct str id, int64_t sign_count, int64_t now) must_check;

/* ERR_NOT_FOUND. */
enum err passkeys_remove(struct space *sp, struct str id) must_check;

/* All of them; *removed says how many there were. */
enum err passkeys_remove_all(struct space *sp, int64_t *removed) must_check;

#endif
