/* Users and their sockets, publishes and whom they wait for. */
#include "base/base.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "endpoints.h"
#include "fanout.h"
#include "reply.h"
#include "server.h"
#include "wire/json.h"

#define ID_LEN 32

/* With this many targets or fewer, the one of a socket is looked for one by one. */
#define FEW 8

struct fanout_user {
    struct fanout *fanout;
    struct topic topic;
    uint32_t readers;
    uint32_t id_n;
    char id[];
};

/* A socket that was given an envelope. In its reader's list until it acknowledges. */
struct target {
    struct list node;
    struct publish *publish;
    struct fanout_reader *reader;
};

struct publish {
    struct fanout *fanout;
    struct conn *conn;
    struct loop_timer timer;
    struct buf results; /* in order of arrival, with commas between */
    uint32_t count, left;
    char id[ID_LEN + 1];
    struct target targets[]; /* by the address of their readers */
};

struct fanout {
    struct server *server;
    struct map users;
    struct map waiting; /* publishes, by id */
    size_t targets;     /* of them all */
    uint64_t instance, counter;
    struct fanout_reader **picked; /* targets of the publish at hand */
    size_t picked_n, picked_cap;
    struct buf text;
    struct fanout_stats stats;
};

struct fanout *fanout_new(struct server *s)
{
    struct fanout *f = mem_zalloc(1, sizeof(*f));
    f->server = s;
    rand_bytes(&f->instance, sizeof(f->instance));
    return f;
}

void fanout_free(struct fanout *f)
{
    if (!f)
        return;
    assert(f->users.count == 0 && f->waiting.count == 0);
    map_release(&f->users);
    map_release(&f->waiting);
    mem_free(f->picked);
    buf_release(&f->text);
    mem_free(f);
}

