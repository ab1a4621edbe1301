/*
 * The relay: takes events from the outbox of main.db to the logs of their spaces, once each and in
 * order, and tells pushd and waiting polls. What a request leaves or a killed process left is done
 * by a thread of the app, at its start and from then on.
 */
#ifndef DOMAIN_RELAY_H
#define DOMAIN_RELAY_H

#include "domain/bus.h"
#include "domain/wake.h"
#include "store/outbox.h"

/* What it works with; bus and wake may be NULL: nobody is told. */
struct relay_line {
    struct store *store;
    struct bus_pub *bus;
    struct wake *wake;
};

/* The last event that was taken to a space; seq 0: none was. */
struct relay_mark {
    char epoch[EPOCH_LEN + 1];
    uint64_t seq;
};

/*
 * Take all that waits for this space there. The space of an organization or an account that was
 * deleted is deleted; what waits for a space that is gone is dropped. The caller holds no space.
 * mark may be NULL.
 */
enum err relay_space(const struct relay_line *l, enum space_kind kind, struct str id,
                     struct relay_mark *mark) must_check;

/* The same for every space that waits, `max` at most (0: all). Goes on after a failure, which is
 * returned in the end: what failed waits for the next time. */
enum err relay_pending(const struct relay_line *l, size_t max) must_check;

struct relay;

/* Start the thread: it works off what waits now, and looks again when told and every second. NULL:
 * no thread is to be had. */
struct relay *relay_start(const struct relay_line *l);
/* Something was added. */
void relay_poke(struct relay *r);
/* Ends what it does. NULL is fine. */
void relay_stop(struct relay *r);

#endif
