/* What the log says of mail, domain/mailer.h's reports as lines, never with an address; and mail
 * that anybody may ask for. */
#ifndef APP_MAIL_H
#define APP_MAIL_H

#include "domain/mailer.h"
#include "req.h"
#include "store/accounts.h"
#include "store/activity.h"

/* Once, at start: what mail is sent by, or that none is. */
void mail_log_start(const struct conf *c);

/* A mailer_on_report; arg is not used. */
void mail_log(void *arg, const struct mailer_report *r);

/*
 * Queue a mail to the account that carries this secret, once the answer has gone, and note it in
 * the account's activity: the time of an answer must not tell whether there is an account. The
 * strings are in r->mem; queue gets main.db in a write transaction.
 */
void mail_later(struct req *r, const struct account *a, enum activity_kind kind, struct str secret,
                enum err (*queue)(struct req *r, struct space *main, const struct account *a,
                                  struct str secret));

#endif
