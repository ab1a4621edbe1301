/* Counters of this process in Prometheus' text format. */
#include "base/base.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "metrics.h"

/* Upper bounds of the buckets of answer times, in microseconds and as Prometheus writes seconds. */
static const struct {
    int64_t us;
    struct str seconds;
} buckets[] = {
    {100, {"0.0001", 6}}, {1000, {"0.001", 5}},  {5000, {"0.005", 5}},    {25000, {"0.025", 5}},
    {100000, {"0.1", 3}}, {1000000, {"1.0", 3}}, {10000000, {"10.0", 4}},
};

#define CLASSES 5 /* 1xx to 5xx */

struct metrics {
    atomic_uint_fast64_t answers[CLASSES];
    atomic_uint_fast64_t within[ARRAY_LEN(buckets)]; /* not cumulative */
    atomic_uint_fast64_t microseconds;
    atomic_uint_fast64_t full;
};

struct metrics *metrics_new(void)
{
    return mem_zalloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *m)
{
    mem_free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_count(struct metrics *m, int status, int64_t microseconds)
{
    if (!m)
        return;
    assert(status >= 100 && status < 100 * (CLASSES + 1));
    add(&m->answers[status / 100 - 1], 1);
    add(&m->microseconds, (uint64_t)microseconds);
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        if (microseconds <= buckets[i].us) {
            add(&m->within[i], 1);
            return;
        }
    }
}

void metrics_count_full(struct metrics *m)
{
    if (m)
        add(&m->full, 1);
}

static void append_answers(const struct metrics *m, struct buf *out)
{
    uint64_t below = 0, all = 0;
    buf_append_lit(out, "# TYPE cubby_requests_total counter\n");
    for (size_t i = 0; i < CLASSES; i++) {
        all += get(&m->answers[i]);
        buf_appendf(out, "cubby_requests_total{status=\"%zuxx\"} %llu\n", i + 1,
                    (unsigned long long)get(&m->answers[i]));
    }
    buf_append_lit(out, "# TYPE cubby_request_seconds histogram\n");
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        below += get(&m->within[i]);
        buf_appendf(out, "cubby_request_seconds_bucket{le=\"%.*s\"} %llu\n",
                    STR_ARG(buckets[i].seconds), (unsigned long long)below);
    }
    buf_appendf(out,
                "cubby_request_seconds_bucket{le=\"+Inf\"} %llu\n"
                "cubby_request_seconds_sum %.6f\n"
                "cubby_request_seconds_count %llu\n",
                (unsigned long long)all, (double)get(&m->microseconds) / 1e6,
                (unsigned long long)all);
}

static void append_counter(struct buf *out, const char *name, const char *type, uint64_t value)
{
    buf_appendf(out, "# TYPE %s %s\n%s %llu\n", name, type, name, (unsigned long long)value);
}

void metrics_append(const struct metrics *m, const struct store_stats *s, struct buf *out)
{
    append_answers(m, out);
    append_counter(out, "cubby_lanes_full_total", "counter", get(&m->full));
    append_counter(out, "cubby_store_handles", "gauge", s->open);
    append_counter(out, "cubby_store_hits_total", "counter", s->hits);
    append_counter(out, "cubby_store_misses_total", "counter", s->misses);
    append_counter(out, "cubby_store_checkpoints_total", "counter", s->checkpoints);
    append_counter(out, "cubby_store_busy_total", "counter", s->busy);
}
