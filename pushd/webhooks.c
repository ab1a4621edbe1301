/* Webhooks: started, hinted at, and logged: no address beyond its host, no secret, no data. */
#include "base/base.h"

#include "base/log.h"
#include "webhooks.h"

/* The first of many failures, then fewer and fewer: 1, 2, 4, 8 … */
static bool is_worth_a_line(int64_t failures)
{
    return (failures & (failures - 1)) == 0;
}

static void log_failure(const struct webhook_report *r)
{
    if (is_worth_a_line(r->failures))
        log_warn("webhook failed receiver=%.*s space=%.*s status=%d failures=%lld why=\"%s\"",
                 STR_ARG(r->receiver), STR_ARG(r->id), r->status, (long long)r->failures,
                 r->why ? r->why : "");
}

static void on_report(void *arg, const struct webhook_report *r)
{
    (void)arg;
    switch (r->event) {
    case WEBHOOK_FAILED:
        log_failure(r);
        break;
    case WEBHOOK_GONE:
        log_error("webhook failed: the receiver says 410 Gone: take it out of webhook_url, or mend "
                  "it receiver=%.*s failures=%lld",
                  STR_ARG(r->receiver), (long long)r->failures);
        break;
    case WEBHOOK_BACK:
        log_info("webhook delivered again receiver=%.*s failures=%lld", STR_ARG(r->receiver),
                 (long long)r->failures);
        break;
    case WEBHOOK_GAP_TOLD:
        log_warn("webhook: events are missing, and the receiver was told receiver=%.*s space=%.*s",
                 STR_ARG(r->receiver), STR_ARG(r->id));
        break;
    case WEBHOOK_TROUBLE:
        log_error("webhook: a file cannot be used space=%.*s error=%s", STR_ARG(r->id), r->why);
        break;
    case WEBHOOK_STANDBY:
        log_info("webhooks: another process sends them");
        break;
    case WEBHOOK_SENDS:
        log_info("webhooks: this process sends them");
        break;
    }
}

struct webhook *webhooks_start(const struct conf *c)
{
    struct webhook *w;
    webhook_new(&w, c, on_report, NULL);
    webhook_start(w);
    return w;
}

void webhooks_hint(struct webhook *w, const struct bus_message *m)
{
    if (m->kind == BUS_GAP)
        webhook_sweep(w);
    else if (m->kind == BUS_EVENTS || m->kind == BUS_SESSIONS)
        webhook_hint(w, m->space_kind, m->space_id);
}
