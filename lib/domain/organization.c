/* The rules of organizations, and the events that tell of them. */
#include "base/base.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "domain/organization.h"
#include "store/limits.h"
#include "store/mailbox.h"
#include "store/outbox.h"
#include "wire/json.h"

#define HOUR_MS       INT64_C(3600000)
#define HASHED_ID_LEN (2 * (size_t)SHA256_LEN)

bool organization_name_is_valid(struct str name)
{
    if (str_trim(name).n != name.n || !name.n || !utf8_is_valid(name))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return false;
    return utf8_count(name) <= ORGANIZATION_NAME_MAX;
}

/* --- as others see them ----------------------------------------------------------------------- */

/* Of an address without an account. */
static void hash_address(struct str email, char out[HASHED_ID_LEN + 1])
{
    unsigned char digest[SHA256_LEN];
    sha256(email, digest);
    hex_encode(digest, sizeof digest, out);
}

static void append_user_id(struct buf *out, const struct member *m)
{
    char hashed[HASHED_ID_LEN + 1];
    if (!m->user_id.n)
        hash_address(m->email, hashed);
    json_append_string(out, m->user_id.n ? m->user_id : str_make(hashed, HASHED_ID_LEN));
}

static void append_time(struct buf *out, int64_t ms)
{
    char text[CLOCK_ISO_LEN + 1];
    clock_iso(ms, text);
    buf_appendf(out, "\"%s\"", text);
}

void organization_append(struct buf *out, const struct organization *o)
{
    buf_append_lit(out, "{\"id\":");
    json_append_string(out, o->id);
    buf_append_lit(out, ",\"name\":");
    json_append_string(out, o->name);
    buf_append_lit(out, ",\"ownerId\":");
    json_append_string(out, o->owner_id);
    buf_append_lit(out, ",\"createdAt\":");
    append_time(out, o->created_at);
    buf_append_ch(out, '}');
}

void organization_append_member(struct buf *out, const struct member *m)
{
    buf_append_lit(out, "{\"id\":");
    json_append_string(out, m->id);
    buf_append_lit(out, ",\"organizationId\":");
    json_append_string(out, m->organization_id);
    buf_append_lit(out, ",\"userId\":");
    append_user_id(out, m);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, m->email);
    buf_append_lit(out, ",\"role\":");
    json_append_string(out, role_name(m->role));
    buf_append_lit(out, ",\"createdAt\":");
    append_time(out, m->created_at);
    buf_append_str(out,
                   m->active ? STR(",\"status\":\"active\"}") : STR(",\"status\":\"invited\"}"));
}

/* --- who hears of it -------------------------------------------------------------------------- */

/* An event on its way to everyone whom it concerns. */
struct news {
    const char *name;
    struct buf data;
    struct str concerned; /* a user who is no member (any more, or yet); empty: none */
    bool invited_too;
};

static struct news news_begin(const char *name, struct str organization_id)
{
    struct news n = {.name = name, .data = BUF_INIT};
    buf_append_lit(&n.data, "{\"organizationId\":");
    json_append_string(&n.data, organization_id);
    return n;
}

static enum err tell(struct organization_call *c, enum space_kind kind, struct str id,
                     const struct news *n)
{
    return outbox_add(c->main_db, kind, id, str_from_c(n->name), buf_str(&n->data), c->now);
}

/* To the organization's own log, the owner, all members, and the one concerned. Frees the news. */
static enum err announce(struct organization_call *c, const struct organization *o, struct news *n)
{
    struct members all;
    enum err e = members_list(c->main_db, o->id, c->mem, &all);
    if (!e)
        e = tell(c, SPACE_ORG, o->id, n);
    if (!e)
        e = tell(c, SPACE_USER, o->owner_id, n);
    for (size_t i = 0; !e && i < all.count; i++) {
        const struct member *m = &all.list[i];
        if (m->user_id.n && (m->active || n->invited_too) && !str_eq(m->user_id, n->concerned))
            e = tell(c, SPACE_USER, m->user_id, n);
    }
    if (!e && n->concerned.n && !str_eq(n->concerned, o->owner_id))
        e = tell(c, SPACE_USER, n->concerned, n);
    buf_release(&n->data);
    return e;
}

