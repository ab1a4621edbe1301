/* Webhooks by hand and by cron: send what is due, say how it stands, try an address. */
#include "base/base.h"

#include "base/clock.h"
#include "commands.h"
#include "domain/webhook.h"
#include "domain/webhook_key.h"
#include "wire/json.h"

static bool open_data(struct ctl *c)
{
    if (!ctl_open(c, true))
        return false;
    if (c->conf.webhook_url.count)
        return true;
    ctl_fail(c, "webhook_url is not set: there is nobody to send to");
    return false;
}

/* --- run -------------------------------------------------------------------------------------- */

static void on_report(void *arg, const struct webhook_report *r)
{
    (void)arg;
    if (r->event == WEBHOOK_FAILED || r->event == WEBHOOK_GONE)
        fprintf(stderr, "cubbyctl webhooks run: %.*s: %s (HTTP status %d)\n", STR_ARG(r->receiver),
                r->why             ? r->why
                : r->status == 410 ? "it says that it is gone"
                                   : "no success",
                r->status);
    else if (r->event == WEBHOOK_TROUBLE)
        fprintf(stderr, "cubbyctl webhooks run: a file cannot be used: %s\n", r->why);
}

int webhooks_run(struct ctl *c)
{
    struct webhook *w;
    if (!open_data(c))
        return CTL_FAILED;
    webhook_new(&w, &c->conf, on_report, NULL);
    enum err e = webhook_run(w);
    struct webhook_stats s = webhook_stats(w);
    webhook_free(w);
    if (e == ERR_BUSY)
        return ctl_fail(c, "another process sends them: a cubby-pushd, or another run");
    if (e)
        return ctl_fail_with(c, e, WEBHOOKS_NAME);
    if (c->json)
        printf("{\"ok\":%s,\"delivered\":%llu,\"failed\":%llu,\"gaps\":%llu}\n",
               s.failed ? "false" : "true", (unsigned long long)s.delivered,
               (unsigned long long)s.failed, (unsigned long long)s.gaps);
    else
        printf("%llu delivered, %llu failed\n", (unsigned long long)s.delivered,
               (unsigned long long)s.failed);
    return s.failed ? CTL_FAILED : CTL_DONE;
}

/* --- status ----------------------------------------------------------------------------------- */

/* How it stands with one receiver. */
struct standing {
    struct str label;
    bool known;
    struct webhooks_url row;
    struct webhook_lag lag;
};

static void append_time(struct buf *out, const char *name, int64_t at)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(at, iso);
    if (at)
        buf_appendf(out, ",\"%s\":\"%s\"", name, iso);
    else
        buf_appendf(out, ",\"%s\":null", name);
}

static struct str reason_of(struct ctl *c, const struct webhooks_url *row)
{
    if (row->reason[0])
        return str_from_c(row->reason);
    return arena_printf(&c->mem, "HTTP status %lld", (long long)row->status);
}

static void append_json(struct ctl *c, struct buf *out, const struct standing *s)
{
    buf_append_lit(out, "{\"receiver\":");
    json_append_string(out, s->label);
    buf_appendf(out, ",\"delivered\":%lld,\"failures\":%lld", (long long)s->row.delivered,
                (long long)s->row.failures);
    append_time(out, "since", s->row.since);
    append_time(out, "lastSuccess", s->row.success_at);
    append_time(out, "lastError", s->row.failure_at);
    buf_append_lit(out, ",\"error\":");
    if (s->row.failure_at)
        json_append_string(out, reason_of(c, &s->row));
    else
        buf_append_lit(out, "null");
    buf_appendf(out, ",\"behind\":{\"spaces\":%lld,\"events\":%lld,\"gaps\":%lld",
                (long long)s->lag.spaces, (long long)s->lag.events, (long long)s->lag.gaps);
    append_time(out, "oldest", s->lag.oldest_at);
    buf_append_lit(out, "}}");
}

static void print_time(const char *what, int64_t at, struct str more)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(at, iso);
    printf("  %-13s %s%s%.*s\n", what, at ? iso : "never", at && more.n ? " " : "",
           at ? (int)more.n : 0, more.n ? more.p : "");
}

static void print_text(struct ctl *c, const struct standing *s)
{
    printf("%.*s\n", STR_ARG(s->label));
    if (!s->known) {
        puts("  nothing was ever sent: start cubby-pushd, or call `cubbyctl webhooks run`");
        return;
    }
    printf("  %-13s %lld requests\n", "delivered", (long long)s->row.delivered);
    printf("  %-13s %lld events of %lld spaces\n", "behind", (long long)s->lag.events,
           (long long)s->lag.spaces);
    print_time("oldest", s->lag.oldest_at, STR(""));
    print_time("last success", s->row.success_at, STR(""));
    print_time("last error", s->row.failure_at, reason_of(c, &s->row));
    if (s->row.failures)
        printf("  %-13s %lld in a row\n", "failing", (long long)s->row.failures);
}

static enum err read_standing(struct ctl *c, struct webhooks *cursors, struct str url,
                              struct standing *out)
{
    *out = (struct standing){.label = webhook_url_label(url)};
    enum err e = cursors ? webhooks_find(cursors, url, 0, &out->row) : ERR_NOT_FOUND;
    out->known = !e;
    if (e)
        return e == ERR_NOT_FOUND ? OK : e;
    return webhook_lag(c->store, cursors, &out->row, &out->lag);
}

int webhooks_status(struct ctl *c)
{
    struct webhooks *cursors = NULL;
    struct buf json = BUF_INIT;
    struct standing s;
    if (!open_data(c))
        return CTL_FAILED;
    enum err e = webhooks_open(&cursors, ctl_data_dir(c), true, (int)c->conf.busy_timeout);
    if (e == ERR_NOT_FOUND)
        e = OK;
    buf_append_lit(&json, "{\"ok\":true,\"receivers\":[");
    for (size_t i = 0; !e && i < c->conf.webhook_url.count; i++) {
        e = read_standing(c, cursors, c->conf.webhook_url.item[i], &s);
        if (i)
            buf_append_ch(&json, ',');
        append_json(c, &json, &s);
        if (!e && !c->json)
            print_text(c, &s);
    }
    buf_append_lit(&json, "]}");
    if (!e && c->json)
        ctl_print(buf_str(&json));
    buf_release(&json);
    webhooks_close(cursors);
    return e ? ctl_fail_with(c, e, WEBHOOKS_NAME) : CTL_DONE;
}

/* --- test ------------------------------------------------------------------------------------- */

int webhooks_test(struct ctl *c)
{
    struct str url = str_from_c(c->words[0]);
    const char *why = NULL;
    if (!ctl_load(c))
        return CTL_FAILED;
    if (!c->conf.webhook_secret.count)
        return ctl_fail(c, "webhook_secret is not set: nothing can be signed");
    if (!webhook_url_is_valid(url))
        return ctl_fail(c, "the address must be https://…, or http:// to localhost, 127.0.0.1 or "
                           "[::1], without user and password");
    int status = webhook_test(&c->conf, url, &why);
    struct str label = webhook_url_label(url);
    if (!status)
        return ctl_fail(c, "%.*s: %s", STR_ARG(label), why);
    if (status / 100 != 2)
        return ctl_fail(c, "%.*s: it answered with HTTP status %d; expected 2xx", STR_ARG(label),
                        status);
    if (c->json)
        printf("{\"ok\":true,\"status\":%d}\n", status);
    else
        printf("%.*s took it, with HTTP status %d\n", STR_ARG(label), status);
    return CTL_DONE;
}
