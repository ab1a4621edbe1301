/* The webhooks (domain/webhook.h) in cubby-pushd: a thread of their own, hints of the bus for it,
 * and its words for the log. */
#ifndef PUSHD_WEBHOOKS_H
#define PUSHD_WEBHOOKS_H

#include "domain/bus.h"
#include "domain/webhook.h"

/* NULL where no webhook_url is set. */
struct webhook *webhooks_start(const struct conf *c);

/* Take in what the bus has to say. NULL is fine. */
void webhooks_hint(struct webhook *w, const struct bus_message *m);

#endif
