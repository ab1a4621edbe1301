/* Operations: is it well, how much does it do, and an echo for WebSocket test suites. */
#include "base/base.h"

#include "base/digest.h"
#include "ep/ep.h"
#include "fanout.h"
#include "feed.h"
#include "notes.h"
#include "parts.h"
#include "server.h"

enum err healthz_answer(const struct request *r, struct answer *a)
{
    (void)r;
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
        const char *name, *type;
        uint64_t value;
    } rows[] = {
        {"connections", "gauge", s->conns},
        {"streams", "gauge", s->streams},
        {"spaces_open", "gauge", feed.sources},
        {"accepted_total", "counter", s->stats.accepted},
        {"requests_total", "counter", s->stats.requests},
        {"refused_total", "counter", s->stats.refused},
        {"streams_opened_total", "counter", s->stats.opened},
        {"streams_revoked_total", "counter", s->stats.revoked},
        {"streams_slow_total", "counter", s->stats.slow},
        {"tls_failed_total", "counter", s->stats.tls_failed},
        {"sends_total", "counter", s->stats.sent},
        {"sent_bytes_total", "counter", s->stats.sent_bytes},
        {"bus_received_total", "counter", bus.received},
        {"bus_gaps_total", "counter", bus.gaps},
        {"bus_lost_total", "counter", bus.lost},
        {"events_published_total", "counter", hub.published},
        {"deliveries_total", "counter", hub.deliveries},
        {"events_inline_total", "counter", feed.inline_events},
        {"events_from_log_total", "counter", feed.log_events},
        {"log_reads_total", "counter", feed.reads},
        {"sweeps_total", "counter", feed.sweeps},
        {"resyncs_total", "counter", feed.resyncs},
        {"publishes_total", "counter", fanout.published},
        {"publishes_waiting", "gauge", fanout.waiting},
        {"publishes_timed_out_total", "counter", fanout.timed_out},
        {"acknowledgements_total", "counter", fanout.acknowledged},
        {"notes_users", "gauge", notes.users},
        {"notes_pending_bytes", "gauge", notes.pending_bytes},
    };
    a->type = STR("text/plain; version=0.0.4");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_appendf(a->body, "# TYPE cubby_push_%s %s\ncubby_push_%s %llu\n", rows[i].name,
                    rows[i].type, rows[i].name, (unsigned long long)rows[i].value);
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