struct fanout_stats fanout_stats(const struct fanout *f)
{
    struct fanout_stats s = f->stats;
    s.waiting = f->waiting.count;
    return s;
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* It has left; its owner sets its filter again. */
static void on_slow(struct sub *s, uint64_t sent)
{
    (void)s;
    (void)sent;
}

static struct fanout_user *find_or_make(struct fanout *f, struct str id)
{
    struct fanout_user *u = map_get(&f->users, id);
    if (u)
        return u;
    u = mem_zalloc(1, sizeof(*u) + id.n);
    u->fanout = f;
    topic_init(&u->topic, f->server->hub);
    u->topic.on_slow = on_slow;
    u->id_n = (uint32_t)id.n;
    memcpy(u->id, id.p, id.n);
    map_put(&f->users, str_make(u->id, id.n), u);
    return u;
}

enum err fanout_enter(struct fanout *f, struct fanout_reader *r, struct str user_id, int64_t max)
{
    assert(!r->user);
    struct fanout_user *u = find_or_make(f, user_id);
    list_init(&r->waiting);
    if (max > 0 && u->readers >= max)
        return ERR_RATE_LIMIT;
    u->readers++;
    r->user = u;
    return OK;
}

static void forget(struct target *t)
{
    list_del(&t->node);
    t->publish->left--;
    t->publish->fanout->targets--;
}

void fanout_leave(struct fanout_reader *r)
{
    struct fanout_user *u = r->user;
    if (!u)
        return;
    hub_leave(&r->sub);
    while (!list_is_empty(&r->waiting)) {
        struct target *t = list_entry(r->waiting.next, struct target, node);
        forget(t);
        if (t->publish->left == 0)
            fanout_answer(t->publish);
    }
    r->user = NULL;
    if (--u->readers > 0)
        return;
    map_del(&u->fanout->users, str_make(u->id, u->id_n));
    topic_release(&u->topic);
    mem_free(u);
}

void fanout_set_filter(struct fanout_reader *r, const struct filter *filter,
                       const struct format *format)
{
    hub_flush_topic(&r->user->topic); /* what it is a target of already matched the old one */
    hub_leave(&r->sub);
    r->sub.filter = filter;
    if (filter)
        hub_join(&r->user->topic, &r->sub, format);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void pick(void *arg, struct sub *s)
{
    struct fanout *f = arg;
    if (f->picked_n == f->picked_cap) {
        f->picked_cap = f->picked_cap ? 2 * f->picked_cap : 64;
        f->picked = mem_realloc(f->picked, f->picked_cap * sizeof(struct fanout_reader *));
    }
    f->picked[f->picked_n++] = container_of(s, struct fanout_reader, sub);
}

static int compare_readers(const void *a, const void *b)
{
    const struct fanout_reader *const *x = a, *const *y = b;
    return (*x > *y) - (*x < *y);
}

/* Unique for as long as anybody may remember it, and without asking the kernel. */
static void make_id(struct fanout *f, char id[ID_LEN + 1])
{
    snprintf(id, ID_LEN + 1, "%016llx%016llx", (unsigned long long)f->instance,
             (unsigned long long)++f->counter);
}

/* {"envelopeId","type","userId","timestamp","payload"?} */
static struct str envelope(struct fanout *f, const char *id, struct str user_id,
                           const struct hub_event *e)
{
    struct buf *out = &f->text;
    char at[CLOCK_ISO_LEN + 1];
    clock_iso(e->at, at);
    buf_reset(out);
    buf_append_lit(out, "{\"envelopeId\":\"");
    buf_append(out, id, ID_LEN);
    buf_append_lit(out, "\",\"type\":");
    json_append_string(out, e->name);
    buf_append_lit(out, ",\"userId\":");
    json_append_string(out, user_id);
    buf_append_lit(out, ",\"timestamp\":\"");
    buf_append(out, at, CLOCK_ISO_LEN);
    buf_append_ch(out, '"');
    if (e->data.p) {
        buf_append_lit(out, ",\"payload\":");
        buf_append_str(out, e->data);
    }
    buf_append_ch(out, '}');
    return buf_str(out);
}

static void on_timer(struct loop_timer *t)
{
    struct publish *p = container_of(t, struct publish, timer);
    p->fanout->stats.timed_out++;
    fanout_answer(p);
}

static struct publish *publish_new(struct fanout *f, struct conn *c, const char *id)
{
    size_t n = f->picked_n;
    struct publish *p = mem_alloc(sizeof(*p) + n * sizeof(struct target));
    *p = (struct publish){
        .fanout = f, .conn = c, .count = (uint32_t)n, .left = (uint32_t)n, .results = BUF_INIT};
    memcpy(p->id, id, sizeof(p->id));
    if (n > FEW)
        qsort(f->picked, n, sizeof(struct fanout_reader *), compare_readers);
    for (size_t i = 0; i < n; i++) {
        p->targets[i] = (struct target){.publish = p, .reader = f->picked[i]};
        list_add_tail(&f->picked[i]->waiting, &p->targets[i].node);
    }
    f->targets += n;
    map_put(&f->waiting, str_make(p->id, ID_LEN), p);
    loop_timer_init(&p->timer, on_timer);
    loop_timer_set(f->server->loop, &p->timer, loop_now(f->server->loop) + FANOUT_WAIT_MS);
    return p;
}

enum err fanout_publish(struct fanout *f, struct conn *c, struct str user_id, struct str type,
                        struct str payload, struct publish **out)
{
    struct fanout_user *u = map_get(&f->users, user_id);
    struct hub_event e = {.name = type, .data = payload, .at = clock_wall_ms()};
    char id[ID_LEN + 1];
    *out = NULL;
    f->picked_n = 0;
    f->stats.published++;
    if (u)
        hub_each_match(&u->topic, &e, pick, f);
    if (f->picked_n == 0)
        return OK;
    if (f->waiting.count >= FANOUT_WAITING_MAX || f->targets + f->picked_n > FANOUT_TARGETS_MAX)
        return ERR_BUSY;
    make_id(f, id);
    e.text = envelope(f, id, user_id, &e);
    hub_publish(&u->topic, &e, 0);
    *out = publish_new(f, c, id);
    return OK;
}

/* --- acknowledgements and answers ------------------------------------------------------------- */

static int compare_target(const void *key, const void *target)
{
    const struct fanout_reader *r = key;
    const struct target *t = target;
    return (r > t->reader) - (r < t->reader);
}

/* The target that r is in p, not acknowledged; NULL: none. */
static struct target *find_target(struct publish *p, const struct fanout_reader *r)
{
    for (uint32_t i = 0; i < p->count && p->count <= FEW; i++) {
        if (p->targets[i].reader == r && !list_is_empty(&p->targets[i].node))
            return &p->targets[i];
    }
    struct target *t = NULL;
    if (p->count > FEW)
        t = bsearch(r, p->targets, p->count, sizeof(*t), compare_target);
    return t && !list_is_empty(&t->node) ? t : NULL;
}

void fanout_ack(struct fanout_reader *r, struct str envelope_id, struct str result)
{
    struct fanout *f = r->user ? r->user->fanout : NULL;
    struct publish *p = f ? map_get(&f->waiting, envelope_id) : NULL;
    struct target *t = p ? find_target(p, r) : NULL;
    if (!t)
        return;
    if (!result.p || p->results.n + result.n > FANOUT_RESULTS_MAX)
        result = STR("null");
    if (p->results.n > 0)
        buf_append_ch(&p->results, ',');
    buf_append_str(&p->results, result);
    f->stats.acknowledged++;
    forget(t);
    if (p->left == 0)
        fanout_answer(p);
}

void fanout_append_answer(struct buf *out, size_t count, struct str results)
{
    buf_append_lit(out, "{\"clientCount\":");
    buf_append_u64(out, count);
    buf_append_lit(out, ",\"results\":[");
    buf_append_str(out, results);
    buf_append_lit(out, "]}");
}

/* It waits no more. */
static void settle(struct publish *p)
{
    for (uint32_t i = 0; i < p->count && p->left > 0; i++) {
        if (!list_is_empty(&p->targets[i].node))
            forget(&p->targets[i]);
    }
    loop_timer_clear(&p->timer);
    map_del(&p->fanout->waiting, str_make(p->id, ID_LEN));
}

void fanout_cancel(struct publish *p)
{
    settle(p);
    buf_release(&p->results);
    mem_free(p);
}

void fanout_answer(struct publish *p)
{
    struct conn *c = p->conn;
    struct buf body = BUF_INIT;
    fanout_append_answer(&body, p->count, buf_str(&p->results));
    fanout_cancel(p);
    c->stream = NULL;
    reply_call(c, c->endpoint->cors, buf_str(&body));
    buf_release(&body);
}
