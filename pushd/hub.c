/*
 * Topics, lanes and batches. A lane is the listeners of one topic in one wire format: a dense array
 * that a flush walks once, with the round's batch in hand.
 */
#include "base/base.h"

#include "base/mem.h"
#include "endpoints.h"
#include "hub.h"
#include "server.h"

/* A topic's batch is sent at once when it is as long as this: memory stays bounded in a burst. */
#define BATCH_FLUSH (64 * 1024)
/* A batch keeps its memory for the next round up to this size. */
#define BATCH_KEEP (256 * 1024)
/* So many batches are kept. */
#define SPARE_MAX 64

struct item {
    uint32_t end; /* of the event's bytes */
    bool unfiltered;
    const struct conn *except;
    struct filter_event subject; /* what filters look at, in the batch's mem */
};

struct batch {
    const struct format *format;
    bool deflate;
    bool filtered;      /* some of its readers have a filter */
    bool excepts;       /* some of its events are not for everybody */
    struct batch *next; /* in hub->spare, or its user's list */
    struct buf bytes;
    struct item *items;
    size_t count, cap;
    struct arena mem;
    struct msg *shared; /* a copy of bytes for those who could not take them at once */
};

struct hub {
    struct server *server;
    struct list dirty;
    struct batch *spare;
    size_t spare_count;
    struct arena scratch;
    struct buf text;   /* of a message, before it is in its frame */
    struct buf picked; /* events one filter lets through */
    struct hub_stats stats;
};

struct hub *hub_new(struct server *s)
{
    struct hub *h = mem_zalloc(1, sizeof(*h));
    h->server = s;
    list_init(&h->dirty);
    return h;
}

static void batch_free(struct batch *b)
{
    buf_release(&b->bytes);
    arena_release(&b->mem);
    mem_free(b->items);
    msg_unref(b->shared);
    mem_free(b);
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    while (h->spare) {
        struct batch *b = h->spare;
        h->spare = b->next;
        batch_free(b);
    }
    arena_release(&h->scratch);
    buf_release(&h->text);
    buf_release(&h->picked);
    mem_free(h);
}

struct hub_stats hub_stats(const struct hub *h)
{
    return h->stats;
}

/* --- batches --- */

/* Does this connection get what is in that format compressed? */
static bool deflates(const struct format *f, const struct conn *c)
{
    return f->is_message && c->deflate == WS_DEFLATE;
}

static struct batch *batch_get(struct hub *h, const struct format *f, bool deflate)
{
    struct batch *b = h->spare;
    if (b) {
        h->spare = b->next;
        h->spare_count--;
    } else {
        b = mem_zalloc(1, sizeof(*b));
    }
    b->next = NULL;
    b->format = f;
    b->deflate = deflate;
    return b;
}

struct batch *hub_batch_get(struct hub *h, const struct format *f, const struct conn *c,
                            struct batch **list)
{
    struct batch *b = batch_get(h, f, deflates(f, c));
    b->filtered = true; /* who reads it is not known yet */
    b->next = *list;
    *list = b;
    return b;
}

struct batch *hub_batch_find(struct batch *list, const struct format *f, const struct conn *c)
{
    while (list && (list->format != f || list->deflate != deflates(f, c)))
        list = list->next;
    return list;
}

static void put_one(struct hub *h, struct batch *b)
{
    msg_unref(b->shared);
    b->shared = NULL;
    b->count = 0;
    b->filtered = b->excepts = false;
    buf_reset(&b->bytes);
    arena_reset(&b->mem);
    if (b->bytes.cap > BATCH_KEEP || h->spare_count == SPARE_MAX) {
        batch_free(b);
        return;
    }
    b->next = h->spare;
    h->spare = b;
    h->spare_count++;
}

void hub_batch_put(struct hub *h, struct batch **list)
{
    while (*list) {
        struct batch *b = *list;
        *list = b->next;
        put_one(h, b);
    }
}

/* The event as it goes over the wire. */
static void write_event(struct hub *h, struct buf *out, const struct format *f, bool deflate,
                        const struct hub_event *e)
{
    if (f->is_message) {
        buf_reset(&h->text);
        f->append(&h->text, e, &h->scratch);
        if (h->text.n > 0)
            ws_append_message(out, deflate ? h->server->deflater : NULL, WS_TEXT,
                              buf_str(&h->text));
    } else {
        f->append(out, e, &h->scratch);
    }
    arena_reset(&h->scratch);
}

