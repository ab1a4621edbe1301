/*
 * Which account somebody at an OpenID provider is: rows of main.db. An account has one identity of
 * a provider at most. Those of accounts that are gone do not count. All calls want the main space,
 * those that write in a write transaction of it (asserted).
 */
#ifndef STORE_IDENTITIES_H
#define STORE_IDENTITIES_H

#include "store/space.h"

struct identity {
    struct str provider, subject; /* who, and the name there that never changes */
    struct str user_id;
    struct str email;  /* as the provider had it then; empty: none, never NULL */
    int64_t linked_at; /* ms */
};

/* Whose account: *user_id in mem. ERR_NOT_FOUND. */
enum err identities_find(struct space *sp, struct str provider, struct str subject,
                         struct arena *mem, struct str *user_id) must_check;

enum identity_added {
    IDENTITY_ADDED,  /* or was this account's before */
    IDENTITY_TAKEN,  /* by another account */
    IDENTITY_SECOND, /* this account has another identity of the provider */
};

enum err identities_add(struct space *sp, const struct identity *i,
                        enum identity_added *result) must_check;

/* ERR_NOT_FOUND: the account has none of this provider. */
enum err identities_remove(struct space *sp, struct str user_id, struct str provider) must_check;

/* All of an account that goes. */
enum err identities_remove_all(struct space *sp, struct str user_id) must_check;

/* Each of the account's, by provider; its strings are valid during the call. */
enum err identities_list(struct space *sp, struct str user_id,
                         void (*on_identity)(void *arg, const struct identity *i),
                         void *arg) must_check;

#endif
