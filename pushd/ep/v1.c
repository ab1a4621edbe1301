/*
 * GET /api/ws with the subprotocol cubby.v1: the changes of a space as their log has them, rooms,
 * broadcasts and envelopes, on one WebSocket.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "changes.h"
#include "ep/ep.h"
#include "fanout.h"
#include "parts.h"
#include "server.h"
#include "stream.h"
#include "visits.h"
#include "wire/json.h"

#define FILTERS_READ_MAX   50  /* of one message */
#define BROADCAST_NAME_MAX 100 /* bytes */
#define BROADCAST_DATA_MAX (64 * 1024)
#define BURST_S            2   /* of push_broadcast_rate, saved up */
#define FRESH_MS           250 /* changes wait so long for a client to say where it goes on */

struct v1 {
    struct follower follower;
    struct filter *filter; /* NULL: every change, no envelopes */
    struct str last;       /* an event id, until the stream begins; owned */
    union {
        struct loop_timer fresh; /* while follower.held: until its first message */
        struct fanout_reader envelopes;
    };
    struct visitor visitor;
    int64_t earned_at; /* when what was spent of push_broadcast_rate is there again; µs */
};

/* --- formats ---------------------------------------------------------------------------------- */

/* {"event","data","timestamp","id"?,"space"?} */
static void append_event(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    changes_append_text(out, e);
    if (e->id.p) {
        buf_append_lit(out, ",\"id\":\"");
        buf_append_str(out, e->id);
        buf_append_ch(out, '"');
    }
    if (e->organization.p) {
        buf_append_lit(out, ",\"space\":\"org:");
        buf_append_str(out, e->organization);
        buf_append_ch(out, '"');
    }
    buf_append_ch(out, '}');
}

static void append_envelope(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    struct hub_event whole = {.name = STR("envelope"), .data = e->text, .at = e->at};
    append_event(out, &whole, scratch);
}

static const struct format format_v1 = {append_event, .is_message = true};
static const struct format format_envelope = {append_envelope, .is_message = true};

/* --- the stream ------------------------------------------------------------------------------- */

static const struct visits_hooks visits_hooks;

enum err v1_open(struct conn *c, const struct request *r)
{
    if (form_get(&r->query, STR("org")).p)
        return ERR_NOT_FOUND; /* it must not become the user's own space: it is joined */
    struct v1 *v = mem_zalloc(1, sizeof(*v));
    c->stream = v;
    v->follower.sub.conn = c;
    v->follower.format = &format_v1;
    list_init(&v->follower.node);
    v->envelopes.sub.conn = c;
    v->visitor = (struct visitor){.conn = c, .hooks = &visits_hooks};
    v->last = changes_last_id(r);
    return OK;
}

/* Changes go out from here on. */
static void begin(struct v1 *v)
{
    loop_timer_clear(&v->fresh);
    v->envelopes = (struct fanout_reader){.sub = {.conn = v->follower.sub.conn}};
    feed_release(&v->follower);
}

static void on_fresh(struct loop_timer *t)
{
    begin(container_of(t, struct v1, fresh));
}

/* What comes before a client's "resume" would come again after it. */
static void await_first_message(struct v1 *v)
{
    struct loop *loop = v->follower.sub.conn->server->loop;
    feed_hold(&v->follower);
    loop_timer_init(&v->fresh, on_fresh);
    loop_timer_set(loop, &v->fresh, loop_now(loop) + FRESH_MS);
}

enum err v1_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct v1 *v = c->stream;
    struct feed_position at;
    (void)user_id;
    feed_follow(&v->follower, c->login, v->last, &at);
    if (!v->last.p)
        await_first_message(v);
    mem_free((char *)v->last.p);
    v->last = STR_NULL;
    changes_append_connected(out, &v->follower, &at);
    return OK;
}

static void send_own(struct conn *c, struct str name, struct str data)
{
    struct hub_event e = {.name = name, .data = data, .at = clock_wall_ms()};
    struct buf out = BUF_INIT;
    hub_write(&out, &format_v1, c, &e);
    conn_write(c, buf_str(&out));
    buf_release(&out);
}

static void send_presence(struct conn *c, const struct seat *s)
{
    struct buf data = BUF_INIT;
    rooms_append_presence(&data, s);
    send_own(c, STR("presence"), buf_str(&data));
    buf_release(&data);
}

