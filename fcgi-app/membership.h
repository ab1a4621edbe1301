/*
 * Organizations as requests meet them: the rules with this installation's settings, what is to be
 * delivered after a commit, and whether a user may enter an organization's space.
 */
#ifndef APP_MEMBERSHIP_H
#define APP_MEMBERSHIP_H

#include "domain/organization.h"
#include "req.h"

/* A call of the rules by this user, in main_db's transaction. Borrows user_id and r->mem. */
struct organization_call membership_call(struct req *r, struct space *main_db, struct str user_id);

/*
 * After such a commit, with no space held: the events go to the logs they are for, to that of
 * `user_id` before this returns: the answer gets its X-Event-Id when it has an event. A failure
 * delays them only.
 */
void membership_deliver(struct req *r, struct str user_id);

/* The same before it for an organization's log: what those do there who may no longer, is done or
 * refused when this returns. */
void membership_deliver_to(struct req *r, struct str organization_id);

/* What of a request's query names an organization: p == NULL: none. */
struct str membership_asked(const struct req *r);

/* May who is signed in enter it? ERR_NOT_FOUND. The caller may hold that organization's space. */
enum err membership_check(struct req *r, struct str organization_id) must_check;

/* The organization's space for the one who may enter it, held; made if a crash kept it from
 * being. */
enum err membership_acquire(struct req *r, struct str organization_id,
                            struct space **out) must_check;

#endif
