/* The second factor: an authenticator app, recovery codes for when it is lost, and the second step
 * of signing in with either. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/rand.h"
#include "credentials.h"
#include "domain/account_json.h"
#include "domain/totp.h"
#include "notice.h"
#include "res/res.h"
#include "signin.h"
#include "store/factors.h"

#define RECOVERY_CODES 10
#define RECOVERY_BYTES 15 /* 120 bits: a bare hash of it cannot be guessed back */
#define RECOVERY_CHARS 24
#define RECOVERY_GROUP 4

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

/* --- codes ------------------------------------------------------------------------------------ */

static enum err refuse(struct req *r)
{
    return req_fail(r, ERR_INVALID_CREDENTIALS, "The code is wrong or was used");
}

static enum err use_totp(struct req *r, struct space *sp, struct str code)
{
    struct totp t;
    int64_t step;
    enum err e = factors_totp(sp, r->mem, &t);
    if (e == ERR_NOT_FOUND || (e == OK && !t.confirmed))
        return ERR_INVALID_TOKEN;
    if (e)
        return e;
    if (!totp_check(t.secret, code, now_s(), t.last_step, &step))
        return refuse(r);
    return factors_use_step(sp, step);
}

static struct str hash_of(struct req *r, struct str code)
{
    unsigned char hash[SHA256_LEN];
    char *hex = arena_alloc(r->mem, 2 * SHA256_LEN + 1);
    sha256(code, hash);
    hex_encode(hash, sizeof hash, hex);
    return str_make(hex, 2 * SHA256_LEN);
}

static enum err use_recovery(struct req *r, struct space *sp, struct str code)
{
    struct activity_from from = audit_from(r);
    enum err e = factors_use_recovery(sp, hash_of(r, code), clock_wall_ms());
    if (e == ERR_INVALID_CREDENTIALS)
        return refuse(r);
    if (e == OK)
        e = activity_add(sp, ACTIVITY_RECOVERY_USED, &from, STR_NULL);
    return e ? e : notice_mail(r, str_from_c(sp->id), NOTICE_RECOVERY_USED, STR_NULL);
}

static enum err use_any(struct req *r, struct space *sp, struct str code)
{
    return code.n == TOTP_CODE_LEN ? use_totp(r, sp, code) : use_recovery(r, sp, code);
}

/* --- recovery codes are made ------------------------------------------------------------------ */

static struct str make_code(struct req *r)
{
    unsigned char bytes[RECOVERY_BYTES];
    struct buf text = BUF_INIT;
    rand_bytes(bytes, sizeof bytes);
    base32_append(&text, bytes, sizeof bytes);
    assert(text.n == RECOVERY_CHARS);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] >= 'A')
            text.p[i] = (char)(text.p[i] + 'a' - 'A');
    struct str code = arena_dup(r->mem, buf_str(&text));
    buf_release(&text);
    return code;
}

static enum err make_codes(struct req *r, struct str codes[RECOVERY_CODES])
{
    struct str hashes[RECOVERY_CODES];
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        codes[i] = make_code(r);
        hashes[i] = hash_of(r, codes[i]);
    }
    return factors_set_recovery(r->space, hashes, RECOVERY_CODES);
}

/* "abcd-efgh-ijkl-mnop-qrst-uvwx": they are shown this once. */
static void answer_codes(struct req *r, const struct str codes[RECOVERY_CODES])
{
    struct buf *out = &r->body_out;
    buf_append_lit(out, "{\"ok\":true,\"recoveryCodes\":[");
    for (size_t i = 0; i < RECOVERY_CODES; i++) {
        buf_append_str(out, i ? STR(",\"") : STR("\""));
        for (size_t at = 0; at < RECOVERY_CHARS; at += RECOVERY_GROUP) {
            buf_append_str(out, at ? STR("-") : STR(""));
            buf_append(out, codes[i].p + at, RECOVERY_GROUP);
        }
        buf_append_ch(out, '"');
    }
    buf_append_lit(out, "]}");
}

/* --- on --------------------------------------------------------------------------------------- */

enum err totp_show(struct req *r)
{
    buf_append_lit(&r->body_out, "{\"ok\":true,");
    enum err e = totp_append_state(&r->body_out, r->space);
    buf_append_ch(&r->body_out, '}');
    return e;
}

/* For whom the app shows its codes: the host of public_url. */
static struct str issuer(const struct req *r)
{
    struct str rest = r->app->conf->public_url, scheme, empty, host;
    if (str_next(&rest, '/', &scheme) && str_next(&rest, '/', &empty) &&
        str_next(&rest, '/', &host) && host.n)
        return host;
    return STR("Cubby");
}

static void answer_secret(struct req *r, const struct account *a, struct str secret)
{
    struct buf uri = BUF_INIT;
    totp_append_uri(&uri, issuer(r), a->email, secret);
    buf_append_lit(&r->body_out, "{\"ok\":true,\"secret\":");
    json_append_string(&r->body_out, secret);
    buf_append_lit(&r->body_out, ",\"uri\":");
    json_append_string(&r->body_out, buf_str(&uri));
    buf_append_ch(&r->body_out, '}');
    buf_release(&uri);
}

