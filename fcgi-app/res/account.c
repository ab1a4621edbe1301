/* Sign up, log in, log out, who am I, refresh. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "credentials.h"
#include "res/res.h"
#include "signin.h"

/* --- what was sent ---------------------------------------------------------------------------- */

struct sent {
    struct str email; /* trimmed, lower-case */
    struct str password;
};

static enum err read_new(struct req *r, struct sent *out)
{
    enum err e = credentials_read_address(r, STR("email"), &out->email);
    return e ? e : credentials_read_new_password(r, STR("password"), &out->password);
}

static enum err read_known(struct req *r, struct sent *out)
{
    if (!req_json_string(r, STR("password"), &out->password))
        return req_fail(r, ERR_INVALID, "password must be a string");
    return credentials_read_email(r, STR("email"), &out->email);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void append_user(struct buf *out, const struct account *a)
{
    char created[CLOCK_ISO_LEN + 1];
    clock_iso(a->created_at, created);
    buf_append_lit(out, "\"user\":{\"id\":");
    json_append_string(out, a->id);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, a->email);
    buf_append_lit(out, ",\"createdAt\":\"");
    buf_append(out, created, CLOCK_ISO_LEN);
    buf_append_ch(out, '"');
}

static void append_tokens(struct buf *out, const struct auth_tokens *t)
{
    buf_append_lit(out, ",\"token\":");
    json_append_string(out, t->access);
    buf_append_lit(out, ",\"refreshToken\":");
    json_append_string(out, t->refresh);
    buf_append_ch(out, '}');
}

static enum err redirect_signed_in(struct req *r, const struct auth_tokens *t)
{
    auth_set_cookies(r, t);
    return req_redirect(r, STR("/"));
}

void account_answer_signed_in(struct req *r, const struct account *a, const struct auth_tokens *t)
{
    auth_set_cookies(r, t);
    buf_append_lit(&r->body_out, "{\"ok\":true,");
    append_user(&r->body_out, a);
    buf_append_ch(&r->body_out, '}');
    append_tokens(&r->body_out, t);
}

struct str account_second_page(struct req *r)
{
    return arena_printf(r->mem, "/#loginToken=%.*s", STR_ARG(r->login_token));
}

/* --- sign up ---------------------------------------------------------------------------------- */

static enum err sign_up(struct req *r, struct account *a, struct auth_tokens *tokens)
{
    struct sent c;
    enum err e = read_new(r, &c);
    if (e == OK)
        e = attempts_take(r, "auth", c.email);
    if (e)
        return e;
    e = accounts_by_email(r->app->store, c.email, r->mem, a);
    if (e != ERR_NOT_FOUND)
        return e ? e : ERR_EMAIL_TAKEN;
    *a = (struct account){.email = c.email};
    e = password_hash(r->app->passwords, c.password, r->mem, &a->password_hash);
    return e ? e : signin_make(r, a, STR("password"), tokens);
}

enum err account_signup(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = sign_up(r, &a, &tokens);
    if (e == OK)
        account_answer_signed_in(r, &a, &tokens);
    return e;
}

enum err account_signup_form(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = sign_up(r, &a, &tokens);
    return e ? e : redirect_signed_in(r, &tokens);
}

/* --- log in ----------------------------------------------------------------------------------- */

/* The same text and time whether the address or the password is wrong. */
static enum err check_password(struct req *r, const struct sent *c, struct account *a)
{
    enum err e = accounts_by_email(r->app->store, c->email, r->mem, a);
    if (e && e != ERR_NOT_FOUND)
        return e;
    bool known = e == OK;
    e = credentials_check(r, c->password, known ? a : NULL);
    if (e == ERR_INVALID_CREDENTIALS && known)
        audit_later(r, ACTIVITY_LOGIN_FAILED, a->id, STR_NULL);
    return e;
}

static enum err log_in(struct req *r, struct account *a, struct auth_tokens *tokens)
{
    struct sent c;
    enum err e = read_known(r, &c);
    if (e == OK)
        e = attempts_begin(r, c.email);
    if (e == OK)
        e = check_password(r, &c, a);
    return e ? e : signin_open(r, a, STR("password"), tokens);
}

enum err account_login(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = log_in(r, &a, &tokens);
    if (e == OK)
        account_answer_signed_in(r, &a, &tokens);
    return e;
}

enum err account_login_form(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = log_in(r, &a, &tokens);
    if (r->login_token.p)
        return req_redirect(r, account_second_page(r));
    return e ? e : redirect_signed_in(r, &tokens);
}

/* --- the rest --------------------------------------------------------------------------------- */

static enum err log_out(struct req *r)
{
    return auth_end_session(r, str_eq(form_get(&r->params, STR("all")), STR("1")));
}

enum err account_logout(struct req *r)
{
    enum err e = log_out(r);
    if (e == OK)
        req_ok(r);
    return e;
}

enum err account_logout_form(struct req *r)
{
    enum err e = log_out(r);
    return e ? e : req_redirect(r, STR("/"));
}

enum err account_me(struct req *r)
{
    struct account a;
    enum err e = accounts_by_id(r->app->store, r->who.user_id, r->mem, &a);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    buf_append_lit(&r->body_out, "{\"ok\":true,");
    append_user(&r->body_out, &a);
    buf_append_str(&r->body_out, a.email_verified ? STR(",\"emailVerified\":true}}")
                                                  : STR(",\"emailVerified\":false}}"));
    return OK;
}

enum err account_profile(struct req *r)
{
    return account_me(r);
}

enum err account_refresh(struct req *r)
{
    struct auth_tokens tokens;
    struct str token;
    if (!req_json_string(r, STR("refreshToken"), &token))
        token = auth_refresh_cookie(r);
    enum err e = auth_refresh(r, token, &tokens);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true");
    append_tokens(&r->body_out, &tokens);
    return OK;
}
