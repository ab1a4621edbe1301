/*
 * One user's messages to many readers: what an idle connection costs in memory, a handshake, a
 * delivery at a low rate and in a burst, in processor time, and how long it takes. The first server
 * is compared with each of the others; each has readers of its own, their rounds alternate.
 *
 *   fanout SET TITLE CLIENTS OURS OTHER...
 *
 *   SET      which rows: floor, cost or peer
 *   server   "protocol=ws pid=1 port=2 [name=nchan] [token=…] [publish=PORT] [data=DIR user=ID]"
 *            (bench/lib/protocol.c has the protocols)
 */
#include "base/base.h"

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/options.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "bench/lib/swarm.h"

#define MESSAGE_BYTES 200 /* as they travel */
#define SIDES_MAX     4

#define LOW_MESSAGES   10
#define LOW_GAP_US     20000
#define BURST_MESSAGES 40
#define BURST_WINDOW   4
#define LONE_MESSAGES  100
#define LONE_GAP_US    2000

struct figures {
    double idle_bytes, handshake_us, message_bytes;
    double low_us, half_ms, all_ms;
    double burst_us, burst_rate;
    double lone_us; /* to the only reader there is */
};

struct side {
    struct swarm_target target;
    struct swarm *swarm;
    struct str name;
    unsigned filler;
    double low_us[ROUNDS], half_ms[ROUNDS], all_ms[ROUNDS], burst_us[ROUNDS], burst_rate[ROUNDS];
    struct figures is;
};

/* Rows of the table, with the rule of each set; NULL: not in it. */
static const struct measure {
    const char *what, *unit;
    size_t figure;
    const char *floor, *cost, *peer;
} measures[] = {
#define FIGURE(x) offsetof(struct figures, x)
    {"memory of an idle connection", "B", FIGURE(idle_bytes), "value<=512", NULL, "-"},
    {"CPU of a handshake", "us", FIGURE(handshake_us), "value<=30", NULL, NULL},
    {"bytes of a message", "B", FIGURE(message_bytes), "-", "-", "-"},
    {"CPU of a delivery, one at a time", "us", FIGURE(low_us), "ratio<=1.25", "ratio<=1.25", "-"},
    {"CPU of a delivery, 4 in flight", "us", FIGURE(burst_us), "-", NULL, "-"},
    {"deliveries/s, 4 in flight", "1/s", FIGURE(burst_rate), "ratio>=0.8", "-", "-"},
    {"publish to the only reader", "us", FIGURE(lone_us), NULL, NULL, "-"},
    {"publish to half of the readers", "ms", FIGURE(half_ms), NULL, NULL, "-"},
    {"publish to the last reader", "ms", FIGURE(all_ms), NULL, "-", "-"},
#undef FIGURE
};

static void side_init(struct side *s, const char *options, unsigned clients)
{
    struct swarm_target *t = &s->target;
    struct str data_dir = option_text(options, "data");
    s->name = option_text(options, "name");
    t->protocol = protocol_find(option_text(options, "protocol"));
    t->pid = (pid_t)option_number(options, "pid");
    t->port = option_number(options, "port");
    t->token = option_text(options, "token");
    t->publish.port =
        option_text(options, "publish").p ? option_number(options, "publish") : t->port;
    t->publish.data_dir = mem_dup(data_dir.p ? data_dir.p : "", data_dir.n);
    t->publish.user_id = option_text(options, "user");
    t->clients = clients;
    s->swarm = swarm_start(t);
}

/* The first connection opens the user's file and starts the feed; the others find it open. Alone,
 * it tells how long a message is, and with how much filler it has the bytes wanted. */
static void measure_first(struct side *s, double wanted)
{
    struct swarm_burst b = {LONE_MESSAGES, 1, LONE_GAP_US, 130};
    swarm_open(s->swarm, 1);
    struct swarm_result r = swarm_publish(s->swarm, &b);
    double filler = (double)b.filler + wanted - (double)r.bytes / (double)r.messages + 0.5;
    b.filler = s->filler = filler > 2 ? (unsigned)filler : 2;
    r = swarm_publish(s->swarm, &b);
    s->is.message_bytes = (double)r.bytes / (double)r.messages;
    s->is.lone_us = r.all_ns / 1e3;
}

