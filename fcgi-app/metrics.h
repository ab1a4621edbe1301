/* Counters of this process, for /metrics. Counting costs a few atomic additions. */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "dispatch.h"
#include "domain/bus.h"
#include "domain/mailer.h"
#include "store/backlog.h"

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* A request is being answered, on a thread of that lane; NULL counts nothing, here and below. */
void metrics_begin(struct metrics *m, enum lane lane);

/* It was answered; e is OK, or what was wrong. */
void metrics_end(struct metrics *m, enum lane lane, int status, enum err e, int64_t microseconds);

/* A request found its lane full: it was answered at once, or with 503. */
void metrics_count_full(struct metrics *m, enum lane lane);

/* A mail was sent, put off, given up; or the queue could not be read. */
void metrics_count_mail(struct metrics *m, enum mailer_event event);

/* What others count, as it is now. */
struct metrics_now {
    struct store_stats store;
    struct bus_pub_stats bus;
    int64_t free_bytes; /* of the data folder's disk; negative: not known */
    bool has_queues;
    struct backlog queues[BACKLOGS]; /* in main.db, for all processes */
};

/* Append ,"answered":{"2xx":…},"failures":{code:…} as JSON: what is not 0. */
void metrics_append_answers(const struct metrics *m, struct buf *out);

/* Append them in Prometheus' text format. */
void metrics_append(const struct metrics *m, const struct metrics_now *now, const struct conf *c,
                    struct buf *out);

#endif
