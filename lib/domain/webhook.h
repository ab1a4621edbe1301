/*
 * Sends the change logs to other servers: each event one signed request (domain/webhook_message.h),
 * at least once, in the order of its space. The next event of a space goes out when the one before
 * was answered with 2xx; what was answered so is remembered in webhooks.db (store/webhooks.h), so
 * nothing is lost however the process ends. Hints say where to look; a sweep over all spaces, at
 * the start and now and then, finds what they lost. What a log does not have any more is told by an
 * event of its own, webhook:gap.
 *
 * Of all processes of a data folder one sends. Bounded: requests under way, spaces that are looked
 * after at a time, hints that wait. A receiver that fails is asked again and again, less and less
 * often, and does not hold up others, nor one space of its own another, unless several fail in a
 * row: then one request at a time tries whether it is back.
 */
#ifndef DOMAIN_WEBHOOK_H
#define DOMAIN_WEBHOOK_H

#include "domain/conf.h"
#include "store/webhooks.h"

/* Spaces of one receiver that are looked after at a time; the others wait in their logs. */
#define WEBHOOK_LANES_MAX 512

/* Between two sweeps, counted from the end of one to the beginning of the next. */
#define WEBHOOK_SWEEP_MS INT64_C(120000)

/* How long requests that are under way may go on after the end was asked for. */
#define WEBHOOK_STOP_MS 1500

struct webhook;

enum webhook_event {
    WEBHOOK_FAILED,   /* no 2xx: tried again */
    WEBHOOK_GONE,     /* the receiver said 410: tried again all the same, at the longest interval */
    WEBHOOK_BACK,     /* the first success after `failures` */
    WEBHOOK_GAP_TOLD, /* a webhook:gap was taken */
    WEBHOOK_TROUBLE,  /* a file of our own: `why` is err_code's */
    WEBHOOK_STANDBY,  /* another process sends; this one as soon as it has ended */
    WEBHOOK_SENDS,    /* this one sends from now on */
};

struct webhook_report {
    enum webhook_event event;
    struct str receiver; /* scheme, host and port; empty: none */
    enum space_kind kind;
    struct str id;    /* the space's; empty: none */
    int status;       /* of HTTP, 0: none */
    const char *why;  /* a clause, NULL: the status says it */
    int64_t failures; /* of the receiver, since its last success */
};

/* Called on the thread that sends. */
typedef void webhook_on_report(void *arg, const struct webhook_report *r);

/* *out is NULL where no webhook_url is set. Copies what it needs of c. */
void webhook_new(struct webhook **out, const struct conf *c, webhook_on_report *on_report,
                 void *arg);

/* Not while its thread runs. NULL is fine, here and below. */
void webhook_free(struct webhook *w);

/* From here on a thread of its own sends. It inherits the mask of signals. */
void webhook_start(struct webhook *w);

/* Begin no request any more: another process may send soon. Does not wait. */
void webhook_end(struct webhook *w);

/* The same, and wait for the thread: WEBHOOK_STOP_MS and a little. */
void webhook_stop(struct webhook *w);

/* There may be something new in this space; in any. Thread-safe, never block. */
void webhook_hint(struct webhook *w, enum space_kind kind, struct str id);
void webhook_sweep(struct webhook *w);

/*
 * Instead of a thread: send everything that can be sent now, and return. What fails once is left
 * for the next time. ERR_BUSY: another process sends; others of webhooks_open().
 */
enum err webhook_run(struct webhook *w) must_check;

struct webhook_stats {
    bool sends;          /* this process is the one */
    uint64_t delivered;  /* requests answered with 2xx */
    uint64_t failed;     /* requests that were not */
    uint64_t retries;    /* requests for what had failed before */
    uint64_t gaps;       /* of the delivered ones */
    uint64_t sweeps;     /* finished */
    uint64_t under_way;  /* requests */
    uint64_t spaces;     /* with something to send, as far as known */
    uint64_t failing;    /* of these, waiting for their next try */
    uint64_t urls, down; /* receivers, and those of them that fail now */
    int64_t oldest_at;   /* of the oldest known event that was not taken yet, 0: none */
};
struct webhook_stats webhook_stats(struct webhook *w);

/* One signed test event to any address, with the settings' secrets. The HTTP status, or 0 and *why.
 */
int webhook_test(const struct conf *c, struct str url, const char **why);

/* How far one receiver is behind, by a walk over all logs. */
struct webhook_lag {
    int64_t spaces, events; /* with events that it has not got; of all names */
    int64_t gaps;           /* spaces of which it will hear a webhook:gap */
    int64_t oldest_at;      /* 0: none */
};
enum err webhook_lag(struct store *store, struct webhooks *cursors, const struct webhooks_url *url,
                     struct webhook_lag *out) must_check;

#endif
