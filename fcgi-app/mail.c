/* Lines of the log about mail, and mail that is queued once the answer has gone. */
#include "base/base.h"

#include "audit.h"
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

/* --- once the answer has gone ----------------------------------------------------------------- */

struct late_mail {
    struct account account;
    enum activity_kind kind;
    struct activity_from from;
    struct str secret;
    enum err (*queue)(struct req *r, struct space *main, const struct account *a,
                      struct str secret);
};

static enum err queue_mail(struct req *r, const struct late_mail *m)
{
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = m->queue(r, main, &m->account, m->secret);
    return space_leave(main, e);
}

static enum err note_and_queue(struct req *r, const struct late_mail *m)
{
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_USER, m->account.id, &sp);
    if (e == OK)
        e = activity_add(sp, m->kind, &m->from, STR_NULL);
    if (e == OK)
        e = queue_mail(r, m);
    return space_leave(sp, e);
}

static void send_mail(struct req *r)
{
    const struct late_mail *m = r->after_arg;
    enum err e = note_and_queue(r, m);
    if (e && e != ERR_NOT_FOUND) /* deleted meanwhile */
        log_warn("mail lost activity=%d code=%.*s", (int)m->kind, STR_ARG(err_code(e)));
}

void mail_later(struct req *r, const struct account *a, enum activity_kind kind, struct str secret,
                enum err (*queue)(struct req *r, struct space *main, const struct account *a,
                                  struct str secret))
{
    struct late_mail *m = arena_alloc(r->mem, sizeof *m);
    *m = (struct late_mail){*a, kind, audit_from_later(r), secret, queue};
    r->after = send_mail;
    r->after_arg = m;
}
