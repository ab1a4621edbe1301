/* One open space: reads of its file, and what comes of them. */
#include "base/base.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "server.h"
#include "source_read.h"

/* --- the question --- */

static void fill(char *to, size_t size, struct str from)
{
    assert(from.n < size);
    if (from.n > 0)
        memcpy(to, from.p, from.n);
    to[from.n] = '\0';
}

static void add_check(struct source_read *r, struct str sid, struct str jti)
{
    struct check *c = &r->checks[r->check_count++];
    fill(c->sid, sizeof(c->sid), sid);
    fill(c->jti, sizeof(c->jti), jti);
    c->result = ERR_UNAUTHORIZED;
}

static void add_pass(struct source_read *r, struct pass *p)
{
    p->asked = r;
    p->at = (uint32_t)r->check_count;
    fill(r->checks[p->at].user_id, sizeof(r->checks[p->at].user_id), str_from_c(p->user_id));
    r->checks[r->check_count++].result = ERR_UNAUTHORIZED;
}

static size_t length_of(const struct list *l)
{
    size_t n = 0;
    list_for_each (node, l)
        n++;
    return n;
}

static void add_checks(struct source_read *r, struct source *s)
{
    size_t n = length_of(&s->sign_ins) + length_of(&s->asking);
    if (r->all_sessions)
        n += length_of(&s->passes);
    for (struct login *x = s->logins; x && r->all_sessions; x = x->next)
        n++;
    r->checks = n > 1 ? arena_zalloc(&r->mem, n, sizeof(*r->checks)) : &r->one_check;
    list_for_each (node, &s->asking)
        add_pass(r, list_entry(node, struct pass, node));
    if (r->all_sessions) {
        list_for_each (node, &s->passes)
            add_pass(r, list_entry(node, struct pass, node));
    }
    list_for_each (node, &s->sign_ins) {
        struct sign_in *si = list_entry(node, struct sign_in, node);
        add_check(r, si->sid, si->refresh_jti);
    }
    for (struct login *x = s->logins; x && r->all_sessions; x = x->next)
        add_check(r, str_from_c(x->sid), STR_NULL);
}

/* The first of those behind who can take more, or NULL. */
static const struct follower *first_drained(const struct source *s)
{
    list_for_each (node, &s->behind) {
        const struct follower *f = list_entry(node, struct follower, node);
        if (!f->held && conn_is_drained(f->sub.conn))
            return f;
    }
    return NULL;
}

static void on_read(struct reader_job *job);

void source_start(struct source *s)
{
    if (s->generation != s->feed->generation)
        s->wants |= WANT_EVENTS | WANT_SESSIONS;
    if (s->read)
        return;
    const struct follower *behind = first_drained(s);
    if (!s->wants && !behind && list_is_empty(&s->sign_ins) && list_is_empty(&s->asking))
        return;
    struct source_read *r = mem_zalloc(1, sizeof(*r));
    s->read = r;
    r->source = s;
    r->kind = source_kind(s);
    r->id = str_from_c(s->key + 1);
    r->events_too = s->is_open && (behind || (s->wants & WANT_EVENTS));
    r->after = behind && behind->seq < s->topic.seq ? behind->seq : s->topic.seq;
    r->all_sessions = s->wants & WANT_SESSIONS;
    add_checks(r, s);
    s->wants = 0;
    s->generation = s->feed->generation;
    s->feed->in_flight++;
    s->feed->stats.reads++;
    r->job.read = source_read_file;
    r->job.done = on_read;
    readers_submit(s->feed->readers, &r->job);
}

void source_hinted(struct source *s, uint64_t seq)
{
    s->wants |= s->is_open ? WANT_EVENTS : 0;
    if (s->read && s->read->hinted < seq)
        s->read->hinted = seq;
}

/* --- publishing --- */

static struct str event_id(struct source *s, uint64_t seq)
{
    struct buf *id = &s->feed->id;
    buf_reset(id);
    event_id_append(id, str_from_c(s->epoch), seq);
    return buf_str(id);
}

static struct hub_event to_hub(struct source *s, const struct event *e)
{
    return (struct hub_event){.id = event_id(s, e->seq),
                              .name = e->name,
                              .data = e->data,
                              .organization = source_organization(s),
                              .at = e->at};
}

