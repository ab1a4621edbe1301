/* The document of an account: its sections one after the other, as much at a time as fits. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/account_json.h"
#include "domain/export.h"
#include "domain/organization.h"
#include "store/event.h"
#include "store/identities.h"
#include "store/kv.h"
#include "wire/json.h"

#define PART_BYTES    (64 * 1024)
#define PAIRS_AT_ONCE 1000
#define AFTER_MAX     512 /* keys are no longer, ids are shorter */

enum section { SECTION_ACCOUNT, SECTION_DATA, SECTION_ROWS, SECTION_END };

struct export
{
    struct export_order order;
    struct arena *mem;
    struct space *space; /* of the part being written, as is out */
    struct buf *out;
    enum section section;
    size_t collection; /* SECTION_ROWS: the one being written */
    char after[AFTER_MAX];
    size_t after_n;
    bool begun; /* something of this section, or collection, has been written */
};

/* A comma before all but the first member or element. */
static void separate(struct export *x)
{
    if (x->begun)
        buf_append_ch(x->out, ',');
    x->begun = true;
}

static void remember(struct export *x, struct str after)
{
    assert(after.n <= AFTER_MAX);
    memcpy(x->after, after.p, after.n);
    x->after_n = after.n;
}

static struct str after_of(const struct export *x)
{
    return str_make(x->after, x->after_n);
}

static void go_to(struct export *x, enum section s)
{
    x->section = s;
    x->after_n = 0;
    x->begun = false;
}

static bool has_room(struct export *x)
{
    return x->out->n < PART_BYTES;
}

/* --- the account ------------------------------------------------------------------------------ */

static void append_time(struct buf *out, const char *name, int64_t ms)
{
    buf_appendf(out, ",\"%s\":", name);
    row_append_time(out, ms);
}

static void add_session(void *arg, const struct session *s)
{
    struct export *x = arg;
    separate(x);
    session_append(x->out, s, x->order.session_id);
}

static void add_activity(void *arg, const struct activity *a)
{
    struct export *x = arg;
    separate(x);
    activity_append(x->out, a);
}

static void add_identity(void *arg, const struct identity *i)
{
    struct export *x = arg;
    struct buf *out = x->out;
    separate(x);
    buf_append_lit(out, "{\"provider\":");
    json_append_string(out, i->provider);
    buf_append_lit(out, ",\"subject\":");
    json_append_string(out, i->subject);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, i->email);
    append_time(out, "linkedAt", i->linked_at);
    buf_append_ch(out, '}');
}

static void add_passkey(void *arg, const struct passkey *k)
{
    struct export *x = arg;
    struct buf *out = x->out;
    separate(x);
    buf_append_ch(out, '{');
    passkey_append_members(out, k);
    buf_append_lit(out, ",\"publicKey\":");
    json_append_string(out, k->public_key);
    buf_appendf(out, ",\"algorithm\":%lld,", (long long)k->algorithm);
    passkey_append_transports(out, k);
    buf_append_ch(out, '}');
}

static void add_membership(struct export *x, const struct membership *m)
{
    struct buf *out = x->out;
    separate(x);
    buf_append_lit(out, "{\"organizationId\":");
    json_append_string(out, m->organization_id);
    buf_append_lit(out, ",\"organizationName\":");
    json_append_string(out, m->organization_name);
    buf_append_lit(out, ",\"role\":");
    json_append_string(out, role_name(m->role));
    buf_append_str(out, m->active ? STR(",\"status\":\"active\"") : STR(",\"status\":\"invited\""));
    if (m->joined_at)
        append_time(out, "joinedAt", m->joined_at);
    buf_append_ch(out, '}');
}

/* "name":[ … ] around what `add` writes. */
static void begin_list(struct export *x, const char *name)
{
    buf_appendf(x->out, ",\"%s\":[", name);
    x->begun = false;
}

static enum err append_organizations(struct export *x, struct space *main)
{
    struct organization *owned;
    struct membership *memberships;
    size_t count;
    begin_list(x, "organizations");
    enum err e = organizations_owned(main, x->order.user_id, x->mem, &owned, &count);
    for (size_t i = 0; e == OK && i < count; i++) {
        separate(x);
        organization_append(x->out, &owned[i]);
    }
    buf_append_lit(x->out, "]");
    begin_list(x, "memberships");
    if (e == OK)
        e = memberships_of_user(main, x->order.user_id, x->mem, &memberships, &count);
    for (size_t i = 0; e == OK && i < count; i++)
        add_membership(x, &memberships[i]);
    buf_append_lit(x->out, "]");
    return e;
}

static void append_account(struct buf *out, const struct account *a)
{
    buf_append_lit(out, ",\"account\":{\"id\":");
    json_append_string(out, a->id);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, a->email);
    append_time(out, "createdAt", a->created_at);
    buf_append_str(out, a->email_verified ? STR(",\"emailVerified\":true")
                                          : STR(",\"emailVerified\":false"));
    buf_append_str(out, a->password_hash.n ? STR(",\"hasPassword\":true}")
                                           : STR(",\"hasPassword\":false}"));
}

