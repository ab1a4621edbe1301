/* Publishes to all readers of a protocol. Ends the program on failure. */
#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include "bench/lib/protocol.h"

struct publisher;

/* Where it publishes: a port for what is posted, a folder of data and a user for what is committed
 * (as for feed_open). */
struct publisher_target {
    int port;
    const char *data_dir;
    struct str user_id;
};

struct publisher *publisher_open(const struct protocol *p, const struct publisher_target *t);

/* False while PUBLISHER_WINDOW posts wait for their answers. */
#define PUBLISHER_WINDOW 4
bool publisher_is_ready(struct publisher *p);

/* Publish a message with so many bytes of filler. The publisher must be ready. */
void publisher_send(struct publisher *p, size_t filler);

void publisher_close(struct publisher *p);

#endif