static void measure_open(struct side *s)
{
    unsigned more = s->target.clients - 1;
    int64_t pss = proc_pss(s->target.pid), cpu = proc_cpu_ns(s->target.pid);
    swarm_open(s->swarm, more);
    s->is.handshake_us = (double)(proc_cpu_ns(s->target.pid) - cpu) / more / 1000;
    s->is.idle_bytes = (double)(proc_pss(s->target.pid) - pss) / more;
}

static void measure_low(struct side *s, size_t round)
{
    struct swarm_burst b = {LOW_MESSAGES, 1, LOW_GAP_US, s->filler};
    int64_t cpu = proc_cpu_ns(s->target.pid);
    struct swarm_result r = swarm_publish(s->swarm, &b);
    s->low_us[round] = (double)(proc_cpu_ns(s->target.pid) - cpu) / (double)r.messages / 1000;
    s->half_ms[round] = r.half_ns / 1e6;
    s->all_ms[round] = r.all_ns / 1e6;
}

static void measure_burst(struct side *s, size_t round)
{
    struct swarm_burst b = {BURST_MESSAGES, BURST_WINDOW, 0, s->filler};
    int64_t cpu = proc_cpu_ns(s->target.pid);
    struct swarm_result r = swarm_publish(s->swarm, &b);
    s->burst_us[round] = (double)(proc_cpu_ns(s->target.pid) - cpu) / (double)r.messages / 1000;
    s->burst_rate[round] = (double)r.messages * 1e9 / (double)r.wall_ns;
}

static void take_medians(struct side *s)
{
    s->is.low_us = median(s->low_us, ROUNDS);
    s->is.half_ms = median(s->half_ms, ROUNDS);
    s->is.all_ms = median(s->all_ms, ROUNDS);
    s->is.burst_us = median(s->burst_us, ROUNDS);
    s->is.burst_rate = median(s->burst_rate, ROUNDS);
}

static const char *rule_of(const struct measure *m, struct str set)
{
    if (str_eq(set, STR("floor")))
        return m->floor;
    return str_eq(set, STR("cost")) ? m->cost : m->peer;
}

static double figure(const struct side *s, const struct measure *m)
{
    return *(const double *)(const void *)((const char *)&s->is + m->figure);
}

static void report(struct str set, const char *title, const struct side *ours,
                   const struct side *other)
{
    char name[32];
    snprintf(name, sizeof name, "%.*s", STR_ARG(other->name.n ? other->name : STR("floor")));
    row_table(title, name);
    for (const struct measure *m = measures; m < measures + ARRAY_LEN(measures); m++) {
        if (rule_of(m, set))
            row_print(m->what, m->unit, figure(ours, m), figure(other, m), rule_of(m, set));
    }
}

int main(int argc, char **argv)
{
    struct side sides[SIDES_MAX] = {0};
    int64_t clients;
    int count = argc - 4;
    if (count < 2 || count > SIDES_MAX || !str_to_i64(str_from_c(argv[3]), 2, 50000, &clients))
        fatal("usage: fanout floor|cost|peer TITLE CLIENTS OURS OTHER...");
    proc_need_files((uint64_t)clients + 64);
    for (int i = 0; i < count; i++)
        side_init(&sides[i], argv[4 + i], (unsigned)clients);
    for (int i = 0; i < count; i++)
        measure_first(&sides[i], i == 0 ? MESSAGE_BYTES : sides[0].is.message_bytes);
    for (int i = 0; i < count; i++)
        measure_open(&sides[i]);
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < count; i++)
            measure_low(&sides[i], round);
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < count; i++)
            measure_burst(&sides[i], round);
    for (int i = 0; i < count; i++)
        swarm_stop(sides[i].swarm);
    for (int i = 0; i < count; i++)
        take_medians(&sides[i]);
    for (int i = 1; i < count; i++)
        report(str_from_c(argv[1]), argv[2], &sides[0], &sides[i]);
    return 0;
}