/* What has a log goes on from there; a room begins anew with who is there; envelopes are gone. */
void v1_on_drain(struct conn *c)
{
    struct v1 *v = c->stream;
    const struct seat *s;
    feed_drained(&v->follower);
    visits_drained(&v->visitor);
    if (v->filter && !v->envelopes.sub.lane) /* not fresh: it has spoken */
        fanout_set_filter(&v->envelopes, v->filter, &format_envelope);
    while (conn_is_drained(c) && (s = rooms_rejoin(&v->visitor.guest, &format_v1)) != NULL)
        send_presence(c, s);
}

void v1_on_expiring(struct conn *c)
{
    const struct v1 *v = c->stream;
    changes_expiring(&v->follower);
}

void v1_on_close(struct conn *c)
{
    struct v1 *v = c->stream;
    if (!v)
        return;
    if (v->follower.held)
        loop_timer_clear(&v->fresh);
    else
        fanout_leave(&v->envelopes);
    feed_unfollow(&v->follower);
    visits_leave_all(&v->visitor);
    filter_free(v->filter);
    mem_free((char *)v->last.p);
    mem_free(v);
}

/* --- messages --------------------------------------------------------------------------------- */

/* What a message is looked at with. */
struct asked {
    struct conn *conn;
    struct v1 *v;
    struct json_value message;
    struct arena *mem;
};

/* A member that is a string, or p == NULL. */
static struct str text_of(const struct asked *a, struct str name)
{
    struct json_value v = json_get(a->message, name);
    return json_is(v, JSON_STRING) ? json_string(v, a->mem) : STR_NULL;
}

/*
 * May it make the server work for others, or read much? A token bucket as one number (GCRA):
 * push_broadcast_rate a second, BURST_S seconds of that at once.
 */
static bool spend(const struct asked *a)
{
    const struct server *s = a->conn->server;
    int64_t rate = s->conf->push_broadcast_rate, now = loop_now(s->loop) * 1000;
    if (rate == 0)
        return true;
    int64_t from = a->v->earned_at > now ? a->v->earned_at : now;
    if (from + 1000000 / rate > now + BURST_S * 1000000)
        return false;
    a->v->earned_at = from + 1000000 / rate;
    return true;
}

/* Nobody looks at the filter while it changes, and nothing is missed. */
static enum err change_filters(const struct asked *a, bool add)
{
    struct v1 *v = a->v;
    struct json_value filters = json_get(a->message, STR("filters"));
    enum err e = OK;
    int read = 0;
    if (!json_is(filters, JSON_ARRAY))
        return ERR_INVALID;
    if (!v->envelopes.user)
        e = fanout_enter(a->conn->server->parts->fanout, &v->envelopes,
                         feed_user_id(a->conn->login), 0);
    if (e != OK)
        return e;
    feed_hold(&v->follower);
    visits_hold(&v->visitor);
    fanout_set_filter(&v->envelopes, NULL, NULL);
    for (struct json_value f = json_first(filters); !json_is_absent(f) && read++ < FILTERS_READ_MAX;
         f = json_next(filters, f)) {
        if (add)
            filter_add(&v->filter, f, FILTER_PATTERN, a->mem);
        else
            filter_remove(&v->filter, f, FILTER_PATTERN, a->mem);
        a->conn->server->taken += filter_size(v->filter);
    }
    v->follower.sub.filter = v->filter;
    feed_release(&v->follower);
    visits_release(&v->visitor, v->filter);
    fanout_set_filter(&v->envelopes, v->filter, &format_envelope);
    return OK;
}

static enum err on_subscribe(const struct asked *a)
{
    return change_filters(a, true);
}

static enum err on_unsubscribe(const struct asked *a)
{
    return change_filters(a, false);
}

static enum err on_ack(const struct asked *a)
{
    struct str id = text_of(a, STR("envelopeId"));
    struct json_value result = json_get(a->message, STR("result"));
    if (!id.p)
        return ERR_INVALID;
    fanout_ack(&a->v->envelopes, id, json_is_absent(result) ? STR_NULL : json_raw(result));
    return OK;
}

/* Where the changes of one space go on. */
static enum err resume(const struct asked *a, struct str space, struct str last)
{
    bool self = str_eq(space, STR("self"));
    if (!self && !visits_is_room(space))
        return ERR_INVALID;
    if (!spend(a))
        return ERR_RATE_LIMIT;
    if (!self)
        return visits_resume(&a->v->visitor, space, last);
    changes_go_on(&a->v->follower, last);
    return OK;
}

