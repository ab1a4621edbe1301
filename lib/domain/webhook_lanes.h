/*
 * Inside of webhook*.c: receivers and their lanes. A lane is one space on its way to one receiver,
 * there from the first sign of something new until the log has no more and the cursor is saved.
 */
#ifndef DOMAIN_WEBHOOK_LANES_H
#define DOMAIN_WEBHOOK_LANES_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "domain/post.h"
#include "domain/webhook.h"
#include "domain/webhook_message.h"

#define INBOX_MAX 512 /* hints that wait; more than these are found by a sweep */

/* A lane is in the receiver's list of this number. */
enum lane_state {
    LANE_READY,   /* to be looked at */
    LANE_BUSY,    /* a request is under way */
    LANE_WAITING, /* for its next try */
    LANE_DONE,    /* nothing new; until its cursor is saved */
    LANE_STATES
};

/* One request. */
struct message {
    struct post post;
    struct lane *lane;
    struct webhooks_cursor then; /* where the lane is when it was taken */
    bool is_gap, ends;           /* ends: the space is no more */
    struct buf id, body, signature;
};

struct lane {
    struct list node;
    struct receiver *receiver;
    enum lane_state state;
    struct webhooks_cursor cursor;
    bool has_cursor; /* in webhooks.db, or to be saved there */
    bool unsaved;    /* the cursor, or that it is to be removed */
    bool ended;      /* the receiver knows that the space is no more */
    int64_t failures;
    int64_t due_at;          /* while waiting, monotonic */
    int64_t oldest_at;       /* of the event that is to be sent, 0: not known */
    struct message *message; /* while busy */
    char key[SPACE_ID_MAX + 2];
};

/* A walk over all spaces, in small steps. */
struct sweep {
    bool on, wanted;      /* wanted: another one behind it */
    bool partial;         /* something was not to be read, or had no room */
    int64_t began_at;     /* unix milliseconds, 0: never */
    enum space_kind kind; /* SPACE_KINDS: files are done, cursors without a file come last */
    unsigned part;
    struct webhooks_cursor at;
    int64_t next_at;  /* of its next step, or of the next sweep */
    int64_t ended_at; /* of the last one, 0: none */
};

struct receiver {
    struct webhook *owner;
    struct str url, label;
    struct webhooks_url row;
    bool row_changed;
    struct map lanes; /* by kind and id */
    struct list list[LANE_STATES];
    size_t busy, unsaved; /* lanes */
    size_t strikes;       /* spaces that failed one after the other since the last success */
    int64_t probes;       /* failed since there were too many of these */
    int64_t rests_until;  /* then */
    struct sweep sweep;
};

struct hint {
    enum space_kind kind;
    char id[SPACE_ID_MAX + 1];
};

struct webhook {
    struct arena mem; /* settings */
    const char *data_dir;
    int busy_ms;
    struct str patterns[CONF_LIST_MAX];
    size_t pattern_count; /* 0: all events */
    struct webhook_key keys[CONF_LIST_MAX];
    size_t key_count;
    struct post_options post_options;
    size_t concurrency;
    int64_t retry_first, retry_max; /* ms */
    webhook_on_report *on_report;
    void *arg;
    struct receiver receivers[CONF_LIST_MAX];
    size_t receiver_count;
    bool once; /* webhook_run() */

    pthread_t thread;
    bool started;
    atomic_bool stop;
    struct poster *poster;
    struct store *store;
    struct webhooks *cursors; /* NULL: another process sends */
    bool told_standby, told_trouble;
    int64_t saved_at, look_at; /* monotonic: the last save, the next try to be the one who sends */
    bool save_failed;

    pthread_mutex_t lock; /* of what follows */
    struct hint inbox[INBOX_MAX];
    size_t inbox_count;
    bool sweep_asked;
    struct webhook_stats stats;
};

/* --- webhook_next.c: what comes next of a log --- */

enum next_kind { NEXT_NONE, NEXT_EVENTS, NEXT_TRIMMED, NEXT_RESTORED };

struct next {
    enum next_kind kind;
    uint64_t oldest, newest; /* of the log */
};

/* Compare the log with the cursor, which gets its place where it has none (epoch ""). In a read
 * transaction. */
enum err next_look(struct space *sp, int64_t since, struct webhooks_cursor *c,
                   struct next *out) must_check;

/* What is to be sent, or not: OK with *out; ERR_NOT_FOUND: nothing; ERR_MORE: nothing so far, look
 * again. Others are the store's. */
enum err next_message(struct lane *lane, struct message **out) must_check;
void message_free(struct message *m);

/* Is there such a space? */
bool next_file_is_there(const char *data_dir, enum space_kind kind, struct str id);

/* --- webhook_lanes.c --- */

void receiver_init(struct receiver *r, struct webhook *owner, struct str url);
void receiver_release(struct receiver *r);

/* Have the space looked at. False: there is no room. */
bool lane_touch(struct receiver *r, enum space_kind kind, struct str id);
void lane_free(struct lane *lane);

/* Send what may be sent now. */
void receiver_start_some(struct receiver *r, int64_t now);

/* A request has ended. */
void lane_on_answer(struct post *q, int64_t now);

/* Is everything done, or left for later? For webhook_run(). */
bool receiver_is_through(const struct receiver *r);

/* The time at which something is to be done, `now` at once. */
int64_t receiver_next_at(const struct receiver *r, int64_t now);

size_t receiver_count(const struct receiver *r, enum lane_state state);
bool receiver_is_down(const struct receiver *r);

/* --- webhook_sweep.c --- */

/* A sweep is due soon. */
void sweep_want(struct receiver *r);

/* The next few milliseconds of one, if it is time. */
void sweep_step(struct receiver *r, int64_t now);

/* Note how much the receiver surely has, if everything that the last one found is done. */
void sweep_settle(struct receiver *r);

#endif
