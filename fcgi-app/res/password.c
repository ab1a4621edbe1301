/* Passwords: changed by who knows the old one, reset by who gets the account's mail. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "credentials.h"
#include "links.h"
#include "mail.h"
#include "notice.h"
#include "res/res.h"
#include "store/factors.h"
#include "store/once.h"

/* --- a reset is asked for --------------------------------------------------------------------- */

enum err password_reset_request(struct req *r)
{
    struct str email, token = STR_NULL;
    struct account a;
    enum err e = credentials_read_address(r, STR("email"), &email);
    if (e == OK)
        e = attempts_take(r, "mail", email);
    if (e)
        return e;
    e = accounts_by_email(r->app->store, email, r->mem, &a);
    if (e && e != ERR_NOT_FOUND)
        return e;
    if (e == OK) {
        token = links_make_reset(r, &a);
        mail_later(r, &a, ACTIVITY_PASSWORD_RESET_REQUESTED, token, links_mail_reset);
    }
    buf_append_lit(&r->body_out, "{\"ok\":true,\"message\":\"If that address has an account, a "
                                 "link to set a new password is on its way\"");
    if (r->app->conf->dev_show_reset_token && token.p) {
        buf_append_lit(&r->body_out, ",\"resetToken\":");
        json_append_string(&r->body_out, token);
    }
    buf_append_ch(&r->body_out, '}');
    return OK;
}

/* --- a new password takes effect -------------------------------------------------------------- */

/* A password to be, and what becomes of the sessions. */
struct new_password {
    const struct account *account; /* as it was when the proof was checked */
    struct str hash;
    struct str keep_sid;     /* the session that stays, STR_NULL: none */
    const struct link *link; /* that it was reset by, or NULL: changed by who is signed in */
};

/* In main.db: nothing, when anybody was faster. */
static enum err store_password(struct req *r, const struct new_password *p)
{
    struct account now = {0};
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK && p->link)
        e = once_use(main, p->link->jti, p->link->exp, clock_wall_ms() / 1000);
    if (e == OK)
        e = accounts_by_id_within(main, p->account->id, r->mem, &now);
    if (e == OK && p->link && !links_is_current(p->link, &now))
        e = ERR_INVALID_TOKEN;
    else if (e == OK && !str_eq(now.password_hash, p->account->password_hash))
        e = ERR_INVALID_CREDENTIALS;
    if (e == OK)
        e = accounts_set_password_within(main, now.id, p->hash);
    if (e == OK && p->link) { /* it came by mail to this address */
        now.email_verified = true;
        e = accounts_set_email_within(main, now.id, now.email);
    }
    if (e == OK)
        e = notice_mail_within(r, main, &now, NOTICE_PASSWORD, STR_NULL);
    e = space_leave(main, e);
    return e == ERR_NOT_FOUND ? ERR_INVALID_TOKEN : e;
}

static enum err end_sessions(struct space *sp, struct str keep_sid)
{
    int64_t removed;
    return sessions_revoke_others(sp, keep_sid, &removed);
}

static enum err forget_totp(struct space *sp, const struct activity_from *from)
{
    bool on;
    enum err e = factors_is_on(sp, &on);
    if (e == OK)
        e = factors_remove(sp);
    return e || !on ? e : activity_add(sp, ACTIVITY_TOTP_DISABLED, from, STR_NULL);
}

static enum err forget_passkeys(struct space *sp, const struct activity_from *from)
{
    int64_t removed = 0;
    enum err e = passkeys_remove_all(sp, &removed);
    return e || !removed ? e
                         : activity_add(sp, ACTIVITY_PASSKEY_REMOVED, from, STR("password reset"));
}

/*
 * Who has the old password has no way in any more. Where the link is the first proof of whose the
 * address is, whoever signed up with it may be another: he keeps none at all, nor the owner out.
 */