/* Spaces that it has no business with do not keep the others from going on. */
static enum err on_resume(const struct asked *a)
{
    struct json_value ids = json_get(a->message, STR("lastEventIds"));
    enum err first = OK;
    if (!json_is(ids, JSON_OBJECT))
        return ERR_INVALID;
    for (struct json_value v = json_first(ids); !json_is_absent(v); v = json_next(ids, v)) {
        if (!json_is(v, JSON_STRING))
            return ERR_INVALID;
    }
    for (struct json_value v = json_first(ids); !json_is_absent(v); v = json_next(ids, v)) {
        enum err e = resume(a, json_string(json_key(v), a->mem), json_string(v, a->mem));
        first = first ? first : e;
    }
    return first;
}

static enum err on_join(const struct asked *a)
{
    struct v1 *v = a->v;
    struct str room = text_of(a, STR("room"));
    struct seat *s;
    enum err e;
    if (!spend(a))
        return ERR_RATE_LIMIT;
    if (visits_is_room(room))
        e = visits_join(&v->visitor, room, &s);
    else
        e = rooms_join(&v->visitor.guest, a->conn, room, &format_v1, &s);
    if (e == OK)
        send_presence(a->conn, s);
    return e == ERR_MORE ? OK : e;
}

/* Who is not there has left already. */
static enum err on_leave(const struct asked *a)
{
    struct guest *guest = &a->v->visitor.guest;
    struct str room = text_of(a, STR("room"));
    struct seat *s;
    if (rooms_is_organization(room)) {
        visits_leave(&a->v->visitor, room);
        return OK;
    }
    enum err e = rooms_find(guest, a->conn, room, &s);
    if (e == OK)
        rooms_leave(guest, s);
    return e == ERR_FORBIDDEN ? OK : e;
}

static enum err on_presence(const struct asked *a)
{
    struct str room = text_of(a, STR("room"));
    struct seat *s;
    if (visits_is_joining(&a->v->visitor, room))
        return OK; /* it comes with the answer to that */
    enum err e = rooms_find(&a->v->visitor.guest, a->conn, room, &s);
    if (e == OK && !spend(a))
        e = ERR_RATE_LIMIT;
    if (e == OK)
        send_presence(a->conn, s);
    return e;
}

/* user:* and app:*, but for what the server says. */
static bool is_broadcast_name(struct str name)
{
    struct str kind = str_make(name.p, str_find(name, ':'));
    if (kind.n + 1 >= name.n || name.n > BROADCAST_NAME_MAX)
        return false;
    return str_eq(kind, STR("app")) ||
           (str_eq(kind, STR("user")) && !str_eq(name, STR("user:online")) &&
            !str_eq(name, STR("user:offline")));
}

/* The data as it was sent, but for userId and room, which are ours to say. */
static void append_signed(struct buf *out, const struct asked *a, struct json_value data,
                          const struct seat *s)
{
    const struct str ours[] = {STR("userId"), STR("room")};
    json_append_without(out, data, ours, ARRAY_LEN(ours));
    bool alone = out->n == 2;
    out->n--; /* its closing brace */
    if (!alone)
        buf_append_ch(out, ',');
    buf_append_lit(out, "\"userId\":");
    json_append_string(out, feed_user_id(a->conn->login));
    if (s) {
        buf_append_lit(out, ",\"room\":");
        json_append_string(out, rooms_name(s));
    }
    buf_append_ch(out, '}');
}

static void publish(const struct asked *a, struct str name, struct json_value data, struct seat *s)
{
    struct buf text = BUF_INIT;
    append_signed(&text, a, data, s);
    struct hub_event e = {.name = name,
                          .data = buf_str(&text),
                          .at = clock_wall_ms(),
                          .unfiltered = true,
                          .except = a->conn,
                          .only = &format_v1};
    if (s)
        rooms_publish(s, &e);
    else
        feed_publish(a->conn->login, &e);
    buf_release(&text);
}