static enum err announce_member(struct organization_call *c, const struct organization *o,
                                const struct member *m)
{
    struct news n = news_begin("organization:member_added", o->id);
    buf_append_lit(&n.data, ",\"member\":");
    organization_append_member(&n.data, m);
    buf_append_ch(&n.data, '}');
    n.concerned = m->user_id;
    return announce(c, o, &n);
}

/* concerned: whose own log gets it too; empty where that one is about to be deleted. */
static enum err announce_removal(struct organization_call *c, const struct organization *o,
                                 const struct member *m, struct str concerned)
{
    struct news n = news_begin("organization:member_removed", o->id);
    buf_append_lit(&n.data, ",\"userId\":");
    append_user_id(&n.data, m);
    buf_append_ch(&n.data, '}');
    n.concerned = concerned;
    return announce(c, o, &n);
}

static enum err announce_deletion(struct organization_call *c, const struct organization *o)
{
    struct news n = news_begin("organization:deleted", o->id);
    buf_append_ch(&n.data, '}');
    n.invited_too = true;
    return announce(c, o, &n);
}

/* --- organizations ---------------------------------------------------------------------------- */

enum err organization_create(struct organization_call *c, struct str id, struct str name,
                             struct organization *out)
{
    struct news n = {.name = "organization:created", .data = BUF_INIT};
    struct organization *owned;
    size_t count;
    *out =
        (struct organization){.id = id, .name = name, .owner_id = c->user_id, .created_at = c->now};
    enum err e = organizations_owned(c->main_db, c->user_id, c->mem, &owned, &count);
    if (!e && c->rules.owned_max && count >= (size_t)c->rules.owned_max)
        e = ERR_QUOTA;
    if (!e)
        e = organizations_insert(c->main_db, out);
    if (e)
        return e;
    buf_append_lit(&n.data, "{\"organization\":");
    organization_append(&n.data, out);
    buf_append_ch(&n.data, '}');
    return announce(c, out, &n);
}

/* The organization, and what the user is there. */
static enum err find(struct organization_call *c, struct str id, struct organization *o,
                     enum role *role)
{
    enum err e = organizations_get(c->main_db, id, c->mem, o);
    return e ? e : organizations_role(c->main_db, id, c->user_id, role);
}

enum err organization_show(struct organization_call *c, struct str id, struct organization *out,
                           struct members *members, enum role *role)
{
    enum err e = find(c, id, out, role);
    if (!e && *role == ROLE_NONE)
        e = ERR_NOT_FOUND;
    return e ? e : members_list(c->main_db, id, c->mem, members);
}

enum err organization_delete(struct organization_call *c, struct str id)
{
    struct organization o;
    enum role role;
    enum err e = find(c, id, &o, &role);
    if (!e && role != ROLE_OWNER)
        e = role == ROLE_NONE ? ERR_NOT_FOUND : ERR_FORBIDDEN;
    if (!e)
        e = announce_deletion(c, &o);
    return e ? e : organizations_remove(c->main_db, id);
}

/* --- members ---------------------------------------------------------------------------------- */

static enum err send_invitation(struct organization_call *c, const struct organization *o,
                                const struct member *m)
{
    struct account inviter;
    enum err e = accounts_by_id_within(c->main_db, c->user_id, c->mem, &inviter);
    if (e)
        return e;
    const struct mail_field fields[] = {
        {STR("link"), STR("/organizations")},
        {STR("organization"), o->name},
        {STR("inviter"), inviter.email},
    };
    e = mail_enqueue(c->main_db, &(struct mail){.to = m->email,
                                                .template = STR("invitation"),
                                                .fields = fields,
                                                .count = ARRAY_LEN(fields)});
    return e == ERR_BUSY ? OK : e; /* the invitation stands without its mail */
}