void hub_write(struct buf *out, const struct format *f, const struct conn *c,
               const struct hub_event *e)
{
    write_event(c->server->hub, out, f, deflates(f, c), e);
}

void hub_batch_add(struct hub *h, struct batch *b, const struct hub_event *e)
{
    assert(!b->shared);
    if (b->count == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 4;
        b->items = mem_realloc(b->items, b->cap * sizeof(*b->items));
    }
    write_event(h, &b->bytes, b->format, b->deflate, e);
    assert(b->bytes.n <= UINT32_MAX);
    struct item *i = &b->items[b->count++];
    *i = (struct item){
        .end = (uint32_t)b->bytes.n, .unfiltered = e->unfiltered, .except = e->except};
    if (b->filtered)
        i->subject = (struct filter_event){.name = arena_dup(&b->mem, e->name),
                                           .data = arena_dup(&b->mem, e->data),
                                           .mem = &b->mem};
    if (e->except) {
        b->excepts = true;
        e->except->excepted = true;
    }
}

static struct str item_bytes(const struct batch *b, size_t i)
{
    size_t start = i > 0 ? b->items[i - 1].end : 0;
    return str_make(b->bytes.p + start, b->items[i].end - start);
}

/* Is this event for c? */
static bool is_for(struct item *i, const struct filter *f, const struct conn *c)
{
    return i->except != c && (i->unfiltered || filter_matches(f, &i->subject));
}

static bool send_matching(struct hub *h, struct batch *b, size_t from, const struct filter *f,
                          struct conn *c)
{
    struct msg *own = NULL;
    buf_reset(&h->picked);
    for (size_t i = from; i < b->count; i++) {
        if (is_for(&b->items[i], f, c))
            buf_append_str(&h->picked, item_bytes(b, i));
    }
    if (h->picked.n == b->bytes.n) /* all of it: shared */
        return b->bytes.n == 0 || conn_send(c, buf_str(&b->bytes), &b->shared);
    bool taken = h->picked.n == 0 || conn_send(c, buf_str(&h->picked), &own);
    msg_unref(own);
    return taken;
}

bool hub_batch_send(struct batch *b, size_t from, const struct filter *f, struct conn *c)
{
    struct hub *h = c->server->hub;
    if (from >= b->count)
        return true;
    h->stats.deliveries++;
    if (f || (b->excepts && c->excepted))
        return send_matching(h, b, from, f, c);
    if (from == 0)
        return b->bytes.n == 0 || conn_send(c, buf_str(&b->bytes), &b->shared);
    struct msg *own = NULL;
    struct str tail = str_from(buf_str(&b->bytes), b->items[from - 1].end);
    bool taken = tail.n == 0 || conn_send(c, tail, &own);
    msg_unref(own);
    return taken;
}

/* --- topics and lanes --- */

void topic_init(struct topic *t, struct hub *h)
{
    *t = (struct topic){.hub = h, .lane = {.topic = t, .cap = 1}};
    list_init(&t->dirty);
}

static void lane_release(struct lane *l)
{
    assert(l->count == 0);
    hub_batch_put(l->topic->hub, &l->batch);
    if (l->cap > 1)
        mem_free(l->many);
}

void topic_release(struct topic *t)
{
    for (struct lane *l = t->lane.next, *next; l; l = next) {
        next = l->next;
        lane_release(l);
        mem_free(l);
    }
    lane_release(&t->lane);
    list_del(&t->dirty);
}

static struct lane *lane_for(struct topic *t, const struct format *f, bool deflate)
{
    struct lane *l = &t->lane;
    if (l->count == 0 && !l->batch)
        l->format = NULL; /* nobody is left of whom it was for */
    for (; l; l = l->next) {
        if (l->format == f && l->deflate == deflate)
            return l;
    }
    l = &t->lane;
    if (l->format) {
        l = mem_zalloc(1, sizeof(*l));
        *l = (struct lane){.next = t->lane.next, .topic = t, .cap = 1};
        t->lane.next = l;
    }
    l->format = f;
    l->deflate = deflate;
    return l;
}

static struct lane_slot *slots(struct lane *l)
{
    return l->cap > 1 ? l->many : &l->one;
}

/* To more than one: there is no way back to the room inside. */
static void resize(struct lane *l, uint32_t cap)
{
    struct lane_slot one = l->one;
    bool was_one = l->cap == 1;
    l->many = mem_realloc(was_one ? NULL : l->many, cap * sizeof(*l->many));
    l->cap = cap;
    if (was_one)
        l->many[0] = one;
}

