/* Streams of changes: their position, and events about themselves. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "changes.h"
#include "server.h"
#include "wire/json.h"

/* The header wins: the browser sends it when it reconnects, with the address unchanged. */
struct str changes_last_id(const struct request *r)
{
    struct str last = http_header(r->head, STR("last-event-id"));
    if (last.n == 0)
        last = form_get(&r->query, STR("lastEventId"));
    return last.n == 0 ? STR_NULL : str_make(mem_dup(last.p, last.n), last.n);
}

void changes_append_text(struct buf *out, const struct hub_event *e)
{
    buf_append_lit(out, "{\"event\":");
    json_append_string(out, e->name);
    buf_append_lit(out, ",\"data\":");
    buf_append_str(out, e->data);
    buf_append_lit(out, ",\"timestamp\":");
    buf_append_i64(out, e->at);
}

static void append(struct buf *out, const struct follower *f, struct str id, struct str name,
                   struct str data)
{
    struct hub_event e = {.id = id,
                          .name = name,
                          .data = data,
                          .organization = feed_organization(f),
                          .at = clock_wall_ms()};
    hub_write(out, f->format, f->sub.conn, &e);
}

/* "epoch":"…","seq":n} */
static void append_head_of_log(struct buf *data, const struct feed_position *at)
{
    buf_append_lit(data, "\"epoch\":\"");
    buf_append_str(data, at->epoch);
    buf_append_lit(data, "\",\"seq\":");
    buf_append_u64(data, at->seq);
    buf_append_lit(data, "}");
}

/* With the id from which the stream goes on. */
static void append_position(struct buf *out, const struct follower *f,
                            const struct feed_position *at, struct str name, struct buf *data)
{
    struct buf id = BUF_INIT;
    event_id_append(&id, at->epoch, at->from);
    append_head_of_log(data, at);
    append(out, f, buf_str(&id), name, buf_str(data));
    buf_release(&id);
    buf_release(data);
}

void changes_append_connected(struct buf *out, const struct follower *f,
                              const struct feed_position *at)
{
    char client_id[RAND_ID_LEN + 1];
    struct buf data = BUF_INIT;
    rand_id(client_id);
    buf_append_lit(&data, "{\"clientId\":\"");
    buf_append(&data, client_id, RAND_ID_LEN);
    buf_append_lit(&data, "\",");
    append_position(out, f, at, STR("realtime:connected"), &data);
    if (at->resync)
        changes_append_resync(out, f, at);
}

void changes_append_resync(struct buf *out, const struct follower *f,
                           const struct feed_position *at)
{
    struct buf data = BUF_INIT;
    buf_append_lit(&data, "{");
    append_position(out, f, at, STR("realtime:resync"), &data);
}

void changes_go_on(struct follower *f, struct str last)
{
    struct feed_position at;
    struct buf out = BUF_INIT;
    feed_go_on(f, last, &at);
    if (at.resync) {
        changes_append_resync(&out, f, &at);
        conn_write(f->sub.conn, buf_str(&out));
    }
    buf_release(&out);
}

void changes_append_error(struct buf *out, const struct follower *f, enum err e, struct str message)
{
    struct buf data = BUF_INIT;
    buf_append_lit(&data, "{\"code\":");
    json_append_string(&data, err_code(e));
    buf_append_lit(&data, ",\"message\":");
    json_append_string(&data, message);
    buf_append_lit(&data, "}");
    append(out, f, STR_NULL, STR("realtime:error"), buf_str(&data));
    buf_release(&data);
}

void changes_expiring(const struct follower *f)
{
    struct conn *c = f->sub.conn;
    struct buf out = BUF_INIT, data = BUF_INIT;
    buf_append_lit(&data, "{\"expiresIn\":");
    buf_append_i64(&data, (c->expires - loop_now(c->server->loop) + 999) / 1000);
    buf_append_ch(&data, '}');
    append(&out, f, STR_NULL, STR("realtime:token_expiring"), buf_str(&data));
    conn_write(c, buf_str(&out));
    buf_release(&out);
    buf_release(&data);
}