static enum err check_room(struct organization_call *c, struct str id)
{
    const struct limit limit = {STR("invitation"), c->user_id, c->rules.invitations_per_hour,
                                HOUR_MS};
    int64_t count;
    enum err e = members_count(c->main_db, id, &count);
    if (!e && c->rules.members_max && count >= c->rules.members_max)
        e = ERR_QUOTA;
    return e ? e : limits_take_within(c->main_db, &limit, 1, c->now, &c->retry_ms);
}

/* The account that has the address, if one has and is not in the organization yet. */
static enum err find_invited(struct organization_call *c, const struct organization *o,
                             struct str email, struct str *user_id)
{
    struct account a;
    struct member there;
    *user_id = STR("");
    enum err e = accounts_by_email_within(c->main_db, email, c->mem, &a);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    if (str_eq(a.id, o->owner_id))
        return ERR_CONFLICT;
    e = members_get(c->main_db, o->id, a.id, c->mem, &there);
    if (e != ERR_NOT_FOUND)
        return e ? e : ERR_CONFLICT;
    *user_id = a.id;
    return OK;
}

enum err organization_invite(struct organization_call *c, struct str id, struct str email,
                             enum role as, struct member *out)
{
    struct organization o;
    enum role role;
    struct str user_id;
    char *member_id = arena_alloc(c->mem, RAND_ID_LEN + 1);
    enum err e = find(c, id, &o, &role);
    if (!e && role < ROLE_ADMIN)
        e = role == ROLE_NONE ? ERR_NOT_FOUND : ERR_FORBIDDEN;
    if (!e)
        e = find_invited(c, &o, email, &user_id);
    if (!e)
        e = check_room(c, id);
    if (e)
        return e;
    bool active = user_id.n && c->rules.auto_accept;
    rand_id(member_id);
    *out = (struct member){.id = str_make(member_id, RAND_ID_LEN),
                           .organization_id = o.id,
                           .email = email,
                           .user_id = user_id,
                           .role = as,
                           .active = active,
                           .created_at = c->now,
                           .joined_at = active ? c->now : 0};
    e = members_insert(c->main_db, out);
    if (!e)
        e = announce_member(c, &o, out);
    return e ? e : send_invitation(c, &o, out);
}

enum err organization_accept(struct organization_call *c, struct str id, struct member *out)
{
    struct organization o;
    struct account a;
    enum err e = organizations_get(c->main_db, id, c->mem, &o);
    if (!e)
        e = members_get(c->main_db, id, c->user_id, c->mem, out);
    if (e || out->active)
        return e;
    e = accounts_by_id_within(c->main_db, c->user_id, c->mem, &a);
    if (!e && !a.email_verified && !c->rules.auto_accept)
        e = ERR_FORBIDDEN;
    out->active = true;
    out->joined_at = c->now;
    if (!e)
        e = members_update(c->main_db, out);
    return e ? e : announce_member(c, &o, out);
}

/* By member id, account id, or what stands for the account of an address that has none. */
static enum err find_member(struct organization_call *c, struct str id, struct str who,
                            struct member *out)
{
    char hashed[HASHED_ID_LEN + 1];
    struct members all;
    if (who.n != HASHED_ID_LEN)
        return members_get(c->main_db, id, who, c->mem, out);
    enum err e = members_list(c->main_db, id, c->mem, &all);
    for (size_t i = 0; !e && i < all.count; i++) {
        if (all.list[i].user_id.n)
            continue;
        hash_address(all.list[i].email, hashed);
        if (!str_eq(who, str_make(hashed, HASHED_ID_LEN)))
            continue;
        *out = all.list[i];
        return OK;
    }
    return e ? e : ERR_NOT_FOUND;
}

static enum err remove_member(struct organization_call *c, const struct organization *o,
                              const struct member *m, struct str concerned)
{
    enum err e = members_remove(c->main_db, m->id);
    return e ? e : announce_removal(c, o, m, concerned);
}

enum err organization_remove(struct organization_call *c, struct str id, struct str who)
{
    struct organization o;
    struct member m;
    enum role role;
    enum err e = find(c, id, &o, &role);
    if (!e)
        e = find_member(c, id, who, &m);
    if (e)
        return e;
    if (role < ROLE_ADMIN && !str_eq(m.user_id, c->user_id))
        return role == ROLE_NONE ? ERR_NOT_FOUND : ERR_FORBIDDEN;
    return remove_member(c, &o, &m, m.user_id);
}

