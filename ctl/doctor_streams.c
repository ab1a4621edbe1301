/* Checks of what stays open through the web server: Server-Sent Events, WebSocket, many of them. */
#include "base/base.h"

#include "base/clock.h"
#include "doctor.h"

#define IDLE_MS     70000
#define STREAMS_MAX 64
#define WORKERS_FEW 400

static const char upgrade[] = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: Y3ViYnkgY3ViYnkgY3ViYg==\r\n";

void check_push(struct doctor *d)
{
    struct dial_answer a;
    if (d->misplaced) {
        doctor_skip(d, "%s", d->misplaced);
        return;
    }
    doctor_ask(d, &(struct doctor_ask){.path = "/push/healthz"}, &a);
    d->push_status = a.status;
    d->has_push = doctor_is_well(&a) && doctor_is_cubby(&a);
    if (d->has_push)
        return;
    if (doctor_is_cubby(&a) && a.status == 503)
        doctor_fault(
            d,
            TEXT(d,
                 "data_dir and bus_dir of cubby-pushd: those of %s, in folders that it may "
                 "use; then restart it",
                 d->settings),
            "cubby-pushd is not well: %s", doctor_status(d, &a));
    else if (d->has_settings && !doctor_pushd_runs(d))
        doctor_skip(d, "cubby-pushd does not run");
    else
        doctor_fault(d, doctor_directive(d, TROUBLE_PUSH),
                     "the web server does not pass /push/healthz on to cubby-pushd (%s)",
                     doctor_status(d, &a));
}

static struct dial *begin_events(struct doctor *d, const char *lines, struct dial_answer *a)
{
    return doctor_begin(
        d, &(struct doctor_ask){.path = "/api/events", .lines = lines, .keep = true}, a);
}

/* A refusal is no stream, so nothing holds it back. By the header, and where that is refused by the
 * cookie. */
void check_same_settings(struct doctor *d)
{
    d->sse = begin_events(d, doctor_by_header(d), &d->sse_answer);
    if (d->sse_answer.status != 401)
        return;
    dial_close(d->sse);
    d->sse = begin_events(d, doctor_by_cookie(d), &d->sse_answer);
    if (d->sse_answer.status != 401) {
        if (d->has_authorization)
            doctor_fault(d, doctor_directive(d, TROUBLE_AUTHORIZATION),
                         "the header Authorization arrives at cubby.fcgi, but not at cubby-pushd");
        return;
    }
    dial_close(d->sse);
    d->sse = NULL;
    d->has_push = false;
    doctor_fault(d,
                 TEXT(d,
                      "the same jwt_secret and data_dir for cubby-pushd as in %s, and restart it",
                      d->settings),
                 "cubby-pushd takes no token of these settings: it runs with another jwt_secret or "
                 "data_dir");
}

void check_sse(struct doctor *d)
{
    struct dial_answer *a = &d->sse_answer;
    const struct str hello = STR("retry:");
    d->held_since = clock_mono_ms();
    if (a->status == 200 && dial_body(d->sse, clock_mono_ms() + SOON_MS, hello, d->mem, a)) {
        doctor_ok(d, "events arrive at once");
        return;
    }
    if (!a->status || a->status == 200)
        doctor_fault(
            d, doctor_directive(d, TROUBLE_BUFFERED),
            "Server-Sent Events are held back: nothing of /api/events came within %d s (%s)",
            SOON_MS / 1000, a->status ? "after the head" : a->why);
    else
        doctor_fault(d, doctor_directive(d, TROUBLE_PUSH), "/api/events is answered with status %d",
                     a->status);
    dial_close(d->sse);
    d->sse = NULL;
}

/* From a committed write to its event on the open stream. */
void check_delivery(struct doctor *d)
{
    struct dial_answer a;
    int64_t begun = clock_mono_ms();
    doctor_ask(d,
               &(struct doctor_ask){.method = "POST",
                                    .path = "/data",
                                    .lines = doctor_by_cookie(d),
                                    .body = "{\"key\":\"doctor\",\"value\":1}"},
               &a);
    if (a.status == 401 || !d->sse)
        doctor_skip(d, a.status == 401 ? "nobody can sign in" : "there is no stream to see it on");
    else if (a.status != 200)
        doctor_fault(d, "what the log of cubby.fcgi says (journalctl -u cubby)",
                     "a write is answered with %s", doctor_status(d, &a));
    else if (!dial_body(d->sse, clock_mono_ms() + SOON_MS, STR("kv:set"), d->mem, &d->sse_answer))
        doctor_fault(
            d,
            TEXT(d,
                 "the same bus_dir (by default run/bus of data_dir) for both programs, in "
                 "%s; restart them",
                 d->settings),
            "a write is stored, but cubby-pushd does not hear of it: its bus_dir is another");
    else
        doctor_ok(d, "a write and its event take %lld ms", (long long)(clock_mono_ms() - begun));
}

void check_websocket(struct doctor *d)
{
    struct dial_answer a;
    struct doctor_ask q = {.path = "/api/ws", .keep = true};
    q.lines = TEXT(d, "%s%s", upgrade, doctor_by_cookie(d));
    d->ws = doctor_begin(d, &q, &a);
    if (a.status == 101)
        return;
    doctor_fault(d, doctor_directive(d, TROUBLE_UPGRADE),
                 "the upgrade to a WebSocket is not passed on: %s in place of 101",
                 doctor_status(d, &a));
    dial_close(d->ws);
    d->ws = NULL;
}

/* --- many ------------------------------------------------------------------------------------- */

