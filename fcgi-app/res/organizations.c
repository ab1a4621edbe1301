/* Organizations and their members (docs/protocol.md section 5). */
#include "base/base.h"

#include "base/rand.h"
#include "credentials.h"
#include "membership.h"
#include "res/res.h"

/* Where the parts of /api/organizations/{id}/members/{userId} are. */
enum { ARG_ORGANIZATION, ARG_MEMBER };

/* --- what comes and what goes ----------------------------------------------------------------- */

/* Changes have main.db as their space. */
static struct organization_call writing(struct req *r)
{
    r->organization_id = r->args[ARG_ORGANIZATION];
    return membership_call(r, r->space, r->who.user_id);
}

/* The error's own sentence says too little. */
static enum err explain(struct req *r, struct organization_call *c, enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return req_fail(r, e, "There is no such organization, member or invitation");
    case ERR_FORBIDDEN:
        return req_fail(r, e, "That is for the organization's owner or admins");
    case ERR_CONFLICT:
        return req_fail(r, e, "This address is a member already");
    case ERR_QUOTA:
        return req_fail(r, e, "There is no room for another one");
    case ERR_RATE_LIMIT:
        r->retry_after_s = (c->retry_ms + 999) / 1000;
        return e;
    default:
        return e;
    }
}

static void append_organization(struct req *r, const struct organization *o)
{
    buf_append_lit(&r->body_out, "{\"ok\":true,\"organization\":");
    organization_append(&r->body_out, o);
}

static void answer_member(struct req *r, const struct member *m)
{
    buf_append_lit(&r->body_out, "{\"ok\":true,\"member\":");
    organization_append_member(&r->body_out, m);
    buf_append_ch(&r->body_out, '}');
}

/* --- organizations ---------------------------------------------------------------------------- */

enum err organizations_post(struct req *r)
{
    struct organization_call c = writing(r);
    struct organization o;
    struct str name;
    char *id = arena_alloc(r->mem, RAND_ID_LEN + 1);
    if (!req_json_string(r, STR("name"), &name))
        return req_fail(r, ERR_INVALID, "name must be a string");
    name = str_trim(name);
    if (!organization_name_is_valid(name))
        return req_fail(r, ERR_INVALID, "name is a text of 1 to %d characters, on one line",
                        ORGANIZATION_NAME_MAX);
    rand_id(id);
    r->organization_id = str_make(id, RAND_ID_LEN);
    enum err e = organization_create(&c, r->organization_id, name, &o);
    if (e)
        return explain(r, &c, e);
    if (r->form)
        return req_redirect(r, STR("/organizations"));
    append_organization(r, &o);
    buf_append_ch(&r->body_out, '}');
    return OK;
}

static void append_owned(struct buf *out, const struct organization *list, size_t count)
{
    buf_append_lit(out, "{\"ok\":true,\"organizations\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_append_ch(out, ',');
        organization_append(out, &list[i]);
    }
    buf_append_ch(out, ']');
}

static void append_membership(struct buf *out, const struct membership *m)
{
    buf_append_lit(out, "{\"organizationId\":");
    json_append_string(out, m->organization_id);
    buf_append_lit(out, ",\"organizationName\":");
    json_append_string(out, m->organization_name);
    buf_append_lit(out, ",\"ownerEmail\":");
    json_append_string(out, m->owner_email);
    buf_append_lit(out, ",\"role\":");
    json_append_string(out, role_name(m->role));
    buf_append_lit(out, ",\"joinedAt\":");
    row_append_time_or_null(out, m->joined_at);
    buf_append_str(out,
                   m->active ? STR(",\"status\":\"active\"}") : STR(",\"status\":\"invited\"}"));
}

enum err organizations_list(struct req *r)
{
    struct space *main_db;
    struct organization *owned;
    struct membership *memberships;
    size_t owned_count, count;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    e = organizations_owned(main_db, r->who.user_id, r->mem, &owned, &owned_count);
    if (!e)
        e = memberships_of_user(main_db, r->who.user_id, r->mem, &memberships, &count);
    space_release(main_db);
    if (e)
        return e;
    append_owned(&r->body_out, owned, owned_count);
    buf_append_lit(&r->body_out, ",\"memberOrganizations\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_append_ch(&r->body_out, ',');
        append_membership(&r->body_out, &memberships[i]);
    }
    buf_append_lit(&r->body_out, "]}");
    return OK;
}

enum err organizations_show(struct req *r)
{
    struct organization o;
    struct members members;
    struct space *main_db;
    enum role role;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    struct organization_call c = membership_call(r, main_db, r->who.user_id);
    e = organization_show(&c, r->args[ARG_ORGANIZATION], &o, &members, &role);
    space_release(main_db);
    if (e)
        return explain(r, &c, e);
    append_organization(r, &o);
    buf_append_lit(&r->body_out, ",\"members\":[");
    for (size_t i = 0; i < members.count; i++) {
        if (i)
            buf_append_ch(&r->body_out, ',');
        organization_append_member(&r->body_out, &members.list[i]);
    }
    buf_append_str(&r->body_out,
                   role == ROLE_OWNER ? STR("],\"isOwner\":true}") : STR("],\"isOwner\":false}"));
    return OK;
}

enum err organizations_drop(struct req *r)
{
    struct organization_call c = writing(r);
    enum err e = organization_delete(&c, r->args[ARG_ORGANIZATION]);
    if (e == ERR_FORBIDDEN)
        return req_fail(r, e, "That is for the organization's owner");
    if (e)
        return explain(r, &c, e);
    req_ok(r);
    return OK;
}

/* --- members ---------------------------------------------------------------------------------- */

static enum err read_role(struct req *r, enum role *role)
{
    struct json_value v = json_get(req_json(r), STR("role"));
    struct str name;
    *role = ROLE_MEMBER;
    if (json_is_absent(v))
        return OK;
    *role = req_json_string(r, STR("role"), &name) ? role_parse(name) : ROLE_NONE;
    return *role ? OK : req_fail(r, ERR_INVALID, "role is admin or member");
}

enum err organizations_invite(struct req *r)
{
    struct organization_call c = writing(r);
    struct member m;
    struct str email;
    enum role role;
    enum err e = credentials_read_address(r, STR("email"), &email);
    if (!e)
        e = read_role(r, &role);
    if (e)
        return e;
    e = organization_invite(&c, r->args[ARG_ORGANIZATION], email, role, &m);
    if (e)
        return explain(r, &c, e);
    answer_member(r, &m);
    return OK;
}

enum err organizations_accept(struct req *r)
{
    struct organization_call c = writing(r);
    struct member m;
    enum err e = organization_accept(&c, r->args[ARG_ORGANIZATION], &m);
    if (e == ERR_FORBIDDEN)
        return req_fail(r, e, "Verify your e-mail address first");
    if (e)
        return explain(r, &c, e);
    answer_member(r, &m);
    return OK;
}

enum err organizations_remove_member(struct req *r)
{
    struct organization_call c = writing(r);
    enum err e = organization_remove(&c, r->args[ARG_ORGANIZATION], r->args[ARG_MEMBER]);
    if (e)
        return explain(r, &c, e);
    req_ok(r);
    return OK;
}
