/* Updates, who owes an acknowledgement, and sending them again. */
#include "base/base.h"

#include "base/mem.h"
#include "framed.h"
#include "ledger.h"

void ledgers_init(struct ledgers *all)
{
    list_init(&all->updates);
    all->bytes = 0;
}

void ledger_init(struct ledger *l, struct ledgers *all)
{
    *l = (struct ledger){.all = all};
    list_init(&l->present);
    list_init(&l->idle);
    list_init(&l->updates);
}

bool ledger_is_empty(const struct ledger *l)
{
    return l->clients.count == 0;
}

/* --- debts --- */

static size_t size_of(const struct ledger_update *u)
{
    return sizeof(*u) + u->notes->n;
}

static void update_unref(struct ledger_update *u)
{
    if (--u->refs > 0)
        return;
    u->ledger->bytes -= size_of(u);
    u->ledger->all->bytes -= size_of(u);
    list_del(&u->node);
    list_del(&u->all_node);
    msg_unref(u->notes);
    mem_free(u);
}

static void settle_at(struct ledger_client *c, size_t i)
{
    update_unref(c->owed[i].update);
    c->owed_count--;
    memmove(&c->owed[i], &c->owed[i + 1], (c->owed_count - i) * sizeof(*c->owed));
}

static void owe(struct ledger_client *c, struct ledger_update *u)
{
    if (c->owed_count == LEDGER_OWED_MAX)
        settle_at(c, 0);
    if (c->owed_count == c->owed_cap) {
        c->owed_cap = c->owed_cap ? (uint8_t)(2 * c->owed_cap) : 1;
        c->owed = mem_realloc(c->owed, c->owed_cap * sizeof(*c->owed));
    }
    c->owed[c->owed_count++] = (struct owed){.update = u, .next = u->born + LEDGER_RETRY_MS};
    u->refs++;
}

static bool is_listening(const struct ledger_client *c)
{
    list_for_each (node, &c->sockets) {
        if (list_entry(node, struct notes_socket, same)->sub.lane)
            return true;
    }
    return false;
}

/* --- clients --- */

static struct ledger_client *client_new(struct ledger *l, struct str id)
{
    struct ledger_client *c = mem_zalloc(1, sizeof(*c) + id.n);
    c->ledger = l;
    list_init(&c->node);
    list_init(&c->sockets);
    c->id_n = (uint16_t)id.n;
    memcpy(c->id, id.p, id.n);
    map_put(&l->clients, str_make(c->id, id.n), c);
    return c;
}

static void client_free(struct ledger_client *c)
{
    assert(list_is_empty(&c->sockets));
    while (c->owed_count > 0)
        settle_at(c, c->owed_count - 1u);
    map_del(&c->ledger->clients, str_make(c->id, c->id_n));
    list_del(&c->node);
    mem_free(c->owed);
    mem_free(c);
}

static void forget_idle(struct ledger_client *c)
{
    c->ledger->idle_count--;
    client_free(c);
}

void ledger_enter(struct ledger *l, struct notes_socket *s, struct str client_id)
{
    struct ledger_client *c = map_get(&l->clients, client_id);
    if (!c)
        c = client_new(l, client_id);
    else if (list_is_empty(&c->sockets))
        l->idle_count--;
    list_del(&c->node);
    list_add_tail(&l->present, &c->node);
    list_add_tail(&c->sockets, &s->same);
    s->client = c;
}

void ledger_leave(struct ledger *l, struct notes_socket *s)
{
    struct ledger_client *c = s->client;
    list_del(&s->same);
    s->client = NULL;
    if (!list_is_empty(&c->sockets))
        return;
    if (c->owed_count == 0) {
        client_free(c);
        return;
    }
    list_del(&c->node);
    list_add_tail(&l->idle, &c->node);
    if (++l->idle_count > LEDGER_IDLE_MAX)
        forget_idle(list_entry(l->idle.next, struct ledger_client, node));
}

void ledger_release(struct ledger *l)
{
    assert(list_is_empty(&l->present));
    list_for_each_safe (node, &l->idle)
        forget_idle(list_entry(node, struct ledger_client, node));
    map_release(&l->clients);
}

/* --- updates --- */

static void settle(struct ledger_client *c, const struct ledger_update *u)
{
    for (size_t i = 0; i < c->owed_count; i++) {
        if (c->owed[i].update == u) {
            settle_at(c, i);
            return;
        }
    }
}

/* Nobody owes it any more. Only clients with a socket stay without owing anything. */
static void drop(struct ledger_update *u)
{
    struct ledger *l = u->ledger;
    u->refs++;
    list_for_each (node, &l->present)
        settle(list_entry(node, struct ledger_client, node), u);
    list_for_each_safe (node, &l->idle) {
        struct ledger_client *c = list_entry(node, struct ledger_client, node);
        settle(c, u);
        if (c->owed_count == 0)
            forget_idle(c);
    }
    update_unref(u);
}

static void keep_bounds(struct ledger *l)
{
    while (l->bytes > LEDGER_BYTES_MAX)
        drop(list_entry(l->updates.next, struct ledger_update, node));
    while (l->all->bytes > LEDGER_ALL_BYTES)
        drop(list_entry(l->all->updates.next, struct ledger_update, all_node));
}

