/* Open addressing with linear probing; removal shifts entries back, so there are no tombstones. */
#include "base/base.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

struct map_slot {
    uint32_t hash, n; /* of the key */
    const char *key;
    void *value; /* NULL: free */
};

static uint64_t rotl(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
static uint64_t siphash(const uint64_t key[2], struct str s)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                     key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t word;
        memcpy(&word, s.p + i, 8);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)s.n << 56;
    if (i < s.n)
        memcpy(&last, s.p + i, s.n - i);
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int round = 0; round < 4; round++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* 32 bits: more slots than that are never needed, and a slot is a quarter smaller. */
static uint32_t hash_of(const struct map *m, struct str key)
{
    assert(key.n <= UINT32_MAX);
    return (uint32_t)siphash(m->key, key);
}

static struct str key_of(const struct map_slot *s)
{
    return str_make(s->key, s->n);
}

/* The slot that holds key, or the free one where it would go. */
static struct map_slot *find(const struct map *m, uint32_t hash, struct str key)
{
    size_t mask = m->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (!s->value || (s->hash == hash && str_eq(key_of(s), key)))
            return s;
    }
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 16;
    m->slots = mem_zalloc(m->cap, sizeof *m->slots);
    if (!old.cap)
        rand_bytes(m->key, sizeof m->key);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value)
            *find(m, old.slots[i].hash, key_of(&old.slots[i])) = old.slots[i];
    mem_free(old.slots);
}

void *map_get(const struct map *m, struct str key)
{
    return m->count ? find(m, hash_of(m, key), key)->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
    assert(value);
    if (m->count >= m->cap - m->cap / 4)
        grow(m);
    uint32_t hash = hash_of(m, key);
    struct map_slot *s = find(m, hash, key);
    void *old = s->value;
    m->count += old == NULL;
    *s = (struct map_slot){hash, (uint32_t)key.n, key.p, value};
    return old;
}

void *map_del(struct map *m, struct str key)
{
    if (!m->count)
        return NULL;
    struct map_slot *s = find(m, hash_of(m, key), key);
    void *old = s->value;
    if (!old)
        return NULL;
    m->count--;
    size_t mask = m->cap - 1, hole = (size_t)(s - m->slots);
    for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* it sits between its home and the hole: moving it would hide it */
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole].value = NULL;
    return old;
}

void *map_next(const struct map *m, size_t *pos)
{
    while (*pos < m->cap) {
        void *value = m->slots[(*pos)++].value;
        if (value)
            return value;
    }
    return NULL;
}

void map_release(struct map *m)
{
    mem_free(m->slots);
    *m = MAP_INIT;
}
