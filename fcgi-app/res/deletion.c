/*
 * DELETE /api/account. First the sessions end, in the file; then everything in main.db, with an
 * event for the outbox in the same commit; then the relay, here or in its thread, deletes the file.
 * A crash leaves an account without sessions, that can be signed in to and deleted again, or a file
 * that the relay of the next start deletes.
 */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "credentials.h"
#include "domain/account.h"
#include "membership.h"
#include "res/res.h"

static enum err owns_with_members(struct req *r, struct space *main, bool *owns)
{
    struct organization *list;
    size_t count;
    int64_t members = 0;
    enum err e = organizations_owned(main, r->who.user_id, r->mem, &list, &count);
    for (size_t i = 0; e == OK && members == 0 && i < count; i++)
        e = members_count(main, list[i].id, &members);
    *owns = members > 0;
    return e;
}

static enum err refuse(struct req *r)
{
    return req_fail(r, ERR_CONFLICT,
                    "You own an organization that has members: remove them, or delete it, first");
}

/* Before anything happens; the last word is organization_forget_user's. */
static enum err check_organizations(struct req *r)
{
    bool owns = false;
    struct space *main;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e)
        return e;
    e = owns_with_members(r, main, &owns);
    space_release(main);
    return e ? e : owns ? refuse(r) : OK;
}

static enum err end_sessions(struct req *r)
{
    int64_t removed;
    enum err e = auth_begin_write(r);
    if (e == OK)
        e = sessions_revoke_others(r->space, STR_NULL, &removed);
    if (e == OK)
        e = space_commit(r->space);
    req_pause(r);
    if (e == OK)
        auth_tell_revoked(r, r->who.user_id);
    return e;
}

static enum err remove_rows(struct req *r, struct space *main)
{
    struct organization_call call = membership_call(r, main, r->who.user_id);
    enum err e = account_forget(&call);
    return e == ERR_CONFLICT ? refuse(r) : e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
}

static enum err forget_account(struct req *r)
{
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = remove_rows(r, main);
    return space_leave(main, e);
}

enum err account_delete(struct req *r)
{
    struct account a;
    enum err e = credentials_confirm(r, STR("password"), &a);
    if (e == OK)
        e = check_organizations(r);
    if (e == OK)
        e = end_sessions(r);
    if (e == OK)
        e = forget_account(r);
    if (e)
        return e;
    membership_deliver(r, r->who.user_id);
    auth_clear_cookies(r);
    req_ok(r);
    return OK;
}
