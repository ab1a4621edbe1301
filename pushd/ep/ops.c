/* Operations: is it well, how much does it do, and an echo for WebSocket test suites. */
#include "base/base.h"

#include "base/digest.h"
#include "ep/ep.h"
#include "fanout.h"
#include "feed.h"
#include "notes.h"
#include "parts.h"
#include "server.h"

/* Without its socket the programs that write cannot tell of anything. */
enum err healthz_answer(const struct request *r, struct answer *a)
{
    if (r->server->bus && !bus_sub_is_reachable(r->server->bus))
        return ERR_BUSY;
    buf_append_lit(a->body, "{\"ok\":true}");
    return OK;
}

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

enum err metrics_answer(const struct request *r, struct answer *a)
{
    const struct server *s = r->server;
    struct hub_stats hub = hub_stats(s->hub);
    struct feed_stats feed = feed_stats(s->feed);
    struct fanout_stats fanout = fanout_stats(s->parts->fanout);
    struct notes_stats notes = notes_stats(s->parts->notes);
    struct bus_stats bus = s->bus ? bus_sub_stats(s->bus) : (struct bus_stats){0};
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"connections", "gauge", "Connections, of every kind.", s->conns},
        {"connections_limit", "gauge", "The setting push_max_connections; 0 is none.",
         (uint64_t)s->conf->push_max_connections},
        {"streams", "gauge", "Streams and WebSockets open.", s->streams},
        {"spaces_open", "gauge", "Users and organizations that somebody listens to.", feed.sources},
        {"accepted_total", "counter", "Connections accepted.", s->stats.accepted},
        {"requests_total", "counter", "Request heads read.", s->stats.requests},
        {"refused_total", "counter", "Requests answered with an error.", s->stats.refused},
        {"streams_opened_total", "counter", "Streams opened.", s->stats.opened},
        {"streams_revoked_total", "counter", "Streams ended because their session was.",
         s->stats.revoked},
        {"streams_slow_total", "counter", "Streams closed because their reader was too slow.",
         s->stats.slow},
        {"streams_dead_total", "counter", "Streams closed because nobody answered.", s->stats.dead},
        {"tls_failed_total", "counter", "TLS handshakes that failed.", s->stats.tls_failed},
        {"sends_total", "counter", "Calls of send() that took bytes.", s->stats.sent},
        {"sent_bytes_total", "counter", "Bytes sent.", s->stats.sent_bytes},
        {"body_bytes", "gauge", "Bytes of request bodies on their way.", s->body_bytes},
        {"partial_bytes", "gauge", "Bytes of WebSocket messages on their way.", s->partial_bytes},
        {"bus_received_total", "counter", "Messages from the bus.", bus.received},
        {"bus_gaps_total", "counter",
         "Times that something was missing on the bus, and all logs were read.", bus.gaps},
        {"bus_lost_total", "counter", "Messages known to be missing.", bus.lost},
        {"events_published_total", "counter", "Events handed to readers.", hub.published},
        {"deliveries_total", "counter", "Messages handed to readers: events times readers.",
         hub.deliveries},
        {"events_inline_total", "counter", "Events that the bus carried.", feed.inline_events},
        {"events_from_log_total", "counter", "Events read from a log.", feed.log_events},
        {"log_reads_total", "counter", "Reads of logs.", feed.reads},
        {"sweeps_total", "counter", "Times that all logs were looked at.", feed.sweeps},
        {"resyncs_total", "counter", "Readers told to load everything again.", feed.resyncs},
        {"publishes_total", "counter", "Calls of /publish.", fanout.published},
        {"publishes_waiting", "gauge", "Of these, waiting for acknowledgements.", fanout.waiting},
        {"publishes_timed_out_total", "counter", "Of these, answered before all had acknowledged.",
         fanout.timed_out},
        {"acknowledgements_total", "counter", "Acknowledgements of envelopes.",
         fanout.acknowledged},
        {"notes_users", "gauge", "Users whose notes are kept for a stream.", notes.users},
        {"notes_pending_bytes", "gauge", "Bytes of note updates not acknowledged.",
         notes.pending_bytes},
    };
    a->type = STR("text/plain; version=0.0.4");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_appendf(a->body,
                    "# HELP cubby_push_%s %s\n# TYPE cubby_push_%s %s\ncubby_push_%s %llu\n",
                    rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name,
                    (unsigned long long)rows[i].value);
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
