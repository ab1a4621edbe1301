/*
 * Attempt counters for 429, in main.db so that every process and restart sees them. Exact sliding
 * windows: each counted attempt is kept until it leaves its window, so never more than `max` pass
 * in any window_ms, and a refused one counts nothing and writes nothing.
 */
#ifndef STORE_LIMITS_H
#define STORE_LIMITS_H

#include "store/space.h"

/* One thing that is counted: a scope ("login") and whose ("a@example.org", "10.0.0.1"). */
struct limit {
    struct str scope, subject;
    int64_t max; /* attempts in the window; 0: no limit */
    int64_t window_ms;
};

/*
 * Count one attempt against each limit. If any is used up, nothing is counted, ERR_RATE_LIMIT, and
 * *retry_ms says when the next try may pass. Old counters are dropped as it goes.
 */
enum err limits_take(struct store *s, const struct limit *limits, size_t count, int64_t now_ms,
                     int64_t *retry_ms) must_check;

/* Would limits_take pass? Counts nothing; in any transaction of main.db, or none. */
enum err limits_check(struct space *main, const struct limit *limits, size_t count, int64_t now_ms,
                      int64_t *retry_ms) must_check;

/* limits_take as part of the caller's write transaction of main.db (asserted). */
enum err limits_take_within(struct space *sp, const struct limit *limits, size_t count,
                            int64_t now_ms, int64_t *retry_ms) must_check;

#endif
