/*
 * Publishes that wait for acknowledgements that never come, and what others notice of them: while
 * they wait, publishes to users who acknowledge at once go on at a steady rate.
 *
 *   waiting COUNT PID PORT
 */
#include "base/base.h"

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/proc.h"
#include "bench/lib/publishing.h"
#include "bench/lib/row.h"

#define USERS      500
#define PUBLISHERS 64
#define RATE       1000 /* a second */
#define MESSAGES   4000 /* done before the first of the waiting ones gives up, after 5 s */

struct brisk {
    struct publishing load;
    double ms[MESSAGES];
    size_t count;
};

static void on_brisk_answer(struct publishing *p, struct str body, int64_t took_ns)
{
    struct brisk *b = container_of(p, struct brisk, load);
    if (!str_starts_with(body, STR("{\"clientCount\":1,\"results\":[true]")))
        fatal("a publish was answered %.*s", STR_ARG(body));
    if (b->count < MESSAGES)
        b->ms[b->count++] = (double)took_ns / 1e6;
}

struct slow {
    struct publishing load;
    double last_s;
};

static void on_slow_answer(struct publishing *p, struct str body, int64_t took_ns)
{
    struct slow *s = container_of(p, struct slow, load);
    if (!str_starts_with(body, STR("{\"clientCount\":1,\"results\":[]")))
        fatal("a publish that nobody acknowledged was answered %.*s", STR_ARG(body));
    s->last_s = (double)took_ns / 1e9;
}

static void publish_steadily(struct brisk *b)
{
    int64_t start = now_ns();
    for (unsigned sent = 0; sent < MESSAGES;) {
        if (now_ns() - start >= (int64_t)sent * 1000000000 / RATE && publishing_send(&b->load))
            sent++;
        else
            streams_poll(&b->load.streams, 1);
    }
    publishing_finish(&b->load);
}

static void wait_for_slow(struct slow *s)
{
    publishing_finish(&s->load);
    if (s->load.answered != s->load.publishers)
        fatal("%llu of %u waiting publishes were answered", (unsigned long long)s->load.answered,
              s->load.publishers);
}

int main(int argc, char **argv)
{
    int64_t count, pid, port;
    struct brisk *brisk = mem_zalloc(1, sizeof *brisk);
    struct slow slow = {.load = {.silent = true, .first = USERS, .on_answer = on_slow_answer}};
    brisk->load.on_answer = on_brisk_answer;
    if (argc != 4 || !str_to_i64(str_from_c(argv[1]), 1, 5000, &count) ||
        !str_to_i64(str_from_c(argv[2]), 1, INT32_MAX, &pid) ||
        !str_to_i64(str_from_c(argv[3]), 1, UINT16_MAX, &port))
        fatal("usage: waiting COUNT PID PORT");
    proc_need_files(2 * (uint64_t)count + 2048);
    publishing_open(&brisk->load, (int)port, USERS, PUBLISHERS);
    publishing_open(&slow.load, (int)port, (unsigned)count, (unsigned)count);
    int threads_before = proc_threads((pid_t)pid);
    while (publishing_send(&slow.load))
        ;
    publish_steadily(brisk);
    int threads = proc_threads((pid_t)pid);
    if (slow.load.answered)
        fatal("%llu publishes were answered too early", (unsigned long long)slow.load.answered);
    wait_for_slow(&slow);
    row_print("acknowledged ones: p50", "ms", percentile(brisk->ms, brisk->count, 50), -1, "-");
    row_print("acknowledged ones: p99", "ms", percentile(brisk->ms, brisk->count, 99), -1,
              "value<20");
    row_print("threads of cubby-pushd (floor: before)", "", threads, threads_before, "ratio<=1");
    row_print("the last waiting one is answered after", "s", slow.last_s, -1, "value<=6");
    publishing_close(&brisk->load);
    publishing_close(&slow.load);
    mem_free(brisk);
    return 0;
}
