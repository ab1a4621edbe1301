/* Bus messages as bytes: a fixed head, then the events, each with its lengths before it. */
#include "base/base.h"

#include "base/request_id.h"
#include "domain/bus_wire.h"

#define WIRE_VERSION 2

static void put_u64(struct buf *b, uint64_t v, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        buf_append_ch(b, (char)(v >> shift));
}

static void put_str(struct buf *b, struct str s, int length_bytes)
{
    put_u64(b, s.n, length_bytes);
    buf_append_str(b, s);
}

static bool fits_inline(const struct bus_message *m)
{
    size_t bytes = 128;
    if (m->event_count > BUS_EVENTS_MAX)
        return false;
    for (size_t i = 0; i < m->event_count; i++) {
        if (m->events[i].data.n > BUS_INLINE_MAX)
            return false;
        bytes += m->events[i].name.n + m->events[i].data.n + 16;
    }
    return bytes <= BUS_MESSAGE_MAX;
}

void bus_wire_encode(struct buf *out, const struct bus_sender *from, const struct bus_message *m)
{
    size_t count = fits_inline(m) ? m->event_count : 0;
    put_u64(out, WIRE_VERSION, 1);
    put_u64(out, m->kind, 1);
    put_u64(out, m->space_kind, 1);
    put_u64(out, from->publisher, 8);
    put_u64(out, from->counter, 8);
    put_str(out, m->space_id, 1);
    put_str(out, m->epoch, 1);
    put_str(out, m->request_id, 1);
    put_u64(out, m->first, 8);
    put_u64(out, m->last, 8);
    put_u64(out, count, 2);
    for (size_t i = 0; i < count; i++) {
        put_u64(out, (uint64_t)m->events[i].at, 8);
        put_str(out, m->events[i].name, 2);
        put_str(out, m->events[i].data, 4);
    }
}

/* What is left to read; bad once something was missing. */
struct reader {
    struct str left;
    bool bad;
};

static struct str take(struct reader *r, size_t n)
{
    if (r->left.n < n) {
        r->bad = true;
        return STR_NULL;
    }
    struct str got = str_make(r->left.p, n);
    r->left = str_from(r->left, n);
    return got;
}

static uint64_t take_u64(struct reader *r, size_t bytes)
{
    struct str raw = take(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < raw.n; i++)
        v = v << 8 | (unsigned char)raw.p[i];
    return v;
}

static struct str take_str(struct reader *r, size_t length_bytes)
{
    return take(r, (size_t)take_u64(r, length_bytes));
}

enum err bus_wire_decode(struct str bytes, struct bus_sender *from, struct bus_message *m,
                         struct event *events)
{
    struct reader r = {bytes, false};
    uint64_t version = take_u64(&r, 1), kind = take_u64(&r, 1), space_kind = take_u64(&r, 1);
    from->publisher = take_u64(&r, 8);
    from->counter = take_u64(&r, 8);
    m->space_id = take_str(&r, 1);
    m->epoch = take_str(&r, 1);
    m->request_id = take_str(&r, 1);
    m->first = take_u64(&r, 8);
    m->last = take_u64(&r, 8);
    m->event_count = (size_t)take_u64(&r, 2);
    m->events = events;
    if (r.bad || version != WIRE_VERSION || kind < BUS_EVENTS || kind > BUS_BYE ||
        space_kind >= SPACE_KINDS || m->space_id.n > SPACE_ID_MAX ||
        m->event_count > BUS_EVENTS_MAX || m->last < m->first ||
        (m->request_id.n && !request_id_is_valid(m->request_id)))
        return ERR_INVALID;
    if (kind == BUS_EVENTS && m->event_count && m->event_count != m->last - m->first + 1)
        return ERR_INVALID;
    m->kind = (enum bus_kind)kind;
    m->space_kind = (enum space_kind)space_kind;
    for (size_t i = 0; i < m->event_count; i++) {
        events[i].seq = m->first + i;
        events[i].at = (int64_t)take_u64(&r, 8);
        events[i].name = take_str(&r, 2);
        events[i].data = take_str(&r, 4);
    }
    return r.bad || r.left.n ? ERR_INVALID : OK;
}
