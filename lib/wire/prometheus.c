/* Prometheus' text format, version 0.0.4. */
#include "base/base.h"

#include "wire/prometheus.h"

/* Upper bounds of the buckets, in microseconds and as Prometheus writes seconds. */
static const struct {
    int64_t us;
    const char *seconds;
} buckets[PROMETHEUS_BUCKETS] = {
    {100, "0.0001"}, {1000, "0.001"},  {5000, "0.005"},    {25000, "0.025"},
    {100000, "0.1"}, {1000000, "1.0"}, {10000000, "10.0"}, {INT64_MAX, "+Inf"},
};

void prometheus_append_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void prometheus_append_rows(struct buf *out, const struct prometheus_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        prometheus_append_head(out, rows[i].name, rows[i].type, rows[i].help);
        buf_appendf(out, "%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
    }
}

void prometheus_append_labelled(struct buf *out, const char *name, const char *label,
                                const char *is, uint64_t value)
{
    buf_appendf(out, "%s{%s=\"%s\"} %llu\n", name, label, is, (unsigned long long)value);
}

void prometheus_count(struct prometheus_times *t, int64_t microseconds)
{
    size_t i = 0;
    while (microseconds > buckets[i].us)
        i++;
    atomic_fetch_add_explicit(&t->within[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&t->microseconds, (uint64_t)microseconds, memory_order_relaxed);
}

void prometheus_append_times(struct buf *out, const char *name, const char *help,
                             const struct prometheus_times *t)
{
    unsigned long long below = 0;
    prometheus_append_head(out, name, "histogram", help);
    for (size_t i = 0; i < PROMETHEUS_BUCKETS; i++) {
        below += atomic_load_explicit(&t->within[i], memory_order_relaxed);
        buf_appendf(out, "%s_bucket{le=\"%s\"} %llu\n", name, buckets[i].seconds, below);
    }
    uint64_t us = atomic_load_explicit(&t->microseconds, memory_order_relaxed);
    buf_appendf(out, "%s_sum %.6f\n%s_count %llu\n", name, (double)us / 1e6, name, below);
}
