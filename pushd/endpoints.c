/*
 * THE TABLE of what pushd answers.
 *
 * To add one:
 *   1. pushd/ep/<name>.c   its hooks (pushd/endpoints.h says when each is called), as functions
 *   2. pushd/ep/ep.h       their prototypes
 *   3. a row below         path, transport, who may, limits, what happens to a slow reader
 *   4. tests/push/<name>.c what a client sees of it
 *   5. docs/protocol.md    the same, for people
 *   6. fcgi-app/openapi.json  how it begins, for programs
 */
#include "base/base.h"

#include "base/mem.h"
#include "endpoints.h"
#include "ep/ep.h"
#include "fanout.h"
#include "live.h"
#include "notes.h"
#include "parts.h"
#include "pulse.h"
#include "rooms.h"
#include "server.h"
#include "watch.h"

#define KIB(n) ((size_t)(n)*1024)
#define MIB(n) (KIB(n) * 1024)

/* /connect, which has a second name. */
#define CONNECT(at)                                                                                \
    {                                                                                              \
        .path = STR(at), .transport = TRANSPORT_WS, .need = NEED_TOKEN,                            \
        .when_slow = WHEN_SLOW_CLOSE, .limits = {.message = MIB(1), .fragments = 1024},            \
        .append_error = connect_append_error, .open = connect_open, .start = connect_start,        \
        .on_message = connect_on_message, .on_close = connect_on_close,                            \
    }

/* The two paths of the notes' stream. */
#define NOTES(at)                                                                                  \
    {                                                                                              \
        .path = STR(at), .transport = TRANSPORT_WS, .need = NEED_USER,                             \
        .when_slow = WHEN_SLOW_CLOSE, .limits = {.message = KIB(64), .fragments = 1024},           \
        .open = notes_ws_open, .start = notes_ws_start, .on_message = notes_ws_on_message,         \
        .on_drain = notes_ws_on_drain, .on_close = notes_ws_on_close,                              \
    }

static bool counters_are_public(const struct conf *conf)
{
    return conf->counters_public;
}

static bool pages_are_public(const struct conf *conf)
{
    return conf->live_public;
}

static const struct endpoint endpoints[] = {
    {
        .path = STR("/api/events"),
        .transport = TRANSPORT_SSE,
        .need = NEED_USER,
        .when_slow = WHEN_SLOW_CONTINUE,
        .open = events_open,
        .pass = events_pass,
        .start = events_start,
        .on_drain = events_on_drain,
        .on_expiring = events_on_expiring,
        .on_end = events_on_end,
        .on_close = events_on_close,
    },
    {
        .path = STR("/api/ws"),
        .subprotocol = STR("cubby.v1"),
        .transport = TRANSPORT_WS,
        .need = NEED_USER,
        .when_slow = WHEN_SLOW_CONTINUE,
        .limits = {.message = MIB(1), .fragments = 1024},
        .open = v1_open,
        .start = v1_start,
        .on_message = v1_on_message,
        .on_drain = v1_on_drain,
        .on_expiring = v1_on_expiring,
        .on_close = v1_on_close,
    },
    {
        .path = STR("/api/ws"),
        .transport = TRANSPORT_WS,
        .need = NEED_USER,
        .when_slow = WHEN_SLOW_CLOSE,
        .limits = {.message = MIB(1), .fragments = 1024},
        .open = user_ws_open,
        .start = user_ws_start,
        .on_message = user_ws_on_message,
        .on_close = user_ws_on_close,
    },
    CONNECT("/connect"),
    CONNECT("/"),
    {
        .path = STR("/publish"),
        .need = NEED_TOKEN,
        .cors = STR("Access-Control-Allow-Origin: *\r\n"),
        .preflight = STR("Access-Control-Allow-Methods: POST, OPTIONS\r\n"
                         "Access-Control-Allow-Headers: authorization, content-type\r\n"
                         "Access-Control-Max-Age: 86400\r\n"),
        .append_error = publish_append_error,
        .post = publish_post,
        .on_end = publish_on_end,
        .on_close = publish_on_close,
    },
    {
        .path = STR("/ws/counter/*"),
        .subprotocol = STR("cubby.v1"),
        .transport = TRANSPORT_WS,
        .need = NEED_USER,
        .is_public = counters_are_public,
        .when_slow = WHEN_SLOW_CLOSE,
        .limits = {.message = KIB(64), .fragments = 1024},
        .open = counter_ws_open,
        .start = counter_v1_start,
        .on_message = counter_ws_on_message,
        .on_close = counter_ws_on_close,
    },
    {
        .path = STR("/ws/counter/*"),
        .transport = TRANSPORT_WS,
        .need = NEED_USER,
        .is_public = counters_are_public,
        .when_slow = WHEN_SLOW_CLOSE,
        .limits = {.message = KIB(64), .fragments = 1024},
        .open = counter_ws_open,
        .start = counter_ws_start,
        .on_message = counter_ws_on_message,
        .on_close = counter_ws_on_close,
    },
    {
        .path = STR("/realtime"),
        .transport = TRANSPORT_SSE,
        .need = NEED_USER,
        .is_public = pages_are_public,
        .when_slow = WHEN_SLOW_CLOSE,
        .open = realtime_open,
        .start = realtime_start,
        .on_close = realtime_on_close,
    },
    {
        .path = STR("/realtime"),
        .transport = TRANSPORT_WS,
        .need = NEED_USER,
        .is_public = pages_are_public,
        .when_slow = WHEN_SLOW_CLOSE,
        .limits = {.message = KIB(64), .fragments = 1024},
        .open = realtime_open,
        .start = realtime_start,
        .on_message = realtime_on_message,
        .on_close = realtime_on_close,
    },
    {
        .path = STR("/live/render"),
        .need = NEED_TOKEN,
        .post = live_render_post,
    },
    NOTES("/api/notes/ws"),
    NOTES("/api/notes-ws/ws"),
    {
        .path = STR("/api/admin/events"),
        .transport = TRANSPORT_SSE,
        .when_slow = WHEN_SLOW_CLOSE,
        .allow = admin_allow,
        .open = admin_open,
        .start = admin_start,
        .on_close = admin_on_close,
    },
    {
        .path = STR("/push/healthz"),
        .answer = healthz_answer,
        .on_end = healthz_on_end,
        .on_close = healthz_on_close,
    },
    {
        .path = STR("/push/metrics"),
        .allow = metrics_allow,
        .answer = metrics_answer,
    },
    {
        .path = STR("/push/echo"),
        .transport = TRANSPORT_WS,
        .limits = {.message = MIB(16), .fragments = 65537},
        .allow = echo_allow,
        .on_message = echo_on_message,
    },
};

