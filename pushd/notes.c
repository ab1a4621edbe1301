/* Notes: a user's sockets, the window that gathers changes, and the reads that answer them all. */
#include "base/base.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "feed.h"
#include "framed.h"
#include "ledger.h"
#include "readers.h"
#include "server.h"
#include "store/notes.h"
#include "window.h"
#include "wire/json.h"

#define TEXT_KEEP (64 * 1024)
#define EVENTS_OF STR("table:notes:")

struct notes {
    struct server *server;
    struct map users; /* by id */
    struct ledgers ledgers;
    struct arena mem; /* an event's */
    struct buf text;  /* an update's */
};

struct notes_user {
    struct notes *notes;
    struct topic topic; /* those who have had their initialSync */
    struct tap tap;     /* while there are sockets */
    struct ledger ledger;
    struct list opening;          /* struct notes_socket.node: until the end of the round */
    struct list asking;           /* … wait for a read */
    struct list answering;        /* … wait for the one in flight */
    struct notes_read *read;      /* in flight; owned by itself */
    struct loop_timer open_timer; /* the end of the round */
    struct window window;         /* changes on their way out */
    struct loop_timer retry;      /* ledger_run */
    uint32_t sockets;
    char id[];
};

struct notes_read {
    struct reader_job job;
    struct notes_user *user;
    bool updates; /* what it finds is an update */
    struct window_change change;
    /* The answer. */
    enum err err;
    struct buf list;
};

static int64_t now_of(const struct notes_user *u)
{
    return loop_now(u->notes->server->loop);
}

/* --- the read --- */

static enum err read_list(struct notes_read *r, struct space *sp)
{
    enum err e = space_begin_read(sp);
    if (e == OK)
        e = notes_list(sp, str_from_c(r->user->id), &r->list);
    space_rollback(sp);
    return e;
}

static void read_file(struct reader_job *job, struct store *store)
{
    struct notes_read *r = container_of(job, struct notes_read, job);
    struct space *sp = NULL;
    r->err = space_acquire(store, SPACE_USER, str_from_c(r->user->id), &sp);
    if (r->err == OK)
        r->err = read_list(r, sp);
    space_release(sp);
}

static void on_read(struct reader_job *job);

/* Read if somebody waits for it and no read is in flight. */
static void start_read(struct notes_user *u)
{
    if (u->read || (!u->window.due && list_is_empty(&u->asking)))
        return;
    struct notes_read *r = mem_zalloc(1, sizeof(*r));
    r->job.read = read_file;
    r->job.done = on_read;
    r->user = u;
    r->updates = window_take(&u->window, &r->change);
    list_for_each (node, &u->asking) {
        struct notes_socket *s = list_entry(node, struct notes_socket, node);
        s->asks_read = s->asks;
    }
    list_splice(&u->answering, &u->asking);
    u->read = r;
    readers_submit(u->notes->server->readers, &r->job);
}

/* --- changes --- */

static void on_due(struct window *w)
{
    start_read(container_of(w, struct notes_user, window));
}

static void on_event(struct tap *t, const struct event *e)
{
    struct notes_user *u = container_of(t, struct notes_user, tap);
    struct arena *mem = &u->notes->mem;
    struct str affected = STR_NULL;
    struct json doc;
    if (!str_starts_with(e->name, EVENTS_OF))
        return;
    if (json_parse(&doc, e->data, JSON_WITH_NUL, mem) == OK) {
        struct json_value id = json_get(json_root(&doc), STR("id"));
        if (json_is(id, JSON_STRING))
            affected = json_string(id, mem);
    }
    window_add(&u->window, str_from(e->name, EVENTS_OF.n), affected);
    arena_reset(mem);
}

/* Nobody knows what happened, but the list tells how things are now. */
static void on_gap(struct tap *t)
{
    struct notes_user *u = container_of(t, struct notes_user, tap);
    window_add(&u->window, STR("update"), STR_NULL);
}

/* --- updates --- */

static void arm_retry(struct notes_user *u)
{
    int64_t at = now_of(u) + LEDGER_RETRY_MS;
    if (list_is_empty(&u->retry.node) || u->retry.at > at)
        loop_timer_set(u->notes->server->loop, &u->retry, at);
}

static void append_update(struct buf *out, struct str notes, const char *id, int64_t timestamp,
                          const struct window_change *c)
{
    struct str affected = str_from_c(c->affected);
    ledger_append_update(out, notes, str_make(id, RAND_ID_LEN), timestamp);
    buf_append_lit(out, ",\"operation\":");
    json_append_string(out, str_from_c(c->operation));
    buf_append_lit(out, ",\"affectedNoteId\":");
    if (affected.n > 0)
        json_append_string(out, affected);
    else
        buf_append_lit(out, "null");
    buf_append_lit(out, "}");
}

