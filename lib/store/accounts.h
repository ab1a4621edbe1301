/*
 * Accounts in main.db: id, address, password hash, flags. Each call is its own short transaction,
 * but for those whose names end in _within: they are part of the caller's transaction of main.db
 * (asserted where they write).
 */
#ifndef STORE_ACCOUNTS_H
#define STORE_ACCOUNTS_H

#include "store/space.h"

struct account {
    struct str id;            /* 32 hex digits */
    struct str email;         /* trimmed, lower-case */
    struct str password_hash; /* Argon2id encoded string; never leaves the process. Empty: none */
    int64_t created_at;
    bool email_verified;
    int64_t disabled_at; /* ms, 0: it may be signed in to */
};

/* Insert. ERR_EMAIL_TAKEN. The user's file is made by the caller before (an account without a file
 * cannot be). */
enum err accounts_create(struct store *s, const struct account *a) must_check;
enum err accounts_create_within(struct space *sp, const struct account *a) must_check;

/* ERR_NOT_FOUND. Strings in mem. */
enum err accounts_by_email(struct store *s, struct str email, struct arena *mem,
                           struct account *out) must_check;
enum err accounts_by_id(struct store *s, struct str id, struct arena *mem,
                        struct account *out) must_check;

/* The same for a caller that holds main.db, in a transaction or none. */
enum err accounts_by_email_within(struct space *sp, struct str email, struct arena *mem,
                                  struct account *out) must_check;
enum err accounts_by_id_within(struct space *sp, struct str id, struct arena *mem,
                               struct account *out) must_check;

/* ERR_NOT_FOUND, as the two below. */
enum err accounts_set_password(struct store *s, struct str id, struct str hash) must_check;
enum err accounts_set_password_within(struct space *sp, struct str id, struct str hash) must_check;

/* The account's address, which is verified with it; may be the one it has. ERR_EMAIL_TAKEN. */
enum err accounts_set_email_within(struct space *sp, struct str id, struct str email) must_check;

/* now 0: it may be signed in to again. Its sessions are the caller's to end. */
enum err accounts_set_disabled_within(struct space *sp, struct str id, int64_t now) must_check;

enum err accounts_remove_within(struct space *sp, struct str id) must_check;

/* Every account's id, for broadcasts: by id, pages of `max` after `after` ("" at first), which may
 * have been deleted since. */
enum err accounts_list_ids(struct store *s, struct str after, size_t max, struct arena *mem,
                           struct str *ids, size_t *count) must_check;

/* Up to max accounts by id, behind the id `after` ("" at first), strings in mem. */
enum err accounts_page(struct store *s, struct str after, size_t max, struct arena *mem,
                       struct account *list, size_t *count) must_check;

/* The same by address, behind the address `after`, of those whose address contains `text`, or whose
 * id it is. */
enum err accounts_find(struct store *s, struct str text, struct str after, size_t max,
                       struct arena *mem, struct account *list, size_t *count) must_check;

struct accounts_counted {
    int64_t all, verified, disabled;
};
enum err accounts_count_within(struct space *sp, struct accounts_counted *out) must_check;

#endif
