/* Lines of the log about mail. */
#include "base/base.h"

#include "base/log.h"
#include "mail.h"
#include "metrics.h"

void mail_log_start(const struct conf *c)
{
    if (c->mail_smtp.n)
        log_info("mail by=smtp server=%.*s", STR_ARG(c->mail_smtp));
    else if (c->mail_sendmail.n)
        log_info("mail by=sendmail path=%.*s", STR_ARG(c->mail_sendmail));
    else
        log_info("no mail is sent: neither mail_smtp nor mail_sendmail is set");
}

void mail_log(void *arg, const struct mailer_report *r)
{
    metrics_count_mail(arg, r->event);
    switch (r->event) {
    case MAILER_SENT:
        log_info("mail sent id=%lld template=%.*s attempt=%lld", (long long)r->id,
                 STR_ARG(r->template), (long long)r->attempts);
        break;
    case MAILER_DEFERRED:
        log_warn("mail deferred id=%lld template=%.*s attempt=%lld code=%d why=\"%s\"",
                 (long long)r->id, STR_ARG(r->template), (long long)r->attempts, r->code, r->why);
        break;
    case MAILER_DROPPED:
        log_error("mail dropped id=%lld template=%.*s attempt=%lld code=%d why=\"%s\"",
                  (long long)r->id, STR_ARG(r->template), (long long)r->attempts, r->code, r->why);
        break;
    case MAILER_TROUBLE:
        log_error("mail queue code=%s", r->why);
        break;
    }
}
