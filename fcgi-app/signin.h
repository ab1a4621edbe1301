/*
 * The two ways into an account, for every kind of proof: a new account with its first session, and
 * a session of one that exists. Whoever calls has seen the proof.
 */
#ifndef APP_SIGNIN_H
#define APP_SIGNIN_H

#include "auth.h"
#include "store/accounts.h"

/*
 * Make the account of a->email, a->password_hash (empty: none) and a->email_verified, sign it in,
 * and mail the link that verifies its address where it is not verified. Sets a->id and
 * a->created_at. `how` is for the account's activity: "password", "google".
 * ERR_EMAIL_TAKEN: nothing is left behind.
 */
enum err signin_make(struct req *r, struct account *a, struct str how,
                     struct auth_tokens *out) must_check;

/*
 * A session of `a`, as it was read when the proof was checked. ERR_INVALID_CREDENTIALS when the
 * account was deleted or its password changed since.
 */
enum err signin_open(struct req *r, const struct account *a, struct str how,
                     struct auth_tokens *out) must_check;

#endif
