/* What the log says of mail: domain/mailer.h's reports as lines, never with an address. */
#ifndef APP_MAIL_H
#define APP_MAIL_H

#include "domain/mailer.h"

/* Once, at start: what mail is sent by, or that none is. */
void mail_log_start(const struct conf *c);

/* A mailer_on_report; arg is not used. */
void mail_log(void *arg, const struct mailer_report *r);

#endif
