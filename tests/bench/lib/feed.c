/* Events as the application makes them. */
#include "base/base.h"

#include "base/buf.h"
#include "base/mem.h"
#include "bench/lib/data.h"
#include "bench/lib/feed.h"
#include "domain/change.h"

struct feed {
    struct data data;
    struct arena mem; /* one event's */
    struct bus_pub *bus;
    struct str user_id;
    struct buf value;
};

struct feed *feed_open(const char *data_dir, struct str user_id)
{
    struct feed *f = mem_zalloc(1, sizeof *f);
    struct space *sp;
    data_open(&f->data, data_dir, DB_SYNC_FULL);
    struct str bus_dir = arena_printf(&f->data.mem, "%s/run/bus", data_dir);
    data_need(bus_pub_open(&f->bus, bus_dir), "bus");
    f->user_id = arena_dup(&f->data.mem, user_id);
    data_need(space_create(f->data.store, SPACE_USER, user_id, &sp), "the user's file");
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
    data_need(space_acquire(f->data.store, SPACE_USER, f->user_id, &sp), "acquire");
    data_need(change_begin(&c, sp, &f->data.collections, f->bus, &f->mem), "begin");
    data_need(change_kv_set(&c, STR("bench"), buf_str(&f->value)), "set");
    data_need(change_commit(&c), "commit");
    space_release(sp);
    arena_reset(&f->mem);
}

void feed_close(struct feed *f)
{
    bus_pub_close(f->bus);
    data_close(&f->data);
    arena_release(&f->mem);
    buf_release(&f->value);
    mem_free(f);
}
