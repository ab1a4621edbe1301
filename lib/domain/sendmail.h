/*
 * Mail by the host's own program: `sendmail -t -i`, as Postfix, Exim, Sendmail, msmtp and others
 * have it. The message goes to its standard input, recipients are in the headers.
 */
#ifndef DOMAIN_SENDMAIL_H
#define DOMAIN_SENDMAIL_H

#include "base/err.h"
#include "domain/delivery.h"

/* Can `program` be run? */
bool sendmail_is_there(const char *program);

/* Blocks until the program has ended; it is killed after timeout_ms, or once *stop is true. */
struct delivery sendmail_send(const char *program, const struct envelope *e, int64_t timeout_ms,
                              const atomic_bool *stop);

#endif
