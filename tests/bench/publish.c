/*
 * POST /publish to users with one reader each, who acknowledges: how many a second and at what
 * cost, ours beside a bare loop.
 *
 *   publish USERS OURS FLOOR     servers as "pid=1 port=2"
 */
#include "base/base.h"

#include "base/log.h"
#include "bench/lib/options.h"
#include "bench/lib/proc.h"
#include "bench/lib/publishing.h"
#include "bench/lib/row.h"

#define PUBLISHERS 64
#define ROUND_NS   2000000000LL

enum { OURS, FLOOR, SIDES };

struct side {
    struct publishing load;
    pid_t pid;
    double rate[ROUNDS], cost[ROUNDS];
};

/* Every publisher sends its next request as soon as the last was answered. */
static void measure(struct side *s, size_t round)
{
    struct publishing *p = &s->load;
    int64_t start = now_ns(), cpu = proc_cpu_ns(s->pid);
    uint64_t before = p->answered;
    while (now_ns() - start < ROUND_NS) {
        while (publishing_send(p))
            ;
        streams_poll(&p->streams, 100);
    }
    int64_t wall = now_ns() - start;
    double answers = (double)(p->answered - before);
    cpu = proc_cpu_ns(s->pid) - cpu;
    publishing_finish(p);
    if (answers == 0)
        fatal("no publish was answered");
    s->rate[round] = answers * 1e9 / (double)wall;
    s->cost[round] = (double)cpu / answers / 1000;
}

int main(int argc, char **argv)
{
    struct side sides[SIDES] = {0};
    int64_t users;
    if (argc != 4 || !str_to_i64(str_from_c(argv[1]), 1, 10000, &users))
        fatal("usage: publish USERS OURS FLOOR");
    proc_need_files(2 * (uint64_t)users + 1024);
    for (int i = 0; i < SIDES; i++) {
        sides[i].pid = (pid_t)option_number(argv[2 + i], "pid");
        publishing_open(&sides[i].load, option_number(argv[2 + i], "port"), (unsigned)users,
                        PUBLISHERS);
    }
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < SIDES; i++)
            measure(&sides[i], round);
    row_print("publishes answered", "1/s", median(sides[OURS].rate, ROUNDS),
              median(sides[FLOOR].rate, ROUNDS), "ratio>=0.75");
    row_print("CPU of a publish", "us", median(sides[OURS].cost, ROUNDS),
              median(sides[FLOOR].cost, ROUNDS), "-");
    for (int i = 0; i < SIDES; i++)
        publishing_close(&sides[i].load);
    return 0;
}
