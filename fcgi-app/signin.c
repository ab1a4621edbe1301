/* New accounts and new sessions. */
#include "base/base.h"

#include "audit.h"
#include "base/clock.h"
#include "base/rand.h"
#include "links.h"
#include "membership.h"
#include "signin.h"

/* --- a session of an account that exists ------------------------------------------------------ */

/* In the transaction of the session: a change of password, which ends all sessions in one of its
 * own, was before it and shows, or comes after it and ends this one too. */
static enum err check_unchanged(struct req *r, const struct account *a)
{
    struct account now;
    enum err e = accounts_by_id(r->app->store, a->id, r->mem, &now);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_INVALID_CREDENTIALS : e;
    return str_eq(now.password_hash, a->password_hash) ? OK : ERR_INVALID_CREDENTIALS;
}

/* The account is gone, or its file is lost. */
static enum err why_no_file(struct req *r, const struct account *a)
{
    enum err e = check_unchanged(r, a);
    return e ? e : ERR_CORRUPT;
}

enum err signin_open(struct req *r, const struct account *a, struct str how,
                     struct auth_tokens *out)
{
    struct activity_from from = audit_from(r);
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_USER, a->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? why_no_file(r, a) : e;
    e = space_begin_write(sp);
    if (e == OK)
        e = check_unchanged(r, a);
    if (e == OK)
        e = auth_open_session(r, sp, a->id, a->email, out);
    if (e == OK)
        e = activity_add(sp, ACTIVITY_LOGIN, &from, how);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    return e;
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
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = space_begin_write(sp);
    if (e == OK)
        e = accounts_create_within(sp, a);
    if (e == OK)
        e = take_invitations(r, sp, a);
    if (e == OK && !a->email_verified)
        e = links_mail_verification(r, sp, a, a->email);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    return e;
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
