/* Topics by name. */
#include "base/base.h"

#include "base/mem.h"
#include "keyed.h"

struct keyed_topic {
    struct topic topic;
    uint32_t subs;
    uint32_t key_n;
    char key[];
};

static struct keyed_topic *find_or_make(struct keyed *k, struct str key)
{
    struct keyed_topic *t = map_get(&k->topics, key);
    if (t)
        return t;
    t = mem_zalloc(1, sizeof(*t) + key.n);
    topic_init(&t->topic, k->hub);
    t->key_n = (uint32_t)key.n;
    memcpy(t->key, key.p, key.n);
    map_put(&k->topics, str_make(t->key, key.n), t);
    return t;
}

void keyed_join(struct keyed *k, struct str key, struct keyed_sub *s, const struct format *f)
{
    assert(!s->in);
    s->in = find_or_make(k, key);
    s->in->subs++;
    hub_join(&s->in->topic, &s->sub, f);
}

void keyed_leave(struct keyed *k, struct keyed_sub *s)
{
    struct keyed_topic *t = s->in;
    if (!t)
        return;
    hub_leave(&s->sub);
    s->in = NULL;
    if (--t->subs > 0)
        return;
    map_del(&k->topics, str_make(t->key, t->key_n));
    topic_release(&t->topic);
    mem_free(t);
}

size_t keyed_publish(struct keyed *k, struct str key, const struct hub_event *e)
{
    struct keyed_topic *t = map_get(&k->topics, key);
    if (!t)
        return 0;
    hub_publish(&t->topic, e, 0);
    return t->subs;
}

struct str keyed_key(const struct keyed_sub *s)
{
    return str_make(s->in->key, s->in->key_n);
}

size_t keyed_count(const struct keyed *k, struct str key)
{
    const struct keyed_topic *t = map_get(&k->topics, key);
    return t ? t->subs : 0;
}

static void end_one(void *arg, struct sub *s)
{
    conn_end(s->conn, *(enum end *)arg);
}

void keyed_end_all(struct keyed *k, enum end why)
{
    size_t pos = 0;
    struct keyed_topic *t;
    while ((t = map_next(&k->topics, &pos)) != NULL)
        hub_each(&t->topic, end_one, &why);
}

void keyed_release(struct keyed *k)
{
    assert(k->topics.count == 0);
    map_release(&k->topics);
}
