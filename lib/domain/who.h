/*
 * Who is asking: a token becomes a struct who. Signing of our own tokens too. Whether a session is
 * still live is in the user's file (store/sessions.h); the callers, who open that file anyway, ask
 * there.
 */
#ifndef DOMAIN_WHO_H
#define DOMAIN_WHO_H

#include "base/rand.h"
#include "domain/conf.h"
#include "wire/jwt.h"

#define ACCESS_TOKEN_S   (15 * 60)
#define REFRESH_TOKEN_S  (7 * 24 * 3600)
#define REFRESH_GRACE_MS 30000
#define TICKET_S         30
#define TICKET_JTI_LEN   RAND_ID_LEN

/* The keys of the settings with their kids: first the one that signs. A kid is derived from its
 * secret (first 8 hex digits of SHA-256("kid:" + secret)), so it needs no setting. */
struct who_keys {
    size_t count;
    struct jwt_key key[2];
    char kid[2][9];
};
void who_keys_init(struct who_keys *k, const struct conf *c);

enum who_kind {
    WHO_ACCESS,  /* a session's access token */
    WHO_BACKEND, /* minted by a holder of the secret: neither sid nor type */
};

struct who {
    enum who_kind kind;
    struct str user_id;
    struct str email; /* access tokens */
    struct str sid;   /* access tokens */
    int64_t exp;      /* seconds, 0 never */
};

/* An access or backend token as docs/protocol.md section 2 accepts them, else ERR_UNAUTHORIZED.
 * Strings in mem. */
enum err who_verify(struct who *out, struct str token, const struct who_keys *keys, int64_t now_s,
                    struct arena *mem) must_check;

/* A refresh token: type "refresh", with sub, sid, jti. */
struct who_refresh {
    struct str user_id, sid, jti;
    int64_t exp;
};
enum err who_verify_refresh(struct who_refresh *out, struct str token, const struct who_keys *keys,
                            int64_t now_s, struct arena *mem) must_check;

/* Append a signed access token; expires ACCESS_TOKEN_S after now_s. */
void who_sign_access(struct buf *out, const struct who_keys *keys, struct str user_id,
                     struct str email, struct str sid, int64_t now_s);

/* Append a refresh token of exactly these claims; the same input gives the same bytes.
 * ERR_UNAUTHORIZED when kid is no longer known. */
enum err who_sign_refresh(struct buf *out, const struct who_keys *keys, struct str user_id,
                          struct str sid, struct str jti, int64_t iat, int64_t exp,
                          struct str kid) must_check;

/*
 * A ticket (type "ticket"): opens one stream, once, as the one who asked for it. The stream lives
 * with that one's session, or, for a ticket of a backend token, as long as that token.
 */
struct who_ticket {
    struct str user_id, sid; /* sid.p == NULL: of a backend token */
    struct str jti;   /* TICKET_JTI_LEN characters: whoever takes it remembers it until exp */
    int64_t iat, exp; /* seconds; exp is never more than TICKET_S away */
    int64_t until;    /* the backend token's end, 0 never */
};
enum err who_verify_ticket(struct who_ticket *out, struct str token, const struct who_keys *keys,
                           int64_t now_s, struct arena *mem) must_check;

/* Append a ticket of who w is; expires TICKET_S after now_s. */
void who_sign_ticket(struct buf *out, const struct who_keys *keys, const struct who *w,
                     int64_t now_s);

/*
 * Append a backend token of these claims, a JSON object text, good for `lasts_s` seconds (0: for
 * ever). Adds iat and exp. ERR_INVALID, with *problem a clause in mem or constant, for claims that
 * who_verify would not take as a backend's, or that have an iat or exp of their own.
 */
enum err who_mint_backend(struct buf *out, const struct who_keys *keys, struct str claims,
                          int64_t now_s, int64_t lasts_s, struct arena *mem,
                          const char **problem) must_check;

/*
 * A one-time token: travels by mail, in a cookie or in an answer, and does one thing, once. Its
 * type says what; another type's token is none. Whoever takes it uses up its jti (store/once.h).
 */
#define WHO_PASSWORD_RESET STR("password_reset")
#define WHO_EMAIL_VERIFY   STR("email_verify")
#define WHO_LOGIN          STR("login") /* waits for a second factor */
#define WHO_OAUTH          STR("oauth") /* waits for the answer of an OpenID provider */
#define WHO_ADMIN          STR("admin") /* opens the admin page's stream: a ticket */
#define WHO_PASSKEY_ADD    STR("passkey_add")
#define WHO_PASSKEY_LOGIN  STR("passkey_login") /* both: what a passkey signs */

struct who_once {
    struct str type;
    struct str user_id; /* empty: nobody's yet */
    struct str value;   /* what it is about, p == NULL: nothing more; not secret: anyone who has the
                           token can read it */
    struct str jti;     /* RAND_ID_LEN hex digits; made by who_sign_once */
    int64_t iat, exp;   /* seconds; the same */
};

/* ERR_INVALID_TOKEN: no token of ours, of another type, past its end. Strings in mem. */
enum err who_verify_once(struct who_once *out, struct str token, struct str type,
                         const struct who_keys *keys, int64_t now_s, struct arena *mem) must_check;

/* Append a token of t's type, user_id and value that is good for `lasts_s` seconds. */
void who_sign_once(struct buf *out, const struct who_keys *keys, const struct who_once *t,
                   int64_t now_s, int64_t lasts_s);

/* The token in an Authorization value: after "Bearer " (any case); STR_NULL when it is of another
 * kind. */
struct str who_bearer(struct str authorization);

#endif
