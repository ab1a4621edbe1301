/* GET /api/events: the changes of a space as Server-Sent Events. */
#include "base/base.h"

#include "base/mem.h"
#include "changes.h"
#include "ep/ep.h"
#include "feed.h"
#include "server.h"
#include "wire/sse.h"

/* Into the organization that is followed in place of the user. */
struct entry {
    struct pass pass;
    size_t n;
    char organization_id[];
};

struct reader {
    struct follower follower;
    struct str last;     /* Last-Event-ID, until the stream begins; owned */
    struct entry *entry; /* ?org=; owned, NULL: the user's own space */
};

/* --- formats --- */

static void append_event(struct buf *out, const struct hub_event *e, struct str event_line)
{
    struct buf text = BUF_INIT;
    changes_append_text(&text, e);
    buf_append_ch(&text, '}');
    struct sse_event sse = {.id = e->id, .event = event_line, .data = buf_str(&text)};
    sse_append(out, &sse);
    buf_release(&text);
}

static void append_named(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    append_event(out, e, e->name);
}

/* ?format=message: all arrive in the page's onmessage. */
static void append_message(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    append_event(out, e, STR_NULL);
}

static const struct format format_named = {append_named, .is_message = false};
static const struct format format_message = {append_message, .is_message = false};

/* --- ?org= --- */

static void on_removed(struct pass *p)
{
    if (p->conn->state != CONN_OPEN)
        return; /* events_start sees it, or it is over anyway */
    p->conn->server->stats.revoked++;
    conn_end(p->conn, END_REMOVED);
}

static struct entry *entry_new(struct conn *c, struct str organization_id)
{
    struct entry *x = mem_zalloc(1, sizeof(*x) + organization_id.n);
    x->pass = (struct pass){.conn = c, .on_end = on_removed};
    x->n = organization_id.n;
    memcpy(x->organization_id, organization_id.p, x->n);
    return x;
}

struct pass *events_pass(struct conn *c, struct str *organization_id)
{
    const struct reader *rd = c->stream;
    if (!rd->entry)
        return NULL;
    *organization_id = str_make(rd->entry->organization_id, rd->entry->n);
    return &rd->entry->pass;
}

/* --- hooks --- */

static enum err read_options(struct reader *rd, const struct request *r)
{
    struct str events = form_get(&r->query, STR("events"));
    struct str format = form_get(&r->query, STR("format"));
    struct str org = form_get(&r->query, STR("org"));
    struct filter *filter = NULL;
    rd->follower.format = str_eq(format, STR("message")) ? &format_message : &format_named;
    if (org.p)
        rd->entry = entry_new(r->conn, org);
    enum err e = events.n > 0 ? filter_parse(&filter, events) : OK;
    rd->follower.sub.filter = filter;
    return e;
}

enum err events_open(struct conn *c, const struct request *r)
{
    struct reader *rd = mem_zalloc(1, sizeof(*rd));
    c->stream = rd;
    rd->follower.sub.conn = c;
    list_init(&rd->follower.node);
    rd->last = changes_last_id(r);
    return read_options(rd, r);
}

static void forget_last_id(struct reader *rd)
{
    mem_free((char *)rd->last.p);
    rd->last = STR_NULL;
}

enum err events_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct reader *rd = c->stream;
    struct feed_position at;
    (void)user_id;
    if (rd->entry && rd->entry->pass.has_ended)
        return ERR_NOT_FOUND;
    /* Clients of a restart come back spread out. */
    sse_append_retry(out, 2000 + server_spread(c->server, 3001));
    if (rd->entry)
        feed_follow_pass(&rd->follower, &rd->entry->pass, rd->last, &at);
    else
        feed_follow(&rd->follower, c->login, rd->last, &at);
    forget_last_id(rd);
    changes_append_connected(out, &rd->follower, &at);
    return OK;
}

void events_on_drain(struct conn *c)
{
    struct reader *rd = c->stream;
    feed_drained(&rd->follower);
}

void events_on_expiring(struct conn *c)
{
    const struct reader *rd = c->stream;
    changes_expiring(&rd->follower);
}

void events_on_end(struct conn *c, enum end why, struct buf *out)
{
    const struct reader *rd = c->stream;
    if (end_code(why) == WS_CLOSE_UNAUTHORIZED)
        changes_append_error(out, &rd->follower, ERR_UNAUTHORIZED, err_text(ERR_UNAUTHORIZED));
    else if (why == END_REMOVED)
        changes_append_error(out, &rd->follower, ERR_NOT_FOUND,
                             STR("You are no longer a member of this organization"));
}

void events_on_close(struct conn *c)
{
    struct reader *rd = c->stream;
    feed_unfollow(&rd->follower);
    if (rd->entry)
        feed_give_back(&rd->entry->pass);
    mem_free(rd->entry);
    filter_free((struct filter *)rd->follower.sub.filter);
    forget_last_id(rd);
    mem_free(rd);
}
