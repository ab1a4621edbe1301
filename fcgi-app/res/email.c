/* The address of an account: changed and verified by a link that is mailed to it. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "credentials.h"
#include "links.h"
#include "membership.h"
#include "res/res.h"
#include "store/once.h"

/* --- a change is asked for -------------------------------------------------------------------- */

/* Whether the address has an account is not said here: its owner gets the link, and only who
 * follows that hears of a conflict. */
static enum err queue_link(struct req *r, const struct account *a, struct str email)
{
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = attempts_take_within(r, main, "mail", email);
    if (e == OK)
        e = links_mail_verification(r, main, a, email);
    return space_leave(main, e);
}

enum err email_change(struct req *r)
{
    struct activity_from from = audit_from(r);
    struct account a;
    struct str email;
    enum err e = credentials_read_address(r, STR("newEmail"), &email);
    if (e == OK)
        e = credentials_confirm(r, STR("password"), &a);
    if (e == OK)
        e = auth_begin_write(r);
    if (e)
        return e;
    e = activity_add(r->space, ACTIVITY_EMAIL_CHANGE_REQUESTED, &from, email);
    if (e == OK)
        e = queue_link(r, &a, email);
    if (e == OK)
        e = space_commit(r->space);
    req_pause(r);
    if (e == OK)
        buf_append_lit(&r->body_out, "{\"ok\":true,\"message\":\"A link to confirm the address is "
                                     "on its way to it\"}");
    return e;
}

/* --- the link is followed --------------------------------------------------------------------- */

/* What the link does to the account, in main.db. *old_email: what it had, in r->mem. */
static enum err apply(struct req *r, struct space *main, const struct link *l,
                      struct str *old_email)
{
    struct account a;
    enum err e = once_use(main, l->jti, l->exp, clock_wall_ms() / 1000);
    if (e == OK)
        e = accounts_by_id_within(main, l->user_id, r->mem, &a);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_INVALID_TOKEN : e;
    *old_email = a.email;
    bool same = str_eq(a.email, l->email);
    if (!same && !links_is_current(l, &a))
        return ERR_INVALID_TOKEN;
    e = accounts_set_email_within(main, a.id, l->email);
    if (e == OK && !same) {
        struct organization_call call = membership_call(r, main, a.id);
        e = organization_take_address(&call, l->email);
    }
    return e || same || !a.email_verified ? e : links_mail_changed(main, a.email, l->email);
}

static enum err set_address(struct req *r, const struct link *l, struct str *old_email)
{
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = apply(r, main, l, old_email);
    return space_leave(main, e);
}

/* The line and the address: the line's transaction is around the other one. */
static enum err verify(struct req *r, struct link *l)
{
    struct activity_from from = audit_from(r);
    struct str old_email = STR_NULL;
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_USER, l->user_id, &sp);
    if (e == ERR_NOT_FOUND) {
        l->user_id = STR_NULL; /* an account that was deleted */
        e = ERR_INVALID_TOKEN;
    }
    if (e)
        return e;
    e = space_begin_write(sp);
    if (e == OK)
        e = set_address(r, l, &old_email);
    if (e == OK)
        e = str_eq(old_email, l->email) ? activity_add(sp, ACTIVITY_EMAIL_VERIFIED, &from, STR_NULL)
                                        : activity_add(sp, ACTIVITY_EMAIL_CHANGED, &from, l->email);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    if (e == OK)
        membership_deliver(r, l->user_id);
    return e;
}

enum err email_verify(struct req *r)
{
    struct link link = {.user_id = STR_NULL};
    struct str token;
    if (!req_json_string(r, STR("token"), &token))
        return req_fail(r, ERR_INVALID, "token must be a string");
    enum err e = links_read_verification(r, token, &link);
    if (e == OK)
        e = verify(r, &link);
    if (e == ERR_INVALID_TOKEN)
        return audit_refused(r, "email_verify", link.user_id);
    if (e == OK) {
        buf_append_lit(&r->body_out, "{\"ok\":true,\"email\":");
        json_append_string(&r->body_out, link.email);
        buf_append_ch(&r->body_out, '}');
    }
    return e;
}
