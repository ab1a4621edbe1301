/*
 * Growing delays after failed sign-ins, in main.db so that every process and restart sees them. An
 * attempt counts as a failure from its beginning until it is forgiven: so many at once are many
 * failures. After `harmless` of them the next attempts have to wait 1, 2, 4, … seconds after the
 * one before; a refused one counts nothing and writes nothing.
 */
#ifndef STORE_FAILURES_H
#define STORE_FAILURES_H

#include "store/space.h"

/* Without any further failure they are forgotten after this time, all at once. */
#define FAILURES_KEEP_MS (24 * INT64_C(3600000))

/* Rows that are kept, whatever clients do: the newest. */
#define FAILURES_ROWS_MAX 100000

/* One who fails: a scope ("address") and whose ("a@example.org"). */
struct failures {
    struct str scope, subject;
    int64_t harmless;  /* failures without a delay; 0: there never is one, nothing is counted */
    int64_t max_ms;    /* the longest delay; 0: as above */
    int64_t forget_ms; /* one failure is forgotten in this time; 0: none is, but for the above */

    /* Of failures_take_within, for failures_forgive_within: the row before and after. */
    struct {
        int64_t points, last_at;
    } was, is;
};

/* May all of these make an attempt now? ERR_RATE_LIMIT, and *retry_ms says when. In any
 * transaction of main.db, or none. */
enum err failures_check(struct space *sp, const struct failures *f, size_t count, int64_t now_ms,
                        int64_t *retry_ms) must_check;

/* The same, and they begin it: it is counted. In the caller's write transaction (asserted), as the
 * ones below. Old rows are dropped as it goes. */
enum err failures_take_within(struct space *sp, struct failures *f, size_t count, int64_t now_ms,
                              int64_t *retry_ms) must_check;

/* It was no failure: as if it had not been. */
enum err failures_forgive_within(struct space *sp, const struct failures *f) must_check;

/* None before it counts any more either. */
enum err failures_clear_within(struct space *sp, const struct failures *f) must_check;

#endif
