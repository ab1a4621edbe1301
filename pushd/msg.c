/* Shared messages and the queue of a slow connection. */
#include "base/base.h"

#include "base/mem.h"
#include "msg.h"

struct part {
    struct msg *m;
    uint32_t at, n;
};

struct msg_queue {
    size_t bytes;
    uint32_t first, count, cap; /* a ring of cap parts */
    struct part *part;
};

struct msg *msg_new(struct str bytes)
{
    assert(bytes.n <= UINT32_MAX);
    struct msg *m = mem_alloc(sizeof(*m) + bytes.n);
    m->refs = 1;
    m->n = (uint32_t)bytes.n;
    if (bytes.n > 0)
        memcpy(m->p, bytes.p, bytes.n);
    return m;
}

struct msg *msg_ref(struct msg *m)
{
    m->refs++;
    return m;
}

void msg_unref(struct msg *m)
{
    if (m && --m->refs == 0)
        mem_free(m);
}

static struct part *part_at(const struct msg_queue *q, uint32_t i)
{
    return &q->part[(q->first + i) % q->cap];
}

static void grow(struct msg_queue *q)
{
    uint32_t cap = q->cap ? 2 * q->cap : 4;
    struct part *part = mem_alloc(cap * sizeof(*part));
    for (uint32_t i = 0; i < q->count; i++)
        part[i] = *part_at(q, i);
    mem_free(q->part);
    q->part = part;
    q->first = 0;
    q->cap = cap;
}

void msg_queue_push(struct msg_queue **queue, struct msg *m, size_t at, size_t n)
{
    assert(at + n <= m->n);
    if (n == 0)
        return;
    if (!*queue)
        *queue = mem_zalloc(1, sizeof(**queue));
    struct msg_queue *q = *queue;
    if (q->count == q->cap)
        grow(q);
    q->count++;
    q->bytes += n;
    *part_at(q, q->count - 1) = (struct part){msg_ref(m), (uint32_t)at, (uint32_t)n};
}

size_t msg_queue_memory(const struct msg_queue *q)
{
    const size_t each = sizeof(struct part) + sizeof(struct msg) + 2 * sizeof(size_t);
    return q ? q->bytes + q->count * each : 0;
}

size_t msg_queue_bytes(const struct msg_queue *q)
{
    return q ? q->bytes : 0;
}

size_t msg_queue_waiting(const struct msg_queue *q)
{
    return q ? q->bytes - part_at(q, 0)->n : 0;
}

size_t msg_queue_vectors(const struct msg_queue *q, struct iovec *v, size_t max)
{
    size_t n = 0;
    for (; q && n < max && n < q->count; n++) {
        const struct part *p = part_at(q, (uint32_t)n);
        v[n] = (struct iovec){p->m->p + p->at, p->n};
    }
    return n;
}

void msg_queue_consume(struct msg_queue **queue, size_t n)
{
    struct msg_queue *q = *queue;
    while (n > 0) {
        struct part *p = part_at(q, 0);
        size_t take = n < p->n ? n : p->n;
        p->at += (uint32_t)take;
        p->n -= (uint32_t)take;
        q->bytes -= take;
        n -= take;
        if (p->n > 0)
            return;
        msg_unref(p->m);
        q->first = (q->first + 1) % q->cap;
        q->count--;
    }
    if (q && q->count == 0) {
        msg_queue_free(q);
        *queue = NULL;
    }
}

void msg_queue_cut(struct msg_queue *q)
{
    while (q && q->count > 1) {
        struct part *p = part_at(q, --q->count);
        q->bytes -= p->n;
        msg_unref(p->m);
    }
}

void msg_queue_free(struct msg_queue *q)
{
    if (!q)
        return;
    for (uint32_t i = 0; i < q->count; i++)
        msg_unref(part_at(q, i)->m);
    mem_free(q->part);
    mem_free(q);
}