/* The number behind the last line that begins with this directive; -1: there is none. */
static int64_t read_directive(const char *path, const char *name)
{
    char text[512];
    int64_t value = -1, found;
    FILE *f = fopen(path, "re");
    while (f && fgets(text, sizeof text, f)) {
        struct str line = str_trim(str_from_c(text)), word;
        if (str_next(&line, ' ', &word) && str_eq_nocase(word, str_from_c(name)) &&
            str_to_i64(str_trim(line), 0, INT32_MAX, &found))
            value = found;
    }
    if (f)
        fclose(f);
    return value;
}

static void check_apache_conf(struct doctor *d, const char *path)
{
    int64_t workers = read_directive(path, "MaxRequestWorkers");
    int64_t processes = read_directive(path, "ServerLimit");
    int64_t each = read_directive(path, "ThreadsPerChild");
    int64_t possible = (processes < 0 ? 16 : processes) * (each < 0 ? 25 : each);
    if (workers < 0 || possible < workers)
        workers = possible;
    const char *fix =
        TEXT(d, "more MaxRequestWorkers (with ServerLimit and ThreadsPerChild) in %s", path);
    if (workers < STREAMS_MAX)
        doctor_fault(d, fix, "%s: %lld workers, and every open stream holds one", path,
                     (long long)workers);
    else if (workers < WORKERS_FEW)
        doctor_warn(d, fix, "%s: %lld workers, and every open stream holds one", path,
                    (long long)workers);
    else
        doctor_ok(d, "%s: %lld workers; every open stream holds one", path, (long long)workers);
}

static size_t wanted_streams(const struct conf *c)
{
    int64_t max = c->push_max_connections_per_user;
    return max > 0 && max < STREAMS_MAX + 8 ? (size_t)(max > 8 ? max - 8 : 0) : STREAMS_MAX;
}

/* Open them; false: one was not answered. Those that are open are in all[0..*count). */
static bool open_many(struct doctor *d, struct dial **all, size_t wanted, size_t *count)
{
    struct dial_answer a = {.status = 200};
    while (*count < wanted && a.status == 200 && !doctor_is_stopped()) {
        struct dial *dial = begin_events(d, doctor_by_cookie(d), &a);
        if (dial && a.status == 200)
            all[(*count)++] = dial;
        else
            dial_close(dial);
    }
    return a.status != 0;
}

void check_ceiling(struct doctor *d)
{
    struct dial *all[STREAMS_MAX];
    struct dial_answer a = {.status = 0};
    const char *conf = ctl_option(d->ctl, "apache-conf");
    size_t count = 0;
    bool open = open_many(d, all, wanted_streams(&d->ctl->conf), &count);
    if (open)
        doctor_ask(d, &(struct doctor_ask){.path = "/push/healthz"}, &a);
    for (size_t i = 0; i < count; i++)
        dial_close(all[i]);
    if (!open || !doctor_is_well(&a))
        doctor_fault(d, doctor_directive(d, TROUBLE_CEILING),
                     "with %zu streams open nothing else is answered any more", count);
    else if (conf)
        check_apache_conf(d, conf);
    else
        doctor_ok(d, "%zu streams and requests beside them%s", count,
                  d->server == SERVER_APACHE ? "; Apache's own ceiling: --apache-conf FILE" : "");
}

/* --- idle ------------------------------------------------------------------------------------- */

/* Pings of cubby-pushd are answered; false: the connection is over. */
static bool take(struct dial *dial, bool is_ws)
{
    struct buf got = BUF_INIT;
    bool open = dial_read(dial, &got, clock_mono_ms() + 1) != DIAL_CLOSED;
    if (open && is_ws && got.n > 1 && (unsigned char)got.p[0] == 0x89 &&
        (unsigned char)got.p[1] < 126 && got.n >= 2 + (size_t)got.p[1]) {
        struct buf pong = BUF_INIT; /* masked with zeros: its payload stays as it is */
        buf_append_ch(&pong, (char)0x8a);
        buf_append_ch(&pong, (char)(0x80 | got.p[1]));
        buf_append(&pong, "\0\0\0\0", 4);
        buf_append(&pong, got.p + 2, (size_t)got.p[1]);
        open = dial_send(dial, buf_str(&pong));
        buf_release(&pong);
    }
    buf_release(&got);
    return open;
}

void check_idle(struct doctor *d)
{
    struct dial *all[2] = {NULL};
    struct progress progress = ctl_progress(d->ctl, "idle");
    const char *over = NULL;
    size_t count = 0;
    if (ctl_option(d->ctl, "no-wait")) {
        doctor_skip(d, "--no-wait");
        return;
    }
    if (d->sse)
        all[count++] = d->sse;
    if (d->ws)
        all[count++] = d->ws;
    int64_t now = clock_mono_ms(), until = d->held_since + IDLE_MS;
    while (!over && now < until && !doctor_is_stopped()) {
        struct dial *dial = dial_wait(all, count, now + 500 < until ? now + 500 : until);
        if (dial && !take(dial, dial == d->ws))
            over = dial == d->ws ? "a WebSocket" : "a stream of events";
        now = clock_mono_ms();
        if (progress.on_step)
            progress.on_step(progress.arg, (size_t)(now - d->held_since) / 1000, IDLE_MS / 1000);
    }
    ctl_progress_end(d->ctl);
    if (over)
        doctor_fault(d, doctor_directive(d, TROUBLE_IDLE),
                     "%s that is idle is cut after %lld s; Cubby says something every 25 s", over,
                     (long long)((now - d->held_since) / 1000));
    else if (now < until)
        doctor_skip(d, "it was interrupted");
    else
        doctor_ok(d, "idle streams live for %d s", IDLE_MS / 1000);
}
