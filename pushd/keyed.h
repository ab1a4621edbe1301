/*
 * Topics that are found by a name and exist while somebody listens: live pages by their key,
 * counters by theirs. Without a log: who is too slow is closed.
 */
#ifndef PUSHD_KEYED_H
#define PUSHD_KEYED_H

#include "base/map.h"
#include "hub.h"

/* All topics of one sort; zero (but for hub) when empty. */
struct keyed {
    struct map topics;
    struct hub *hub;
};

struct keyed_topic;

/* A connection's place. Embedded in its owner; sub.conn and sub.filter are set by it. */
struct keyed_sub {
    struct sub sub;
    struct keyed_topic *in; /* NULL: nowhere */
};

void keyed_join(struct keyed *k, struct str key, struct keyed_sub *s, const struct format *f);
/* Harmless when in no topic. */
void keyed_leave(struct keyed *k, struct keyed_sub *s);

/* Publish to those of this name; returns how many listen. */
size_t keyed_publish(struct keyed *k, struct str key, const struct hub_event *e);

/* The name it joined by; valid while it is in there. */
struct str keyed_key(const struct keyed_sub *s);
/* How many listen to it. */
size_t keyed_count(const struct keyed *k, struct str key);

/* Close every connection: what they heard is no longer whole. */
void keyed_end_all(struct keyed *k, enum end why);

/* Nobody may be left. */
void keyed_release(struct keyed *k);

#endif
