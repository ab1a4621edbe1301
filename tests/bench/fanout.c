/*
 * One user's events to many readers: what an idle connection costs in memory, a handshake, a
 * delivery at a low rate and in a burst, in processor time. cubby-pushd and fanout_floor stand side
 * by side, each with readers of its own; their rounds alternate.
 *
 *   fanout sse|ws CLIENTS OURS FLOOR     each server as PID:PORT:DATA_DIR:USER_ID:TOKEN
 */
#include "base/base.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "bench/lib/swarm.h"

/* Of a key's value: makes an event of about 200 bytes. A WebSocket event says less around it. */
#define VALUE_BYTES_SSE 40
#define VALUE_BYTES_WS  140

#define LOW_EVENTS   10
#define LOW_GAP_US   20000
#define BURST_EVENTS 40
#define BURST_WINDOW 4

enum { OURS, FLOOR, SIDES };

struct side {
    struct swarm_target target;
    struct swarm *swarm;
    double idle_bytes, handshake_us;
    double low_us[ROUNDS], burst_us[ROUNDS], burst_rate[ROUNDS], event_bytes;
};

static struct str field(struct str *rest)
{
    struct str head;
    if (!str_next(rest, ':', &head))
        fatal("a server is PID:PORT:DATA_DIR:USER_ID:TOKEN");
    return head;
}

static void side_init(struct side *s, const char *text, enum client_kind kind, unsigned clients)
{
    struct str rest = str_from_c(text), pid = field(&rest), port = field(&rest);
    struct str data_dir = field(&rest);
    int64_t n;
    s->target.kind = kind;
    s->target.clients = clients;
    s->target.data_dir = mem_dup(data_dir.p, data_dir.n);
    s->target.user_id = field(&rest);
    s->target.token = field(&rest);
    if (!str_to_i64(pid, 1, INT32_MAX, &n))
        fatal("no process id: %s", text);
    s->target.pid = (pid_t)n;
    if (!str_to_i64(port, 1, UINT16_MAX, &n))
        fatal("no port: %s", text);
    s->target.port = (int)n;
    s->swarm = swarm_start(&s->target);
}

/* The first connection opens the user's file and starts the feed; the others find it open. */
static void measure_open(struct side *s)
{
    unsigned more = s->target.clients - 1;
    swarm_open(s->swarm, 1);
    int64_t pss = proc_pss(s->target.pid), cpu = proc_cpu_ns(s->target.pid);
    swarm_open(s->swarm, more);
    s->handshake_us = (double)(proc_cpu_ns(s->target.pid) - cpu) / more / 1000;
    s->idle_bytes = (double)(proc_pss(s->target.pid) - pss) / more;
}

static size_t value_bytes(const struct side *s)
{
    return s->target.kind == CLIENT_SSE ? VALUE_BYTES_SSE : VALUE_BYTES_WS;
}

static void measure_low(struct side *s, size_t round)
{
    struct swarm_burst b = {LOW_EVENTS, 1, LOW_GAP_US, value_bytes(s)};
    int64_t cpu = proc_cpu_ns(s->target.pid);
    struct swarm_result r = swarm_publish(s->swarm, &b);
    s->low_us[round] = (double)(proc_cpu_ns(s->target.pid) - cpu) / (double)r.messages / 1000;
    s->event_bytes = (double)r.bytes / (double)r.messages;
}

static void measure_burst(struct side *s, size_t round)
{
    struct swarm_burst b = {BURST_EVENTS, BURST_WINDOW, 0, value_bytes(s)};
    int64_t cpu = proc_cpu_ns(s->target.pid);
    struct swarm_result r = swarm_publish(s->swarm, &b);
    s->burst_us[round] = (double)(proc_cpu_ns(s->target.pid) - cpu) / (double)r.messages / 1000;
    s->burst_rate[round] = (double)r.messages * 1e9 / (double)r.wall_ns;
}

static void row(const char *kind, const char *what, const char *unit, double ours, double floor,
                const char *rule)
{
    char name[96];
    snprintf(name, sizeof name, "%s: %s", kind, what);
    row_print(name, unit, ours, floor, rule);
}

static void report(const char *kind, struct side *s)
{
    row(kind, "memory of an idle connection", "B", s[OURS].idle_bytes, s[FLOOR].idle_bytes,
        "value<=512");
    row(kind, "CPU of a handshake", "us", s[OURS].handshake_us, s[FLOOR].handshake_us, "value<=30");
    row(kind, "bytes of an event", "B", s[OURS].event_bytes, s[FLOOR].event_bytes, "-");
    row(kind, "CPU of a delivery, one event at a time", "us", median(s[OURS].low_us, ROUNDS),
        median(s[FLOOR].low_us, ROUNDS), "ratio<=1.25");
    row(kind, "CPU of a delivery, 4 events in flight", "us", median(s[OURS].burst_us, ROUNDS),
        median(s[FLOOR].burst_us, ROUNDS), "-");
    row(kind, "deliveries/s, 4 events in flight", "1/s", median(s[OURS].burst_rate, ROUNDS),
        median(s[FLOOR].burst_rate, ROUNDS), "ratio>=0.8");
}

int main(int argc, char **argv)
{
    struct side sides[SIDES] = {0};
    int64_t clients;
    if (argc != 5 || !str_to_i64(str_from_c(argv[2]), 2, 50000, &clients))
        fatal("usage: fanout sse|ws CLIENTS OURS FLOOR");
    proc_need_files((uint64_t)clients + 64);
    for (int i = 0; i < SIDES; i++)
        side_init(&sides[i], argv[3 + i], client_kind_of(argv[1]), (unsigned)clients);
    for (int i = 0; i < SIDES; i++)
        measure_open(&sides[i]);
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIDES; i++)
            measure_low(&sides[i], round);
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIDES; i++)
            measure_burst(&sides[i], round);
    for (int i = 0; i < SIDES; i++)
        swarm_stop(sides[i].swarm);
    report(argv[1], sides);
    return 0;
}
