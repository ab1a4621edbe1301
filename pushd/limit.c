/* Connections per client address. */
#include "base/base.h"

#include "base/mem.h"
#include "limit.h"

static struct str key_of(const struct limit_counter *c)
{
    return str_make((const char *)c->address.b, sizeof(c->address.b));
}

/* ::ffff:0:0/96 is IPv4 and counts whole. */
static struct origin_address counted_part(const struct origin_address *a)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    struct origin_address part = *a;
    if (memcmp(part.b, v4, sizeof(v4)) != 0)
        memset(part.b + 8, 0, 8);
    return part;
}

struct limit_counter *limit_take(struct limit *l, const struct origin_address *a, int64_t max)
{
    struct limit_counter wanted = {0, counted_part(a)};
    struct limit_counter *c = map_get(&l->counters, key_of(&wanted));
    if (c && max > 0 && c->count >= max)
        return NULL;
    if (!c) {
        c = mem_alloc(sizeof(*c));
        *c = wanted;
        map_put(&l->counters, key_of(c), c);
    }
    c->count++;
    return c;
}

void limit_give_back(struct limit *l, struct limit_counter *c)
{
    if (!c || --c->count > 0)
        return;
    map_del(&l->counters, key_of(c));
    mem_free(c);
}

void limit_release(struct limit *l)
{
    size_t pos = 0;
    struct limit_counter *c;
    while ((c = map_next(&l->counters, &pos)) != NULL)
        mem_free(c);
    map_release(&l->counters);
}
