/*
 * The door to the admin page: for which clients it is there at all, and whose sessions open it.
 * Administrators are no users (store/admins.h): no token of a user opens anything here, and an
 * administrator's session nothing elsewhere.
 */
#ifndef APP_ADMIN_H
#define APP_ADMIN_H

#include "req.h"
#include "store/admins.h"

/* A live session. */
struct admin_here {
    struct admin_session session;
    struct str hash; /* of its token: what main.db knows it by */
};

/* Is the page there for r's client: setting and address? Else its paths are answered with 404. */
bool admin_is_open(const struct req *r);

/* Does r come from a page of our own origin, or of none? cors_origins do not count here. */
bool admin_is_own_page(const struct req *r);

/* Find the session of r's cookie: r->admin. Keeps it awake, unless r's row is BY_ITSELF.
 * ERR_UNAUTHORIZED. */
enum err admin_enter(struct req *r) must_check;

/*
 * Sign in: password and code of the administrator of this address, all at once, at the same cost
 * where there is none. Sets the cookie. Counts as an attempt. ERR_INVALID_CREDENTIALS.
 */
enum err admin_sign_in(struct req *r, struct str email, struct str password, struct str code,
                       struct admin *out) must_check;

/* End the session of r's cookie, if there is one, and send the cookie away. */
enum err admin_sign_out(struct req *r) must_check;

#endif
