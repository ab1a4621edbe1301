/*
 * The two ways into an account, for every kind of proof: a new account with its first session, and
 * a session of one that exists. Whoever calls has seen the proof.
 */
#ifndef APP_SIGNIN_H
#define APP_SIGNIN_H

#include "auth.h"
#include "links.h"
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
 * account was deleted or its password changed since; ERR_DISABLED once all that is asked for was
 * proven.
 *
 * Where the account has a second factor there is no session yet: ERR_UNAUTHORIZED with the code
 * second_factor_required, and r->login_token, which signin_finish takes within 5 minutes.
 */
enum err signin_open(struct req *r, const struct account *a, struct str how,
                     struct auth_tokens *out) must_check;

/* A proof that is two factors by itself: `check` sees it in the transaction of the session.
 * ERR_INVALID_CREDENTIALS: it is none. */
struct signin_proof {
    enum err (*check)(struct req *r, struct space *sp, void *arg);
    void *arg;
};

/* The same as signin_open by such a proof: no further factor is asked for. */
enum err signin_prove(struct req *r, const struct account *a, struct str how,
                      const struct signin_proof *proof, struct auth_tokens *out) must_check;

/* A second factor: `use` proves it, and uses it up, in the transaction of the session.
 * ERR_INVALID_CREDENTIALS: the code is wrong; ERR_INVALID_TOKEN: the account has no such factor. */
struct signin_second {
    struct str code;
    enum err (*use)(struct req *r, struct space *sp, struct str code);
};

/*
 * The session that signin_open did not make. *a is the account, in r->mem. ERR_INVALID_TOKEN for a
 * token that is not good, or no more; counts as an attempt (attempts_take_factor).
 */
enum err signin_finish(struct req *r, struct str login_token, const struct signin_second *second,
                       struct account *a, struct auth_tokens *out) must_check;

#endif
