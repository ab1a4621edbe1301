/* How a stream of each protocol is opened, and how something is published to all of its readers. */
#ifndef BENCH_PROTOCOL_H
#define BENCH_PROTOCOL_H

#include "bench/lib/client.h"

/* The user of backend tokens. The floors take "bench-7" for a user of its own too. */
#define BENCH_USER "bench"

struct protocol {
    struct str name;
    enum client_kind kind;
    struct str target, subprotocol, hello; /* as in struct client_request */
    bool backend; /* streams are opened with a backend token for BENCH_USER */
    bool acks;    /* readers acknowledge each message */
    char mark;    /* stands once in each message, so that readers count messages by counting it */

    /* Where a message is posted, and its body without the filler that makes it longer. Empty: an
     * event is committed and published as the application does (bench/lib/feed.h). */
    struct str post, before, after;
};

/* Ends the program when there is none of that name. */
const struct protocol *protocol_find(struct str name);

#endif
