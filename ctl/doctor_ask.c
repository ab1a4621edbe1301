/* Requests to the public URL. */
#include "base/base.h"

#include "base/clock.h"
#include "doctor.h"
#include "wire/json.h"

bool doctor_read_url(struct doctor *d)
{
    const struct conf *c = &d->ctl->conf;
    const char *given = ctl_option(d->ctl, "url");
    struct str url = str_from_c(given);
    if (!given && d->has_settings && c->public_url.n)
        url = arena_printf(d->mem, "%.*s%.*s", STR_ARG(c->public_url), STR_ARG(c->base_path));
    d->is_https = str_starts_with(url, STR("https://"));
    size_t at = d->is_https ? strlen("https://") : strlen("http://");
    if (!url.n || !(d->is_https || str_starts_with(url, STR("http://")))) {
        d->no_url = given ? "--url takes http://host or https://host, with a port and a path"
                          : "no public URL: give one by --url, or by the setting public_url";
        return false;
    }
    struct str host = str_from(url, at);
    host.n = str_find(host, '/');
    struct str base = str_from(url, at + host.n);
    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    d->host = arena_dup(d->mem, host).p;
    d->origin = arena_dup(d->mem, str_make(url.p, at + host.n)).p;
    d->base = arena_dup(d->mem, base).p;
    return host.n > 0;
}

const char *doctor_by_header(struct doctor *d)
{
    return TEXT(d, "Authorization: Bearer %.*s\r\n", STR_ARG(d->token));
}

const char *doctor_by_cookie(struct doctor *d)
{
    return TEXT(d, "Cookie: token=%.*s\r\n", STR_ARG(d->token));
}

static struct str request_of(struct doctor *d, const struct doctor_ask *q)
{
    struct str body = str_from_c(q->body), about = STR("");
    if (q->body)
        about = arena_printf(d->mem, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                             body.n);
    return arena_printf(d->mem,
                        "%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: cubbyctl\r\n%s%s%.*s\r\n%.*s",
                        q->method ? q->method : "GET", d->base, q->path, d->host,
                        q->keep ? "" : "Connection: close\r\n", q->lines ? q->lines : "",
                        STR_ARG(about), STR_ARG(body));
}

struct dial *doctor_begin(struct doctor *d, const struct doctor_ask *q, struct dial_answer *out)
{
    struct dial_to to = {
        .origin = d->origin, .ca = ctl_option(d->ctl, "ca"), .from = q->from, .timeout_ms = ASK_MS};
    *out = (struct dial_answer){.why = NULL};
    struct dial *dial = dial_open(&to, d->mem, &out->why);
    if (!dial)
        return NULL;
    if (dial_send(dial, request_of(d, q)))
        dial_head(dial, clock_mono_ms() + (q->keep ? SOON_MS : ASK_MS), d->mem, out);
    else
        out->why = "the connection was closed unanswered";
    return dial;
}

void doctor_ask(struct doctor *d, const struct doctor_ask *q, struct dial_answer *out)
{
    struct dial *dial = doctor_begin(d, q, out);
    if (out->status)
        (void)!dial_body(dial, clock_mono_ms() + ASK_MS, STR_NULL, d->mem, out);
    dial_close(dial);
}

bool doctor_is_cubby(const struct dial_answer *a)
{
    return a->status && dial_header(a, STR("X-Request-Id")).n > 0 &&
           str_eq(dial_header(a, STR("X-Content-Type-Options")), STR("nosniff"));
}

bool doctor_is_well(const struct dial_answer *a)
{
    const char *ok = "\"ok\":true";
    return a->status == 200 && a->body.n && memmem(a->body.p, a->body.n, ok, strlen(ok)) &&
           str_starts_with(dial_header(a, STR("Content-Type")), STR("application/json"));
}

/* Behind the member "error" of an answer, where it has one. */
static struct str error_of(struct doctor *d, const struct dial_answer *a)
{
    struct json doc;
    if (!a->body.n || json_parse(&doc, a->body, JSON_STRICT, d->mem) ||
        !json_is(json_root(&doc), JSON_OBJECT))
        return STR("");
    struct json_value error = json_get(json_root(&doc), STR("error"));
    return json_is(error, JSON_STRING) ? json_string(error, d->mem) : STR("");
}

const char *doctor_status(struct doctor *d, const struct dial_answer *a)
{
    struct str error = error_of(d, a);
    if (!a->status)
        return a->why;
    return error.n ? TEXT(d, "status %d, %.*s", a->status, STR_ARG(error))
                   : TEXT(d, "status %d", a->status);
}

/* "host:port" or unix:/path, as an address to dial. */
static void ask_pushd(struct doctor *d, struct str listen, struct dial_answer *out)
{
    const struct str local = STR("unix:");
    struct dial_to to = {.origin = "http://localhost", .timeout_ms = ASK_MS};
    struct str port = listen;
    bool is_path = str_starts_with(listen, local);
    if (is_path)
        to.path = arena_dup(d->mem, str_from(listen, local.n)).p;
    else if (str_starts_with(listen, STR("0.0.0.0:")) && str_next(&port, ':', &listen))
        to.origin = TEXT(d, "http://127.0.0.1:%.*s", STR_ARG(port));
    else if (str_starts_with(listen, STR("[::]:")))
        to.origin = TEXT(d, "http://[::1]:%.*s", STR_ARG(str_from(listen, strlen("[::]:"))));
    else
        to.origin = TEXT(d, "http://%.*s", STR_ARG(listen));
    struct dial *dial = dial_open(&to, d->mem, &d->no_pushd);
    if (!dial)
        return;
    if (dial_send(
            dial,
            STR("GET /push/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))) {
        dial_head(dial, clock_mono_ms() + ASK_MS, d->mem, out);
        (void)!dial_body(dial, clock_mono_ms() + ASK_MS, STR_NULL, d->mem, out);
    }
    dial_close(dial);
    if (!doctor_is_cubby(out))
        d->no_pushd = "another program answers there";
}

bool doctor_pushd_runs(struct doctor *d)
{
    struct dial_answer a = {.why = NULL};
    if (!d->is_pushd_asked)
        ask_pushd(d, d->ctl->conf.push_listen, &a);
    d->is_pushd_asked = true;
    return !d->no_pushd;
}
