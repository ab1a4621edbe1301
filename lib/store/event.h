/*
 * The change log: every change of a space is one event, appended in the transaction that makes the
 * change, numbered without gaps. The log is the truth that every delivery is checked against.
 */
#ifndef STORE_EVENT_H
#define STORE_EVENT_H

#include "base/buf.h"
#include "store/space.h"

struct event {
    uint64_t seq;
    int64_t at;      /* unix milliseconds, never decreasing */
    struct str name; /* "table:posts:create" */
    struct str data; /* JSON text */
};

/*
 * Append an event; *out gets its number and time (name and data as given). In a write transaction
 * only (asserted). Now and then trims the log to log_keep_events and log_keep_bytes; the newest
 * event always stays.
 */
enum err event_append(struct space *sp, struct str name, struct str data,
                      struct event *out) must_check;

/*
 * Number and time the next event_append of this transaction will use: rows take their ids and times
 * from it (rand_uuid7(at, seq)), so that ids rise in commit order.
 */
enum err event_next(struct space *sp, uint64_t *seq, int64_t *at) must_check;

/* Newest and oldest sequence number in the log; both 0 when it is empty. */
enum err event_bounds(struct space *sp, uint64_t *oldest, uint64_t *newest) must_check;

/* The newest event of the log from before that time; 0 when there is none. */
enum err event_before(struct space *sp, int64_t at, uint64_t *seq) must_check;

/*
 * Events after `after` in order, until `max_events` or `max_bytes` of data (at least one). Stops
 * early when on_event returns other than OK and returns that. The event's strings are valid during
 * the call.
 */
enum err event_read(struct space *sp, uint64_t after, size_t max_events, size_t max_bytes,
                    enum err (*on_event)(void *arg, const struct event *e), void *arg) must_check;

/* "<epoch>.<seq>" */
#define EVENT_ID_MAX (EPOCH_LEN + 1 + 20)
void event_id_append(struct buf *out, struct str epoch, uint64_t seq);

/* Parse such an id; false for anything else. */
bool event_id_parse(struct str text, struct str *epoch, uint64_t *seq);

/*
 * May a reader that has seen `id` continue from the log of this space? OK: *after is where.
 * ERR_NOT_FOUND: other epoch, or events after it are gone: it must resync.
 */
enum err event_resume(struct space *sp, struct str id, uint64_t *after) must_check;

#endif
