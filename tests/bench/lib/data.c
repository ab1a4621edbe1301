/* A data folder opened as cubby.fcgi opens it. */
#include "base/base.h"

#include <unistd.h>

#include "base/log.h"
#include "bench/lib/data.h"

void data_need(enum err e, const char *what)
{
    if (e != OK)
        fatal("%s: %.*s", what, STR_ARG(err_text(e)));
}

void data_open(struct data *d, const char *data_dir, enum db_sync sync)
{
    struct str message = STR("settings");
    const struct conf *c = &d->conf;
    *d = (struct data){.data_dir = data_dir};
    data_need(conf_load(&d->conf, NULL, environ, &d->mem, &message), message.p);
    data_need(collections_load(&d->collections, c->collections_dir.p, &d->mem, &message),
              message.p);
    /* Limits decide what is in a file: a quota of rows is kept by triggers. */
    struct store_options o = {.data_dir = data_dir,
                              .handles = 8,
                              .sync = sync,
                              .busy_ms = (int)c->busy_timeout,
                              .log_keep_events = c->log_keep_events,
                              .log_keep_bytes = c->log_keep_bytes,
                              .quota_bytes = c->quota_bytes,
                              .quota_rows = c->quota_rows};
    o.tables = collections_tables(&d->collections, &o.table_count);
    data_need(store_open(&d->store, &o, &d->mem, &message), message.p);
}

void data_close(struct data *d)
{
    store_close(d->store);
    collections_release(&d->collections);
    arena_release(&d->mem);
}
