/* Counters of this process in Prometheus' text format. */
#include "base/base.h"

#include "base/clock.h"
#include "base/mem.h"
#include "metrics.h"
#include "wire/prometheus.h"

#define CLASSES 5 /* 1xx to 5xx */
#define LANES   (LANE_FETCH + 1)
#define MAILS   (MAILER_TROUBLE + 1)

struct metrics {
    atomic_uint_fast64_t answers[CLASSES];
    struct prometheus_times times;
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
    prometheus_count(&m->times, microseconds);
    if (e)
        add(&m->failures[e], 1);
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

static void append_answers(const struct metrics *m, struct buf *out)
{
    const char *name = "cubby_requests_total";
    const char *const classes[CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    prometheus_append_head(out, name, "counter", "Requests answered, by the class of status.");
    for (size_t i = 0; i < CLASSES; i++)
        prometheus_append_labelled(out, name, "status", classes[i], get(&m->answers[i]));
    prometheus_append_times(out, "cubby_request_seconds",
                            "Time from a whole request to its answer, long polls included.",
                            &m->times);
}

/* rate_limited: a limit or a delay; quota_exceeded: a quota; busy: a bound or a lock. */
static void append_failures(const struct metrics *m, struct buf *out)
{
    prometheus_append_head(out, "cubby_failures_total", "counter",
                           "Requests refused or failed, by their code.");
    for (int e = OK + 1; e < ERRORS; e++)
        prometheus_append_labelled(out, "cubby_failures_total", "code", err_code((enum err)e).p,
                                   get(&m->failures[e]));
}

static void append_lanes(const struct metrics *m, const struct conf *c, struct buf *out)
{
    const int64_t limits[LANES] = {[LANE_POLL] = c->poll_workers,
                                   [LANE_HASH] = c->hash_queue,
                                   [LANE_FETCH] = c->oauth_workers};
    prometheus_append_head(out, "cubby_lane_requests", "gauge",
                           "Requests being answered now, by kind of thread.");
    for (int i = 0; i < LANES; i++)
        prometheus_append_labelled(out, "cubby_lane_requests", "lane", lane_names[i],
                                   get(&m->began[i]) - get(&m->ended[i]));
    prometheus_append_head(out, "cubby_lane_limit", "gauge",
                           "How many of those may wait: poll_workers, hash_queue, oauth_workers.");
    for (int i = LANE_POLL; i < LANES; i++)
        prometheus_append_labelled(out, "cubby_lane_limit", "lane", lane_names[i],
                                   (uint64_t)limits[i]);
    prometheus_append_head(out, "cubby_lanes_full_total", "counter",
                           "Requests for which there was no room.");
    for (int i = LANE_POLL; i < LANES; i++)
        prometheus_append_labelled(out, "cubby_lanes_full_total", "lane", lane_names[i],
                                   get(&m->full[i]));
}

static uint64_t seconds_since(int64_t at)
{
    int64_t now = clock_wall_ms();
    return at > 0 && at < now ? (uint64_t)(now - at) / 1000 : 0;
}

static void append_queues(const struct backlog *queues, struct buf *out)
{
    const struct backlog *mail = &queues[BACKLOG_MAIL], *outbox = &queues[BACKLOG_OUTBOX];
    const struct prometheus_row rows[] = {
        {"cubby_mails_waiting", "gauge", "Mails that wait to be sent.", (uint64_t)mail->count},
        {"cubby_mails_oldest_seconds", "gauge", "How long the oldest of them has waited.",
         seconds_since(mail->since)},
        {"cubby_outbox_waiting", "gauge",
         "Events of memberships on their way from main.db to the logs.", (uint64_t)outbox->count},
        {"cubby_outbox_oldest_seconds", "gauge", "How long the oldest of them has been.",
         seconds_since(outbox->since)},
    };
    prometheus_append_rows(out, rows, ARRAY_LEN(rows));
}

static void append_mails(const struct metrics *m, struct buf *out)
{
    prometheus_append_head(out, "cubby_mails_total", "counter",
                           "What became of mails, by attempt.");
    for (int i = 0; i < MAILS; i++)
        prometheus_append_labelled(out, "cubby_mails_total", "result", mail_names[i],
                                   get(&m->mails[i]));
}

/* partial: somebody read meanwhile; locked: another process wrote, which has the same duty. */
static void append_checkpoints(const struct store_stats *s, struct buf *out)
{
    const char *name = "cubby_store_checkpoints_total";
    prometheus_append_head(out, name, "counter",
                           "Logs moved into their data files, by how far that went.");
    prometheus_append_labelled(out, name, "result", "done", s->checkpoints);
    prometheus_append_labelled(out, name, "result", "partial", s->checkpoints_partial);
    prometheus_append_labelled(out, name, "result", "locked", s->checkpoints_locked);
    prometheus_append_labelled(out, name, "result", "failed", s->checkpoints_failed);
}

static void append_store(const struct store_stats *s, const struct conf *c, struct buf *out)
{
    const struct prometheus_row rows[] = {
        {"cubby_store_handles", "gauge", "Data files open.", s->open},
        {"cubby_store_handles_limit", "gauge", "The setting handle_cache.",
         (uint64_t)c->handle_cache},
        {"cubby_store_hits_total", "counter", "Data files found open.", s->hits},
        {"cubby_store_misses_total", "counter", "Data files that had to be opened.", s->misses},
        {"cubby_store_busy_total", "counter", "Requests that waited for a data file in vain.",
         s->busy},
        {"cubby_store_checkpoints_waiting", "gauge", "Open data files whose logs are to be moved.",
         s->checkpoints_waiting},
        {"cubby_store_wal_frames", "gauge", "Pages in logs of open data files, not moved yet.",
         s->wal_frames},
        {"cubby_store_wal_frames_most", "gauge", "Of these, pages in the longest log.",
         s->wal_frames_most},
    };
    prometheus_append_rows(out, rows, ARRAY_LEN(rows));
    append_checkpoints(s, out);
}

static void append_bus(const struct bus_pub_stats *s, struct buf *out)
{
    const struct prometheus_row rows[] = {
        {"cubby_bus_listeners", "gauge", "Programs cubby-pushd that this process reaches.",
         s->connects - s->disconnects},
        {"cubby_bus_connects_total", "counter", "Connections to one, the first and each again.",
         s->connects},
        {"cubby_bus_published_total", "counter", "Messages put on the bus.", s->published},
        {"cubby_bus_unsent_total", "counter",
         "Messages the bus did not take; cubby-pushd counts those that did not arrive.", s->unsent},
    };
    prometheus_append_rows(out, rows, ARRAY_LEN(rows));
}

static void append_member(struct buf *out, const char *name, uint64_t value)
{
    if (value)
        buf_appendf(out, "%s\"%s\":%llu", out->p[out->n - 1] == '{' ? "" : ",", name,
                    (unsigned long long)value);
}

void metrics_append_answers(const struct metrics *m, struct buf *out)
{
    static const char *const classes[CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    buf_append_lit(out, ",\"answered\":{");
    for (size_t i = 0; m && i < CLASSES; i++)
        append_member(out, classes[i], get(&m->answers[i]));
    buf_append_lit(out, "},\"failures\":{");
    for (int e = OK + 1; m && e < ERRORS; e++)
        append_member(out, err_code((enum err)e).p, get(&m->failures[e]));
    buf_append_ch(out, '}');
}

void metrics_append(const struct metrics *m, const struct metrics_now *now, const struct conf *c,
                    struct buf *out)
{
    append_answers(m, out);
    append_failures(m, out);
    append_lanes(m, c, out);
    append_mails(m, out);
    if (now->has_queues)
        append_queues(now->queues, out);
    append_store(&now->store, c, out);
    append_bus(&now->bus, out);
    const struct prometheus_row disk = {"cubby_data_free_bytes", "gauge",
                                        "Free on the disk of the data folder.",
                                        (uint64_t)now->free_bytes};
    if (now->free_bytes >= 0)
        prometheus_append_rows(out, &disk, 1);
}
