/* Pages and counters: topics by name, and what the counters' log brings to them. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "domain/counter.h"
#include "feed.h"
#include "live.h"
#include "server.h"

struct live {
    struct server *server;
    struct keyed pages;
    struct keyed counters;
    struct keyed viewers; /* of those who watch a counter, who are told how many do */
    struct map told;      /* struct told, by the counter's name */
    struct tap tap;       /* the counters' log */
    struct arena scratch;
};

/* The number of a counter's viewers was just told: not again before the timer fires. */
struct told {
    struct live *live;
    struct loop_timer timer;
    size_t count;
    size_t name_n;
    char name[];
};

/* --- pages --- */

void live_listen(struct live *l, struct str key, struct keyed_sub *s, const struct format *f)
{
    keyed_join(&l->pages, key, s, f);
}

void live_unlisten(struct live *l, struct keyed_sub *s)
{
    keyed_leave(&l->pages, s);
}

static size_t render_at(struct live *l, struct str key, struct str data, int64_t at)
{
    struct hub_event e = {.name = STR("render"), .data = data, .at = at};
    return keyed_publish(&l->pages, key, &e);
}

size_t live_render(struct live *l, struct str key, struct str data)
{
    return render_at(l, key, data, clock_wall_ms());
}

/* --- how many watch --- */

size_t live_count_viewers(const struct live *l, struct str name)
{
    return keyed_count(&l->counters, name);
}

void live_append_viewers(struct buf *out, size_t count)
{
    buf_append_lit(out, "{\"type\":\"viewers\",\"count\":");
    buf_append_u64(out, count);
    buf_append_lit(out, "}");
}

static struct str told_name(const struct told *t)
{
    return str_make(t->name, t->name_n);
}

/* Tell all who want to know, but for one who knows already. */
static void tell(struct told *t, struct conn *except)
{
    struct live *l = t->live;
    struct buf data = BUF_INIT;
    t->count = live_count_viewers(l, told_name(t));
    live_append_viewers(&data, t->count);
    struct hub_event e = {
        .name = STR("viewers"), .data = buf_str(&data), .at = clock_wall_ms(), .except = except};
    keyed_publish(&l->viewers, told_name(t), &e);
    buf_release(&data);
    loop_timer_set(l->server->loop, &t->timer, loop_now(l->server->loop) + LIVE_VIEWERS_MS);
}

static void told_free(struct told *t)
{
    loop_timer_clear(&t->timer);
    mem_free(t);
}

/* What changed meanwhile is told now; if nothing did, the next change is told at once. */
static void on_told_timer(struct loop_timer *timer)
{
    struct told *t = container_of(timer, struct told, timer);
    struct live *l = t->live;
    if (t->count != live_count_viewers(l, told_name(t)) &&
        keyed_count(&l->viewers, told_name(t)) > 0) {
        tell(t, NULL);
        return;
    }
    map_del(&l->told, told_name(t));
    told_free(t);
}

static void viewers_changed(struct live *l, struct str name, struct conn *except)
{
    if (keyed_count(&l->viewers, name) == 0 || map_get(&l->told, name))
        return;
    struct told *t = mem_zalloc(1, sizeof(*t) + name.n);
    t->live = l;
    t->name_n = name.n;
    memcpy(t->name, name.p, name.n);
    loop_timer_init(&t->timer, on_told_timer);
    map_put(&l->told, told_name(t), t);
    tell(t, except);
}

/* --- counters --- */

bool live_counters_are_ready(const struct live *l)
{
    return feed_tap_is_ready(&l->tap);
}

void live_watch(struct live *l, struct str name, struct live_viewer *v,
                const struct format *changes, const struct format *viewers)
{
    keyed_join(&l->counters, name, &v->changes, changes);
    if (viewers)
        keyed_join(&l->viewers, name, &v->viewers, viewers);
    viewers_changed(l, name, viewers ? v->viewers.sub.conn : NULL);
}

void live_unwatch(struct live *l, struct live_viewer *v)
{
    char room[COUNTER_NAME_MAX];
    if (!v->changes.in)
        return;
    struct str name = keyed_key(&v->changes);
    memcpy(room, name.p, name.n);
    name.p = room; /* the topic may end with this viewer */
    keyed_leave(&l->counters, &v->changes);
    keyed_leave(&l->viewers, &v->viewers);
    viewers_changed(l, name, NULL);
}

/* counter:increment:clicks → "increment" to those who watch clicks */
static void pass_on_change(struct live *l, const struct event *e)
{
    struct str rest = str_from(e->name, STR("counter:").n);
    size_t colon = str_find(rest, ':');
    struct hub_event h = {.name = str_make(rest.p, colon), .data = e->data, .at = e->at};
    keyed_publish(&l->counters, str_from(rest, colon + 1), &h);
}

static void pass_on_render(struct live *l, const struct event *e)
{
    struct json doc;
    if (json_parse(&doc, e->data, JSON_WITH_NUL, &l->scratch) == OK) {
        struct json_value key = json_get(json_root(&doc), STR("key"));
        if (json_is(key, JSON_STRING))
            render_at(l, json_string(key, &l->scratch), e->data, e->at);
    }
    arena_reset(&l->scratch);
}

static void on_event(struct tap *t, const struct event *e)
{
    struct live *l = container_of(t, struct live, tap);
    if (str_starts_with(e->name, STR("counter:")))
        pass_on_change(l, e);
    else if (str_eq(e->name, STR("render")))
        pass_on_render(l, e);
}

/*
 * Changes are missing: what was shown no longer leads to what comes. All come back and read anew,
 * pages too: of the renders that are missing nobody can say whose they were.
 */
static void on_gap(struct tap *t)
{
    struct live *l = container_of(t, struct live, tap);
    keyed_end_all(&l->counters, END_GAP);
    keyed_end_all(&l->pages, END_GAP);
}

/* --- all of it --- */

struct live *live_new(struct server *s)
{
    struct live *l = mem_zalloc(1, sizeof(*l));
    l->server = s;
    l->pages.hub = l->counters.hub = l->viewers.hub = s->hub;
    l->tap.on_event = on_event;
    l->tap.on_gap = on_gap;
    feed_tap(s->feed, &l->tap, SPACE_SHARED, COUNTER_SPACE);
    return l;
}

void live_free(struct live *l)
{
    struct told *t;
    size_t pos = 0;
    if (!l)
        return;
    feed_untap(&l->tap);
    while ((t = map_next(&l->told, &pos)) != NULL)
        told_free(t);
    map_release(&l->told);
    keyed_release(&l->pages);
    keyed_release(&l->counters);
    keyed_release(&l->viewers);
    arena_release(&l->scratch);
    mem_free(l);
}
