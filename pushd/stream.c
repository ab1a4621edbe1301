/* The clocks of an open stream. */
#include "base/base.h"

#include "base/clock.h"
#include "endpoints.h"
#include "server.h"
#include "stream.h"

#define BEAT_S      25    /* web servers cut silent streams after 60 s */
#define RETIRING_MS 500   /* a stream that came too late for the next process lives so long */
#define WARN_MS     60000 /* on_expiring comes so long before the end */

static int64_t earlier(int64_t a, int64_t b)
{
    return b == 0 || (a != 0 && a < b) ? a : b;
}

static void set_timer(struct conn *c)
{
    int64_t warn = c->warned || c->expires == 0 ? 0 : c->expires - WARN_MS;
    int64_t beat = (int64_t)c->beat * 1000;
    int64_t next = earlier(earlier(beat, c->expires), earlier(c->ends, warn));
    loop_timer_set(c->server->loop, &c->timer, next);
}

/* Beats fall together on whole seconds: fewer wake-ups. */
static void next_beat(struct conn *c)
{
    c->beat = (uint32_t)(loop_now(c->server->loop) / 1000 + BEAT_S);
}

/* stream_max_age, 10 % more or less, so that streams do not end in step. */
static int64_t end_of_stream(struct server *s)
{
    int64_t ms = s->conf->stream_max_age * 1000;
    if (s->retiring)
        return loop_now(s->loop) + RETIRING_MS;
    return ms == 0 ? 0 : loop_now(s->loop) + ms - ms / 10 + ms / 5 * server_spread(s, 1000) / 1000;
}

int64_t stream_expiry(const struct server *s, int64_t exp)
{
    const int64_t never = INT64_C(1) << 40; /* in 30,000 years */
    return exp == 0 || exp > never ? 0 : loop_now(s->loop) + exp * 1000 - clock_wall_ms();
}

void stream_begin(struct conn *c, struct str head)
{
    conn_step(c, CONN_OPEN);
    c->server->stats.opened++;
    c->ends = end_of_stream(c->server);
    next_beat(c);
    set_timer(c);
    conn_write(c, head);
}

void stream_on_timer(struct conn *c)
{
    int64_t now = loop_now(c->server->loop);
    if (c->expires != 0 && now >= c->expires) {
        conn_end(c, END_EXPIRED);
    } else if (c->ends != 0 && now >= c->ends) {
        conn_end(c, END_AGE);
    } else {
        if (!c->warned && c->expires != 0 && now >= c->expires - WARN_MS) {
            c->warned = true;
            if (c->endpoint->on_expiring)
                c->endpoint->on_expiring(c);
        }
        if (now / 1000 >= c->beat) {
            next_beat(c);
            transport_of(c->endpoint->transport)->on_beat(c);
        }
    }
    if (c->state == CONN_OPEN)
        set_timer(c);
}

void stream_renew(struct conn *c, int64_t exp)
{
    c->expires = stream_expiry(c->server, exp);
    c->warned = false;
    set_timer(c);
}