static enum err on_broadcast(const struct asked *a)
{
    struct str name = text_of(a, STR("event"));
    struct json_value data = json_get(a->message, STR("data"));
    struct seat *s = NULL;
    enum err e = OK;
    if (!is_broadcast_name(name) || !json_is(data, JSON_OBJECT))
        return ERR_INVALID;
    if (json_raw(data).n > BROADCAST_DATA_MAX)
        return ERR_TOO_LARGE;
    if (!json_is_absent(json_get(a->message, STR("room"))))
        e = rooms_find(&a->v->visitor.guest, a->conn, text_of(a, STR("room")), &s);
    if (e == OK && !spend(a))
        e = ERR_RATE_LIMIT;
    if (e == OK)
        publish(a, name, data, s);
    return e;
}

/* A token of the same sign-in that lives longer. A stream by cookie lives with its session. */
static enum err on_auth(const struct asked *a)
{
    struct conn *c = a->conn;
    struct who who;
    int64_t now_s = clock_wall_ms() / 1000;
    enum err e = who_verify(&who, text_of(a, STR("token")), &c->server->keys, now_s, a->mem);
    if (e == OK && (!str_eq(who.user_id, feed_user_id(c->login)) ||
                    !str_eq(who.sid, str_from_c(c->login->sid))))
        e = ERR_UNAUTHORIZED;
    if (e != OK || c->expires == 0)
        return e;
    int64_t until = stream_expiry(c->server, who.exp);
    if (until == 0 || until > c->expires)
        stream_renew(c, who.exp);
    return OK;
}

static enum err on_ping(const struct asked *a)
{
    char now[CLOCK_ISO_LEN + 1];
    struct buf text = BUF_INIT;
    clock_iso(clock_wall_ms(), now);
    buf_appendf(&text, "{\"type\":\"pong\",\"timestamp\":\"%s\"}", now);
    ws_send(a->conn, WS_TEXT, buf_str(&text));
    buf_release(&text);
    return OK;
}

static enum err take(const struct asked *a)
{
    static const struct {
        const char *type;
        enum err (*take)(const struct asked *a);
    } words[] = {
        {"subscribe", on_subscribe},
        {"unsubscribe", on_unsubscribe},
        {"ack", on_ack},
        {"resume", on_resume},
        {"join", on_join},
        {"leave", on_leave},
        {"presence", on_presence},
        {"broadcast", on_broadcast},
        {"auth", on_auth},
        {"ping", on_ping},
    };
    struct str type = text_of(a, STR("type"));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(type, str_from_c(words[i].type)))
            return words[i].take(a);
    }
    return ERR_INVALID;
}

static void send_error(struct conn *c, enum err e, struct str message)
{
    const struct v1 *v = c->stream;
    struct buf out = BUF_INIT;
    changes_append_error(&out, &v->follower, e, message);
    conn_write(c, buf_str(&out));
    buf_release(&out);
}

/* --- organizations ---------------------------------------------------------------------------- */

static void on_joined(struct visitor *v, struct seat *s)
{
    send_presence(v->conn, s);
}

static void on_refused(struct visitor *v, enum err e)
{
    send_error(v->conn, e, err_text(e));
}

static void on_removed(struct visitor *v, struct str room)
{
    struct buf text = BUF_INIT;
    buf_appendf(&text, "You are no longer a member of %.*s", STR_ARG(room));
    send_error(v->conn, ERR_NOT_FOUND, buf_str(&text));
    buf_release(&text);
}

static const struct visits_hooks visits_hooks = {
    .format = &format_v1,
    .on_joined = on_joined,
    .on_refused = on_refused,
    .on_removed = on_removed,
};

/* --- what comes ------------------------------------------------------------------------------- */

void v1_on_message(struct conn *c, const struct ws_message *m)
{
    struct arena *mem = &c->server->mem;
    struct v1 *v = c->stream;
    struct json doc;
    if (v->follower.held)
        begin(v);
    if (m->opcode == WS_TEXT && str_eq(str_trim(m->data), STR("ping"))) {
        ws_send(c, WS_TEXT, STR("pong"));
        return;
    }
    enum err e = ERR_INVALID_JSON;
    if (m->opcode == WS_TEXT && json_parse(&doc, m->data, JSON_WITH_NUL, mem) == OK) {
        struct asked a = {.conn = c, .v = v, .message = json_root(&doc), .mem = mem};
        e = take(&a);
    }
    if (e != OK)
        send_error(c, e, err_text(e));
    arena_reset(mem);
}
