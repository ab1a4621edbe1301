/*
 * The bus between the programs: hints that a space has new events. It may drop; the change log is
 * the truth. One engine behind this interface (nng PUB/SUB 1.5): another takes its place by
 * replacing bus_*.c. The only user of nng.
 */
#ifndef DOMAIN_BUS_H
#define DOMAIN_BUS_H

#include "store/event.h"

/* Events whose data is larger travel as a hint only: the reader takes them from the log. */
#define BUS_INLINE_MAX (8 * 1024)

enum bus_kind {
    BUS_EVENTS = 1,    /* committed events of a space */
    BUS_SESSIONS = 2,  /* sessions of a space were revoked: check again */
    BUS_EPHEMERAL = 3, /* an event without log, for every connected user */
    BUS_ALIVE = 4,     /* a publisher repeats its counter (not handed out by bus_sub_next) */
    BUS_BYE = 5,       /* a publisher leaves in order (not handed out) */
    BUS_GAP =
        6, /* made by the subscriber: something was lost, or a publisher vanished: check the logs */
};

/* One message, as handed to the publisher and by the subscriber. */
struct bus_message {
    enum bus_kind kind;
    enum space_kind space_kind;
    struct str space_id;
    struct str epoch;
    uint64_t first, last; /* sequence numbers, BUS_EVENTS */
    size_t event_count;   /* inline events: all of first..last, or 0 when one was too large */
    const struct event *events;
    struct str request_id; /* of the request that caused it (base/request_id.h), or empty */
};

struct bus_pub;
struct bus_sub;

/*
 * Start publishing to every socket in dir (made 0700 if missing), those that come later included: a
 * thread of its own watches dir and repeats the counter (every 250 ms for 2 s after a message, then
 * every 5 s). After any fork only: nng aborts when opened before one.
 */
enum err bus_pub_open(struct bus_pub **out, struct str dir) must_check;

/* For a program that may publish once and leave: all of this only when there is a message. Where it
 * fails then, the message is dropped. */
struct bus_pub *bus_pub_open_late(struct str dir);

/* Hand a message to all listeners. Thread-safe; never blocks; never fails: what it drops is seen as
 * a gap. */
void bus_publish(struct bus_pub *p, const struct bus_message *m);

/* Counters for metrics. */
struct bus_pub_stats {
    uint64_t published;             /* messages, without the repeated counters */
    uint64_t unsent;                /* not even taken by nng; what that drops, subscribers count */
    uint64_t connects, disconnects; /* of listeners */
};
struct bus_pub_stats bus_pub_stats(struct bus_pub *p); /* NULL: all 0 */

/* Send a last message, close. NULL is fine. Blocks under 100 ms. */
void bus_pub_close(struct bus_pub *p);

/* Listen on a socket of this process' own in dir. ERR_INTERNAL when that cannot be. */
enum err bus_sub_open(struct bus_sub **out, struct str dir) must_check;

/* Descriptor that is readable when bus_sub_next() has something. Owned by the subscriber. */
int bus_sub_fd(const struct bus_sub *s);

/*
 * Next message, or false when there is none now. Its parts are valid until the next call. A counter
 * that skipped, a publisher that came new or one that left without saying so give a BUS_GAP.
 */
bool bus_sub_next(struct bus_sub *s, struct bus_message *out);

/* Is its socket still where publishers look for it? */
bool bus_sub_is_reachable(const struct bus_sub *s);

/* Counters for metrics. */
struct bus_stats {
    uint64_t received, gaps;
    uint64_t lost;       /* messages known to be missing, by counter */
    uint64_t dropped;    /* of these, received but not read in time */
    uint64_t publishers; /* now */
    uint64_t vanished;   /* publishers that left without a word */
};
struct bus_stats bus_sub_stats(const struct bus_sub *s);

void bus_sub_close(struct bus_sub *s);

#endif
