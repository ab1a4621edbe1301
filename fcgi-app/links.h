/*
 * Links that travel by mail, and what proves that one is good: a one-time token (domain/who.h) that
 * is bound to the state of the account, so that the first one used, or any other change of address
 * or password, ends all that were sent before.
 */
#ifndef APP_LINKS_H
#define APP_LINKS_H

#include "req.h"
#include "store/accounts.h"

#define LINK_RESET_S  3600
#define LINK_VERIFY_S (24 * 3600)
#define LINK_LOGIN_S  300

/*
 * Queue a mail to `email` with the link that makes it the verified address of `a`; it may be the
 * one that it has. In the caller's write transaction of main.db. OK also where no more mail can be
 * queued: the caller's work is worth more.
 */
enum err links_mail_verification(struct req *r, struct space *main, const struct account *a,
                                 struct str email) must_check;

/* What the link that sets a new password holds, in r->mem; and the mail with it, as above. */
struct str links_make_reset(struct req *r, const struct account *a);
enum err links_mail_reset(struct req *r, struct space *main, const struct account *a,
                          struct str token) must_check;

/* Tell the old, verified, address of an account that `email` is in its place now. As above. */
enum err links_mail_changed(struct space *main, struct str old_email, struct str email) must_check;

/* The token of a sign-in that waits for its second factor; travels in an answer, not by mail.
 * `how`: the first one. */
struct str links_make_login(struct req *r, const struct account *a, struct str how);

/*
 * What such a link's token proves. ERR_INVALID_TOKEN; whether it was used is the caller's to ask
 * (store/once.h). *email: what is to be verified; in r->mem.
 */
struct link {
    struct str user_id, email;
    struct str how; /* of a sign-in */
    struct str jti;
    int64_t exp;
    struct str state; /* of the account when it was made */
};
enum err links_read_verification(struct req *r, struct str token, struct link *out) must_check;
enum err links_read_reset(struct req *r, struct str token, struct link *out) must_check;

enum err links_read_login(struct req *r, struct str token, struct link *out) must_check;

/* Is the account still as it was when the link was made? */
bool links_is_current(const struct link *l, const struct account *a);

#endif
