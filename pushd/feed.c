/* Hints of the bus to sources, sign-ins, followers, and the sweep that finds what hints lost. */
#include "base/base.h"

#include "base/mem.h"
#include "server.h"
#include "source.h"

#define SWEEP_MS        50    /* between two steps of a sweep */
#define SWEEP_STEP      100   /* sources looked at in one: 2,000 a second */
#define SWEEP_IN_FLIGHT 64    /* no step while so many reads are under way */
#define RETRY_MS        500   /* after a read that failed */
#define IDLE_MS         15000 /* how long a source stays open for readers who come back */

/* --- sources by name --- */

static struct str make_key(char key[SOURCE_KEY_MAX], enum space_kind kind, struct str id)
{
    assert(id.n <= SPACE_ID_MAX);
    key[0] = (char)('0' + kind);
    memcpy(key + 1, id.p, id.n);
    return str_make(key, 1 + id.n);
}

static struct source *find(const struct feed *f, enum space_kind kind, struct str id)
{
    char room[SOURCE_KEY_MAX];
    struct str key = make_key(room, kind, id);
    return map_get(&f->sources, key);
}

static void on_slow(struct sub *s, uint64_t sent)
{
    struct follower *f = container_of(s, struct follower, sub);
    f->seq = sent;
    list_add_tail(&f->source->behind, &f->node);
}

static struct source *find_or_make(struct feed *f, enum space_kind kind, struct str id)
{
    char room[SOURCE_KEY_MAX];
    struct str key = make_key(room, kind, id);
    struct source *s = map_get(&f->sources, key);
    if (s)
        return s;
    s = source_new(f, key);
    s->topic.on_slow = on_slow;
    map_put(&f->sources, str_from_c(s->key), s);
    list_add_tail(&f->active, &s->node);
    f->stats.sources++;
    return s;
}

static void drop(struct source *s)
{
    struct feed *f = s->feed;
    map_del(&f->sources, str_from_c(s->key));
    f->stats.sources--;
    source_free(s);
}

static bool is_used(const struct source *s)
{
    return s->conns > 0 || s->read || !list_is_empty(&s->sign_ins) || !list_is_empty(&s->taps) ||
           !list_is_empty(&s->asking) || !list_is_empty(&s->passes);
}

/* --- nobody there --- */

static void go_idle(struct source *s)
{
    struct feed *f = s->feed;
    if (is_used(s))
        return;
    if (!s->is_open || s->wants) {
        drop(s);
        return;
    }
    s->idle_since = loop_now(f->server->loop);
    list_del(&s->node);
    list_add_tail(&f->idle, &s->node);
    if (list_is_empty(&f->idle_timer.node))
        loop_timer_set(f->server->loop, &f->idle_timer, s->idle_since + IDLE_MS);
}

/* Somebody again: of the sessions it remembered only the one that came back is kept. */
static void wake(struct source *s, const struct login *keep)
{
    if (s->conns > 0)
        return;
    list_del(&s->node);
    list_add_tail(&s->feed->active, &s->node);
    for (struct login *x = s->logins, *next; x; x = next) {
        next = x->next;
        if (x != keep)
            source_forget_login(x);
    }
}

static void on_idle_timer(struct loop_timer *t)
{
    struct feed *f = container_of(t, struct feed, idle_timer);
    int64_t now = loop_now(f->server->loop);
    while (!list_is_empty(&f->idle)) {
        struct source *s = list_entry(f->idle.next, struct source, node);
        if (s->idle_since + IDLE_MS > now) {
            loop_timer_set(f->server->loop, t, s->idle_since + IDLE_MS);
            return;
        }
        drop(s);
    }
}

/* --- reads, now or later --- */

/* Read what is wanted, unless nobody is there to want it. */
static void start(struct source *s)
{
    if (is_used(s))
        source_start(s);
    else if (s->wants)
        drop(s);
}

void feed_settle(struct source *s, enum err e)
{
    struct feed *f = s->feed;
    if (!is_used(s)) {
        go_idle(s);
    } else if (e == OK || !list_is_empty(&s->sign_ins) || !list_is_empty(&s->asking)) {
        source_start(s);
    } else {
        list_del(&s->node);
        list_add_head(&f->active, &s->node);
        loop_timer_set(f->server->loop, &f->sweep_timer, loop_now(f->server->loop) + RETRY_MS);
    }
}

/*
 * Compare sources with their files, the next few of those that were not since the last gap. The
 * list is in order: those are at its front.
 */
static void on_sweep_timer(struct loop_timer *t)
{
    struct feed *f = container_of(t, struct feed, sweep_timer);
    for (int i = 0; i < SWEEP_STEP && f->in_flight < SWEEP_IN_FLIGHT; i++) {
        struct source *s = list_entry(f->active.next, struct source, node);
        if (list_is_empty(&f->active) || (s->generation == f->generation && !s->wants))
            return;
        list_del(&s->node);
        list_add_tail(&f->active, &s->node);
        source_start(s);
    }
    loop_timer_set(f->server->loop, t, loop_now(f->server->loop) + SWEEP_MS);
}

