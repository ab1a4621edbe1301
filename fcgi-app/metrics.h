/* Counters of this process, for /metrics. Counting costs a few atomic additions. */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "base/buf.h"
#include "store/space.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* One request was answered. NULL counts nothing. */
void metrics_count(struct metrics *m, int status, int64_t microseconds);

/* A request found its lane full: it was answered at once, or with 503. */
void metrics_count_full(struct metrics *m);

/* Append them in Prometheus' text format. */
void metrics_append(const struct metrics *m, const struct store_stats *s, struct buf *out);

#endif
