/*
 * What happened to an account, in the user's own file, for the user to read
 * (GET /api/account/activity): the newest ACTIVITY_MAX lines. Of what anybody can cause from
 * outside only the newest ACTIVITY_FOREIGN_MAX are kept, so that nobody can flush the rest out.
 */
#ifndef STORE_ACTIVITY_H
#define STORE_ACTIVITY_H

#include "store/space.h"

#define ACTIVITY_MAX         1000
#define ACTIVITY_FOREIGN_MAX 200
#define ACTIVITY_TEXT_MAX    256 /* bytes of user agent and detail that are kept */

/* A kind, its name on the wire, and whether it takes no sign-in to cause it. To add one: a row. */
#define ACTIVITY_LIST(X)                                                                           \
    X(ACTIVITY_SIGNUP, "signup", false)                                                            \
    X(ACTIVITY_LOGIN, "login", false)                                                              \
    X(ACTIVITY_LOGIN_FAILED, "login_failed", true)                                                 \
    X(ACTIVITY_LOGOUT, "logout", false)                                                            \
    X(ACTIVITY_LOGOUT_ALL, "logout_all", false)                                                    \
    X(ACTIVITY_SESSION_REVOKED, "session_revoked", false)                                          \
    X(ACTIVITY_REFRESH_REUSED, "refresh_reused", true)                                             \
    X(ACTIVITY_TOKEN_REFUSED, "token_refused", true)                                               \
    X(ACTIVITY_PASSWORD_CHANGED, "password_changed", false)                                        \
    X(ACTIVITY_PASSWORD_RESET_REQUESTED, "password_reset_requested", true)                         \
    X(ACTIVITY_PASSWORD_RESET, "password_reset", false)                                            \
    X(ACTIVITY_EMAIL_CHANGE_REQUESTED, "email_change_requested", false)                            \
    X(ACTIVITY_EMAIL_CHANGED, "email_changed", false)                                              \
    X(ACTIVITY_EMAIL_VERIFIED, "email_verified", false)                                            \
    X(ACTIVITY_LOGIN_CODE_REQUESTED, "login_code_requested", true)                                 \
    X(ACTIVITY_TOTP_ENABLED, "totp_enabled", false)                                                \
    X(ACTIVITY_TOTP_DISABLED, "totp_disabled", false)                                              \
    X(ACTIVITY_TOTP_FAILED, "totp_failed", true)                                                   \
    X(ACTIVITY_RECOVERY_CODES_MADE, "recovery_codes_made", false)                                  \
    X(ACTIVITY_RECOVERY_USED, "recovery_used", false)                                              \
    X(ACTIVITY_PASSKEY_ADDED, "passkey_added", false)                                              \
    X(ACTIVITY_PASSKEY_REMOVED, "passkey_removed", false)                                          \
    X(ACTIVITY_PROVIDER_LINKED, "provider_linked", false)                                          \
    X(ACTIVITY_PROVIDER_UNLINKED, "provider_unlinked", false)                                      \
    X(ACTIVITY_EXPORT, "export", false)                                                            \
    X(ACTIVITY_ACCOUNT_DISABLED, "account_disabled", false)                                        \
    X(ACTIVITY_ACCOUNT_ENABLED, "account_enabled", false)                                          \
    X(ACTIVITY_IMPERSONATED, "impersonated", false)

enum activity_kind {
#define X(name, word, foreign) name,
    ACTIVITY_LIST(X)
#undef X
};

/* Who did it, and when. */
struct activity_from {
    struct str ip, user_agent;
    int64_t now; /* ms */
};

/*
 * Append a line, in a write transaction of the user's space (asserted). detail is for the user's
 * eyes: one short text, STR_NULL for none; no secret, no token.
 */
enum err activity_add(struct space *sp, enum activity_kind kind, const struct activity_from *from,
                      struct str detail) must_check;

struct activity {
    int64_t id, at; /* ms */
    struct str kind, ip, user_agent;
    struct str detail; /* empty: none */
};

/* Up to `limit` lines older than the line `before` (0: the newest), the newest first; strings are
 * valid during the call. In any transaction, or none. */
enum err activity_list(struct space *sp, int64_t before, int64_t limit,
                       void (*on_activity)(void *arg, const struct activity *a),
                       void *arg) must_check;

#endif
