/* Addresses and passwords in requests. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "base/clock.h"
#include "credentials.h"
#include "domain/account.h"
#include "domain/address.h"
#include "store/identities.h"
#include "store/passkeys.h"
#include "store/sessions.h"

#define CODE_MAX 64 /* longer codes are nobody's */

/* --- what was sent ---------------------------------------------------------------------------- */

static enum err read_string(struct req *r, struct str name, struct str *out)
{
    if (req_json_string(r, name, out))
        return OK;
    return req_fail(r, ERR_INVALID, "%.*s must be a string", STR_ARG(name));
}

enum err credentials_read_email(struct req *r, struct str name, struct str *out)
{
    enum err e = read_string(r, name, out);
    if (e == OK)
        *out = address_normal(*out, r->mem);
    return e;
}

bool credentials_is_address(struct req *r, struct str text, struct str *out)
{
    *out = address_normal(text, r->mem);
    return address_is_valid(*out);
}

enum err credentials_read_address(struct req *r, struct str name, struct str *out)
{
    enum err e = credentials_read_email(r, name, out);
    if (e == OK && !address_is_valid(*out))
        return req_fail(r, ERR_INVALID, "That is not a valid email address");
    return e;
}

enum err credentials_read_new_password(struct req *r, struct str name, struct str *out)
{
    enum err e = read_string(r, name, out);
    struct str problem;
    if (e || account_password_is_fit(*out, r->app->conf, &r->app->weak, r->mem, &problem))
        return e;
    return req_fail(r, ERR_INVALID, "%.*s", STR_ARG(problem));
}

enum err credentials_read_code(struct req *r, struct str *out)
{
    struct str text;
    size_t n = 0;
    enum err e = read_string(r, STR("code"), &text);
    if (e)
        return e;
    char *code = arena_alloc(r->mem, CODE_MAX);
    for (size_t i = 0; i < text.n && n < CODE_MAX; i++)
        if (text.p[i] != ' ' && text.p[i] != '-')
            code[n++] =
                (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + 'a' - 'A' : text.p[i]);
    *out = str_make(code, n);
    return OK;
}

/* --- proof ------------------------------------------------------------------------------------ */

enum err credentials_check(struct req *r, struct str password, const struct account *a)
{
    bool same, possible = a && password.n <= PASSWORD_MAX;
    if (password.n > PASSWORD_MAX)
        password.n = PASSWORD_MAX;
    enum err e =
        password_verify(r->app->passwords, password, possible ? a->password_hash : STR_NULL, &same);
    return e ? e : same ? OK : ERR_INVALID_CREDENTIALS;
}

/* A backend token has no session, and so no sign-in to be fresh. */
static enum err check_fresh(struct req *r)
{
    struct session s = {.created_at = 0};
    enum err e = r->who.sid.p ? sessions_get(r->space, r->who.sid, clock_wall_ms(), r->mem, &s)
                              : ERR_NOT_FOUND;
    if (e && e != ERR_NOT_FOUND)
        return e;
    if (e == OK && clock_wall_ms() - s.created_at < FRESH_SIGN_IN_MS)
        return OK;
    return req_fail(r, ERR_INVALID_CREDENTIALS,
                    "This account has no password: sign in again, then try within 5 minutes");
}

static void find_identity(void *arg, const struct identity *i)
{
    bool *found = arg;
    (void)i;
    *found = true;
}

enum err credentials_check_way_in(struct req *r, struct space *main)
{
    const struct conf *c = r->app->conf;
    struct account a;
    bool has_identity = false;
    int64_t passkeys = 0;
    enum err e = accounts_by_id_within(main, r->who.user_id, r->mem, &a);
    if (e == OK)
        e = identities_list(main, r->who.user_id, find_identity, &has_identity);
    if (e == OK)
        e = passkeys_count(r->space, &passkeys);
    if (e || a.password_hash.n || has_identity || passkeys)
        return e;
    if (a.email_verified && c->login_codes && (c->mail_smtp.n || c->mail_sendmail.n))
        return OK;
    r->code = STR("last_sign_in");
    return req_fail(r, ERR_CONFLICT, "There is no other way to sign in: set a password first");
}

enum err credentials_confirm(struct req *r, struct str name, struct account *a)
{
    struct str password = STR("");
    enum err e = accounts_by_id(r->app->store, r->who.user_id, r->mem, a);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    if (!a->password_hash.n) {
        e = check_fresh(r);
        req_pause(r);
        return e;
    }
    e = read_string(r, name, &password);
    req_pause(r);
    if (e == OK)
        e = attempts_begin(r, a->email);
    if (e == OK)
        e = credentials_check(r, password, a);
    if (e == OK)
        attempts_forgive(r);
    if (e == ERR_INVALID_CREDENTIALS)
        audit_later(r, ACTIVITY_LOGIN_FAILED, a->id, STR_NULL);
    return e;
}
