/* GET /api/account/export: the document of domain/export.h, sent part by part. */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "domain/export.h"
#include "res/res.h"

static enum err next_part(struct req *r, bool *more)
{
    enum err e = req_resume(r);
    if (!e)
        e = export_part(r->part_arg, r->space, &r->body_out, more);
    req_pause(r);
    return e;
}

static enum err note(struct req *r)
{
    struct activity_from from = audit_from(r);
    enum err e = auth_begin_write(r);
    if (e == OK)
        e = activity_add(r->space, ACTIVITY_EXPORT, &from, STR_NULL);
    return e ? e : space_commit(r->space);
}

enum err account_export(struct req *r)
{
    enum err e = r->method == METHOD_HEAD ? OK : note(r);
    req_pause(r);
    if (e)
        return e;
    const struct export_order order = {r->app->store, r->app->collections, r->who.user_id,
                                       r->who.sid};
    r->next_part = next_part;
    r->part_arg = export_new(&order, r->mem);
    req_header(r, STR("Content-Disposition"), STR("attachment; filename=\"account.json\""));
    return OK;
}
