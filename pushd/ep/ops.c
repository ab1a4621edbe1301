/* Operations: how much does it do, and an echo for WebSocket test suites. */
#include "base/base.h"

#include "base/clock.h"
#include "base/digest.h"
#include "domain/webhook.h"
#include "ep/ep.h"
#include "fanout.h"
#include "feed.h"
#include "notes.h"
#include "parts.h"
#include "readers.h"
#include "server.h"

/* On the listener for operations to everybody, on the public one with metrics_token. */
enum err metrics_allow(const struct request *r)
{
    struct str wanted = r->server->conf->metrics_token;
    struct str given = who_bearer(http_header(r->head, STR("authorization")));
    if (r->conn->local)
        return OK;
    bool same = wanted.n > 0 && digest_equal(wanted, given);
    return same ? OK : ERR_NOT_FOUND;
}

static void append_failures(struct buf *out, const struct server_stats *stats)
{
    const char *name = "cubby_push_failures_total";
    prometheus_append_head(out, name, "counter", "Requests refused or failed, by their code.");
    for (int e = OK + 1; e < ERRORS; e++)
        prometheus_append_labelled(out, name, "code", err_code((enum err)e).p, stats->failures[e]);
}

/* Seconds that the oldest known event waits for a receiver of webhooks. */
static uint64_t webhooks_lag_s(const struct webhook_stats *w)
{
    int64_t now = clock_wall_ms();
    return w->oldest_at && w->oldest_at < now ? (uint64_t)(now - w->oldest_at) / 1000 : 0;
}

