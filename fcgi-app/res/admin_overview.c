/* For the admin page: what there is, what it takes, what this process answered. */
#include "base/base.h"

#include <unistd.h>

#include "admin.h"
#include "base/clock.h"
#include "lookout.h"
#include "metrics.h"
#include "res/res.h"
#include "store/backlog.h"
#include "store/migrate.h"
#include "store/organizations.h"
#include "store/rows.h"

/* --- what there is ---------------------------------------------------------------------------- */

struct counted {
    struct accounts_counted accounts;
    int64_t organizations;
    struct backlog queues[BACKLOGS];
};

static enum err count(struct req *r, struct counted *out)
{
    struct space *main_db;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return e;
    e = accounts_count_within(main_db, &out->accounts);
    if (e == OK)
        e = organizations_count(main_db, &out->organizations);
    space_release(main_db);
    return e ? e : backlog_read(r->app->store, out->queues);
}

static void append_counted(struct buf *out, const struct counted *n)
{
    buf_appendf(out,
                "\"accounts\":{\"all\":%lld,\"verified\":%lld,\"disabled\":%lld},"
                "\"organizations\":%lld,\"mailsWaiting\":%lld,\"outboxWaiting\":%lld",
                (long long)n->accounts.all, (long long)n->accounts.verified,
                (long long)n->accounts.disabled, (long long)n->organizations,
                (long long)n->queues[BACKLOG_MAIL].count,
                (long long)n->queues[BACKLOG_OUTBOX].count);
}

static void append_sizes(struct buf *out, const struct sizes *s, int64_t at)
{
    buf_append_lit(out, ",\"files\":{");
    for (int i = 0; i < SPACE_KINDS; i++)
        buf_appendf(out, "%s\"%s\":{\"count\":%lld,\"bytes\":%lld,\"walBytes\":%lld}", i ? "," : "",
                    sizes_name((enum space_kind)i).p, (long long)s->of[i].files,
                    (long long)s->of[i].bytes, (long long)s->of[i].wal);
    buf_append_lit(out, "},\"measuredAt\":");
    row_append_time(out, at);
}

static void append_disk(struct buf *out, const struct store *s)
{
    int64_t bytes = store_free_bytes(s);
    buf_append_lit(out, ",\"freeBytes\":");
    if (bytes < 0)
        buf_append_lit(out, "null");
    else
        buf_append_i64(out, bytes);
}

static void append_process(struct buf *out, const struct app *app)
{
    const struct store_stats s = store_stats(app->store);
    buf_appendf(out, ",\"process\":{\"id\":%ld,\"startedAt\":", (long)getpid());
    row_append_time(out, lookout_since(app->lookout));
    metrics_append_answers(app->metrics, out);
    buf_appendf(out, ",\"openFiles\":%llu},\"versions\":{\"sqlite\":", (unsigned long long)s.open);
    json_append_string(out, db_library_version());
    buf_appendf(out, ",\"schema\":%lld}", (long long)migrate_version(SPACE_MAIN));
}

enum err admin_overview(struct req *r)
{
    const char *dir = arena_dup(r->mem, r->app->conf->data_dir).p;
    struct buf *out = &r->body_out;
    struct counted n;
    struct sizes sizes;
    int64_t at;
    enum err e = count(r, &n);
    if (e == OK)
        e = lookout_sizes(r->app->lookout, dir, &sizes, &at);
    if (e)
        return e;
    buf_append_lit(out, "{\"ok\":true,\"admin\":{\"email\":");
    json_append_string(out, r->admin->session.email);
    buf_append_lit(out, "},\"at\":");
    row_append_time(out, clock_wall_ms());
    buf_append_ch(out, ',');
    append_counted(out, &n);
    append_sizes(out, &sizes, at);
    append_disk(out, r->app->store);
    append_process(out, r->app);
    buf_append_ch(out, '}');
    return OK;
}

/* --- what went wrong -------------------------------------------------------------------------- */

static void append_failure(struct buf *out, const struct lookout_failure *f)
{
    buf_append_lit(out, "{\"firstAt\":");
    row_append_time(out, f->first_at);
    buf_append_lit(out, ",\"at\":");
    row_append_time(out, f->at);
    buf_appendf(out, ",\"count\":%llu,\"method\":\"%s\",\"route\":\"%s\",\"status\":%d,\"code\":",
                (unsigned long long)f->count, f->method, f->route, f->status);
    json_append_string(out, err_code(f->e));
    buf_append_lit(out, ",\"requestId\":");
    json_append_string(out, str_from_c(f->request_id));
    buf_append_lit(out, ",\"detail\":");
    json_append_string(out, str_from_c(f->detail));
    buf_append_ch(out, '}');
}

enum err admin_errors(struct req *r)
{
    struct lookout_failure *list = arena_alloc(r->mem, LOOKOUT_FAILURES_MAX * sizeof *list);
    struct buf *out = &r->body_out;
    size_t count = lookout_failures(r->app->lookout, list);
    buf_appendf(out, "{\"ok\":true,\"process\":{\"id\":%ld,\"startedAt\":", (long)getpid());
    row_append_time(out, lookout_since(r->app->lookout));
    buf_append_lit(out, "},\"errors\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_append_ch(out, ',');
        append_failure(out, &list[i]);
    }
    buf_append_lit(out, "]}");
    return OK;
}