static enum err append_main(struct export *x)
{
    struct account a;
    struct space *main;
    enum err e = space_acquire(x->order.store, SPACE_MAIN, STR_NULL, &main);
    if (e)
        return e;
    e = accounts_by_id_within(main, x->order.user_id, x->mem, &a);
    if (e == OK) {
        append_account(x->out, &a);
        begin_list(x, "identities");
        e = identities_list(main, a.id, add_identity, x);
        buf_append_lit(x->out, "]");
    }
    if (e == OK)
        e = append_organizations(x, main);
    space_release(main);
    return e;
}

static enum err append_event_id(struct export *x, const char *name)
{
    struct space *sp = x->space;
    uint64_t oldest, newest;
    enum err e = event_bounds(sp, &oldest, &newest);
    if (e)
        return e;
    buf_appendf(x->out, ",\"%s\":\"", name);
    event_id_append(x->out, str_make(sp->epoch, EPOCH_LEN), newest);
    buf_append_ch(x->out, '"');
    return OK;
}

static enum err write_account(struct export *x)
{
    struct buf *out = x->out;
    struct space *sp = x->space;
    int64_t now = clock_wall_ms();
    buf_append_lit(out, "{\"format\":\"cubby-account\",\"version\":1");
    append_time(out, "exportedAt", now);
    enum err e = append_event_id(x, "asOf");
    if (e == OK)
        e = append_main(x);
    buf_append_lit(out, ",\"totp\":{");
    if (e == OK)
        e = totp_append_state(out, sp);
    buf_append_ch(out, '}');
    begin_list(x, "passkeys");
    if (e == OK)
        e = passkeys_list(sp, add_passkey, x);
    buf_append_lit(out, "]");
    begin_list(x, "sessions");
    if (e == OK)
        e = sessions_list(sp, now, add_session, x);
    buf_append_lit(out, "]");
    begin_list(x, "activity");
    if (e == OK)
        e = activity_list(sp, 0, ACTIVITY_MAX, add_activity, x);
    buf_append_lit(out, "],\"data\":{");
    go_to(x, SECTION_DATA);
    return e;
}

/* --- keys and rows ---------------------------------------------------------------------------- */

static bool add_pair(void *arg, struct str key, struct str value)
{
    struct export *x = arg;
    separate(x);
    json_append_string(x->out, key);
    buf_append_ch(x->out, ':');
    buf_append_str(x->out, value);
    remember(x, key);
    return has_room(x);
}

static enum err write_data(struct export *x)
{
    struct str after = x->begun ? after_of(x) : STR_NULL;
    bool more;
    enum err e = kv_list(x->space, STR(""), after, PAIRS_AT_ONCE, &more, add_pair, x);
    if (e || more)
        return e;
    buf_append_lit(x->out, "},\"collections\":{");
    go_to(x, SECTION_ROWS);
    return OK;
}

static bool add_row(void *arg, const struct row *row)
{
    struct export *x = arg;
    separate(x);
    row_append(x->out, row, x->order.user_id);
    remember(x, row->id);
    return has_room(x);
}

/* The next collection of users' files, from x->collection on; NULL: there is none. */
static const struct collection *collection_of(struct export *x)
{
    const struct collections *all = x->order.collections;
    while (x->collection < all->count && all->list[x->collection].table.scope != SPACE_USER)
        x->collection++;
    return x->collection < all->count ? &all->list[x->collection] : NULL;
}

static void begin_collection(struct export *x, const struct collection *c)
{
    struct buf *out = x->out;
    buf_append_lit(out, "\"");
    buf_append_str(out, c->name);
    buf_append_lit(out, "\":[");
}

static enum err write_rows(struct export *x)
{
    const struct collection *c = collection_of(x);
    bool more;
    if (!c) {
        buf_append_lit(x->out, "}");
        go_to(x, SECTION_END);
        return OK;
    }
    if (!x->begun)
        begin_collection(x, c);
    enum err e = rows_each(x->space, &c->table, after_of(x), &more, add_row, x);
    if (e || more)
        return e;
    x->collection++;
    buf_append_str(x->out, collection_of(x) ? STR("],") : STR("]"));
    go_to(x, SECTION_ROWS);
    return OK;
}

/* --- part by part ----------------------------------------------------------------------------- */

static enum err write_end(struct export *x)
{
    enum err e = append_event_id(x, "until");
    buf_append_lit(x->out, "}");
    return e;
}

static enum err (*const writers[])(struct export *x) = {
    [SECTION_ACCOUNT] = write_account,
    [SECTION_DATA] = write_data,
    [SECTION_ROWS] = write_rows,
    [SECTION_END] = write_end,
};

struct export *export_new(const struct export_order *o, struct arena *mem)
{
    struct export *x = arena_zalloc(mem, 1, sizeof *x);
    x->order = *o;
    x->mem = mem;
    return x;
}

enum err export_part(struct export *x, struct space *sp, struct buf *out, bool *more)
{
    enum err e = OK;
    x->space = sp;
    x->out = out;
    *more = true;
    while (!e && *more && has_room(x)) {
        *more = x->section != SECTION_END;
        e = writers[x->section](x);
    }
    return e;
}
