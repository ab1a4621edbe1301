/*
 * Prometheus' text format: each metric with its HELP and TYPE, then its values. Counters of times
 * with it, for they are kept as they are told.
 */
#ifndef WIRE_PROMETHEUS_H
#define WIRE_PROMETHEUS_H

#include <stdatomic.h>

#include "base/buf.h"

/* A metric of one value; type: counter (its name ends in _total) or gauge. */
struct prometheus_row {
    const char *name, *type, *help;
    uint64_t value;
};

void prometheus_append_rows(struct buf *out, const struct prometheus_row *rows, size_t n);

/* A metric of several values: its head, then each with its label. */
void prometheus_append_head(struct buf *out, const char *name, const char *type, const char *help);
void prometheus_append_labelled(struct buf *out, const char *name, const char *label,
                                const char *is, uint64_t value);

#define PROMETHEUS_BUCKETS 8 /* to 0.1 ms, 1 ms, 5 ms, 25 ms, 0.1 s, 1 s, 10 s, and all above */

/* How long something took, each time; any thread may count. Zeroed at first. */
struct prometheus_times {
    atomic_uint_fast64_t within[PROMETHEUS_BUCKETS]; /* not cumulative */
    atomic_uint_fast64_t microseconds;
};

void prometheus_count(struct prometheus_times *t, int64_t microseconds);

/* As a histogram in seconds. */
void prometheus_append_times(struct buf *out, const char *name, const char *help,
                             const struct prometheus_times *t);

#endif
