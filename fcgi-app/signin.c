/* New accounts and new sessions. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "base/clock.h"
#include "base/rand.h"
#include "credentials.h"
#include "membership.h"
#include "signin.h"
#include "store/factors.h"
#include "store/once.h"

/* --- a session of an account that exists ------------------------------------------------------ */

/* In the transaction of the session: a change of password, which ends all sessions in one of its
 * own, was before it and shows, or comes after it and ends this one too. */
static enum err check_unchanged(struct req *r, const struct account *a, struct account *now)
{
    enum err e = accounts_by_id(r->app->store, a->id, r->mem, now);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_INVALID_CREDENTIALS : e;
    return str_eq(now->password_hash, a->password_hash) ? OK : ERR_INVALID_CREDENTIALS;
}

/* The account is gone, or its file is lost. */
static enum err why_no_file(struct req *r, const struct account *a)
{
    struct account now;
    enum err e = check_unchanged(r, a, &now);
    return e ? e : ERR_CORRUPT;
}

/* How an account is entered, and what its second factor is where that was asked for already. */
struct entrance {
    const struct account *account;
    struct str how;
    const struct link *link; /* NULL: it is the first step */
    const struct signin_second *second;
    const struct signin_proof *proof; /* NULL: what was proven counts for one factor */
};

/* No session yet, but what one can be had for. */
static enum err ask_second(struct req *r, const struct entrance *n)
{
    r->login_token = links_make_login(r, n->account, n->how);
    r->error_members =
        arena_printf(r->mem, "\"loginToken\":\"%.*s\",\"methods\":[\"totp\",\"recovery\"]",
                     STR_ARG(r->login_token));
    r->code = STR("second_factor_required");
    return req_fail(r, ERR_UNAUTHORIZED, "A second factor is needed");
}

/* The one place where it is decided whether one proof is enough. */
static enum err check_second(struct req *r, struct space *sp, const struct entrance *n)
{
    bool on;
    if (n->proof)
        return n->proof->check(r, sp, n->proof->arg);
    enum err e = n->link ? once_use(sp, n->link->jti, n->link->exp, clock_wall_ms() / 1000)
                         : factors_is_on(sp, &on);
    if (e)
        return e;
    if (n->link)
        return n->second->use(r, sp, n->second->code);
    return on ? ask_second(r, n) : OK;
}

static enum err enter(struct req *r, const struct entrance *n, struct auth_tokens *out)
{
    struct activity_from from = audit_from(r);
    const struct account *a = n->account;
    struct account now = {.disabled_at = 0};
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_USER, a->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? why_no_file(r, a) : e;
    e = space_begin_write(sp);
    if (e == OK)
        e = check_unchanged(r, a, &now);
    if (e == OK)
        e = check_second(r, sp, n);
    if (e == OK && now.disabled_at) /* only who has proven to be its owner hears of it */
        e = ERR_DISABLED;
    if (e == OK)
        e = auth_open_session(r, sp, a->id, a->email, out);
    if (e == OK)
        e = activity_add(sp, ACTIVITY_LOGIN, &from, n->how);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    if (e == OK)
        attempts_forget(r);
    return e;
}

enum err signin_open(struct req *r, const struct account *a, struct str how,
                     struct auth_tokens *out)
{
    return enter(r, &(struct entrance){.account = a, .how = how}, out);
}

enum err signin_prove(struct req *r, const struct account *a, struct str how,
                      const struct signin_proof *proof, struct auth_tokens *out)
{
    return enter(r, &(struct entrance){.account = a, .how = how, .proof = proof}, out);
}

/* *l->user_id is whom the token is of, once that is certain. */
static enum err check_link(struct req *r, struct str token, struct link *l, struct account *a)
{
    enum err e = links_read_login(r, token, l);
    if (e == OK)
        e = accounts_by_id(r->app->store, l->user_id, r->mem, a);
    if (e == OK)
        return links_is_current(l, a) ? OK : ERR_INVALID_TOKEN;
    l->user_id = STR_NULL;
    return e == ERR_NOT_FOUND ? ERR_INVALID_TOKEN : e;
}

enum err signin_finish(struct req *r, struct str login_token, const struct signin_second *second,
                       struct account *a, struct auth_tokens *out)
{
    struct link link = {.user_id = STR_NULL};
    enum err e = check_link(r, login_token, &link, a);
    if (e == OK)
        e = attempts_begin_factor(r, a);
    if (e == OK)
        e = enter(r, &(struct entrance){a, link.how, &link, second, NULL}, out);
    if (e == ERR_INVALID_CREDENTIALS)
        audit_later(r, ACTIVITY_TOTP_FAILED, a->id, STR_NULL);
    return e == ERR_INVALID_TOKEN ? audit_refused(r, "login", link.user_id) : e;
}

/* --- a new account ---------------------------------------------------------------------------- */

static enum err make_file(struct req *r, const struct account *a, struct str how,
                          struct auth_tokens *out)
{
    struct activity_from from = audit_from(r);
    struct space *sp;
    enum err e = space_create(r->app->store, SPACE_USER, a->id, &sp);
    if (e)
        return e;
    e = space_begin_write(sp);
    if (e == OK)
        e = auth_open_session(r, sp, a->id, a->email, out);
    if (e == OK)
        e = activity_add(sp, ACTIVITY_SIGNUP, &from, how);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    return e;
}

/* Where the address was invited, the account is invited, or a member, from its beginning. */
static enum err take_invitations(struct req *r, struct space *sp, const struct account *a)
{
    struct organization_call c = membership_call(r, sp, a->id);
    return organization_take_address(&c, a->email);
}

static enum err make_row(struct req *r, const struct account *a)
{
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e == OK)
        e = accounts_create_within(sp, a);
    if (e == OK)
        e = take_invitations(r, sp, a);
    if (e == OK && !a->email_verified)
        e = links_mail_verification(r, sp, a, a->email);
    return space_leave(sp, e);
}

/* First the file, then the row that names it: an account without a file cannot be. */
enum err signin_make(struct req *r, struct account *a, struct str how, struct auth_tokens *out)
{
    char *id = arena_alloc(r->mem, RAND_ID_LEN + 1);
    rand_id(id);
    a->id = str_make(id, RAND_ID_LEN);
    a->created_at = clock_wall_ms();
    enum err e = make_file(r, a, how, out);
    if (e == OK)
        e = make_row(r, a);
    if (e) {
        /* No one knows this id: a file that cannot be deleted now is only some lost bytes. */
        enum err ignored = space_delete(r->app->store, SPACE_USER, a->id);
        (void)ignored;
        return e;
    }
    membership_deliver(r, a->id);
    return OK;
}
