/*
 * Who waits for the next change of a space within this process: long polls. A hint that saves
 * waiting for the next look at the log; changes of other processes are found by looking.
 */
#ifndef DOMAIN_WAKE_H
#define DOMAIN_WAKE_H

#include <pthread.h>

#include "base/list.h"
#include "store/space.h"

struct wake; /* one per process */

/* Embedded in the waiting thread's stack. */
struct wake_waiter {
    struct list node;
    struct wake *wake;
    enum space_kind kind;
    char id[SPACE_ID_MAX + 1];
    bool woken;
    pthread_cond_t cond;
};

struct wake *wake_new(void);

/* Nobody may wait any more. NULL is fine. */
void wake_free(struct wake *w);

/* Ends all waiting, now and later: the process is about to leave. */
void wake_stop(struct wake *w);

/* The space has new events: its waiters go on. Thread-safe; never blocks for long. */
void wake_notify(struct wake *w, const struct space *sp);

/* From here on no wake_notify of this space is missed by wake_wait. */
void wake_enter(struct wake *w, struct wake_waiter *me, const struct space *sp);
void wake_leave(struct wake_waiter *me);

/* Until notified, or for so many milliseconds; false after wake_stop. No space may be held. */
bool wake_wait(struct wake_waiter *me, int64_t ms);

#endif
