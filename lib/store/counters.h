/*
 * Named counters of a shared space and what happened to them lately. Values are whole numbers of
 * 64 bits; what may become of one, and the events, are domain/counter.h's.
 */
#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include "base/arena.h"
#include "store/space.h"

/* Entries of a counter's history that are kept at least; older ones go now and then. */
#define COUNTER_HISTORY_KEPT 100

struct counter {
    int64_t id;
    struct str name;
    int64_t value;
    int64_t created_at, updated_at; /* unix milliseconds */
    int64_t operation_count;
};

/* One change in a counter's history. */
struct counter_entry {
    int64_t id;           /* the number of its event in the log: ids rise */
    struct str operation; /* "increment(41)" */
    int64_t previous, value;
    int64_t at;
};

/* ERR_NOT_FOUND; out->name in mem. */
enum err counters_get(struct space *sp, struct str name, struct arena *mem,
                      struct counter *out) must_check;

/* Those below write: in a write transaction only (asserted). */

/* Make the counter c->name with its value and times; sets c->id. ERR_CONFLICT: it exists.
 * ERR_QUOTA: there are `max` counters (0: no bound). */
enum err counters_create(struct space *sp, struct counter *c, int64_t max) must_check;

/* Store value, time and operation count of c, and the entry that led to them. */
enum err counters_update(struct space *sp, const struct counter *c,
                         const struct counter_entry *entry) must_check;

/* With its history. ERR_NOT_FOUND. */
enum err counters_delete(struct space *sp, struct str name) must_check;

/* The newest `limit` entries, newest first; an entry's strings are valid during the call. */
enum err counters_history(struct space *sp, int64_t id, size_t limit,
                          void (*on_entry)(void *arg, const struct counter_entry *e),
                          void *arg) must_check;

/* All counters by name; names are valid during the call. */
enum err counters_list(struct space *sp, void (*on_counter)(void *arg, const struct counter *c),
                       void *arg) must_check;

#endif
