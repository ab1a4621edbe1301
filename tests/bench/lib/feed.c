/* Events as the application makes them. */
#include "base/base.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/feed.h"
#include "domain/change.h"
#include "domain/conf.h"

struct feed {
    struct arena settings, mem; /* the latter is one event's */
    struct collections collections;
    struct store *store;
    struct bus_pub *bus;
    struct str user_id;
    struct buf value;
};

static void need(enum err e, struct str message)
{
    if (e != OK)
        fatal("feed: %.*s: %.*s", STR_ARG(err_text(e)), STR_ARG(message));
}

struct feed *feed_open(const char *data_dir, struct str user_id)
{
    struct feed *f = mem_zalloc(1, sizeof *f);
    struct conf conf;
    struct str message = STR_NULL;
    struct space *sp;
    need(conf_load(&conf, NULL, environ, &f->settings, &message), message);
    need(collections_load(&f->collections, conf.collections_dir.p, &f->settings, &message),
         message);
    struct store_options o = {
        .data_dir = data_dir, .handles = 8, .sync = DB_SYNC_FULL, .busy_ms = 1000};
    o.tables = collections_tables(&f->collections, &o.table_count);
    need(store_open(&f->store, &o, &f->settings, &message), message);
    need(bus_pub_open(&f->bus, arena_printf(&f->settings, "%s/run/bus", data_dir)), STR("bus"));
    f->user_id = arena_dup(&f->settings, user_id);
    need(space_create(f->store, SPACE_USER, user_id, &sp), STR("the user's file"));
    space_release(sp);
    return f;
}

void feed_send(struct feed *f, size_t value_bytes)
{
    struct space *sp;
    struct change c;
    buf_reset(&f->value);
    buf_append_ch(&f->value, '"');
    memset(buf_reserve(&f->value, value_bytes), 'x', value_bytes);
    f->value.n += value_bytes;
    f->value.p[1] = MARK;
    f->value.p[f->value.n - 1] = '"';
    need(space_acquire(f->store, SPACE_USER, f->user_id, &sp), STR("acquire"));
    need(change_begin(&c, sp, &f->collections, f->bus, &f->mem), STR("begin"));
    need(change_kv_set(&c, STR("bench"), buf_str(&f->value)), STR("set"));
    need(change_commit(&c), STR("commit"));
    space_release(sp);
    arena_reset(&f->mem);
}

void feed_close(struct feed *f)
{
    bus_pub_close(f->bus);
    store_close(f->store);
    collections_release(&f->collections);
    arena_release(&f->settings);
    arena_release(&f->mem);
    buf_release(&f->value);
    mem_free(f);
}