static void sweep(struct feed *f)
{
    f->generation++;
    f->stats.sweeps++;
    int64_t now = loop_now(f->server->loop);
    if (list_is_empty(&f->sweep_timer.node) || f->sweep_timer.at > now + SWEEP_MS)
        loop_timer_set(f->server->loop, &f->sweep_timer, now); /* sooner than a retry */
}

/* --- hints --- */

static void hint_events(struct source *s, const struct bus_message *m)
{
    if (!s->is_open || !str_eq(m->epoch, str_from_c(s->epoch))) {
        source_hinted(s, m->last);
        start(s);
        return;
    }
    for (size_t i = 0; i < m->event_count; i++) {
        if (m->events[i].seq == s->topic.seq + 1) {
            source_publish(s, &m->events[i]);
            s->feed->stats.inline_events++;
        }
    }
    if (m->last > s->topic.seq)
        source_hinted(s, m->last);
    if (s->wants)
        start(s);
}

/* Not of a log: who is behind in that gets it now, like the others, and who is too slow does not.
 */
static void publish_aside(struct source *s, const struct hub_event *e)
{
    struct hub *hub = s->feed->server->hub;
    struct batch *list = NULL;
    hub_publish(&s->topic, e, 0);
    list_for_each (node, &s->behind) {
        struct follower *f = list_entry(node, struct follower, node);
        struct conn *c = f->sub.conn;
        if (e->only && e->only != f->format)
            continue;
        struct batch *b = hub_batch_find(list, f->format, c);
        if (!b) {
            b = hub_batch_get(hub, f->format, c, &list);
            hub_batch_add(hub, b, e);
        }
        hub_batch_send(b, 0, f->sub.filter, c);
    }
    hub_batch_put(hub, &list);
}

/* For every user who is connected now. */
static void hint_everyone(struct feed *f, const struct bus_message *m)
{
    list_for_each (node, &f->active) {
        struct source *s = list_entry(node, struct source, node);
        for (size_t i = 0; i < m->event_count && source_kind(s) == SPACE_USER; i++) {
            const struct event *e = &m->events[i];
            struct hub_event h = {.name = e->name, .data = e->data, .at = e->at};
            publish_aside(s, &h);
        }
    }
}

void feed_hint(struct feed *f, const struct bus_message *m)
{
    struct source *s = NULL;
    if (m->kind == BUS_EVENTS || m->kind == BUS_SESSIONS)
        s = find(f, m->space_kind, m->space_id);
    if (m->kind == BUS_GAP) {
        sweep(f);
    } else if (m->kind == BUS_EPHEMERAL) {
        hint_everyone(f, m);
    } else if (s && m->kind == BUS_EVENTS) {
        hint_events(s, m);
    } else if (s && m->kind == BUS_SESSIONS) {
        s->wants |= WANT_SESSIONS;
        start(s);
    }
}

/* --- sign-ins --- */

/* Letters and digits, as all our ids are; what else there may be names nobody. */
static bool is_id(struct str id, size_t max)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
            return false;
    }
    return id.n <= max;
}

enum err feed_sign_in(struct feed *f, struct sign_in *si)
{
    if (si->user_id.n == 0 || !is_id(si->user_id, SPACE_ID_MAX) ||
        !is_id(si->sid, SESSION_ID_LEN) || !is_id(si->refresh_jti, SESSION_ID_LEN))
        return ERR_UNAUTHORIZED;
    struct source *s = find(f, SPACE_USER, si->user_id);
    if (!s || si->refresh_jti.p || !source_is_trusted(s))
        return ERR_MORE;
    si->login = source_login(s, si->sid);
    return si->login ? OK : ERR_MORE;
}

void feed_wait(struct feed *f, struct sign_in *si)
{
    struct source *s = find_or_make(f, SPACE_USER, si->user_id);
    si->source = s;
    list_add_tail(&s->sign_ins, &si->node);
    source_start(s);
}

void feed_cancel(struct sign_in *si)
{
    if (list_is_empty(&si->node))
        return;
    list_del(&si->node);
    go_idle(si->source);
}

enum err feed_enter(struct feed *f, struct login *login, struct conn *c)
{
    struct source *s = login->source;
    int64_t max = f->server->conf->push_max_connections_per_user;
    if (max > 0 && s->conns >= max)
        return ERR_RATE_LIMIT;
    wake(s, login);
    s->conns++;
    list_del(&c->peers);
    list_add_tail(&login->conns, &c->peers);
    c->login = login;
    return OK;
}

void feed_leave(struct feed *f, struct login *login)
{
    (void)f;
    if (!login)
        return;
    struct source *s = login->source;
    s->conns--;
    if (list_is_empty(&login->conns) && (login->dead || s->conns > 0))
        source_forget_login(login);
    go_idle(s);
}

void feed_each_login(struct feed *f, void (*each)(struct list *conns))
{
    list_for_each (node, &f->active) {
        const struct source *s = list_entry(node, struct source, node);
        for (struct login *x = s->logins; x; x = x->next)
            each(&x->conns);
    }
}