enum err metrics_answer(const struct request *r, struct answer *a)
{
    const struct server *s = r->server;
    struct hub_stats hub = hub_stats(s->hub);
    struct feed_stats feed = feed_stats(s->feed);
    struct fanout_stats fanout = fanout_stats(s->parts->fanout);
    struct notes_stats notes = notes_stats(s->parts->notes);
    struct webhook_stats webhooks = webhook_stats(s->webhook);
    struct readers_stats readers = readers_stats(s->readers);
    struct bus_stats bus = s->bus ? bus_sub_stats(s->bus) : (struct bus_stats){0};
    const struct prometheus_row rows[] = {
        {"cubby_push_connections", "gauge", "Connections, of every kind.", s->conns},
        {"cubby_push_connections_limit", "gauge", "The setting push_max_connections; 0 is none.",
         (uint64_t)s->conf->push_max_connections},
        {"cubby_push_streams", "gauge", "Streams and WebSockets open.", s->streams},
        {"cubby_push_spaces_open", "gauge", "Users and organizations that somebody listens to.",
         feed.sources},
        {"cubby_push_accepted_total", "counter", "Connections accepted.", s->stats.accepted},
        {"cubby_push_unserved_total", "counter",
         "Connections closed at once, for there were too many.", s->stats.unserved},
        {"cubby_push_accept_pauses_total", "counter",
         "Times that no connection could be accepted for want of descriptors.", s->stats.pauses},
        {"cubby_push_requests_total", "counter", "Request heads read.", s->stats.requests},
        {"cubby_push_streams_opened_total", "counter", "Streams opened.", s->stats.opened},
        {"cubby_push_streams_revoked_total", "counter", "Streams ended because their session was.",
         s->stats.revoked},
        {"cubby_push_streams_slow_total", "counter",
         "Streams closed because their reader was too slow.", s->stats.slow},
        {"cubby_push_streams_behind_total", "counter",
         "Times that a slow reader went on from the log instead.", s->stats.behind},
        {"cubby_push_streams_dead_total", "counter", "Streams closed because nobody answered.",
         s->stats.dead},
        {"cubby_push_tls_failed_total", "counter", "TLS handshakes that failed.",
         s->stats.tls_failed},
        {"cubby_push_sends_total", "counter", "Calls of send() that took bytes.", s->stats.sent},
        {"cubby_push_sent_bytes_total", "counter", "Bytes sent.", s->stats.sent_bytes},
        {"cubby_push_pending_connections", "gauge", "Connections whose peers have not taken all.",
         s->pending_conns},
        {"cubby_push_pending_bytes", "gauge", "Bytes that wait for them.", s->pending_bytes},
        {"cubby_push_body_bytes", "gauge", "Bytes of request bodies on their way.", s->body_bytes},
        {"cubby_push_partial_bytes", "gauge", "Bytes of WebSocket messages on their way.",
         s->partial_bytes},
        {"cubby_push_bus_received_total", "counter", "Messages from the bus.", bus.received},
        {"cubby_push_bus_gaps_total", "counter",
         "Times that something was missing on the bus, and all logs were read.", bus.gaps},
        {"cubby_push_bus_lost_total", "counter", "Messages known to be missing.", bus.lost},
        {"cubby_push_bus_dropped_total", "counter",
         "Of these, messages received but not read in time.", bus.dropped},
        {"cubby_push_bus_publishers", "gauge", "Programs that publish on the bus.", bus.publishers},
        {"cubby_push_bus_vanished_total", "counter", "Of these, programs that left without a word.",
         bus.vanished},
        {"cubby_push_events_published_total", "counter", "Events handed to readers.",
         hub.published},
        {"cubby_push_deliveries_total", "counter",
         "Messages handed to readers: events times readers.", hub.deliveries},
        {"cubby_push_events_inline_total", "counter", "Events that the bus carried.",
         feed.inline_events},
        {"cubby_push_events_from_log_total", "counter", "Events read from a log.", feed.log_events},
        {"cubby_push_log_reads_total", "counter", "Reads of logs.", feed.reads},
        {"cubby_push_readers", "gauge", "Threads that read logs: the setting push_reader_threads.",
         readers_threads(s->readers)},
        {"cubby_push_readers_busy", "gauge", "Of these, threads that read now.", readers.busy},
        {"cubby_push_reads_waiting", "gauge", "Reads that wait for one.", readers.waiting},
        {"cubby_push_reads_oldest_seconds", "gauge",
         "How long the oldest read takes, waiting included.",
         (uint64_t)readers.oldest_us / 1000000},
        {"cubby_push_sweeps_total", "counter", "Times that all logs were looked at.", feed.sweeps},
        {"cubby_push_resyncs_total", "counter", "Readers told to load everything again.",
         feed.resyncs},
        {"cubby_push_publishes_total", "counter", "Calls of /publish.", fanout.published},
        {"cubby_push_publishes_waiting", "gauge", "Of these, waiting for acknowledgements.",
         fanout.waiting},
        {"cubby_push_publishes_timed_out_total", "counter",
         "Of these, answered before all had acknowledged.", fanout.timed_out},
        {"cubby_push_acknowledgements_total", "counter", "Acknowledgements of envelopes.",
         fanout.acknowledged},
        {"cubby_push_notes_users", "gauge", "Users whose notes are kept for a stream.",
         notes.users},
        {"cubby_push_notes_pending_bytes", "gauge", "Bytes of note updates not acknowledged.",
         notes.pending_bytes},
        {"cubby_push_webhook_sends", "gauge", "1: this process sends the webhooks.",
         webhooks.sends},
        {"cubby_push_webhook_receivers", "gauge", "Addresses of webhook_url.", webhooks.urls},
        {"cubby_push_webhook_receivers_failing", "gauge",
         "Of these, failing since their last success.", webhooks.down},
        {"cubby_push_webhook_delivered_total", "counter",
         "Requests that a receiver answered with 2xx.", webhooks.delivered},
        {"cubby_push_webhook_failed_total", "counter", "Requests that it did not.",
         webhooks.failed},
        {"cubby_push_webhook_retries_total", "counter", "Requests for what had failed before.",
         webhooks.retries},
        {"cubby_push_webhook_gaps_total", "counter",
         "Times that a receiver was told of missing events.", webhooks.gaps},
        {"cubby_push_webhook_sweeps_total", "counter", "Times that all logs were compared.",
         webhooks.sweeps},
        {"cubby_push_webhook_requests", "gauge", "Requests under way.", webhooks.under_way},
        {"cubby_push_webhook_spaces", "gauge", "Spaces known to have something to send.",
         webhooks.spaces},
        {"cubby_push_webhook_spaces_failing", "gauge", "Of these, waiting for their next try.",
         webhooks.failing},
        {"cubby_push_webhook_lag_seconds", "gauge", "Age of the oldest event known to wait.",
         webhooks_lag_s(&webhooks)},
    };
    a->type = STR("text/plain; version=0.0.4");
    prometheus_append_rows(a->body, rows, ARRAY_LEN(rows));
    append_failures(a->body, &s->stats);
    prometheus_append_times(a->body, "cubby_push_read_wait_seconds",
                            "Time that reads waited for a thread.", readers_waits(s->readers));
    return OK;
}

enum err echo_allow(const struct request *r)
{
    return r->server->conf->test_endpoints ? OK : ERR_NOT_FOUND;
}

void echo_on_message(struct conn *c, const struct ws_message *m)
{
    ws_send(c, m->opcode, m->data);
}
