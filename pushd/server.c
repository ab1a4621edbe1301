/* The life of what all connections share. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "conn.h"
#include "feed.h"
#include "server.h"
#include "wire/deflate.h"

void server_init(struct server *s, const struct conf *conf, struct loop *loop)
{
    *s = (struct server){.conf = conf, .loop = loop};
    who_keys_init(&s->keys, conf);
    list_init(&s->strangers);
    tickets_init(&s->tickets, clock_wall_ms() / 1000);
    s->input = mem_alloc(SERVER_INPUT);
    s->deflater = deflater_new();
    rand_bytes(&s->spread, sizeof(s->spread));
    s->spread |= 1;
}

/* xorshift64* (Vigna 2016) */
uint32_t server_spread(struct server *s, uint32_t n)
{
    s->spread ^= s->spread >> 12;
    s->spread ^= s->spread << 25;
    s->spread ^= s->spread >> 27;
    uint64_t high = (s->spread * UINT64_C(2685821657736338717)) >> 32;
    return (uint32_t)(high * n >> 32);
}

static void end_all(struct list *conns)
{
    list_for_each (node, conns)
        conn_end(list_entry(node, struct conn, peers), END_SHUTDOWN);
}

void server_end(struct server *s)
{
    s->ending = true;
    end_all(&s->strangers);
    feed_each_login(s->feed, end_all);
    if (s->conns == 0)
        loop_stop(s->loop);
}

static void end_streams(struct list *conns)
{
    list_for_each (node, conns)
        conn_retire(list_entry(node, struct conn, peers), NULL);
}

/* Whoever waits for a request belongs to nobody yet. */
void server_retire(struct server *s, struct handover *to)
{
    s->retiring = true;
    list_for_each (node, &s->strangers)
        conn_retire(list_entry(node, struct conn, peers), to);
    feed_each_login(s->feed, end_streams);
    if (s->conns == 0)
        loop_stop(s->loop);
}

void server_count_out(struct server *s)
{
    s->conns--;
    if ((s->ending || s->retiring) && s->conns == 0)
        loop_stop(s->loop);
}

static void close_all(struct list *conns)
{
    list_for_each (node, conns)
        conn_close(list_entry(node, struct conn, peers), END_SHUTDOWN);
}

void server_cut(struct server *s)
{
    close_all(&s->strangers);
    feed_each_login(s->feed, close_all);
}

void server_release(struct server *s)
{
    assert(s->conns == 0);
    if (!s->loop)
        return; /* it was never begun */
    limit_release(&s->addresses);
    tickets_release(&s->tickets);
    arena_release(&s->mem);
    buf_release(&s->out);
    buf_release(&s->cork);
    deflater_free(s->deflater);
    mem_free(s->input);
}
