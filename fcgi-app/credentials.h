/*
 * Addresses and passwords as they come in requests: read, checked, counted, proven. Where a
 * password is hashed, no space is held.
 */
#ifndef APP_CREDENTIALS_H
#define APP_CREDENTIALS_H

#include "req.h"
#include "store/accounts.h"

/* Under 5 minutes old a sign-in counts in place of the password that an account does not have. */
#define FRESH_SIGN_IN_MS (5 * 60 * 1000)

/* The member `name` of the body as accounts keep addresses: trimmed, lower-case; in r->mem.
 * ERR_INVALID when it is no string; the second one also when that is no address. */
enum err credentials_read_email(struct req *r, struct str name, struct str *out) must_check;
enum err credentials_read_address(struct req *r, struct str name, struct str *out) must_check;

/* text, from wherever, as accounts keep addresses: in r->mem. False when it is no address. */
bool credentials_is_address(struct req *r, struct str text, struct str *out);

/* The member `name` as a password to be set: long enough, short enough. */
enum err credentials_read_new_password(struct req *r, struct str name, struct str *out) must_check;

/* The member "code" as people type codes: spaces, hyphens and capitals do not count. In r->mem. */
enum err credentials_read_code(struct req *r, struct str *out) must_check;

/*
 * Is it the password of `a`, at the same cost where a is NULL, or has none? ERR_INVALID_CREDENTIALS
 * when it is not.
 */
enum err credentials_check(struct req *r, struct str password, const struct account *a) must_check;

/*
 * Once a way into r's account was taken away, in `main` or in r->space, both in write transactions:
 * is there a password, an identity, a passkey or an address that gets codes left? ERR_CONFLICT,
 * with the code last_sign_in.
 */
enum err credentials_check_way_in(struct req *r, struct space *main) must_check;

/*
 * Before what only the owner of an account may do (NEED_USER, in a lane): the password in the
 * body's member `name` is right, or the account has none and the session is under FRESH_SIGN_IN_MS
 * old. *a is the account, in r->mem. Counts as an attempt. r->space has been given back afterwards.
 */
enum err credentials_confirm(struct req *r, struct str name, struct account *a) must_check;

#endif
