/* GET /api/notes/ws: the whole list of a user's notes, anew with every change (docs/protocol.md
 * section 8). Here are the messages; who is told what and when is in notes.c. */
#include "base/base.h"

#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "ep/ep.h"
#include "notes.h"
#include "parts.h"
#include "server.h"
#include "wire/json.h"

#define CLIENT_ID_MAX 128 /* characters */

struct reader {
    struct notes_socket socket;
    struct str client_id; /* owned, until the stream begins; p == NULL: none was given */
};

static bool is_client_id(struct str id)
{
    return id.n > 0 && utf8_count(id) <= CLIENT_ID_MAX;
}

enum err notes_ws_open(struct conn *c, const struct request *r)
{
    struct reader *rd = mem_zalloc(1, sizeof(*rd));
    struct str id = form_get(&r->query, STR("clientId"));
    c->stream = rd;
    rd->socket.sub.conn = c;
    if (form_count(&r->query, STR("clientId")) == 0)
        return OK;
    if (!is_client_id(id))
        return ERR_INVALID;
    rd->client_id = str_make(mem_dup(id.p, id.n), id.n);
    return OK;
}

static void forget_client_id(struct reader *rd)
{
    mem_free((char *)rd->client_id.p);
    rd->client_id = STR_NULL;
}

/* {"type":type,"clientId":id} */
static void append_client_id(struct buf *text, struct str type, const struct notes_socket *s)
{
    buf_append_lit(text, "{\"type\":");
    json_append_string(text, type);
    buf_append_lit(text, ",\"clientId\":");
    json_append_string(text, notes_client_id(s));
    buf_append_lit(text, "}");
}

enum err notes_ws_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct reader *rd = c->stream;
    char generated[RAND_ID_LEN + 1];
    struct buf text = BUF_INIT;
    struct str id = rd->client_id;
    if (!id.p) {
        rand_id(generated);
        id = str_make(generated, RAND_ID_LEN);
    }
    notes_enter(c->server->parts->notes, &rd->socket, user_id, id);
    forget_client_id(rd);
    append_client_id(&text, STR("connected"), &rd->socket);
    ws_append_frame(out, WS_TEXT, buf_str(&text));
    buf_release(&text);
    return OK;
}

/* --- what clients say --- */

static void on_ack(struct conn *c, struct notes_socket *s, struct json_value message)
{
    struct json_value id = json_get(message, STR("updateId"));
    if (json_is(id, JSON_STRING))
        notes_ack(s, json_string(id, &c->server->mem));
}

/* A client that knows who it was may say so now. */
static void on_identify(struct conn *c, struct notes_socket *s, struct json_value message)
{
    struct json_value value = json_get(message, STR("clientId"));
    struct str id = STR_NULL;
    struct buf text = BUF_INIT;
    if (json_is(value, JSON_STRING))
        id = json_string(value, &c->server->mem);
    if (is_client_id(id))
        notes_identify(s, id);
    append_client_id(&text, STR("identityRecovered"), s);
    ws_send(c, WS_TEXT, buf_str(&text));
    notes_resume(s);
    buf_release(&text);
}

static void on_subscribe(struct conn *c, struct notes_socket *s, struct json_value message)
{
    (void)c;
    (void)message;
    notes_ask(s, NOTES_SUBSCRIBED);
}

static void on_refresh(struct conn *c, struct notes_socket *s, struct json_value message)
{
    (void)c;
    (void)message;
    notes_ask(s, NOTES_REFRESHED);
}

static void on_ping(struct conn *c, struct notes_socket *s, struct json_value message)
{
    (void)s;
    (void)message;
    ws_send(c, WS_TEXT, STR("{\"type\":\"pong\"}"));
}

static void take_message(struct conn *c, struct notes_socket *s, struct json_value message)
{
    static const struct {
        struct str type;
        void (*take)(struct conn *c, struct notes_socket *s, struct json_value message);
    } types[] = {
        {STR("ack"), on_ack},   {STR("subscribe"), on_subscribe}, {STR("refresh"), on_refresh},
        {STR("ping"), on_ping}, {STR("identify"), on_identify},
    };
    struct json_value type = json_get(message, STR("type"));
    struct str name = STR_NULL;
    if (json_is(type, JSON_STRING))
        name = json_string(type, &c->server->mem);
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (str_eq(types[i].type, name)) {
            types[i].take(c, s, message);
            return;
        }
    }
    ws_send(c, WS_TEXT, STR("{\"type\":\"error\",\"message\":\"Unknown message type\"}"));
}

void notes_ws_on_message(struct conn *c, const struct ws_message *m)
{
    struct reader *rd = c->stream;
    struct arena *mem = &c->server->mem;
    struct json doc;
    if (json_parse(&doc, m->data, JSON_WITH_NUL, mem) == OK)
        take_message(c, &rd->socket, json_root(&doc));
    else
        ws_send(c, WS_TEXT, STR("{\"type\":\"error\",\"message\":\"Invalid message format\"}"));
    arena_reset(mem);
}

void notes_ws_on_drain(struct conn *c)
{
    struct reader *rd = c->stream;
    notes_drained(&rd->socket);
}

void notes_ws_on_close(struct conn *c)
{
    struct reader *rd = c->stream;
    notes_leave(&rd->socket);
    forget_client_id(rd);
    mem_free(rd);
}
