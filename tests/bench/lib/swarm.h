/*
 * Many readers of one user's events, and the publisher of these, in a process of their own: one
 * epoll loop. The parent measures the server and says what to do next.
 */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include <sys/types.h>

#include "bench/lib/client.h"

struct swarm_target {
    pid_t pid; /* the server whose cost is measured */
    int port;
    const char *data_dir;
    struct str user_id, token;
    enum client_kind kind;
    unsigned clients;
};

/* A publisher with `window` events in flight: an event is done when all readers have it. */
struct swarm_burst {
    unsigned events, window;
    unsigned gap_us; /* wait before each event */
    unsigned value_bytes;
};

struct swarm_result {
    int64_t wall_ns;
    uint64_t messages, bytes; /* received by the readers */
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
