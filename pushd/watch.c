/* Hints of the bus to administrators, whose sessions main.db has. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "feed.h"
#include "readers.h"
#include "server.h"
#include "store/admins.h"
#include "watch.h"
#include "wire/json.h"
#include "wire/sse.h"

#define SECOND_MS 1000

/* A look at the sessions of all watchers. */
struct look {
    struct reader_job job;
    size_t count;
    struct {
        char hash[WATCH_HASH_LEN];
        enum err e; /* OK: it lives, ERR_NOT_FOUND: it does not */
    } of[WATCH_MAX];
};

struct watch {
    struct server *server;
    struct topic topic;
    struct list watchers;
    size_t count;
    struct loop_timer tick;
    struct look look;
    bool looking, look_again; /* a look is in flight; somebody came since it began */
    int64_t second;           /* the one that `told` counts */
    uint64_t told, skipped;   /* events in it; not told since the last tick */
    uint64_t changes;         /* events of every space that the bus told of */
    struct buf data;
};

static const char *const kinds[SPACE_KINDS] = {"main", "user", "org", "shared"};

/* --- what is told ----------------------------------------------------------------------------- */

static void append_event(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    struct sse_event sse = {.event = e->name, .data = e->data};
    (void)scratch;
    sse_append(out, &sse);
}

static const struct format format_watch = {append_event, .is_message = false};

static void tell(struct watch *w, struct str name)
{
    struct hub_event e = {.name = name, .data = buf_str(&w->data), .at = clock_wall_ms()};
    hub_publish(&w->topic, &e, 0);
}

static void begin(struct watch *w, int64_t at)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(at, iso);
    buf_reset(&w->data);
    buf_appendf(&w->data, "{\"at\":\"%s\"", iso);
}

/* May one more event be told in this second? */
static bool take_turn(struct watch *w, uint64_t events)
{
    int64_t second = loop_now(w->server->loop) / SECOND_MS;
    if (second != w->second) {
        w->second = second;
        w->told = 0;
    }
    if (w->told++ < WATCH_RATE)
        return true;
    w->skipped += events;
    return false;
}

static void begin_event(struct watch *w, const struct bus_message *m, int64_t at, uint64_t seq)
{
    begin(w, at);
    buf_appendf(&w->data, ",\"space\":\"%s\",\"id\":", kinds[m->space_kind]);
    json_append_string(&w->data, m->space_id);
    buf_appendf(&w->data, ",\"seq\":%llu", (unsigned long long)seq);
}

static void tell_event(struct watch *w, const struct bus_message *m, const struct event *e)
{
    if (!take_turn(w, 1))
        return;
    begin_event(w, m, e->at, e->seq);
    buf_append_lit(&w->data, ",\"name\":");
    json_append_string(&w->data, e->name);
    buf_appendf(&w->data, ",\"bytes\":%zu}", e->data.n);
    tell(w, STR("event"));
}

/* Too large for the bus: only the log knows their names. */
static void tell_numbers(struct watch *w, const struct bus_message *m)
{
    uint64_t events = m->last - m->first + 1;
    if (!take_turn(w, events))
        return;
    begin_event(w, m, clock_wall_ms(), m->last);
    buf_appendf(&w->data, ",\"name\":null,\"bytes\":null,\"events\":%llu}",
                (unsigned long long)events);
    tell(w, STR("event"));
}

void watch_hint(struct watch *w, const struct bus_message *m)
{
    if (m->kind == BUS_EVENTS)
        w->changes += m->last - m->first + 1;
    if (!topic_count(&w->topic) || (m->kind != BUS_EVENTS && m->kind != BUS_GAP))
        return;
    if (m->kind == BUS_GAP) {
        begin(w, clock_wall_ms());
        buf_append_ch(&w->data, '}');
        tell(w, STR("gap"));
        return;
    }
    for (size_t i = 0; i < m->event_count; i++)
        tell_event(w, m, &m->events[i]);
    if (!m->event_count)
        tell_numbers(w, m);
}

/* What this program does, for rates: totals, but for the first three. */
static void tell_numbers_of_server(struct watch *w)
{
    const struct server *s = w->server;
    const struct feed_stats feed = feed_stats(s->feed);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"connections", s->conns},       {"streams", s->streams},
        {"spaces", feed.sources},        {"accepted", s->stats.accepted},
        {"requests", s->stats.requests}, {"slow", s->stats.slow},
        {"dead", s->stats.dead},         {"sentBytes", s->stats.sent_bytes},
        {"changes", w->changes},         {"events", feed.inline_events + feed.log_events},
    };
    begin(w, clock_wall_ms());
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_appendf(&w->data, ",\"%s\":%llu", rows[i].name, (unsigned long long)rows[i].value);
    buf_appendf(&w->data, ",\"skipped\":%llu}", (unsigned long long)w->skipped);
    w->skipped = 0;
    tell(w, STR("status"));
}

