/*
 * Tickets that were used: remembered until they expire, so that each opens one stream. They are
 * known to this process alone, which therefore takes none from before it began.
 */
#ifndef PUSHD_TICKETS_H
#define PUSHD_TICKETS_H

#include "base/list.h"
#include "base/map.h"
#include "domain/who.h"

/* Remembered at once, at most: about 10 MB. */
#define TICKETS_MAX 65536

struct tickets {
    struct map used;    /* jti → struct used */
    struct list oldest; /* the same, in order of use */
    int64_t since_s;    /* unix seconds */
};

void tickets_init(struct tickets *t, int64_t now_s);
void tickets_release(struct tickets *t);

/* Use a good ticket up. ERR_UNAUTHORIZED: it was used, or may have been; ERR_BUSY: too many are
 * remembered. */
enum err tickets_use(struct tickets *t, const struct who_ticket *ticket, int64_t now_s) must_check;

#endif
