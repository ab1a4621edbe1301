/*
 * The second factor of an account, in the user's own file: the secret of the authenticator app, and
 * codes for when it is lost, of which only hashes are kept. What a code is, is domain/totp.h's. All
 * that change something are part of the caller's write transaction (asserted).
 */
#ifndef STORE_FACTORS_H
#define STORE_FACTORS_H

#include "store/space.h"

struct totp {
    struct str secret;
    bool confirmed;    /* a code has shown that the app has the secret: only then it is asked for */
    int64_t last_step; /* that a code was used of: none works twice */
};

/* ERR_NOT_FOUND. Strings in mem. */
enum err factors_totp(struct space *sp, struct arena *mem, struct totp *out) must_check;

/* Does a sign-in need the second factor? */
enum err factors_is_on(struct space *sp, bool *on) must_check;

/* Keep a secret that is to be confirmed, in place of one that was not. ERR_CONFLICT: it is on. */
enum err factors_begin(struct space *sp, struct str secret, int64_t now) must_check;

/* From now on it is on. ERR_NOT_FOUND: nothing waits for that. */
enum err factors_confirm(struct space *sp, int64_t step, int64_t now) must_check;

/* A code of this step is used. ERR_INVALID_CREDENTIALS: one of it, or of a later one, was. */
enum err factors_use_step(struct space *sp, int64_t step) must_check;

/* Forget the secret and all recovery codes. */
enum err factors_remove(struct space *sp) must_check;

/* The recovery codes there are from now on, by their hashes. */
enum err factors_set_recovery(struct space *sp, const struct str *hashes, size_t count) must_check;

/* ERR_INVALID_CREDENTIALS: there is none like it, or it was used. */
enum err factors_use_recovery(struct space *sp, struct str hash, int64_t now) must_check;

/* How many were not used. */
enum err factors_recovery_left(struct space *sp, int64_t *left) must_check;

#endif