/* Does the row's path fit? *rest is what its '*' stands for. */
static bool fits(struct str pattern, struct str path, struct str *rest)
{
    if (pattern.p[pattern.n - 1] != '*') {
        *rest = STR_NULL;
        return str_eq(pattern, path);
    }
    *rest = str_from(path, pattern.n - 1);
    return rest->n > 0 && str_starts_with(path, str_make(pattern.p, pattern.n - 1));
}

/* Is it what this client wants? */
static bool is_wanted(const struct endpoint *ep, const struct http_head *h)
{
    bool upgrade = http_header_has(h, STR("upgrade"), STR("websocket"));
    if ((ep->transport == TRANSPORT_WS) != upgrade)
        return false;
    return ep->subprotocol.n == 0 ||
           http_header_has(h, STR("sec-websocket-protocol"), ep->subprotocol);
}

static const struct endpoint *find(struct str path, const struct http_head *h, struct str *rest)
{
    const struct endpoint *first = NULL;
    struct str at, first_rest = STR_NULL;
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        const struct endpoint *ep = &endpoints[i];
        if (!fits(ep->path, path, &at))
            continue;
        if (is_wanted(ep, h)) {
            *rest = at;
            return ep;
        }
        if (!first || first->subprotocol.n > 0) {
            first = ep;
            first_rest = at;
        }
    }
    *rest = first_rest;
    return first;
}

const struct endpoint *endpoint_find(struct str path, const struct http_head *h, struct str *rest)
{
    const struct str prefix = STR("/push");
    const struct endpoint *ep = find(path, h, rest);
    if (!ep && str_starts_with(path, prefix))
        ep = find(str_from(path, prefix.n), h, rest);
    return ep;
}

void endpoints_open(struct server *s)
{
    struct parts *p = mem_zalloc(1, sizeof(*p));
    s->parts = p;
    p->fanout = fanout_new(s);
    p->notes = notes_new(s);
    p->live = live_new(s);
    p->rooms = rooms_new(s);
    p->pulse = pulse_new(s);
    p->watch = watch_new(s);
}

void endpoints_close(struct server *s)
{
    if (!s->parts)
        return; /* the start failed before */
    watch_free(s->parts->watch);
    pulse_free(s->parts->pulse);
    rooms_free(s->parts->rooms);
    live_free(s->parts->live);
    notes_free(s->parts->notes);
    fanout_free(s->parts->fanout);
    mem_free(s->parts);
    s->parts = NULL;
}
