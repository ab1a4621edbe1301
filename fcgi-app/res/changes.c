/* GET /api/changes: the change log by long poll, for hosts where no daemon can run. */
#include "base/base.h"

#include "base/clock.h"
#include "domain/filter.h"
#include "res/res.h"

#define WAIT_MAX_S 50  /* web servers cut at 60 */
#define LOOK_MS    250 /* other processes' commits are found by looking */
#define EVENTS_MAX 500
#define BYTES_MAX  (1024 * 1024)
#define RETRY_S    2

struct poll {
    struct req *r;
    struct filter *filter;
    struct str since; /* id of the last event that was looked at; p == NULL: from now on */
    uint64_t after;   /* its number */
    bool resync;      /* what comes after `since` is not all in the log */
    size_t count;     /* events written */
};

static enum err append_event(void *arg, const struct event *event)
{
    struct poll *p = arg;
    struct buf *out = &p->r->body_out;
    p->after = event->seq;
    struct filter_event subject = {.name = event->name, .data = event->data, .mem = p->r->mem};
    if (!filter_matches(p->filter, &subject))
        return OK;
    buf_append_str(out, p->count++ ? STR(",{\"id\":\"") : STR("{\"id\":\""));
    event_id_append(out, str_from_c(p->r->space->epoch), event->seq);
    buf_append_lit(out, "\",\"event\":");
    json_append_string(out, event->name);
    buf_append_lit(out, ",\"data\":");
    buf_append_str(out, event->data);
    buf_append_lit(out, ",\"timestamp\":");
    buf_append_i64(out, event->at);
    buf_append_ch(out, '}');
    return OK;
}

/* Where to begin: after `since`, or with what comes from now on. */
static enum err begin(struct poll *p)
{
    uint64_t oldest;
    enum err e = ERR_NOT_FOUND;
    if (p->since.p)
        e = event_resume(p->r->space, p->since, &p->after);
    if (e != ERR_NOT_FOUND)
        return e;
    p->resync = p->since.p != NULL;
    return event_bounds(p->r->space, &oldest, &p->after);
}

/* As far as the first page that has one that matches, or to the end of the log. */
static enum err read_events(struct poll *p)
{
    uint64_t before;
    enum err e;
    do {
        before = p->after;
        e = event_read(p->r->space, p->after, EVENTS_MAX, BYTES_MAX, append_event, p);
    } while (!e && p->count == 0 && p->after != before);
    return e;
}

/* Give the space to others for a while. Meanwhile so much may happen that the log is trimmed. */
static enum err pause(struct poll *p, struct wake_waiter *waiter, int64_t ms, bool *go_on)
{
    struct req *r = p->r;
    p->since = arena_printf(r->mem, "%s.%llu", r->space->epoch, (unsigned long long)p->after);
    req_pause(r);
    *go_on = wake_wait(waiter, ms < LOOK_MS ? ms : LOOK_MS);
    enum err e = req_resume(r);
    return e ? e : begin(p);
}

/* Until there is an event, the time is over, or the process leaves. */
static enum err wait_for_events(struct poll *p, int64_t wait_ms)
{
    struct wake_waiter waiter;
    struct req *r = p->r;
    enum err e;
    bool go_on = true;
    int64_t until = clock_mono_ms() + wait_ms;
    wake_enter(r->app->wake, &waiter, r->space);
    for (;;) {
        e = read_events(p);
        int64_t left = until - clock_mono_ms();
        if (e || p->count > 0 || p->resync || left <= 0 || !go_on)
            break;
        e = pause(p, &waiter, left, &go_on);
        if (e)
            break;
    }
    wake_leave(&waiter);
    return e;
}

static enum err read_parameters(struct poll *p, int64_t *wait_ms)
{
    struct str events = form_get(&p->r->params, STR("events"));
    struct str wait = form_get(&p->r->params, STR("wait"));
    int64_t seconds = 0;
    if (wait.p && !str_to_capped(wait, WAIT_MAX_S, &seconds))
        return req_fail(p->r, ERR_INVALID_QUERY, "wait is a whole number of seconds");
    *wait_ms = seconds * 1000;
    if (events.p && filter_parse(&p->filter, events))
        return req_fail(p->r, ERR_INVALID_QUERY,
                        "events is a list of names as in table:posts:*,kv:*");
    return OK;
}

enum err changes_poll(struct req *r)
{
    struct poll p = {.r = r, .since = form_get(&r->params, STR("since"))};
    int64_t wait_ms = 0;
    enum err e = read_parameters(&p, &wait_ms);
    if (!e)
        e = begin(&p);
    if (e)
        goto out;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"events\":[");
    e = wait_for_events(&p, r->may_wait ? wait_ms : 0);
    if (e)
        goto out;
    if (wait_ms > 0 && !r->may_wait && p.count == 0)
        req_header(r, STR("Retry-After"), arena_printf(r->mem, "%d", RETRY_S));
    buf_append_lit(&r->body_out, "],\"next\":\"");
    event_id_append(&r->body_out, str_from_c(r->space->epoch), p.after);
    buf_append_str(&r->body_out, p.resync ? STR("\",\"resync\":true}") : STR("\"}"));
out:
    filter_free(p.filter);
    return e;
}
