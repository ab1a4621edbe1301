/*
 * Administrators of the admin page, in main.db: an address, a password, the secret of an
 * authenticator app, and sessions that are short. They are no accounts, and own nothing. Those
 * whose names end in _within are part of the caller's transaction of main.db (asserted where they
 * write).
 */
#ifndef STORE_ADMINS_H
#define STORE_ADMINS_H

#include "store/space.h"

#define ADMIN_IDLE_MS      (30 * INT64_C(60000)) /* a session that is not used for so long ends */
#define ADMIN_AGE_MS       (8 * 60 * INT64_C(60000)) /* and every one does at this age */
#define ADMIN_SESSIONS_MAX 8                         /* of one administrator: the newest are kept */

struct admin {
    struct str id;            /* 32 hex digits */
    struct str email;         /* trimmed, lower-case */
    struct str password_hash; /* Argon2id encoded string; never leaves the process */
    struct str totp_secret;   /* domain/totp.h's; the same */
    int64_t last_step;        /* that a code was used of: none works twice */
    int64_t created_at;
    int64_t last_login_at; /* 0: never */
};

/* ERR_EMAIL_TAKEN. */
enum err admins_create_within(struct space *sp, const struct admin *a) must_check;

/* ERR_NOT_FOUND. Strings in mem. */
enum err admins_by_email(struct store *s, struct str email, struct arena *mem,
                         struct admin *out) must_check;
enum err admins_by_email_within(struct space *sp, struct str email, struct arena *mem,
                                struct admin *out) must_check;

/* Each administrator, by address; its strings are valid during the call. */
enum err admins_list(struct store *s, void (*on_admin)(void *arg, const struct admin *a),
                     void *arg) must_check;

/* A new password and secret: its sessions end. ERR_NOT_FOUND, as below. */
enum err admins_reset_within(struct space *sp, struct str id, struct str password_hash,
                             struct str totp_secret) must_check;
/* With its sessions. */
enum err admins_remove_within(struct space *sp, struct str id) must_check;

/*
 * A code of this step was right: use it up, and begin a session of that token hash.
 * ERR_INVALID_CREDENTIALS: a code of it, or of a later one, was used, or *a is not as it was any
 * more.
 */
enum err admins_sign_in_within(struct space *sp, const struct admin *a, int64_t step,
                               struct str hash, int64_t now) must_check;

/* A session that lives. */
struct admin_session {
    struct str admin_id, email; /* in mem */
    int64_t created_at, used_at;
};

/* ERR_NOT_FOUND: there is none of that hash, or it has had its time. */
enum err admins_session(struct space *sp, struct str hash, int64_t now, struct arena *mem,
                        struct admin_session *out) must_check;

/* Its owner did something. */
enum err admins_use_session_within(struct space *sp, struct str hash, int64_t now) must_check;
/* OK also when there is none. */
enum err admins_end_session_within(struct space *sp, struct str hash) must_check;

#endif
