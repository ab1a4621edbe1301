/*
 * Signing in: cookies and bearer tokens to struct who, silent refresh, the cross-site rule
 * (docs/protocol.md section 2). What a token is worth is domain/who.h's, which sessions live is
 * store/sessions.h's; here both meet a request.
 */
#ifndef APP_AUTH_H
#define APP_AUTH_H

#include "domain/origin.h"
#include "req.h"
#include "store/sessions.h"

/* r's way here, for the rules of domain/origin.h. Borrowed from r. */
struct origin_request auth_origin(const struct req *r);

/* The cross-site rule. */
bool auth_is_same_site(const struct req *r);

/*
 * Which token speaks for r; touches no disk. ERR_UNAUTHORIZED: none, or a bad one that no refresh
 * cookie can mend; ERR_CROSS_SITE: by cookie and a method that changes things, from elsewhere.
 */
enum err auth_identify(struct req *r) must_check;

/*
 * After auth_identify: take the user's space, begin a transaction (r->change with `write`), see
 * that the session lives, refresh silently where the access cookie is not good; with ?org=, and a
 * row that allows it (IN_ORG), the organization's space in its place. OK: r is signed in.
 * After a failure r->space is NULL. Clears the cookies where a refresh failed.
 */
enum err auth_enter(struct req *r, bool write) must_check;

/*
 * In place of the user's space, given back before, take the counters' and begin a transaction in
 * it. After a failure r->space is NULL.
 */
enum err auth_enter_counters(struct req *r, bool write) must_check;

/* The same for main.db, to write in it. */
enum err auth_enter_main(struct req *r) must_check;

struct auth_tokens {
    struct str access, refresh;
};

/* Make a session in sp, in a write transaction; both tokens, in r->mem. The caller commits, then
 * hands them out. */
enum err auth_open_session(struct req *r, struct space *sp, struct str user_id, struct str email,
                           struct auth_tokens *out) must_check;

/* Send both tokens as cookies. */
void auth_set_cookies(struct req *r, const struct auth_tokens *t);

/* Use a refresh token: rotates it, sets both cookies. ERR_UNAUTHORIZED: nothing of the kind, the
 * cookies are cleared. Holds no space afterwards. */
enum err auth_refresh(struct req *r, struct str token, struct auth_tokens *out) must_check;

/*
 * For calls that hash or otherwise wait between two looks at the user's space (NEED_USER without
 * NEED_WRITE): take r->space, given back or in its read transaction, into a write transaction and
 * see that the session still lives. The caller commits it. ERR_UNAUTHORIZED; after a failure
 * r->space is NULL.
 */
enum err auth_begin_write(struct req *r) must_check;

/* Streams of a user's revoked sessions end within a second: pushd looks again. After the commit. */
void auth_tell_revoked(struct req *r, struct str user_id);

/* Send both cookies away: the session of this request is no more. */
void auth_clear_cookies(struct req *r);

/* Revoke the session that r's tokens belong to, with `all` every session of its user. OK also when
 * there is none. Clears the cookies. */
enum err auth_end_session(struct req *r, bool all) must_check;

/* The refreshToken cookie, STR_NULL when there is none. */
struct str auth_refresh_cookie(const struct req *r);

#endif
