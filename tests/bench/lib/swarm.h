/*
 * Many readers of the same messages, and the publisher of these, in a process of their own: one
 * epoll loop. The parent measures the server and says what to do next. Every message must arrive
 * once at every reader: anything else ends the program.
 */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include <sys/types.h>

#include "bench/lib/publisher.h"

struct swarm_target {
    const struct protocol *protocol;
    pid_t pid; /* the server whose cost is measured */
    int port;
    struct str token; /* of the readers; empty: none */
    struct publisher_target publish;
    unsigned clients;
};

/* A publisher with `window` messages in flight: one is done when all readers have it. */
struct swarm_burst {
    unsigned messages, window;
    unsigned gap_us; /* wait before each */
    unsigned filler; /* bytes of each that say nothing */
};

struct swarm_result {
    int64_t wall_ns;
    uint64_t messages, bytes; /* received by the readers */
    /* From the call that publishes a message until half of the readers, and all, have it: medians
     * over the messages. Of use with a window of 1. */
    double half_ns, all_ns;
};

struct swarm; /* the parent's side */

/* Fork the process: before any thread is started. */
struct swarm *swarm_start(const struct swarm_target *t);

/* Open this many connections more; only they are counted from then on with those before. */
struct swarm_result swarm_open(struct swarm *s, unsigned clients);

struct swarm_result swarm_publish(struct swarm *s, const struct swarm_burst *b);

/* Close all connections and wait for the process to end. */
void swarm_stop(struct swarm *s);

#endif
