/* The identities at OpenID providers that belong to an account. */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "credentials.h"
#include "notice.h"
#include "res/res.h"
#include "store/accounts.h"
#include "store/identities.h"

static void append_identity(void *arg, const struct identity *i)
{
    struct buf *out = arg;
    char linked[CLOCK_ISO_LEN + 1];
    clock_iso(i->linked_at, linked);
    if (out->p[out->n - 1] != '[')
        buf_append_ch(out, ',');
    buf_append_lit(out, "{\"provider\":");
    json_append_string(out, i->provider);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, i->email);
    buf_appendf(out, ",\"linkedAt\":\"%s\"}", linked);
}

enum err identities_show(struct req *r)
{
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":[");
    e = identities_list(sp, r->who.user_id, append_identity, &r->body_out);
    buf_append_lit(&r->body_out, "]}");
    space_release(sp);
    return e;
}

/* --- unlinking -------------------------------------------------------------------------------- */

static enum err tell(struct req *r, struct space *main, struct str provider)
{
    struct account a;
    enum err e = accounts_by_id_within(main, r->who.user_id, r->mem, &a);
    return e ? e : notice_mail_within(r, main, &a, NOTICE_PROVIDER_UNLINKED, provider);
}

static enum err unlink_within(struct req *r, struct str provider)
{
    struct activity_from from = audit_from(r);
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e == OK)
        e = identities_remove(sp, r->who.user_id, provider);
    if (e == OK)
        e = credentials_check_way_in(r, sp);
    if (e == OK)
        e = tell(r, sp, provider);
    if (e == OK)
        e = activity_add(r->space, ACTIVITY_PROVIDER_UNLINKED, &from, provider);
    return space_leave(sp, e);
}

/* As adding one (oauth_link): who finds a browser signed in must not lock its owner out. */
enum err identities_unlink(struct req *r)
{
    struct account a;
    enum err e = credentials_confirm(r, STR("password"), &a);
    if (e == OK)
        e = auth_begin_write(r);
    if (e == OK)
        e = unlink_within(r, r->args[0]);
    if (e == OK)
        e = space_commit(r->space);
    req_pause(r);
    if (e == OK)
        req_ok(r);
    return e;
}
