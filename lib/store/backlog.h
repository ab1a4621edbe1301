/* What waits in the queues of main.db, and for how long: for metrics, and to know whether any does.
 */
#ifndef STORE_BACKLOG_H
#define STORE_BACKLOG_H

#include "store/space.h"

struct backlog {
    int64_t count;
    int64_t since; /* when the oldest came, 0: there is none */
};

enum backlog_queue {
    BACKLOG_MAIL,   /* store/mailbox.h */
    BACKLOG_OUTBOX, /* store/outbox.h */
    BACKLOGS
};

/* All of them, for all processes. */
enum err backlog_read(struct store *st, struct backlog out[BACKLOGS]) must_check;

#endif
