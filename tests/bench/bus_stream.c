/*
 * From the bus to open streams: messages of many users, each with one reader (SSE), published as
 * fast as they are delivered, then at a steady rate, of which the time each takes is shown. The
 * events stand in no log: what is lost on the way cannot be made up for, and ends the program.
 *
 *   bus_stream DATA_DIR PORT IDS TOKENS     files of user ids and their access tokens, one a line
 */
#include "base/base.h"

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/data.h"
#include "bench/lib/feed.h"
#include "bench/lib/lines.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "bench/lib/streams.h"
#include "domain/bus.h"

#define USERS     200
#define MESSAGES  50000 /* of a round at full speed */
#define IN_FLIGHT 4000  /* fewer than the bus holds */
#define RATE      12500 /* a second, half of what it must reach */
#define STEADY    25000 /* messages at that rate */
#define STUCK_NS  10000000000LL

struct user {
    struct str id;
    char epoch[EPOCH_LEN + 1];
    uint64_t seq;
};

struct load {
    struct streams streams;
    struct lines ids, tokens;
    struct user users[USERS];
    struct bus_pub *bus;
    uint64_t sent, received;
    double *ms; /* NULL: not asked for */
};

static void on_ask(struct streams *s, unsigned n, struct client_request *r)
{
    struct load *l = container_of(s, struct load, streams);
    *r = (struct client_request){
        .kind = CLIENT_SSE, .target = STR("/api/events"), .token = l->tokens.line[n]};
}

/* Behind the mark stands when it was sent. */
static void on_bytes(struct streams *s, unsigned n, char *p, size_t len)
{
    struct load *l = container_of(s, struct load, streams);
    int64_t now = now_ns();
    (void)n;
    p[len] = '\0';
    for (char *at = p; (at = memchr(at, MARK, (size_t)(p + len - at))); at++) {
        int64_t sent_at = strtoll(at + 1, NULL, 10);
        if (l->ms)
            l->ms[l->received] = (double)(now - sent_at) / 1e6;
        l->received++;
    }
}

static void send_one(struct load *l)
{
    struct user *u = &l->users[l->sent++ % USERS];
    char data[256];
    int n = snprintf(data, sizeof data,
                     "{\"key\":\"bench\",\"value\":\"%c%020lldxxxxxxxxxxxx\",\"userId\":\"%.*s\"}",
                     MARK, (long long)now_ns(), STR_ARG(u->id));
    struct event e = {
        .seq = ++u->seq, .at = 1, .name = STR("kv:set"), .data = str_make(data, (size_t)n)};
    bus_publish(l->bus, &(struct bus_message){.kind = BUS_EVENTS,
                                              .space_kind = SPACE_USER,
                                              .space_id = u->id,
                                              .epoch = str_from_c(u->epoch),
                                              .first = e.seq,
                                              .last = e.seq,
                                              .event_count = 1,
                                              .events = &e});
}

/* rate 0: as fast as IN_FLIGHT allows. Returns how many were delivered a second. */
static double run(struct load *l, uint64_t messages, int64_t rate)
{
    int64_t start = now_ns(), progress_at = start;
    l->sent = l->received = 0;
    while (l->received < messages) {
        uint64_t before = l->received;
        uint64_t due = rate ? (uint64_t)((now_ns() - start) * rate / 1000000000) : messages;
        while (l->sent < messages && l->sent < due && l->sent - l->received < IN_FLIGHT)
            send_one(l);
        streams_poll(&l->streams, 1);
        if (l->received != before)
            progress_at = now_ns();
        else if (now_ns() - progress_at > STUCK_NS)
            fatal("%llu of %llu bus messages arrived", (unsigned long long)l->received,
                  (unsigned long long)l->sent);
    }
    return (double)messages * 1e9 / (double)(now_ns() - start);
}

/* Where the log of each user ends. */
static void find_heads(struct load *l, const char *data_dir)
{
    struct data data;
    data_open(&data, data_dir, DB_SYNC_NORMAL);
    for (size_t i = 0; i < USERS; i++) {
        struct user *u = &l->users[i];
        struct space *sp;
        uint64_t oldest;
        u->id = l->ids.line[i];
        data_need(space_acquire(data.store, SPACE_USER, u->id, &sp), "a user's file");
        data_need(event_bounds(sp, &oldest, &u->seq), "its log");
        memcpy(u->epoch, sp->epoch, sizeof u->epoch);
        space_release(sp);
    }
    data_close(&data);
}

static void report(struct load *l)
{
    double rates[ROUNDS];
    double *ms = mem_alloc(STEADY * sizeof *ms);
    for (size_t i = 0; i < ROUNDS; i++)
        rates[i] = run(l, MESSAGES, 0);
    l->ms = ms;
    run(l, STEADY, RATE);
    row_print("as fast as they arrive", "1/s", median(rates, ROUNDS), -1, "value>=25000");
    row_print("12,500/s: p50", "ms", percentile(ms, STEADY, 50), -1, "-");
    row_print("12,500/s: p99", "ms", percentile(ms, STEADY, 99), -1, "value<20");
    mem_free(ms);
}

int main(int argc, char **argv)
{
    char dir[4096];
    int64_t port;
    struct load *l = mem_zalloc(1, sizeof *l);
    if (argc != 5 || !str_to_i64(str_from_c(argv[2]), 1, UINT16_MAX, &port))
        fatal("usage: bus_stream DATA_DIR PORT IDS TOKENS");
    lines_read(&l->ids, argv[3]);
    lines_read(&l->tokens, argv[4]);
    if (l->ids.count < USERS || l->tokens.count < USERS)
        fatal("needs %d users", USERS);
    find_heads(l, argv[1]);
    l->streams.on_ask = on_ask;
    l->streams.on_bytes = on_bytes;
    streams_init(&l->streams, USERS);
    streams_open(&l->streams, (int)port, USERS);
    snprintf(dir, sizeof dir, "%s/run/bus", argv[1]);
    if (bus_pub_open(&l->bus, str_from_c(dir)) != OK)
        fatal("no bus in %s", dir);
    streams_settle(&l->streams); /* the publisher is connected, and known */
    report(l);
    bus_pub_close(l->bus);
    streams_close(&l->streams);
    lines_release(&l->ids);
    lines_release(&l->tokens);
    mem_free(l);
    return 0;
}