enum err totp_begin(struct req *r)
{
    struct account a;
    char secret[TOTP_SECRET_LEN + 1];
    enum err e = credentials_confirm(r, STR("password"), &a);
    if (e)
        return e;
    totp_make_secret(secret);
    e = auth_begin_write(r);
    if (e == OK)
        e = factors_begin(r->space, str_make(secret, TOTP_SECRET_LEN), clock_wall_ms());
    if (e == OK)
        e = space_commit(r->space);
    req_pause(r);
    if (e == ERR_CONFLICT)
        return req_fail(r, e, "The second factor is on already");
    if (e == OK)
        answer_secret(r, &a, str_make(secret, TOTP_SECRET_LEN));
    return e;
}

/* The app has the secret that waits: its first code shows it. */
static enum err confirm(struct req *r, struct str code)
{
    struct totp t;
    int64_t step;
    enum err e = factors_totp(r->space, r->mem, &t);
    if (e == ERR_NOT_FOUND)
        return req_fail(r, e, "No second factor waits to be confirmed");
    if (e == OK && t.confirmed)
        return req_fail(r, ERR_CONFLICT, "The second factor is on already");
    if (e == OK && !totp_check(t.secret, code, now_s(), t.last_step, &step))
        return refuse(r);
    return e ? e : factors_confirm(r->space, step, clock_wall_ms());
}

/* The line, the commit, the answer of what left new recovery codes. */
static enum err end_with_codes(struct req *r, enum activity_kind kind, enum notice notice)
{
    struct activity_from from = audit_from(r);
    struct str codes[RECOVERY_CODES];
    enum err e = make_codes(r, codes);
    if (e == OK)
        e = activity_add(r->space, kind, &from, STR_NULL);
    if (e == OK)
        e = notice_mail(r, r->who.user_id, notice, STR_NULL);
    if (e == OK)
        e = space_commit(r->space);
    if (e == OK)
        answer_codes(r, codes);
    return e;
}

static enum err note_failure(struct req *r, enum err e)
{
    if (e == ERR_INVALID_CREDENTIALS)
        audit_later(r, ACTIVITY_TOTP_FAILED, r->who.user_id, STR_NULL);
    return e;
}

enum err totp_confirm(struct req *r)
{
    struct str code;
    req_pause(r);
    enum err e = credentials_read_code(r, &code);
    if (e == OK)
        e = attempts_take_factor(r, r->who.user_id);
    if (e == OK)
        e = auth_begin_write(r);
    if (e == OK)
        e = confirm(r, code);
    if (e == OK)
        e = end_with_codes(r, ACTIVITY_TOTP_ENABLED, NOTICE_FACTOR_ON);
    req_pause(r);
    return note_failure(r, e);
}

/* --- off, and new codes ----------------------------------------------------------------------- */

/* Password and code: after OK r->space is in a write transaction, and the code is used. */
static enum err prove_both(struct req *r)
{
    struct account a;
    struct str code;
    bool on;
    enum err e = credentials_read_code(r, &code);
    if (e == OK)
        e = credentials_confirm(r, STR("password"), &a);
    if (e)
        return e;
    e = attempts_begin_factor(r, &a);
    if (e == OK)
        e = auth_begin_write(r);
    if (e == OK)
        e = factors_is_on(r->space, &on);
    if (e == OK && !on)
        return req_fail(r, ERR_NOT_FOUND, "The second factor is not on");
    return note_failure(r, e ? e : use_any(r, r->space, code));
}

enum err totp_remove(struct req *r)
{
    struct activity_from from = audit_from(r);
    enum err e = prove_both(r);
    if (e == OK)
        e = factors_remove(r->space);
    if (e == OK)
        e = activity_add(r->space, ACTIVITY_TOTP_DISABLED, &from, STR_NULL);
    if (e == OK)
        e = notice_mail(r, r->who.user_id, NOTICE_FACTOR_OFF, STR_NULL);
    if (e == OK)
        e = space_commit(r->space);
    req_pause(r);
    if (e == OK)
        req_ok(r);
    return e;
}

enum err totp_renew_codes(struct req *r)
{
    enum err e = prove_both(r);
    if (e == OK)
        e = end_with_codes(r, ACTIVITY_RECOVERY_CODES_MADE, NOTICE_RECOVERY_MADE);
    req_pause(r);
    return e;
}

/* --- the second step of a sign-in ------------------------------------------------------------- */

static enum err finish(struct req *r, enum err (*use)(struct req *, struct space *, struct str))
{
    struct signin_second second = {.use = use};
    struct auth_tokens tokens;
    struct account a;
    struct str token;
    if (!req_json_string(r, STR("loginToken"), &token))
        return req_fail(r, ERR_INVALID, "loginToken must be a string");
    enum err e = credentials_read_code(r, &second.code);
    if (e == OK)
        e = signin_finish(r, token, &second, &a, &tokens);
    if (e == OK)
        account_answer_signed_in(r, &a, &tokens);
    return e;
}

enum err login_totp(struct req *r)
{
    return finish(r, use_totp);
}

enum err login_recovery(struct req *r)
{
    return finish(r, use_recovery);
}