static void publish(struct notes_user *u, const struct notes_read *r)
{
    char id[RAND_ID_LEN + 1];
    struct buf *text = &u->notes->text;
    struct hub_event e = {.text = STR_NULL, .at = clock_wall_ms()};
    window_sent(&u->window);
    if (topic_count(&u->topic) == 0)
        return; /* they have it in their initialSync */
    rand_id(id);
    buf_reset(text);
    append_update(text, buf_str(&r->list), id, e.at, &r->change);
    e.text = buf_str(text);
    hub_publish(&u->topic, &e, 0);
    hub_flush_topic(&u->topic); /* what answers a question now comes after it */
    ledger_add(&u->ledger, buf_str(&r->list), id, e.at, now_of(u));
    arm_retry(u);
    if (text->cap > TEXT_KEEP)
        buf_release(text);
}

static void append_text(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    buf_append_str(out, e->text);
}

static const struct format format_update = {append_text, .is_message = true};

/* --- answers --- */

/* The same list in each of its forms, written when the first needs it. */
struct answers {
    struct framed initial, subscribed, refreshed;
    struct str list;
};

static struct framed *initial(struct answers *a)
{
    struct buf *text = &a->initial.text;
    if (text->n == 0) {
        buf_append_lit(text, "{\"type\":\"initialSync\",\"notes\":");
        buf_append_str(text, a->list);
        buf_append_lit(text, ",\"timestamp\":");
        buf_append_i64(text, clock_wall_ms());
        buf_append_lit(text, "}");
    }
    return &a->initial;
}

static struct framed *answer_to(struct answers *a, enum notes_ask what)
{
    struct framed *m = what == NOTES_REFRESHED ? &a->refreshed : &a->subscribed;
    if (m->text.n == 0) {
        buf_append_str(&m->text, what == NOTES_REFRESHED
                                     ? STR("{\"type\":\"update\",\"notes\":")
                                     : STR("{\"type\":\"subscribed\",\"notes\":"));
        buf_append_str(&m->text, a->list);
        buf_append_lit(&m->text, "}");
    }
    return m;
}

static void join(struct notes_user *u, struct notes_socket *s)
{
    hub_join(&u->topic, &s->sub, &format_update);
    arm_retry(u);
}

/* What it cannot take yet it gets of a later read: notes_drained. */
static void answer(struct notes_user *u, struct notes_socket *s, struct answers *a)
{
    if (!s->sub.lane && framed_is_welcome(s->sub.conn)) {
        framed_send(initial(a), s->sub.conn);
        join(u, s);
    }
    while (s->sub.lane && s->asks_read > 0 && framed_is_welcome(s->sub.conn)) {
        framed_send(answer_to(a, s->asked & 1 ? NOTES_REFRESHED : NOTES_SUBSCRIBED), s->sub.conn);
        s->asked >>= 1;
        s->asks--;
        s->asks_read--;
    }
}

static bool waits(const struct notes_socket *s)
{
    return !s->sub.lane || s->asks > 0;
}

static void answer_all(struct notes_user *u, struct str list)
{
    struct answers a = {.list = list};
    while (!list_is_empty(&u->answering)) {
        struct notes_socket *s = list_entry(u->answering.next, struct notes_socket, node);
        list_del(&s->node);
        answer(u, s, &a);
        if (waits(s) && framed_is_welcome(s->sub.conn))
            list_add_tail(&u->asking, &s->node);
    }
    framed_release(&a.initial);
    framed_release(&a.subscribed);
    framed_release(&a.refreshed);
}

/* --- the course of a user --- */

static void user_free(struct notes_user *u)
{
    map_del(&u->notes->users, str_from_c(u->id));
    loop_timer_clear(&u->open_timer);
    window_clear(&u->window);
    loop_timer_clear(&u->retry);
    ledger_release(&u->ledger);
    topic_release(&u->topic);
    mem_free(u);
}

/* Nobody there and nothing owed: it is gone. */
static void user_settle(struct notes_user *u)
{
    if (u->sockets == 0 && !u->read && ledger_is_empty(&u->ledger))
        user_free(u);
}

static void try_again(struct notes_user *u, const struct notes_read *r)
{
    if (r->err != ERR_NOT_FOUND)
        log_warn("notes: cannot read user=%s code=%.*s", u->id, STR_ARG(err_code(r->err)));
    list_splice(&u->answering, &u->asking); /* who waits longest stays first */
    list_splice(&u->asking, &u->answering);
    if (u->sockets > 0)
        window_again(&u->window, r->updates ? &r->change : NULL);
}

static void on_read(struct reader_job *job)
{
    struct notes_read *r = container_of(job, struct notes_read, job);
    struct notes_user *u = r->user;
    u->read = NULL;
    if (r->err != OK) {
        try_again(u, r);
    } else {
        if (r->updates && u->sockets > 0)
            publish(u, r);
        answer_all(u, buf_str(&r->list));
        start_read(u);
    }
    buf_release(&r->list);
    mem_free(r);
    user_settle(u);
}