static enum err shut_out(struct space *sp, const struct new_password *p,
                         const struct activity_from *from)
{
    enum err e = end_sessions(sp, p->keep_sid);
    if (e || !p->link || p->account->email_verified)
        return e;
    e = forget_totp(sp, from);
    return e ? e : forget_passkeys(sp, from);
}

/*
 * In a commit of its own before the password changes, so that a crash between leaves no session or
 * passkey of another's alive; and once more in the transaction around the change, for who signed in
 * with the old password meanwhile (signin_open looks at the password within its own).
 */
static enum err take_effect(struct req *r, struct space *sp, const struct new_password *p)
{
    struct activity_from from = audit_from(r);
    enum err e = shut_out(sp, p, &from);
    if (e == OK)
        e = space_commit(sp);
    if (e)
        return e;
    auth_tell_revoked(r, p->account->id);
    e = space_begin_write(sp);
    if (e == OK)
        e = shut_out(sp, p, &from);
    if (e == OK)
        e = activity_add(sp, p->link ? ACTIVITY_PASSWORD_RESET : ACTIVITY_PASSWORD_CHANGED, &from,
                         STR_NULL);
    if (e == OK)
        e = store_password(r, p);
    return e ? e : space_commit(sp);
}

static enum err change(struct req *r, const struct new_password *p)
{
    enum err e = auth_begin_write(r);
    if (e == OK)
        e = take_effect(r, r->space, p);
    if (e == OK)
        auth_tell_revoked(r, p->account->id);
    req_pause(r);
    return e;
}

enum err password_change(struct req *r)
{
    struct account a;
    struct str password;
    enum err e = credentials_read_new_password(r, STR("newPassword"), &password);
    if (e == OK)
        e = credentials_confirm(r, STR("oldPassword"), &a);
    if (e)
        return e;
    struct new_password p = {.account = &a, .keep_sid = r->who.sid};
    e = password_hash(r->app->passwords, password, r->mem, &p.hash);
    if (e == OK)
        e = change(r, &p);
    if (e == OK)
        req_ok(r);
    return e;
}

/* --- a reset is confirmed --------------------------------------------------------------------- */

/* What the link proves, before the work of a hash. *l->user_id is whom the token is of, once that
 * is certain. */
static enum err check_link(struct req *r, struct str token, struct link *l, struct account *a)
{
    enum err e = links_read_reset(r, token, l);
    if (e == OK)
        e = accounts_by_id(r->app->store, l->user_id, r->mem, a);
    if (e == OK)
        return links_is_current(l, a) ? OK : ERR_INVALID_TOKEN;
    l->user_id = STR_NULL;
    return e == ERR_NOT_FOUND ? ERR_INVALID_TOKEN : e;
}

static enum err reset(struct req *r, const struct new_password *p)
{
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_USER, p->account->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_INVALID_TOKEN : e;
    e = space_begin_write(sp);
    if (e == OK)
        e = take_effect(r, sp, p);
    space_release(sp);
    if (e == OK)
        auth_tell_revoked(r, p->account->id);
    return e;
}

enum err password_reset_confirm(struct req *r)
{
    struct link link = {.user_id = STR_NULL};
    struct account a;
    struct str token, password;
    enum err e = OK;
    if (!req_json_string(r, STR("resetToken"), &token))
        return req_fail(r, ERR_INVALID, "resetToken must be a string");
    e = credentials_read_new_password(r, STR("newPassword"), &password);
    if (e)
        return e;
    e = check_link(r, token, &link, &a);
    struct new_password p = {.account = &a, .keep_sid = STR_NULL, .link = &link};
    if (e == OK)
        e = attempts_take(r, "reset", a.email);
    if (e == OK)
        e = password_hash(r->app->passwords, password, r->mem, &p.hash);
    if (e == OK)
        e = reset(r, &p);
    if (e == ERR_INVALID_TOKEN)
        return audit_refused(r, "password_reset", link.user_id);
    if (e == OK)
        buf_append_lit(&r->body_out, "{\"ok\":true,\"message\":\"The new password is set\"}");
    return e;
}