void ledger_add(struct ledger *l, struct str notes, const char id[RAND_ID_LEN + 1],
                int64_t timestamp, int64_t now)
{
    struct ledger_update *u = mem_zalloc(1, sizeof(*u));
    u->ledger = l;
    u->notes = msg_new(notes);
    u->number = ++l->last_number;
    u->born = now;
    u->timestamp = timestamp;
    u->refs = 1; /* ours, until all are through */
    memcpy(u->id, id, sizeof(u->id));
    list_add_tail(&l->updates, &u->node);
    list_add_tail(&l->all->updates, &u->all_node);
    l->bytes += size_of(u);
    l->all->bytes += size_of(u);
    list_for_each (node, &l->present) {
        struct ledger_client *c = list_entry(node, struct ledger_client, node);
        if (is_listening(c))
            owe(c, u);
    }
    update_unref(u);
    keep_bounds(l);
}

void ledger_ack(struct ledger_client *c, struct str update_id)
{
    for (size_t i = 0; i < c->owed_count; i++) {
        if (str_eq(str_make(c->owed[i].update->id, RAND_ID_LEN), update_id)) {
            settle_at(c, i);
            return;
        }
    }
}

/* --- sending them again --- */

void ledger_append_update(struct buf *out, struct str notes, struct str id, int64_t timestamp)
{
    buf_append_lit(out, "{\"type\":\"update\",\"notes\":");
    buf_append_str(out, notes);
    buf_append_lit(out, ",\"updateId\":\"");
    buf_append_str(out, id);
    buf_append_lit(out, "\",\"timestamp\":");
    buf_append_i64(out, timestamp);
}

static void append_retry(struct buf *out, const struct owed *o)
{
    const struct ledger_update *u = o->update;
    ledger_append_update(out, msg_str(u->notes), str_make(u->id, RAND_ID_LEN), u->timestamp);
    buf_append_lit(out, ",\"isRetry\":true,\"attempt\":");
    buf_append_u64(out, o->attempts);
    buf_append_lit(out, "}");
}

/* Many clients owe the same update, and mostly as often: its text is written once for them. */
struct retry {
    const struct ledger_update *update;
    uint32_t attempt;
    struct framed message;
};

static void write_retry(struct retry *r, const struct owed *o)
{
    if (r->update == o->update && r->attempt == o->attempts)
        return;
    r->update = o->update;
    r->attempt = o->attempts;
    framed_reset(&r->message);
    append_retry(&r->message.text, o);
}

static void run_one(struct retry *r, const struct ledger_client *c, struct owed *o, int64_t now)
{
    bool sent = false;
    list_for_each (node, &c->sockets) {
        struct notes_socket *s = list_entry(node, struct notes_socket, same);
        if (!s->sub.lane || s->resuming || !framed_is_welcome(s->sub.conn))
            continue;
        if (!sent) {
            o->attempts++;
            o->next = now + LEDGER_RETRY_MS;
            write_retry(r, o);
        }
        framed_send(&r->message, s->sub.conn);
        sent = true;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || b < a ? b : a;
}

/* What stays due waits for a socket: ledger_run_client, ledger_resume. */
static int64_t run_client(struct retry *r, struct ledger_client *c, int64_t now)
{
    int64_t next = 0;
    for (size_t i = 0; i < c->owed_count; i++) {
        struct owed *o = &c->owed[i];
        if (o->next <= now)
            run_one(r, c, o, now);
        if (o->next > now)
            next = earlier(next, o->next);
    }
    return next;
}

void ledger_run_client(struct ledger_client *c, int64_t now)
{
    struct retry r = {.update = NULL};
    run_client(&r, c, now);
    framed_release(&r.message);
}

static struct ledger_update *oldest(const struct ledger *l)
{
    return list_is_empty(&l->updates) ? NULL
                                      : list_entry(l->updates.next, struct ledger_update, node);
}

int64_t ledger_run(struct ledger *l, int64_t now)
{
    struct retry r = {.update = NULL};
    struct ledger_update *first;
    int64_t next = 0;
    while ((first = oldest(l)) != NULL && first->born + LEDGER_KEEP_MS <= now)
        drop(first);
    if (first)
        next = first->born + LEDGER_KEEP_MS;
    list_for_each (node, &l->present) {
        int64_t at = run_client(&r, list_entry(node, struct ledger_client, node), now);
        if (at != 0)
            next = earlier(next, at);
    }
    framed_release(&r.message);
    return next;
}

bool ledger_resume(struct notes_socket *s, int64_t now)
{
    const struct ledger_client *c = s->client;
    struct retry r = {.update = NULL};
    size_t i = 0;
    while (i < c->owed_count && c->owed[i].update->number <= s->resumed)
        i++;
    if (i == c->owed_count)
        return false;
    c->owed[i].attempts++;
    c->owed[i].next = now + LEDGER_RETRY_MS;
    s->resumed = c->owed[i].update->number;
    write_retry(&r, &c->owed[i]);
    framed_send(&r.message, s->sub.conn);
    framed_release(&r.message);
    return true;
}
