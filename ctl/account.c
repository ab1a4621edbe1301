/* An account made and ended from here: its file, its row, and who has to hear of it. */
#include "base/base.h"

#include "base/clock.h"
#include "commands.h"
#include "domain/account.h"
#include "store/activity.h"
#include "store/sessions.h"

static struct activity_from from_here(void)
{
    return (struct activity_from){STR(""), STR("cubbyctl"), clock_wall_ms()};
}

enum err ctl_account_note(struct space *sp, enum activity_kind kind, struct str detail)
{
    struct activity_from from = from_here();
    return activity_add(sp, kind, &from, detail);
}

static enum err make_file(struct ctl *c, struct str id)
{
    struct space *sp;
    enum err e = space_create(c->store, SPACE_USER, id, &sp);
    if (e)
        return e;
    e = space_begin_write(sp);
    if (e == OK)
        e = ctl_account_note(sp, ACTIVITY_SIGNUP, STR("cubbyctl"));
    return space_leave(sp, e);
}

/* Invitations of the address become the account's, as at a sign-up. */
static enum err make_row(struct ctl *c, const struct account *a)
{
    struct space *main_db;
    enum err e = space_enter(c->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = accounts_create_within(main_db, a);
    if (e == OK) {
        struct organization_call call = ctl_call(c, main_db, a->id);
        e = organization_take_address(&call, a->email);
    }
    return space_leave(main_db, e);
}

/* First the file, then the row that names it. */
enum err ctl_account_make(struct ctl *c, const struct account *a)
{
    struct relay_line line = ctl_relay(c);
    enum err e = make_file(c, a->id);
    if (e == OK)
        e = make_row(c, a);
    if (e == OK)
        return relay_space(&line, SPACE_USER, a->id, NULL);
    enum err ignored = space_delete(c->store, SPACE_USER, a->id);
    (void)ignored; /* no one knows this id: what cannot be deleted is some lost bytes */
    return e;
}

enum err ctl_account_end_sessions(struct ctl *c, struct str id, enum activity_kind kind)
{
    struct space *sp;
    int64_t removed;
    enum err e = space_enter(c->store, SPACE_USER, id, &sp);
    if (e == OK)
        e = sessions_revoke_others(sp, STR_NULL, &removed);
    if (e == OK)
        e = ctl_account_note(sp, kind, STR_NULL);
    e = space_leave(sp, e);
    if (e == OK)
        ctl_tell_revoked(c, id);
    return e;
}

static enum err forget(struct ctl *c, struct str id)
{
    struct space *main_db;
    enum err e = space_enter(c->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK) {
        struct organization_call call = ctl_call(c, main_db, id);
        e = account_forget(&call);
    }
    return space_leave(main_db, e);
}

/* A file that is lost or damaged does not keep its account. */
enum err ctl_account_drop(struct ctl *c, struct str id)
{
    struct relay_line line = ctl_relay(c);
    enum err e = ctl_account_end_sessions(c, id, ACTIVITY_LOGOUT_ALL);
    if (e == OK || e == ERR_NOT_FOUND || e == ERR_CORRUPT)
        e = forget(c, id);
    return e ? e : relay_space(&line, SPACE_USER, id, NULL);
}