void source_publish(struct source *s, const struct event *e)
{
    assert(e->seq == s->topic.seq + 1);
    struct hub_event h = to_hub(s, e);
    hub_publish(&s->topic, &h, e->seq);
    if (h.organization.p && str_eq(e->name, STR("organization:member_removed")))
        s->wants |= WANT_SESSIONS; /* somebody here may have to go */
    list_for_each_safe (node, &s->taps) {
        struct tap *t = list_entry(node, struct tap, node);
        t->on_event(t, e);
    }
}

/* What cannot be told any more: the reader must fetch the state anew. */
static struct hub_event resync_event(struct source *s, struct buf *data)
{
    buf_appendf(data, "{\"epoch\":\"%s\",\"seq\":%llu}", s->epoch,
                (unsigned long long)s->topic.seq);
    s->feed->stats.resyncs++;
    return (struct hub_event){.id = event_id(s, s->topic.seq),
                              .name = STR("realtime:resync"),
                              .data = buf_str(data),
                              .organization = source_organization(s),
                              .at = clock_wall_ms(),
                              .unfiltered = true};
}

static void resync_topic(struct source *s, uint64_t seq)
{
    struct buf data = BUF_INIT;
    s->topic.seq = seq;
    struct hub_event e = resync_event(s, &data);
    hub_publish(&s->topic, &e, seq);
    buf_release(&data);
    list_for_each_safe (node, &s->taps) {
        struct tap *t = list_entry(node, struct tap, node);
        t->on_gap(t);
    }
}

/* --- the answer --- */

/* The first look, or the file behind the name is another one now (restored). */
static void adopt_epoch(struct source *s, const struct source_read *r)
{
    bool first = !s->is_open;
    s->is_open = true;
    memcpy(s->epoch, r->epoch, sizeof(s->epoch));
    if (first) {
        s->topic.seq = s->topic.sent = s->was_missing ? 0 : r->newest;
        return;
    }
    resync_topic(s, r->newest);
    list_for_each (node, &s->behind)
        list_entry(node, struct follower, node)->seq = UINT64_MAX; /* in no log: resync */
}

static void publish_new(struct source *s, const struct source_read *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->events[i].seq == s->topic.seq + 1) {
            source_publish(s, &r->events[i]);
            s->feed->stats.log_events++;
        }
    }
    if (r->newest > s->topic.seq && r->oldest > s->topic.seq + 1)
        resync_topic(s, r->newest); /* trimmed before it was read */
    if (r->newest > s->topic.seq || r->hinted > s->topic.seq)
        s->wants |= WANT_EVENTS;
}

static enum err result_of(const struct source_read *r, struct str sid, struct str jti)
{
    for (size_t i = 0; i < r->check_count; i++) {
        const struct check *c = &r->checks[i];
        if (str_eq(str_from_c(c->sid), sid) && str_eq(str_from_c(c->jti), jti))
            return c->result;
    }
    return ERR_MORE; /* was not asked */
}

static void end_login(struct source *s, struct login *login)
{
    struct server *server = s->feed->server;
    login->dead = true;
    list_for_each (node, &login->conns) {
        struct conn *c = list_entry(node, struct conn, peers);
        server->stats.revoked += c->state == CONN_OPEN;
        conn_end(c, END_REVOKED);
    }
    if (list_is_empty(&login->conns))
        source_forget_login(login);
}

static void end_dead_logins(struct source *s, const struct source_read *r)
{
    for (struct login *x = s->logins, *next; x; x = next) {
        next = x->next;
        if (!x->dead && result_of(r, str_from_c(x->sid), STR_NULL) == ERR_UNAUTHORIZED)
            end_login(s, x);
    }
}

static struct login *make_login(struct source *s, struct str sid)
{
    struct login *x = mem_zalloc(1, sizeof(*x));
    x->source = s;
    x->next = s->logins;
    s->logins = x;
    list_init(&x->conns);
    fill(x->sid, sizeof(x->sid), sid);
    return x;
}

