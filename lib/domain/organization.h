/*
 * Organizations (docs/protocol.md section 5): who may do what, what an address without an account
 * is, and who hears of it. Every call is part of the caller's transaction of main.db (those that
 * change something: write transaction); after the commit the caller lets the relay deliver the
 * events (domain/relay.h).
 *
 * The owner, who is no member, and admins invite and remove; anybody may leave; the owner deletes.
 */
#ifndef DOMAIN_ORGANIZATION_H
#define DOMAIN_ORGANIZATION_H

#include "base/buf.h"
#include "store/accounts.h"
#include "store/organizations.h"

#define ORGANIZATION_NAME_MAX 100 /* characters */

struct organization_rules {
    bool auto_accept;
    int64_t owned_max, members_max; /* 0: no limit */
    int64_t invitations_per_hour;   /* of one user; 0: no limit */
};

/* Who asks and what is needed to answer; the fields are the caller's. */
struct organization_call {
    struct space *main_db;
    struct organization_rules rules;
    struct str user_id;
    int64_t now;
    struct arena *mem;
    int64_t retry_ms; /* after ERR_RATE_LIMIT */
};

/* A trimmed text of 1 to ORGANIZATION_NAME_MAX characters, none of them a control character. */
bool organization_name_is_valid(struct str name);

/* The file of out->id (made up by the caller, who makes the file before) becomes an organization.
 * ERR_QUOTA: the user owns too many. */
enum err organization_create(struct organization_call *c, struct str id, struct str name,
                             struct organization *out) must_check;

/* ERR_NOT_FOUND for outsiders. *role: what the user is there. */
enum err organization_show(struct organization_call *c, struct str id, struct organization *out,
                           struct members *members, enum role *role) must_check;

/*
 * Invite an address (as accounts keep them). ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_CONFLICT: a member,
 * invited, or the owner already; ERR_QUOTA: too many members; ERR_RATE_LIMIT. Queues the mail.
 */
enum err organization_invite(struct organization_call *c, struct str id, struct str email,
                             enum role role, struct member *out) must_check;

/* The user follows an invitation. ERR_NOT_FOUND: there is none; ERR_FORBIDDEN: the address is not
 * verified; OK also when a member already. */
enum err organization_accept(struct organization_call *c, struct str id,
                             struct member *out) must_check;

/* who: a member's user id (as the wire has it) or member id. Who is no owner or admin may remove
 * himself only: ERR_FORBIDDEN. */
enum err organization_remove(struct organization_call *c, struct str id, struct str who) must_check;

/* ERR_FORBIDDEN for who is not the owner. The relay deletes the file. */
enum err organization_delete(struct organization_call *c, struct str id) must_check;

/*
 * For whoever makes accounts and changes their addresses, in that transaction, after it: the
 * account c->user_id has this address now. Invitations of the address become the account's, and
 * memberships with auto_accept; those that it has not accepted stay with the address it had.
 */
enum err organization_take_address(struct organization_call *c, struct str email) must_check;

/* For whoever deletes the account c->user_id, in that transaction, before it: its memberships and
 * organizations go. ERR_CONFLICT while it owns one with members: nothing has happened then. */
enum err organization_forget_user(struct organization_call *c) must_check;

/* {"id","name","ownerId","createdAt"} */
void organization_append(struct buf *out, const struct organization *o);
/* {"id","organizationId","userId","email","role","createdAt","status"} */
void organization_append_member(struct buf *out, const struct member *m);

#endif
