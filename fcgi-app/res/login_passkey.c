/*
 * Signing in with a passkey, without a name: the authenticator knows whose it is. It has seen that
 * it is its owner, so it counts for both factors. Whatever is wrong with an answer to a good
 * challenge, what is said of it is the same.
 */
#include "base/base.h"

#include "audit.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "ceremony.h"
#include "res/res.h"
#include "signin.h"
#include "store/limits.h"
#include "store/once.h"
#include "store/passkeys.h"

#define ATTEMPTS_MS     60000
#define USER_HANDLE_MAX 64 /* bytes: WebAuthn 5.4.3 */

enum err login_passkey_begin(struct req *r)
{
    struct webauthn_site site;
    enum err e = ceremony_site(r, &site);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"options\":{\"rpId\":");
    json_append_string(&r->body_out, site.rp_id);
    buf_append_ch(&r->body_out, ',');
    ceremony_append_challenge(r, WHO_PASSKEY_LOGIN, STR_NULL, STR_NULL);
    buf_append_lit(&r->body_out, ",\"allowCredentials\":[],\"userVerification\":\"required\"}}");
    return OK;
}

/* --- what was sent ---------------------------------------------------------------------------- */

struct attempt {
    struct ceremony_answer answer;
    struct webauthn_site site;
    struct webauthn_assertion assertion;
    struct str user_id;
    const char *why; /* it was refused; NULL: not yet, or for a reason that is no one's fault */
};

static enum err read_attempt(struct req *r, struct attempt *t)
{
    struct webauthn_assertion *a = &t->assertion;
    enum err e = ceremony_site(r, &t->site);
    if (e == OK)
        e = ceremony_read(r, &t->answer);
    if (e == OK)
        e = ceremony_read_bytes(r, &t->answer, "authenticatorData", WEBAUTHN_AUTHENTICATOR_MAX,
                                &a->authenticator_data);
    if (e == OK)
        e = ceremony_read_bytes(r, &t->answer, "signature", SIGNATURE_MAX, &a->signature);
    if (e == OK)
        e = ceremony_read_bytes(r, &t->answer, "userHandle", USER_HANDLE_MAX, &t->user_id);
    a->client = &t->answer.client;
    return e;
}

/* Counts as a log-in attempt of the client, whatever becomes of it. */
static enum err use_up(struct req *r, const struct who_once *challenge)
{
    const struct limit limit = {STR("auth-ip"), r->remote_addr, r->app->conf->limit_auth_per_ip,
                                ATTEMPTS_MS};
    int64_t now = clock_wall_ms(), retry_ms = 0;
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e == OK)
        e = limits_take_within(sp, &limit, 1, now, &retry_ms);
    if (e == OK)
        e = once_use(sp, challenge->jti, challenge->exp, now / 1000);
    e = space_leave(sp, e);
    r->retry_after_s = (retry_ms + 999) / 1000;
    return e;
}

static enum err use_challenge(struct req *r, const struct attempt *t)
{
    struct who_once challenge;
    enum err e = ceremony_check_challenge(r, &t->answer, WHO_PASSKEY_LOGIN, &challenge);
    if (e == OK)
        e = use_up(r, &challenge);
    return e == ERR_INVALID_TOKEN ? audit_refused(r, "passkey", STR_NULL) : e;
}

/* --- the proof -------------------------------------------------------------------------------- */

static struct str as_bytes(struct req *r, struct str text)
{
    size_t n = 0;
    char *bytes = arena_alloc(r->mem, text.n);
    return base64url_decode(text, bytes, text.n, &n) ? str_make(bytes, n) : STR_NULL;
}

/* In the transaction of the session: of two answers with one counter the second is refused. */
static enum err check(struct req *r, struct space *sp, void *arg)
{
    struct attempt *t = arg;
    struct passkey k;
    int64_t sign_count;
    enum err e = passkeys_get(sp, t->answer.id, r->mem, &k);
    if (e == ERR_NOT_FOUND)
        t->why = "it is not the account's";
    if (e)
        return e == ERR_NOT_FOUND ? ERR_INVALID_CREDENTIALS : e;
    const struct webauthn_credential c = {.public_key = as_bytes(r, k.public_key),
                                          .algorithm = k.algorithm,
                                          .sign_count = k.sign_count,
                                          .backup_eligible = k.backup_eligible};
    e = webauthn_verify(&c, &t->site, &t->assertion, &sign_count, &t->why);
    return e ? e : passkeys_use(sp, k.id, sign_count, clock_wall_ms());
}

/* A line for the account that it was tried on, where there is one. */
static void note_refusal(struct req *r, const struct attempt *t, bool known)
{
    if (known && t->why)
        audit_later(r, ACTIVITY_LOGIN_FAILED, t->user_id,
                    arena_printf(r->mem, "passkey: %s", t->why));
    else
        log_info("refused passkey from=%.*s", STR_ARG(r->remote_addr));
}

static enum err sign_in(struct req *r, struct attempt *t, struct account *a,
                        struct auth_tokens *tokens)
{
    const struct signin_proof proof = {check, t};
    enum err e = accounts_by_id(r->app->store, t->user_id, r->mem, a);
    bool known = e == OK;
    if (known)
        e = signin_prove(r, a, STR("passkey"), &proof, tokens);
    if (e == ERR_NOT_FOUND)
        e = ERR_INVALID_CREDENTIALS;
    if (e == ERR_INVALID_CREDENTIALS)
        note_refusal(r, t, known);
    return e;
}

enum err login_passkey(struct req *r)
{
    struct attempt t = {.why = NULL};
    struct auth_tokens tokens;
    struct account a;
    enum err e = read_attempt(r, &t);
    if (e == OK)
        e = use_challenge(r, &t);
    if (e == OK)
        e = sign_in(r, &t, &a, &tokens);
    if (e == OK)
        account_answer_signed_in(r, &a, &tokens);
    return e;
}
