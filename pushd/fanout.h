/*
 * Envelopes: what POST /publish hands to the sockets of a user at once, and the acknowledgements it
 * waits for. In memory only: who is not there does not get it.
 */
#ifndef PUSHD_FANOUT_H
#define PUSHD_FANOUT_H

#include "hub.h"

/* A publish waits so long for acknowledgements. */
#define FANOUT_WAIT_MS 5000
/* Publishes that wait, and sockets they wait for: more are refused with ERR_BUSY. */
#define FANOUT_WAITING_MAX 65536
#define FANOUT_TARGETS_MAX (4 * 1024 * 1024)
/* Results of one publish: one that does not fit any more counts as null. */
#define FANOUT_RESULTS_MAX (8 * 1024 * 1024)

struct fanout;
struct fanout_user;
struct publish;

struct fanout *fanout_new(struct server *s);
/* No connection may be left. */
void fanout_free(struct fanout *f);

/* A socket that may get envelopes. Zeroed and embedded in the state of its stream. */
struct fanout_reader {
    struct sub sub;           /* conn is set by the owner */
    struct fanout_user *user; /* NULL: not entered */
    struct list waiting;      /* struct target: envelopes it has not acknowledged */
};

/* Count it for a user (any text): ERR_RATE_LIMIT when there are max already (0: no limit). Nothing
 * is delivered yet. */
enum err fanout_enter(struct fanout *f, struct fanout_reader *r, struct str user_id,
                      int64_t max) must_check;
/* It is no target any more, and no publish waits for it. Harmless when not entered. */
void fanout_leave(struct fanout_reader *r);

/*
 * From now on envelopes that match go to it, in that format: hub_event.text is the envelope, name
 * its type, data its payload. NULL: none. The filter is borrowed: set NULL before it is changed,
 * then set it again. A reader too slow for an envelope, if that does not close it, gets none until
 * then.
 */
void fanout_set_filter(struct fanout_reader *r, const struct filter *filter,
                       const struct format *format);

/* It acknowledges an envelope; result is JSON, p == NULL: null. What it was not given, or has
 * acknowledged, is ignored. */
void fanout_ack(struct fanout_reader *r, struct str envelope_id, struct str result);

/*
 * Publish: OK and *count targets. With targets, *out waits for them and c is answered later, by
 * fanout_answer; *out is then c->stream's to cancel.
 */
enum err fanout_publish(struct fanout *f, struct conn *c, struct str user_id, struct str type,
                        struct str payload, struct publish **out) must_check;

/* Answer now with what has arrived. */
void fanout_answer(struct publish *p);
/* Nobody waits for the answer any more. */
void fanout_cancel(struct publish *p);

/* The body of an answer: {"clientCount":n,"results":[…]}. */
void fanout_append_answer(struct buf *out, size_t count, struct str results);

struct fanout_stats {
    uint64_t published, acknowledged, timed_out;
    size_t waiting; /* now */
};
struct fanout_stats fanout_stats(const struct fanout *f);

#endif
