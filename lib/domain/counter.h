/*
 * Counters: shared numbers by name, in a space of their own (docs/protocol.md section 6). Each
 * change is one event counter:<operation>:<name> whose data is the message that streams pass on, so
 * what is answered and what is pushed form one chain; the counter that is a page (COUNTER_GLOBAL)
 * also appends its new rendering.
 */
#ifndef DOMAIN_COUNTER_H
#define DOMAIN_COUNTER_H

#include "domain/change.h"
#include "store/counters.h"

/* The shared space that holds them all. */
#define COUNTER_SPACE STR("counters")

/* The counter that always exists, and the key of its page (section 9). */
#define COUNTER_GLOBAL STR("global-counter")
#define COUNTER_KEY    "/counter"

#define COUNTER_NAME_MAX 100

enum counter_op { COUNTER_INCREMENT, COUNTER_DECREMENT, COUNTER_SET_VALUE, COUNTER_RESET };

/* What the settings allow. */
struct counter_rules {
    bool auto_create; /* a change to an unknown counter makes it */
    int64_t max;      /* counters that may exist, 0: no bound */
};

/* 1 to COUNTER_NAME_MAX of [A-Za-z0-9_-]. */
bool counter_name_is_valid(struct str name);

/* At the start of a program that writes: see that the space is there and COUNTER_GLOBAL in it. */
enum err counter_prepare(struct store *s) must_check;

/*
 * Get the counters' space for this thread, made again where its file has gone. Errors as
 * space_acquire. The caller holds no other space.
 */
enum err counter_space(struct store *s, struct space **out) must_check;

/*
 * Change a counter; `number` is the amount (above 0) or the new value, COUNTER_RESET takes none.
 * *after is the counter as it is now, in c->mem, *entry what its history says of it.
 * ERR_NOT_FOUND: unknown, and not made. ERR_INVALID: beyond 64 bits; ERR_QUOTA. A failure leaves
 * the transaction to be rolled back.
 */
enum err counter_change(struct change *c, const struct counter_rules *rules, enum counter_op op,
                        struct str name, int64_t number, struct counter *after,
                        struct counter_entry *entry) must_check;

/* ERR_CONFLICT, ERR_QUOTA. */
enum err counter_create(struct change *c, const struct counter_rules *rules,
                        struct str name) must_check;

/* ERR_NOT_FOUND; ERR_FORBIDDEN for COUNTER_GLOBAL. */
enum err counter_delete(struct change *c, struct str name) must_check;

/* Append {"id","name","value","createdAt","updatedAt","operationCount"}. */
void counter_append_metadata(struct buf *out, const struct counter *c);

/* Append "<ISO 8601>", with the quotes. */
void counter_append_time(struct buf *out, int64_t ms);

/* Append the data-live elements of the counter's page: the same in the page and in its renders. */
void counter_append_html(struct buf *out, const struct counter *c);

#endif
