/* What a user or an organization has stored, and how much it may be. */
#include "base/base.h"

#include "res/res.h"
#include "store/organizations.h"
#include "store/tables.h"

/* Organizations that the user owns, or members of the one that r->space is. */
static enum err count_in_main(struct req *r, int64_t *count)
{
    struct organization *owned;
    struct space *main_db;
    size_t owned_count;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    if (r->space->kind == SPACE_ORG) {
        e = members_count(main_db, str_from_c(r->space->id), count);
    } else {
        e = organizations_owned(main_db, r->who.user_id, r->mem, &owned, &owned_count);
        *count = e ? 0 : (int64_t)owned_count;
    }
    space_release(main_db);
    return e;
}

/* Append one count and its bound. Negative: nobody counts. */
static void append(struct buf *out, const char *name, const char *quota_name, int64_t count,
                   int64_t quota)
{
    buf_appendf(out, ",\"%s\":", name);
    if (count < 0)
        buf_append_lit(out, "null");
    else
        buf_append_i64(out, count);
    buf_appendf(out, ",\"%s\":%lld", quota_name, (long long)quota);
}

enum err account_usage(struct req *r)
{
    const struct conf *c = r->app->conf;
    struct buf *out = &r->body_out;
    int64_t bytes, rows, count;
    enum err e = db_used_bytes(r->space->db, &bytes);
    if (!e)
        e = tables_count(r->space, &rows);
    if (!e)
        e = count_in_main(r, &count);
    if (e)
        return e;
    buf_append_lit(out, "{\"ok\":true");
    append(out, "bytes", "quotaBytes", bytes, c->quota_bytes);
    append(out, "rows", "quotaRows", rows, c->quota_rows);
    if (r->space->kind == SPACE_ORG)
        append(out, "members", "quotaMembers", count, c->org_members_max);
    else
        append(out, "organizations", "quotaOrganizations", count, c->orgs_max);
    buf_append_ch(out, '}');
    return OK;
}