void hub_join(struct topic *t, struct sub *s, const struct format *f)
{
    assert(!s->lane);
    hub_flush_topic(t);
    struct lane *l = lane_for(t, f, deflates(f, s->conn));
    if (l->count == l->cap)
        resize(l, l->cap + l->cap / 4 + 1); /* of 10,000 the spare room matters */
    s->at = l->count;
    s->lane = l;
    slots(l)[l->count++] = (struct lane_slot){s->conn, s};
    l->filtered += s->filter != NULL;
}

void hub_leave(struct sub *s)
{
    struct lane *l = s->lane;
    if (!l)
        return;
    struct lane_slot last = slots(l)[--l->count];
    slots(l)[s->at] = last;
    last.sub->at = s->at;
    s->lane = NULL;
    l->filtered -= s->filter != NULL;
    if (l->cap > 16 && l->count < l->cap / 4)
        resize(l, l->cap / 2);
}

void hub_publish(struct topic *t, const struct hub_event *e, uint64_t seq)
{
    struct hub *h = t->hub;
    bool unsent = false, full = false;
    if (seq != 0)
        t->seq = seq;
    h->stats.published++;
    for (struct lane *l = &t->lane; l; l = l->next) {
        if (l->count == 0 || (e->only && e->only != l->format))
            continue;
        if (!l->batch)
            l->batch = batch_get(h, l->format, l->deflate);
        l->batch->filtered = l->filtered > 0;
        hub_batch_add(h, l->batch, e);
        unsent = true;
        full = full || l->batch->bytes.n >= BATCH_FLUSH;
    }
    if (!unsent)
        t->sent = t->seq;
    else if (list_is_empty(&t->dirty))
        list_add_tail(&h->dirty, &t->dirty);
    if (full)
        hub_flush_topic(t);
}

void hub_each(struct topic *t, void (*each)(void *arg, struct sub *s), void *arg)
{
    for (struct lane *l = &t->lane; l; l = l->next) {
        for (uint32_t i = 0; i < l->count; i++)
            each(arg, slots(l)[i].sub);
    }
}

void hub_each_match(struct topic *t, const struct hub_event *e,
                    void (*each)(void *arg, struct sub *s), void *arg)
{
    struct filter_event subject = {.name = e->name, .data = e->data, .mem = &t->hub->scratch};
    for (struct lane *l = &t->lane; l; l = l->next) {
        for (uint32_t i = 0; i < l->count; i++) {
            struct lane_slot s = slots(l)[i];
            if (s.conn != e->except && s.conn->state == CONN_OPEN &&
                filter_matches(s.sub->filter, &subject))
                each(arg, s.sub);
        }
    }
    arena_reset(&t->hub->scratch);
}

size_t topic_count(const struct topic *t)
{
    size_t n = 0;
    for (const struct lane *l = &t->lane; l; l = l->next)
        n += l->count;
    return n;
}

static void too_slow(struct sub *s)
{
    struct topic *t = s->lane->topic;
    if (s->conn->endpoint->when_slow == WHEN_SLOW_CONTINUE && t->on_slow) {
        uint64_t sent = t->sent;
        s->conn->server->stats.behind++;
        hub_leave(s);
        t->on_slow(s, sent);
        return;
    }
    s->conn->server->stats.slow++;
    conn_end(s->conn, END_SLOW);
}

/* From the end to the front: one that leaves changes places with one that was served. */
static void flush_lane(struct lane *l)
{
    struct batch *b = l->batch;
    for (uint32_t i = l->count; i-- > 0;) {
        struct lane_slot s = slots(l)[i];
        if (i > 0)
            __builtin_prefetch(slots(l)[i - 1].conn);
        const struct filter *f = l->filtered ? s.sub->filter : NULL;
        if (!hub_batch_send(b, 0, f, s.conn))
            too_slow(s.sub);
    }
    hub_batch_put(l->topic->hub, &l->batch);
}

void hub_flush_topic(struct topic *t)
{
    if (list_is_empty(&t->dirty))
        return;
    list_del(&t->dirty);
    for (struct lane *l = &t->lane; l; l = l->next) {
        if (l->batch)
            flush_lane(l);
    }
    t->sent = t->seq;
}

void hub_flush(struct hub *h)
{
    while (!list_is_empty(&h->dirty))
        hub_flush_topic(list_entry(h->dirty.next, struct topic, dirty));
}
