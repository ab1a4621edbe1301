/* Asked by people: is there somebody at this address, and how far behind is who. */
#include "base/base.h"

#include "base/clock.h"
#include "base/rand.h"
#include "domain/webhook_lanes.h"
#include "store/tree.h"

int webhook_test(const struct conf *c, struct str url, const char **why)
{
    const struct post_options o = {
        .timeout_ms = c->webhook_timeout, .ca_file = c->webhook_ca_file, .idle_max = 1};
    struct webhook_key keys[CONF_LIST_MAX];
    struct buf body = BUF_INIT, signature = BUF_INIT;
    struct arena mem = ARENA_INIT;
    char random[RAND_ID_LEN + 1], iso[CLOCK_ISO_LEN + 1];
    struct post q = {.timestamp_s = clock_wall_ms() / 1000};
    for (size_t i = 0; i < c->webhook_secret.count; i++) {
        bool good = webhook_secret_parse(c->webhook_secret.item[i], &keys[i]);
        assert(good);
    }
    rand_id(random);
    clock_iso(clock_wall_ms(), iso);
    q.url = arena_dup(&mem, url);
    q.id = arena_printf(&mem, "test-%s", random);
    buf_appendf(&body, "{\"type\":\"webhook:test\",\"timestamp\":\"%s\",\"data\":{}}", iso);
    q.body = buf_str(&body);
    webhook_append_signature(&signature, keys, c->webhook_secret.count, q.id, q.timestamp_s,
                             q.body);
    q.signature = buf_str(&signature);
    struct poster *p = poster_new(&o);
    post_send(p, &q);
    while (!post_wait(p, 1000))
        ;
    poster_free(p);
    buf_release(&signature);
    buf_release(&body);
    arena_release(&mem);
    *why = q.why;
    return q.status;
}

struct walk {
    struct store *store;
    struct webhooks *cursors;
    const struct webhooks_url *url;
    struct webhook_lag *lag;
};

static enum err on_first(void *arg, const struct event *e)
{
    *(int64_t *)arg = e->at;
    return OK;
}

static enum err add_space(const struct walk *k, struct space *sp, struct webhooks_cursor *c)
{
    struct next next;
    int64_t at = 0;
    enum err e = next_look(sp, k->url->since, c, &next);
    if (e || next.kind == NEXT_NONE)
        return e;
    uint64_t after = next.kind == NEXT_EVENTS ? c->seq : next.oldest - 1;
    e = event_read(sp, after, 1, 1, on_first, &at);
    k->lag->spaces++;
    k->lag->gaps += next.kind != NEXT_EVENTS;
    k->lag->events += next.kind == NEXT_RESTORED ? 0 : (int64_t)(next.newest - after);
    if (at && (!k->lag->oldest_at || at < k->lag->oldest_at))
        k->lag->oldest_at = at;
    return e;
}

static enum err on_entry(void *arg, const struct tree_entry *t)
{
    const struct walk *k = arg;
    struct webhooks_cursor c;
    struct space *sp;
    if (!t->is_space || t->kind == SPACE_MAIN)
        return OK;
    enum err e = webhooks_cursor(k->cursors, k->url->id, t->kind, t->id, &c);
    if (e && e != ERR_NOT_FOUND)
        return e;
    e = space_acquire(k->store, t->kind, t->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    e = space_begin_read(sp);
    if (!e)
        e = add_space(k, sp, &c);
    space_release(sp);
    return e;
}

enum err webhook_lag(struct store *store, struct webhooks *cursors, const struct webhooks_url *url,
                     struct webhook_lag *out)
{
    struct walk k = {store, cursors, url, out};
    *out = (struct webhook_lag){.spaces = 0};
    return tree_walk(store_options(store)->data_dir, on_entry, &k);
}
