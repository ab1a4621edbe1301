/* GET /api/events: the changes of a space as Server-Sent Events. */
#include "base/base.h"

#include "base/mem.h"
#include "changes.h"
#include "ep/ep.h"
#include "feed.h"
#include "server.h"
#include "wire/sse.h"

struct reader {
    struct follower follower;
    struct str last; /* Last-Event-ID, until the stream begins; owned */
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

/* --- hooks --- */

static enum err read_options(struct reader *rd, const struct request *r)
{
    struct str events = form_get(&r->query, STR("events"));
    struct str format = form_get(&r->query, STR("format"));
    struct filter *filter = NULL;
    rd->follower.format = str_eq(format, STR("message")) ? &format_message : &format_named;
    if (form_get(&r->query, STR("org")).p)
        return ERR_NOT_FOUND; /* an organization the user is no member of */
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
    /* Clients of a restart come back spread out. */
    sse_append_retry(out, 2000 + server_spread(c->server, 3001));
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
}

void events_on_close(struct conn *c)
{
    struct reader *rd = c->stream;
    feed_unfollow(&rd->follower);
    filter_free((struct filter *)rd->follower.sub.filter);
    forget_last_id(rd);
    mem_free(rd);
}
