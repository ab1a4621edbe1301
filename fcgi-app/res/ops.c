/* For whoever runs Cubby, or writes for it: /healthz, /metrics, /api/docs. */
#include "base/base.h"

#include "api_docs.h"
#include "base/digest.h"
#include "metrics.h"
#include "res/res.h"
#include "store/look.h"

/* 503 whatever it is; its code tells. */
static enum err unwell(struct req *r, enum err e, struct str what)
{
    r->code = err_code(e);
    r->error_members = STR("\"ok\":false");
    r->message = what;
    return ERR_BUSY;
}

/* After a look at disk and folder, writing is begun where every account is, and given up again. */
enum err ops_healthz(struct req *r)
{
    struct store *store = r->app->store;
    struct space *main_db;
    struct str what;
    enum err e = store_look(store, r->app->conf->min_free_bytes, &what);
    if (e)
        return unwell(r, e, what);
    e = space_enter(store, SPACE_MAIN, STR_NULL, &main_db);
    if (e)
        return unwell(r, e, STR("main.db cannot be written"));
    space_rollback(main_db);
    space_release(main_db);
    req_ok(r);
    return OK;
}

/* On the public listener there is no such page, but for who knows the token. */
static bool may_see_metrics(const struct req *r)
{
    struct str token = r->app->conf->metrics_token;
    struct str given = who_bearer(r->headers.authorization);
    return r->local_metrics || (token.n && given.p && digest_equal(token, given));
}

enum err ops_metrics(struct req *r)
{
    if (!may_see_metrics(r))
        return ERR_NOT_FOUND;
    struct store *store = r->app->store;
    struct metrics_now now = {.store = store_stats(store),
                              .bus = bus_pub_stats(r->app->bus),
                              .free_bytes = store_free_bytes(store)};
    now.has_queues = backlog_read(store, now.queues) == OK;
    r->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    metrics_append(r->app->metrics, &now, r->app->conf, &r->body_out);
    return OK;
}

enum err ops_docs(struct req *r)
{
    api_docs_append(&r->body_out, r->app->conf, r->app->collections, r->mem);
    return OK;
}