/* --- who watches ------------------------------------------------------------------------------ */

static void read_sessions(struct reader_job *job, struct store *store)
{
    struct look *l = container_of(job, struct look, job);
    struct arena mem = ARENA_INIT;
    struct admin_session session;
    struct space *main_db = NULL;
    enum err e = space_acquire(store, SPACE_MAIN, STR_NULL, &main_db);
    for (size_t i = 0; i < l->count; i++)
        l->of[i].e = e ? e
                       : admins_session(main_db, str_make(l->of[i].hash, WATCH_HASH_LEN),
                                        clock_wall_ms(), &mem, &session);
    space_release(main_db);
    arena_release(&mem);
}

static void look(struct watch *w)
{
    struct look *l = &w->look;
    w->look_again = w->looking;
    if (w->looking || !w->count)
        return;
    l->count = 0;
    list_for_each (node, &w->watchers)
        memcpy(l->of[l->count++].hash, list_entry(node, struct watcher, node)->hash,
               WATCH_HASH_LEN);
    w->looking = true;
    readers_submit(w->server->readers, &l->job);
}

/* ERR_MORE: it came after the look began. */
static enum err found(const struct look *l, const struct watcher *x)
{
    for (size_t i = 0; i < l->count; i++)
        if (memcmp(l->of[i].hash, x->hash, WATCH_HASH_LEN) == 0)
            return l->of[i].e;
    return ERR_MORE;
}

/* One that watches already goes on where nobody can tell. */
static void take_answer(struct watch *w, struct watcher *x, enum err e)
{
    struct conn *c = x->sub.conn;
    if (e == ERR_MORE || c->state != CONN_OPEN)
        return;
    if (e == ERR_NOT_FOUND) {
        w->server->stats.revoked++;
        hub_leave(&x->sub);
        conn_end(c, END_REVOKED);
    } else if (!x->sub.lane && e == OK) {
        hub_join(&w->topic, &x->sub, &format_watch);
    } else if (!x->sub.lane) {
        conn_end(c, END_ERROR);
    }
}

static void on_looked(struct reader_job *job)
{
    struct look *l = container_of(job, struct look, job);
    struct watch *w = container_of(l, struct watch, look);
    size_t before = topic_count(&w->topic);
    w->looking = false;
    list_for_each (node, &w->watchers) {
        struct watcher *x = list_entry(node, struct watcher, node);
        take_answer(w, x, found(l, x));
    }
    if (topic_count(&w->topic) > before)
        tell_numbers_of_server(w);
    if (w->look_again)
        look(w);
}

static void arm(struct watch *w)
{
    loop_timer_set(w->server->loop, &w->tick, loop_now(w->server->loop) + WATCH_TICK_MS);
}

static void on_tick(struct loop_timer *t)
{
    struct watch *w = container_of(t, struct watch, tick);
    if (topic_count(&w->topic))
        tell_numbers_of_server(w);
    look(w);
    arm(w);
}

enum err watch_enter(struct watch *w, struct watcher *x, struct str hash)
{
    assert(hash.n == WATCH_HASH_LEN && !x->is_in);
    if (w->count == WATCH_MAX)
        return ERR_BUSY;
    memcpy(x->hash, hash.p, hash.n);
    list_add_tail(&w->watchers, &x->node);
    x->is_in = true;
    if (w->count++ == 0)
        arm(w);
    look(w);
    return OK;
}

void watch_leave(struct watch *w, struct watcher *x)
{
    if (!x->is_in)
        return;
    hub_leave(&x->sub);
    list_del(&x->node);
    x->is_in = false;
    if (--w->count == 0)
        loop_timer_clear(&w->tick);
}

struct watch *watch_new(struct server *s)
{
    struct watch *w = mem_zalloc(1, sizeof(*w));
    w->server = s;
    topic_init(&w->topic, s->hub);
    list_init(&w->watchers);
    loop_timer_init(&w->tick, on_tick);
    w->look.job.read = read_sessions;
    w->look.job.done = on_looked;
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    assert(w->count == 0 && !w->looking);
    loop_timer_clear(&w->tick);
    topic_release(&w->topic);
    buf_release(&w->data);
    mem_free(w);
}
