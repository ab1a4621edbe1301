/* The life of what all connections share. */
#include "base/base.h"

#include "base/mem.h"
#include "conn.h"
#include "feed.h"
#include "server.h"

void server_init(struct server *s, const struct conf *conf, struct loop *loop)
{
    *s = (struct server){.conf = conf, .loop = loop};
    who_keys_init(&s->keys, conf);
    list_init(&s->strangers);
    s->input = mem_alloc(2 * SERVER_INPUT);
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
}

void server_release(struct server *s)
{
    assert(s->conns == 0);
    limit_release(&s->addresses);
    arena_release(&s->mem);
    buf_release(&s->out);
    mem_free(s->input);
}
