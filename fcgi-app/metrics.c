/* Counters of this process in Prometheus' text format. */
#include "base/base.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "metrics.h"

/* Upper bounds of the buckets of answer times, in microseconds and as Prometheus writes seconds. */
static const struct {
    int64_t us;
    struct str seconds;
} buckets[] = {
    {100, {"0.0001", 6}}, {1000, {"0.001", 5}},  {5000, {"0.005", 5}},    {25000, {"0.025", 5}},
    {100000, {"0.1", 3}}, {1000000, {"1.0", 3}}, {10000000, {"10.0", 4}},
};

#define CLASSES 5 /* 1xx to 5xx */
#define LANES   (LANE_FETCH + 1)
#define MAILS   (MAILER_TROUBLE + 1)

enum {
#define X(name, status, code, text) +1
    ERRORS = 0 ERR_LIST(X)
#undef X
};

struct metrics {
    atomic_uint_fast64_t answers[CLASSES];
    atomic_uint_fast64_t within[ARRAY_LEN(buckets)]; /* not cumulative */
    atomic_uint_fast64_t microseconds;
    atomic_uint_fast64_t failures[ERRORS];
    atomic_uint_fast64_t began[LANES], ended[LANES], full[LANES];
    atomic_uint_fast64_t mails[MAILS];
};

static const char *const lane_names[LANES] = {
    [LANE_REQUEST] = "request",
    [LANE_POLL] = "poll",
    [LANE_HASH] = "hash",
    [LANE_FETCH] = "fetch",
};

static const char *const mail_names[MAILS] = {
    [MAILER_SENT] = "sent",
    [MAILER_DEFERRED] = "deferred",
    [MAILER_DROPPED] = "dropped",
    [MAILER_TROUBLE] = "trouble",
};

struct metrics *metrics_new(void)
{
    return mem_zalloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *m)
{
    mem_free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_begin(struct metrics *m, enum lane lane)
{
    if (m)
        add(&m->began[lane], 1);
}

void metrics_end(struct metrics *m, enum lane lane, int status, enum err e, int64_t microseconds)
{
    if (!m)
        return;
    assert(status >= 100 && status < 100 * (CLASSES + 1));
    add(&m->ended[lane], 1);
    add(&m->answers[status / 100 - 1], 1);
    add(&m->microseconds, (uint64_t)microseconds);
    if (e)
        add(&m->failures[e], 1);
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        if (microseconds <= buckets[i].us) {
            add(&m->within[i], 1);
            return;
        }
    }
}

void metrics_count_full(struct metrics *m, enum lane lane)
{
    if (m)
        add(&m->full[lane], 1);
}

void metrics_count_mail(struct metrics *m, enum mailer_event event)
{
    if (m)
        add(&m->mails[event], 1);
}

/* --- as text ---------------------------------------------------------------------------------- */

static void append_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_appendf(out, "# HELP cubby_%s %s\n# TYPE cubby_%s %s\n", name, help, name, type);
}

static void append_one(struct buf *out, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    append_head(out, name, type, help);
    buf_appendf(out, "cubby_%s %llu\n", name, (unsigned long long)value);
}

static void append_labelled(struct buf *out, const char *name, const char *label, const char *is,
                            uint64_t value)
{
    buf_appendf(out, "cubby_%s{%s=\"%s\"} %llu\n", name, label, is, (unsigned long long)value);
}

static void append_answers(const struct metrics *m, struct buf *out)
{
    uint64_t below = 0, all = 0;
    append_head(out, "requests_total", "counter", "Requests answered, by the class of status.");
    for (size_t i = 0; i < CLASSES; i++) {
        all += get(&m->answers[i]);
        buf_appendf(out, "cubby_requests_total{status=\"%zuxx\"} %llu\n", i + 1,
                    (unsigned long long)get(&m->answers[i]));
    }
    append_head(out, "request_seconds", "histogram",
                "Time from a whole request to its answer, long polls included.");
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        below += get(&m->within[i]);
        buf_appendf(out, "cubby_request_seconds_bucket{le=\"%.*s\"} %llu\n",
                    STR_ARG(buckets[i].seconds), (unsigned long long)below);
    }
    buf_appendf(out,
                "cubby_request_seconds_bucket{le=\"+Inf\"} %llu\n"
                "cubby_request_seconds_sum %.6f\n"
                "cubby_request_seconds_count %llu\n",
                (unsigned long long)all, (double)get(&m->microseconds) / 1e6,
                (unsigned long long)all);
}

/* rate_limited: a limit or a delay; quota_exceeded: a quota; busy: a bound or a lock. */
static void append_failures(const struct metrics *m, struct buf *out)
{
    append_head(out, "failures_total", "counter", "Requests refused or failed, by their code.");
    for (int e = OK + 1; e < ERRORS; e++)
        append_labelled(out, "failures_total", "code", err_code((enum err)e).p,
                        get(&m->failures[e]));
}

static void append_lanes(const struct metrics *m, const struct conf *c, struct buf *out)
{
    const int64_t limits[LANES] = {[LANE_POLL] = c->poll_workers,
                                   [LANE_HASH] = c->hash_queue,
                                   [LANE_FETCH] = c->oauth_workers};
    append_head(out, "lane_requests", "gauge", "Requests being answered now, by kind of thread.");
    for (int i = 0; i < LANES; i++)
        append_labelled(out, "lane_requests", "lane", lane_names[i],
                        get(&m->began[i]) - get(&m->ended[i]));
    append_head(out, "lane_limit", "gauge",
                "How many of those may wait: poll_workers, hash_queue, oauth_workers.");
    for (int i = LANE_POLL; i < LANES; i++)
        append_labelled(out, "lane_limit", "lane", lane_names[i], (uint64_t)limits[i]);
    append_head(out, "lanes_full_total", "counter", "Requests for which there was no room.");
    for (int i = LANE_POLL; i < LANES; i++)
        append_labelled(out, "lanes_full_total", "lane", lane_names[i], get(&m->full[i]));
}

static void append_queues(const struct metrics *m, const struct metrics_now *now, struct buf *out)
{
    append_head(out, "mails_total", "counter", "What became of mails, by attempt.");
    for (int i = 0; i < MAILS; i++)
        append_labelled(out, "mails_total", "result", mail_names[i], get(&m->mails[i]));
    if (now->mails >= 0)
        append_one(out, "mails_waiting", "gauge", "Mails that wait to be sent.",
                   (uint64_t)now->mails);
    if (now->outbox >= 0)
        append_one(out, "outbox_waiting", "gauge",
                   "Events of memberships on their way from main.db to the logs.",
                   (uint64_t)now->outbox);
}

static void append_store(const struct store_stats *s, const struct conf *c, struct buf *out)
{
    append_one(out, "store_handles", "gauge", "Data files open.", s->open);
    append_one(out, "store_handles_limit", "gauge", "The setting handle_cache.",
               (uint64_t)c->handle_cache);
    append_one(out, "store_hits_total", "counter", "Data files found open.", s->hits);
    append_one(out, "store_misses_total", "counter", "Data files that had to be opened.",
               s->misses);
    append_one(out, "store_checkpoints_total", "counter", "Logs moved into their data files.",
               s->checkpoints);
    append_one(out, "store_busy_total", "counter", "Requests that waited for a data file in vain.",
               s->busy);
}

void metrics_append(const struct metrics *m, const struct metrics_now *now, const struct conf *c,
                    struct buf *out)
{
    append_answers(m, out);
    append_failures(m, out);
    append_lanes(m, c, out);
    append_queues(m, now, out);
    append_store(&now->store, c, out);
}
