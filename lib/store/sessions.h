/*
 * Sessions, in the user's own file. A session has one refresh token at a time; of the one before
 * only what is needed to sign it again is kept (docs/protocol.md section 2).
 */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include "store/space.h"

#define SESSION_ID_LEN 32

struct refresh_state {
    struct str jti;   /* 32 hex digits */
    int64_t iat, exp; /* seconds */
    struct str kid;
};

struct session {
    struct str id;
    int64_t created_at, last_seen_at; /* ms; the latter written at refresh only */
    struct str user_agent, ip;
};

/* In a write transaction of the user's space (asserted), as the two below. */
enum err sessions_create(struct space *sp, const struct session *s,
                         const struct refresh_state *r) must_check;

enum session_refresh { REFRESH_ROTATED, REFRESH_REPEATED, REFRESH_REUSED, REFRESH_UNKNOWN };

/*
 * Use refresh token `jti` of session `sid` at now_ms. ROTATED: `next` was stored as the successor.
 * REPEATED: jti is the previous one, rotated under grace_ms ago: *current is the successor to
 * answer again (in mem). REUSED: an older one: the session is gone now (commit it). UNKNOWN: no
 * such session.
 */
enum err sessions_refresh(struct space *sp, struct str sid, struct str jti, int64_t now_ms,
                          int64_t grace_ms, const struct refresh_state *next, struct arena *mem,
                          struct refresh_state *current, enum session_refresh *result) must_check;

/* Remove one, or all but `except` (p == NULL: all). *removed says how many. */
enum err sessions_revoke(struct space *sp, struct str sid, int64_t *removed) must_check;
enum err sessions_revoke_others(struct space *sp, struct str except, int64_t *removed) must_check;

/* ERR_NOT_FOUND, also for one past its end. Strings in mem. In any transaction, or none. */
enum err sessions_get(struct space *sp, struct str sid, int64_t now_ms, struct arena *mem,
                      struct session *out) must_check;

/* Each session, the one seen last first; its strings are valid during the call. */
enum err sessions_list(struct space *sp, int64_t now_ms,
                       void (*on_session)(void *arg, const struct session *s),
                       void *arg) must_check;

/* Is it there and its refresh token not past its end? In any transaction, or none. */
enum err sessions_is_live(struct space *sp, struct str sid, int64_t now_ms, bool *live) must_check;

/*
 * What a refresh token needs for silent checks (pushd accepts a good refresh cookie without
 * rotating): is jti the current one, or the previous one within its grace?
 */
enum err sessions_refresh_is_good(struct space *sp, struct str sid, struct str jti, int64_t now_ms,
                                  int64_t grace_ms, bool *good) must_check;

#endif
