/* /connect, and an upgrade at /: envelopes of POST /publish, with acknowledgements. */
#include "base/base.h"

#include "base/mem.h"
#include "ep/ep.h"
#include "fanout.h"
#include "parts.h"
#include "server.h"
#include "wire/json.h"

#define FILTERS_READ_MAX 50 /* of one message */

struct socket {
    struct fanout_reader reader;
    struct filter *filter; /* NULL: nothing is delivered */
};

static void append_envelope(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    buf_append_str(out, e->text);
}

static const struct format format_connect = {append_envelope, .is_message = true};

bool connect_append_error(struct buf *body, struct str *type, enum err e)
{
    if (e != ERR_UNAUTHORIZED)
        return false;
    *type = STR("text/plain");
    buf_append_lit(body, "Unauthorized");
    return true;
}

enum err connect_open(struct conn *c, const struct request *r)
{
    struct socket *s = mem_zalloc(1, sizeof(*s));
    (void)r;
    c->stream = s;
    s->reader.sub.conn = c;
    return OK;
}

enum err connect_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct socket *s = c->stream;
    (void)out;
    return fanout_enter(c->server->parts->fanout, &s->reader, user_id,
                        c->server->conf->push_max_connections_per_user);
}

/* --- messages --------------------------------------------------------------------------------- */

/* The filter is looked at by the hub: it is taken away from there while it changes. */
static void change_filter(struct socket *s, struct json_value filters, bool add, struct arena *mem)
{
    int read = 0;
    fanout_set_filter(&s->reader, NULL, NULL);
    for (struct json_value v = json_first(filters); !json_is_absent(v) && read++ < FILTERS_READ_MAX;
         v = json_next(filters, v)) {
        if (add)
            filter_add(&s->filter, v, FILTER_NAME, mem);
        else
            filter_remove(&s->filter, v, FILTER_NAME, mem);
        s->reader.sub.conn->server->taken += filter_size(s->filter);
    }
    fanout_set_filter(&s->reader, s->filter, &format_connect);
}

static void acknowledge(struct socket *s, struct json_value message, struct arena *mem)
{
    struct json_value id = json_get(message, STR("envelopeId"));
    struct json_value result = json_get(message, STR("result"));
    if (json_is(id, JSON_STRING))
        fanout_ack(&s->reader, json_string(id, mem),
                   json_is_absent(result) ? STR_NULL : json_raw(result));
}

static void take(struct socket *s, struct json_value message, struct arena *mem)
{
    struct json_value type = json_get(message, STR("type"));
    struct json_value filters = json_get(message, STR("filters"));
    struct str name = json_is(type, JSON_STRING) ? json_string(type, mem) : STR_NULL;
    if (str_eq(name, STR("ack")))
        acknowledge(s, message, mem);
    else if (str_eq(name, STR("subscribe")) && json_is(filters, JSON_ARRAY))
        change_filter(s, filters, true, mem);
    else if (str_eq(name, STR("unsubscribe")) && json_is(filters, JSON_ARRAY))
        change_filter(s, filters, false, mem);
}

void connect_on_message(struct conn *c, const struct ws_message *m)
{
    struct arena *mem = &c->server->mem;
    struct json doc;
    if (m->opcode != WS_TEXT)
        return;
    if (str_eq_nocase(str_trim(m->data), STR("ping")))
        ws_send(c, WS_TEXT, STR("pong"));
    else if (json_parse(&doc, m->data, JSON_WITH_NUL, mem) == OK)
        take(c->stream, json_root(&doc), mem);
    arena_reset(mem);
}

void connect_on_close(struct conn *c)
{
    struct socket *s = c->stream;
    fanout_leave(&s->reader);
    filter_free(s->filter);
    mem_free(s);
}
