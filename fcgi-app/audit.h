/*
 * What is written down of security events: a line in the activity of the account concerned
 * (store/activity.h), where there is one, else a line of the log. Never a token or a password.
 */
#ifndef APP_AUDIT_H
#define APP_AUDIT_H

#include "req.h"
#include "store/activity.h"

/* r's sender, for activity_add. Borrowed from r. */
struct activity_from audit_from(const struct req *r);

/* The same for what is written once the answer has gone: in r->mem. */
struct activity_from audit_from_later(const struct req *r);

/*
 * Write a line once the answer has gone: the time of an answer must not tell whether there is an
 * account to write it for. At most one a request; a later one replaces it. user_id and detail must
 * be in r->mem; detail STR_NULL: none.
 */
void audit_later(struct req *r, enum activity_kind kind, struct str user_id, struct str detail);

/*
 * Refuse a token or code: returns ERR_INVALID_TOKEN. `what` is a constant word ("password_reset").
 * user_id: whose it was, once its signature is proven; STR_NULL: nobody knows, the log gets the
 * line.
 */
enum err audit_refused(struct req *r, const char *what, struct str user_id) must_check;

#endif