/* --- accounts come, move and go --------------------------------------------------------------- */

/* Where an invitation of an address meets an account that is there already. */
static enum err drop_invitation(struct organization_call *c, const struct organization *o,
                                const struct member *m)
{
    return remove_member(c, o, m, STR_NULL);
}

static enum err take_invitation(struct organization_call *c, struct member *m)
{
    struct organization o;
    struct member there;
    enum err e = organizations_get(c->main_db, m->organization_id, c->mem, &o);
    if (e)
        return e;
    if (str_eq(o.owner_id, c->user_id))
        return drop_invitation(c, &o, m);
    e = members_get(c->main_db, o.id, c->user_id, c->mem, &there);
    if (e != ERR_NOT_FOUND)
        return e ? e : drop_invitation(c, &o, m);
    m->user_id = c->user_id;
    m->active = c->rules.auto_accept;
    m->joined_at = m->active ? c->now : 0;
    e = members_update(c->main_db, m);
    return e ? e : announce_member(c, &o, m);
}

/* Not the account's any more: what was sent to an address is for whoever has that. */
static enum err leave_invitation(struct organization_call *c, struct member *m)
{
    struct organization o;
    enum err e = organizations_get(c->main_db, m->organization_id, c->mem, &o);
    if (!e)
        e = announce_removal(c, &o, m, m->user_id);
    m->user_id = STR("");
    if (!e)
        e = members_update(c->main_db, m);
    return e ? e : announce_member(c, &o, m);
}

static enum err change_address(struct organization_call *c, struct member *m, struct str email)
{
    struct organization o;
    enum err e = organizations_get(c->main_db, m->organization_id, c->mem, &o);
    if (e || str_eq(m->email, email))
        return e;
    m->email = email;
    e = members_update(c->main_db, m);
    return e ? e : announce_member(c, &o, m);
}

static enum err leave_behind(struct organization_call *c, struct str email)
{
    struct members list;
    enum err e = members_of_user(c->main_db, c->user_id, c->mem, &list);
    for (size_t i = 0; !e && i < list.count; i++)
        if (!list.list[i].active && !str_eq(list.list[i].email, email))
            e = leave_invitation(c, &list.list[i]);
    return e;
}

/* What is left behind does not meet what was waiting; that makes room for a membership's new
 * address where it meets one. */
enum err organization_take_address(struct organization_call *c, struct str email)
{
    struct members list;
    enum err e = leave_behind(c, email);
    if (!e)
        e = members_of_address(c->main_db, email, c->mem, &list);
    for (size_t i = 0; !e && i < list.count; i++)
        e = take_invitation(c, &list.list[i]);
    if (!e)
        e = members_of_user(c->main_db, c->user_id, c->mem, &list);
    for (size_t i = 0; !e && i < list.count; i++)
        e = change_address(c, &list.list[i], email);
    return e;
}

static enum err check_owned(struct organization_call *c, const struct organization *owned,
                            size_t count)
{
    int64_t members = 0;
    enum err e = OK;
    for (size_t i = 0; !e && i < count; i++) {
        e = members_count(c->main_db, owned[i].id, &members);
        if (!e && members > 0)
            e = ERR_CONFLICT;
    }
    return e;
}

enum err organization_forget_user(struct organization_call *c)
{
    struct organization *owned, o;
    struct members list;
    size_t count;
    enum err e = organizations_owned(c->main_db, c->user_id, c->mem, &owned, &count);
    if (!e)
        e = check_owned(c, owned, count);
    for (size_t i = 0; !e && i < count; i++)
        e = organization_delete(c, owned[i].id);
    if (!e)
        e = members_of_user(c->main_db, c->user_id, c->mem, &list);
    for (size_t i = 0; !e && i < list.count; i++) {
        e = organizations_get(c->main_db, list.list[i].organization_id, c->mem, &o);
        if (!e)
            e = remove_member(c, &o, &list.list[i], STR_NULL);
    }
    return e;
}
