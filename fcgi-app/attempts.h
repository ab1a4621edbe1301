/*
 * Attempts to prove who one is, and to have mail sent: limits of how many a minute, delays after
 * many failures. What was tried is credentials.h's.
 */
#ifndef APP_ATTEMPTS_H
#define APP_ATTEMPTS_H

#include "req.h"
#include "store/accounts.h"

/*
 * Count an attempt of this kind ("auth": sign-ups and log-ins together, "mail": what makes us send
 * one) for the address and for the client. ERR_RATE_LIMIT, with r->retry_after_s.
 */
enum err attempts_take(struct req *r, const char *kind, struct str email) must_check;

/* The same within a write transaction of main.db. */
enum err attempts_take_within(struct req *r, struct space *main, const char *kind,
                              struct str email) must_check;

/* Count an attempt at a code of few digits: 5 a minute for each user, whatever the settings say.
 * ERR_RATE_LIMIT, as above. */
enum err attempts_take_factor(struct req *r, struct str user_id) must_check;

/*
 * Before a proof is looked at that could be guessed. Counts as an attempt: at the password of an
 * address (kind "auth"), at a code that was mailed to it (the same, and as a factor), at the second
 * factor of an account. And as a failure, after many of which the next ones have to wait
 * (store/failures.h): until one of the two below, or until the request ends with anything but
 * ERR_INVALID_CREDENTIALS. ERR_RATE_LIMIT, as above. Takes main.db: the caller holds it not.
 */
enum err attempts_begin(struct req *r, struct str email) must_check;
enum err attempts_begin_code(struct req *r, struct str email) must_check;
enum err attempts_begin_factor(struct req *r, const struct account *a) must_check;

/* It was no failure; nothing where none was begun. The second: somebody is signed in now, and the
 * failures of his address before count no more. Both take main.db. */
void attempts_forgive(struct req *r);
void attempts_forget(struct req *r);

#endif