static void answer_sign_ins(struct source *s, const struct source_read *r)
{
    struct list asking;
    list_init(&asking);
    list_splice(&asking, &s->sign_ins);
    while (!list_is_empty(&asking)) {
        struct sign_in *si = list_entry(asking.next, struct sign_in, node);
        enum err e = r->err ? r->err : result_of(r, si->sid, si->refresh_jti);
        list_del(&si->node);
        if (e == ERR_MORE) {
            list_add_tail(&s->sign_ins, &si->node);
            continue;
        }
        if (e == OK && !(si->login = source_login(s, si->sid)))
            si->login = make_login(s, si->sid);
        struct login *login = e == OK ? si->login : NULL; /* si is gone after its answer */
        si->on_answer(si, e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e);
        if (login && list_is_empty(&login->conns) && s->conns > 0)
            source_forget_login(login); /* it was refused for another reason */
    }
}

/* --- passes --- */

static void end_pass(struct pass *p)
{
    if (p->has_ended)
        return;
    p->has_ended = true;
    p->on_end(p); /* it may be gone now */
}

static void end_passes(struct source *s, const struct source_read *r)
{
    list_for_each_safe (node, &s->passes) {
        struct pass *p = list_entry(node, struct pass, node);
        bool asked = p->asked == r;
        p->asked = NULL;
        if (asked && r->checks[p->at].result == ERR_UNAUTHORIZED)
            end_pass(p);
    }
}

static void answer_passes(struct source *s, const struct source_read *r)
{
    struct list asking;
    list_init(&asking);
    list_splice(&asking, &s->asking);
    while (!list_is_empty(&asking)) {
        struct pass *p = list_entry(asking.next, struct pass, node);
        list_del(&p->node);
        if (p->asked != r) { /* it came while the read was under way */
            list_add_tail(&s->asking, &p->node);
            continue;
        }
        enum err e = r->err ? r->err : r->checks[p->at].result;
        p->asked = NULL;
        p->is_held = e == OK;
        if (e == OK)
            list_add_tail(&s->passes, &p->node);
        else
            p->source = NULL;
        p->on_answer(p, e == ERR_UNAUTHORIZED ? ERR_NOT_FOUND : e); /* it may be gone now */
    }
}

/* --- those who are behind --- */

static struct batch *batch_for(struct source_read *r, const struct follower *f)
{
    struct hub *hub = r->source->feed->server->hub;
    struct batch *b = hub_batch_find(r->batches, f->format, f->sub.conn);
    if (b)
        return b;
    b = hub_batch_get(hub, f->format, f->sub.conn, &r->batches);
    for (size_t i = 0; i < r->count; i++) {
        struct hub_event e = to_hub(r->source, &r->events[i]);
        hub_batch_add(hub, b, &e);
    }
    return b;
}

static void resync_follower(struct source *s, struct follower *f)
{
    struct hub *hub = s->feed->server->hub;
    struct buf data = BUF_INIT;
    struct batch *list = NULL, *b = hub_batch_get(hub, f->format, f->sub.conn, &list);
    struct hub_event e = resync_event(s, &data);
    hub_batch_add(hub, b, &e);
    hub_batch_send(b, 0, NULL, f->sub.conn);
    hub_batch_put(hub, &list);
    buf_release(&data);
    f->seq = s->topic.seq;
}

static void give(struct source_read *r, struct follower *f)
{
    struct source *s = r->source;
    if (f->seq > r->newest && f->seq <= s->topic.seq)
        return; /* hints told of more since the read */
    if (f->seq > r->newest || (f->seq < r->newest && f->seq + 1 < r->oldest)) {
        resync_follower(s, f);
        return;
    }
    if (r->count == 0 || f->seq >= r->events[r->count - 1].seq)
        return;
    uint64_t first = r->events[0].seq;
    size_t from = f->seq >= first ? (size_t)(f->seq - first + 1) : 0;
    hub_batch_send(batch_for(r, f), from, f->sub.filter, f->sub.conn);
    f->seq = r->events[r->count - 1].seq;
}

