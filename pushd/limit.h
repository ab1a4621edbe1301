/*
 * How many connections each client address has: one small shared counter per address, which exists
 * while it is not zero. Of IPv6 the first 64 bits count, since a client has at least as many.
 */
#ifndef PUSHD_LIMIT_H
#define PUSHD_LIMIT_H

#include "base/map.h"
#include "domain/origin.h"

struct limit {
    struct map counters;
};

struct limit_counter {
    uint32_t count;
    struct origin_address address;
};

/* Count one more; NULL when that would be more than max (0: no limit). */
struct limit_counter *limit_take(struct limit *l, const struct origin_address *a, int64_t max);

/* Count one less; NULL is fine. */
void limit_give_back(struct limit *l, struct limit_counter *c);

void limit_release(struct limit *l);

#endif
