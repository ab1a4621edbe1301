/* GET /api/admin/events: for administrators, that something happened, and the numbers. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ep/ep.h"
#include "parts.h"
#include "server.h"
#include "watch.h"

/* The client's address as the app sees it, behind trusted proxies. */
static bool is_open_for(const struct request *r)
{
    const struct conf *c = r->server->conf;
    struct origin_address a;
    char text[ORIGIN_ADDRESS_MAX + 1];
    struct str client = STR("unix:");
    if (r->from.forwarded_for.p)
        client = origin_client_address(c, &r->from);
    else if (conn_address(r->conn, &a))
        client = origin_address_text(&a, text);
    return c->admin && origin_is_in_list(&c->admin_from, client);
}

enum err admin_allow(const struct request *r)
{
    return is_open_for(r) ? OK : ERR_NOT_FOUND;
}

/* A ticket of the administrator's session: signed, for 30 seconds, once. */
static enum err use_ticket(const struct request *r, struct who_once *out)
{
    int64_t now_s = clock_wall_ms() / 1000;
    enum err e = who_verify_once(out, form_get(&r->query, STR("ticket")), WHO_ADMIN,
                                 &r->server->keys, now_s, r->mem);
    if (e || out->value.n != WATCH_HASH_LEN)
        return ERR_UNAUTHORIZED;
    const struct who_ticket used = {.jti = out->jti, .iat = out->iat, .exp = out->exp};
    return tickets_use(&r->server->tickets, &used, now_s);
}

struct admin_reader {
    struct watcher watcher;
    char hash[WATCH_HASH_LEN];
};

enum err admin_open(struct conn *c, const struct request *r)
{
    struct who_once ticket;
    if (!origin_is_from_own(r->server->conf, &r->from))
        return ERR_CROSS_SITE;
    enum err e = use_ticket(r, &ticket);
    if (e)
        return e;
    struct admin_reader *a = mem_zalloc(1, sizeof(*a));
    a->watcher.sub.conn = c;
    memcpy(a->hash, ticket.value.p, WATCH_HASH_LEN);
    c->stream = a;
    return OK;
}

enum err admin_start(struct conn *c, struct str user_id, struct buf *out)
{
    struct admin_reader *a = c->stream;
    (void)user_id;
    buf_append_lit(out, ": the session is looked at\n\n");
    return watch_enter(c->server->parts->watch, &a->watcher, str_make(a->hash, WATCH_HASH_LEN));
}

void admin_on_close(struct conn *c)
{
    struct admin_reader *a = c->stream;
    if (!a)
        return; /* it was not opened */
    watch_leave(c->server->parts->watch, &a->watcher);
    mem_free(a);
}