static void serve_behind(struct source *s, struct source_read *r)
{
    struct list waiting;
    list_init(&waiting);
    list_splice(&waiting, &s->behind);
    while (!list_is_empty(&waiting)) {
        struct follower *f = list_entry(waiting.next, struct follower, node);
        list_del(&f->node);
        bool drained = !f->held && conn_is_drained(f->sub.conn);
        if (drained && f->seq >= r->after)
            give(r, f);
        if (drained && f->seq == s->topic.seq)
            hub_join(&s->topic, &f->sub, f->format);
        else if (!f->held && conn_is_drained(f->sub.conn))
            list_add_head(&s->behind, &f->node);
        else
            list_add_tail(&s->behind, &f->node);
    }
}

static void read_free(struct source_read *r)
{
    hub_batch_put(r->source->feed->server->hub, &r->batches);
    arena_release(&r->mem);
    mem_free(r);
}

static void take_answer(struct source *s, struct source_read *r)
{
    if (!s->is_open || memcmp(s->epoch, r->epoch, sizeof(s->epoch)) != 0)
        adopt_epoch(s, r);
    if (r->events_too)
        publish_new(s, r);
    else if (r->newest > s->topic.seq || r->hinted > s->topic.seq)
        s->wants |= WANT_EVENTS;
    end_dead_logins(s, r);
    end_passes(s, r);
    answer_sign_ins(s, r);
    answer_passes(s, r);
    if (r->events_too)
        serve_behind(s, r);
}

/* The file is gone, and with it everybody in it; or it cannot be read now: the sweep retries. */
static void take_failure(struct source *s, struct source_read *r)
{
    answer_sign_ins(s, r);
    answer_passes(s, r);
    if (r->err == ERR_NOT_FOUND) {
        list_for_each_safe (node, &s->passes)
            end_pass(list_entry(node, struct pass, node));
        for (struct login *x = s->logins, *next; x; x = next) {
            next = x->next;
            end_login(s, x);
        }
        if (list_is_empty(&s->taps))
            return;
        s->was_missing = true;
    } else {
        log_warn("source: cannot read space kind=%d code=%.*s", source_kind(s),
                 STR_ARG(err_code(r->err)));
    }
    s->generation = s->feed->generation - 1;
}

static void on_read(struct reader_job *job)
{
    struct source_read *r = container_of(job, struct source_read, job);
    struct source *s = r->source;
    enum err e = r->err;
    s->feed->in_flight--;
    if (e == OK)
        take_answer(s, r);
    else
        take_failure(s, r);
    s->read = NULL; /* only now: it kept s in use */
    read_free(r);
    feed_settle(s, e);
}

/* --- the source itself --- */

struct login *source_login(const struct source *s, struct str sid)
{
    struct login *x = s->logins;
    while (x && (x->dead || !str_eq(str_from_c(x->sid), sid)))
        x = x->next;
    return x;
}

void source_forget_login(struct login *login)
{
    assert(list_is_empty(&login->conns));
    struct login **at = &login->source->logins;
    while (*at != login)
        at = &(*at)->next;
    *at = login->next;
    mem_free(login);
}

bool source_is_trusted(const struct source *s)
{
    return s->is_open && s->generation == s->feed->generation && !(s->wants & WANT_SESSIONS) &&
           !(s->read && s->read->all_sessions);
}

enum space_kind source_kind(const struct source *s)
{
    return (enum space_kind)(s->key[0] - '0');
}

struct str source_organization(const struct source *s)
{
    return source_kind(s) == SPACE_ORG ? str_from_c(s->key + 1) : STR_NULL;
}

struct source *source_new(struct feed *f, struct str key)
{
    struct source *s = mem_zalloc(1, offsetof(struct source, key) + key.n + 1);
    topic_init(&s->topic, f->server->hub);
    s->feed = f;
    list_init(&s->node);
    list_init(&s->sign_ins);
    list_init(&s->asking);
    list_init(&s->passes);
    list_init(&s->behind);
    list_init(&s->taps);
    s->generation = f->generation;
    fill(s->key, key.n + 1, key);
    return s;
}

void source_free(struct source *s)
{
    assert(!s->read && s->conns == 0);
    while (s->logins)
        source_forget_login(s->logins);
    list_del(&s->node);
    topic_release(&s->topic);
    mem_free(s);
}