static void on_retry(struct loop_timer *t)
{
    struct notes_user *u = container_of(t, struct notes_user, retry);
    int64_t next = ledger_run(&u->ledger, now_of(u));
    if (next != 0)
        loop_timer_set(u->notes->server->loop, t, next);
    user_settle(u);
}

/* --- sockets --- */

static void ask(struct notes_user *u, struct notes_socket *s)
{
    if (list_is_empty(&s->node))
        list_add_tail(&u->asking, &s->node);
    start_read(u);
}

/* What its client owes, as far as it takes it now; then the list, if it is new. */
static void resume(struct notes_socket *s)
{
    int64_t now = now_of(s->user);
    while (framed_is_welcome(s->sub.conn)) {
        if (ledger_resume(s, now))
            continue;
        s->resuming = false;
        arm_retry(s->user);
        if (waits(s))
            ask(s->user, s);
        return;
    }
}

static void on_open(struct loop_timer *t)
{
    struct notes_user *u = container_of(t, struct notes_user, open_timer);
    while (!list_is_empty(&u->opening)) {
        struct notes_socket *s = list_entry(u->opening.next, struct notes_socket, node);
        list_del(&s->node);
        resume(s);
    }
}

static struct notes_user *find_or_make(struct notes *n, struct str id)
{
    struct notes_user *u = map_get(&n->users, id);
    if (u)
        return u;
    u = mem_zalloc(1, sizeof(*u) + id.n + 1);
    u->notes = n;
    topic_init(&u->topic, n->server->hub);
    ledger_init(&u->ledger, &n->ledgers);
    list_init(&u->opening);
    list_init(&u->asking);
    list_init(&u->answering);
    loop_timer_init(&u->open_timer, on_open);
    window_init(&u->window, n->server->loop, on_due);
    loop_timer_init(&u->retry, on_retry);
    u->tap.on_event = on_event;
    u->tap.on_gap = on_gap;
    memcpy(u->id, id.p, id.n);
    map_put(&n->users, str_from_c(u->id), u);
    return u;
}

void notes_enter(struct notes *n, struct notes_socket *s, struct str user_id, struct str client_id)
{
    struct notes_user *u = find_or_make(n, user_id);
    s->user = u;
    s->resuming = true;
    if (u->sockets++ == 0)
        feed_tap(n->server->feed, &u->tap, SPACE_USER, user_id);
    ledger_enter(&u->ledger, s, client_id);
    list_init(&s->node);
    list_add_tail(&u->opening, &s->node);
    loop_defer(n->server->loop, &u->open_timer); /* behind the greeting */
}

void notes_leave(struct notes_socket *s)
{
    struct notes_user *u = s->user;
    if (!u)
        return;
    hub_leave(&s->sub);
    list_del(&s->node);
    ledger_leave(&u->ledger, s);
    s->user = NULL;
    if (--u->sockets == 0) {
        feed_untap(&u->tap);
        window_clear(&u->window);
    }
    user_settle(u);
}

struct str notes_client_id(const struct notes_socket *s)
{
    return str_make(s->client->id, s->client->id_n);
}

void notes_identify(struct notes_socket *s, struct str client_id)
{
    struct ledger *l = &s->user->ledger;
    if (str_eq(client_id, notes_client_id(s)))
        return;
    ledger_leave(l, s);
    ledger_enter(l, s, client_id);
    s->resumed = 0;
    s->resuming = true;
}

void notes_resume(struct notes_socket *s)
{
    if (s->resuming)
        resume(s);
}

void notes_ask(struct notes_socket *s, enum notes_ask what)
{
    if (s->asks == NOTES_ASKS_MAX)
        return;
    s->asked |= (uint32_t)(what == NOTES_REFRESHED) << s->asks++;
    if (!s->resuming && framed_is_welcome(s->sub.conn))
        ask(s->user, s);
}

void notes_ack(struct notes_socket *s, struct str update_id)
{
    ledger_ack(s->client, update_id);
}

void notes_drained(struct notes_socket *s)
{
    if (s->resuming) {
        resume(s);
        return;
    }
    ledger_run_client(s->client, now_of(s->user));
    arm_retry(s->user);
    if (waits(s) && framed_is_welcome(s->sub.conn))
        ask(s->user, s);
}

/* --- the part --- */

struct notes *notes_new(struct server *s)
{
    struct notes *n = mem_zalloc(1, sizeof(*n));
    n->server = s;
    ledgers_init(&n->ledgers);
    return n;
}

struct notes_stats notes_stats(const struct notes *n)
{
    return (struct notes_stats){.users = n->users.count, .pending_bytes = n->ledgers.bytes};
}

void notes_free(struct notes *n)
{
    size_t pos = 0;
    struct notes_user *u;
    if (!n)
        return;
    while ((u = map_next(&n->users, &pos)) != NULL) {
        assert(u->sockets == 0 && !u->read);
        user_free(u);
        pos = 0; /* the map has changed */
    }
    map_release(&n->users);
    arena_release(&n->mem);
    buf_release(&n->text);
    mem_free(n);
}
