/*
 * Organizations and their members, in main.db. The owner is no member. Every call works on main.db
 * in the caller's hands, those that write in its write transaction (asserted): what changes and
 * the events that tell of it (store/outbox.h) are one commit. The rules are domain/organization.h.
 */
#ifndef STORE_ORGANIZATIONS_H
#define STORE_ORGANIZATIONS_H

#include "base/arena.h"
#include "store/space.h"

struct organization {
    struct str id, name, owner_id;
    int64_t created_at;
};

/* In rising order of what they may do. */
enum role { ROLE_NONE, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };

/* "member", "admin"; ROLE_NONE for what no member can be. */
enum role role_parse(struct str name);
struct str role_name(enum role r);

struct member {
    struct str id, organization_id;
    struct str email;   /* that was invited; as accounts keep addresses */
    struct str user_id; /* empty: the address has no account yet */
    enum role role;     /* ROLE_MEMBER or ROLE_ADMIN */
    bool active;        /* else invited */
    int64_t created_at;
    int64_t joined_at; /* 0: never */
};

struct members {
    struct member *list;
    size_t count;
};

/* One membership as the member sees it. */
struct membership {
    struct str organization_id, organization_name, owner_email;
    enum role role;
    bool active;
    int64_t joined_at;
};

/* --- organizations --- */

enum err organizations_insert(struct space *sp, const struct organization *o) must_check;
/* ERR_NOT_FOUND; strings in mem. */
enum err organizations_get(struct space *sp, struct str id, struct arena *mem,
                           struct organization *out) must_check;
/* How many there are. */
enum err organizations_count(struct space *sp, int64_t *count) must_check;

/* Its members go with it. */
enum err organizations_remove(struct space *sp, struct str id) must_check;
/* Oldest first, in mem. */
enum err organizations_owned(struct space *sp, struct str owner_id, struct arena *mem,
                             struct organization **list, size_t *count) must_check;

/* What the user is there now: ROLE_NONE for outsiders, for those who are only invited, and where
 * there is no such organization. Cheap: asked at every request. */
enum err organizations_role(struct space *sp, struct str id, struct str user_id,
                            enum role *role) must_check;

/* --- members --- */

/* ERR_CONFLICT: the address is there already. */
enum err members_insert(struct space *sp, const struct member *m) must_check;
/* Write email, user_id, active and joined_at of the member m->id. ERR_CONFLICT as above. */
enum err members_update(struct space *sp, const struct member *m) must_check;
enum err members_remove(struct space *sp, struct str member_id) must_check;

/* All of an organization, oldest first; strings in mem. */
enum err members_list(struct space *sp, struct str organization_id, struct arena *mem,
                      struct members *out) must_check;
enum err members_count(struct space *sp, struct str organization_id, int64_t *count) must_check;
/* All rows of an account, of all organizations; and those of an address that has none. */
enum err members_of_user(struct space *sp, struct str user_id, struct arena *mem,
                         struct members *out) must_check;
enum err members_of_address(struct space *sp, struct str email, struct arena *mem,
                            struct members *out) must_check;
/* By member id or account id. ERR_NOT_FOUND. */
enum err members_get(struct space *sp, struct str organization_id, struct str who,
                     struct arena *mem, struct member *out) must_check;

/* For the member's own list, oldest first; in mem. */
enum err memberships_of_user(struct space *sp, struct str user_id, struct arena *mem,
                             struct membership **list, size_t *count) must_check;

#endif