struct str feed_user_id(const struct login *login)
{
    return str_from_c(login->source->key + 1);
}

/* --- passes --- */

enum err feed_ask(struct feed *f, struct pass *p, struct str organization_id, struct str user_id)
{
    assert(!p->source && user_id.n <= SPACE_ID_MAX);
    if (organization_id.n == 0 || !is_id(organization_id, SPACE_ID_MAX))
        return ERR_NOT_FOUND;
    struct source *s = find_or_make(f, SPACE_ORG, organization_id);
    memcpy(p->user_id, user_id.p, user_id.n);
    p->user_id[user_id.n] = '\0';
    p->source = s;
    list_init(&p->node);
    list_add_tail(&s->asking, &p->node);
    list_del(&s->node);
    list_add_tail(&f->active, &s->node);
    source_start(s);
    return ERR_MORE;
}

void feed_give_back(struct pass *p)
{
    struct source *s = p->source;
    if (!s)
        return;
    list_del(&p->node);
    *p = (struct pass){.conn = p->conn, .on_answer = p->on_answer, .on_end = p->on_end};
    go_idle(s);
}

/* --- followers --- */

static void follow(struct follower *f, struct source *s, struct str last, struct feed_position *at)
{
    struct str epoch;
    f->source = s;
    f->held = false;
    list_init(&f->node);
    *at = (struct feed_position){.epoch = str_from_c(s->epoch), .seq = s->topic.seq};
    at->from = at->seq;
    if (last.p) {
        at->resync = !event_id_parse(last, &epoch, &f->seq) || !str_eq(epoch, at->epoch);
        at->from = at->resync ? at->seq : f->seq;
    }
    if (at->from == at->seq) {
        hub_join(&s->topic, &f->sub, f->format);
        return;
    }
    list_add_tail(&s->behind, &f->node);
    source_start(s);
}

void feed_follow(struct follower *f, struct login *login, struct str last, struct feed_position *at)
{
    follow(f, login->source, last, at);
}

void feed_follow_pass(struct follower *f, struct pass *p, struct str last, struct feed_position *at)
{
    assert(p->is_held);
    follow(f, p->source, last, at);
}

void feed_unfollow(struct follower *f)
{
    hub_leave(&f->sub);
    list_del(&f->node);
}

void feed_go_on(struct follower *f, struct str last, struct feed_position *at)
{
    feed_unfollow(f);
    follow(f, f->source, last, at);
}

struct str feed_organization(const struct follower *f)
{
    return f->source ? source_organization(f->source) : STR_NULL;
}

void feed_hold(struct follower *f)
{
    struct source *s = f->source;
    if (f->sub.lane)
        hub_flush_topic(&s->topic); /* what was published is for the old filter */
    if (f->sub.lane) {
        hub_leave(&f->sub);
        f->seq = s->topic.seq;
        list_add_tail(&s->behind, &f->node);
    }
    f->held = true;
}

void feed_release(struct follower *f)
{
    struct source *s = f->source;
    f->held = false;
    list_del(&f->node);
    if (f->seq == s->topic.seq) {
        hub_join(&s->topic, &f->sub, f->format);
        return;
    }
    list_add_head(&s->behind, &f->node);
    source_start(s);
}

void feed_publish(struct login *s, const struct hub_event *e)
{
    publish_aside(s->source, e);
}

void feed_drained(struct follower *f)
{
    if (f->sub.lane || f->held)
        return;
    list_del(&f->node);
    list_add_head(&f->source->behind, &f->node);
    source_start(f->source);
}

/* --- taps --- */

void feed_tap(struct feed *f, struct tap *t, enum space_kind kind, struct str id)
{
    struct source *s = find_or_make(f, kind, id);
    t->source = s;
    list_add_tail(&s->taps, &t->node);
    list_del(&s->node);
    list_add_tail(&f->active, &s->node);
    if (!s->is_open)
        s->wants |= WANT_EVENTS;
    source_start(s);
}

void feed_untap(struct tap *t)
{
    if (!t->source)
        return;
    list_del(&t->node);
    go_idle(t->source);
    t->source = NULL;
}

bool feed_tap_is_ready(const struct tap *t)
{
    return t->source && (t->source->is_open || t->source->was_missing);
}

struct feed_stats feed_stats(const struct feed *f)
{
    return f->stats;
}

struct feed *feed_new(struct server *server, struct readers *r)
{
    struct feed *f = mem_zalloc(1, sizeof(*f));
    f->server = server;
    f->readers = r;
    list_init(&f->active);
    list_init(&f->idle);
    loop_timer_init(&f->sweep_timer, on_sweep_timer);
    loop_timer_init(&f->idle_timer, on_idle_timer);
    return f;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    while (!list_is_empty(&f->active))
        drop(list_entry(f->active.next, struct source, node));
    while (!list_is_empty(&f->idle))
        drop(list_entry(f->idle.next, struct source, node));
    loop_timer_clear(&f->sweep_timer);
    loop_timer_clear(&f->idle_timer);
    map_release(&f->sources);
    buf_release(&f->id);
    mem_free(f);
}
