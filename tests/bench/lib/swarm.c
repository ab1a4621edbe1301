/* Many readers in one epoll loop, told what to do through a socket pair. */
#include "base/base.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "bench/lib/streams.h"
#include "bench/lib/swarm.h"
#include "bench/lib/token.h"

#define STUCK_NS 10000000000LL /* no progress for so long: give up */

struct swarm {
    pid_t child;
    int socket;
};

/* What the parent asks: connections to open, or a burst; neither: end. */
struct command {
    unsigned open;
    struct swarm_burst burst;
};

/* The child's side. */
struct readers {
    struct streams streams;
    const struct swarm_target *target;
    const struct protocol *protocol;
    struct buf token;
    struct publisher *publisher;
    uint64_t messages;        /* received */
    uint64_t half_at, all_at; /* numbers of them at which the time is taken */
    int64_t half_ns, all_ns;  /* the times */
};

static void on_ask(struct streams *s, unsigned n, struct client_request *r)
{
    struct readers *rd = container_of(s, struct readers, streams);
    const struct protocol *p = rd->protocol;
    (void)n;
    *r = (struct client_request){p->kind, p->target, buf_str(&rd->token), p->subprotocol, p->hello};
}

static void on_bytes(struct streams *s, unsigned n, char *p, size_t len)
{
    struct readers *r = container_of(s, struct readers, streams);
    char mark = r->protocol->mark;
    if (r->protocol->kind == CLIENT_WS)
        client_answer_ping(s->fds[n], p, len);
    if (r->protocol->acks)
        client_acknowledge(s->fds[n], p, len);
    for (char *at = p, *end = p + len; (at = memchr(at, mark, (size_t)(end - at))); at++) {
        r->messages++;
        if (r->messages == r->half_at)
            r->half_ns = now_ns();
        if (r->messages == r->all_at)
            r->all_ns = now_ns();
    }
}

/* --- a burst --- */

struct burst {
    const struct swarm_burst *plan;
    uint64_t before; /* messages received before it */
    unsigned sent, done;
    int64_t next_at; /* when the next may be sent */
    int64_t sent_at;
    double *half, *all;
};

static void send_due(struct readers *r, struct burst *b)
{
    while (b->sent < b->plan->messages && b->sent - b->done < b->plan->window &&
           now_ns() >= b->next_at && publisher_is_ready(r->publisher)) {
        uint64_t all = b->before + (uint64_t)(b->sent + 1) * r->streams.count;
        r->all_at = all;
        r->half_at = all - r->streams.count / 2;
        b->sent_at = now_ns();
        publisher_send(r->publisher, b->plan->filler);
        b->sent++;
    }
}

static void count_done(struct readers *r, struct burst *b)
{
    unsigned done = (unsigned)((r->messages - b->before) / r->streams.count);
    if (done == b->done)
        return;
    b->next_at = now_ns() + b->plan->gap_us * 1000LL;
    b->done = done;
    b->half[done - 1] = (double)(r->half_ns - b->sent_at);
    b->all[done - 1] = (double)(r->all_ns - b->sent_at);
}

static void publish(struct readers *r, const struct swarm_burst *plan, struct swarm_result *result)
{
    struct burst b = {.plan = plan,
                      .before = r->messages,
                      .next_at = now_ns() + plan->gap_us * 1000LL,
                      .half = mem_zalloc(plan->messages, sizeof *b.half),
                      .all = mem_zalloc(plan->messages, sizeof *b.all)};
    uint64_t bytes = r->streams.bytes, last = r->messages;
    int64_t progress_at = now_ns();
    while (b.done < plan->messages) {
        send_due(r, &b);
        streams_poll(&r->streams, 1);
        count_done(r, &b);
        if (r->messages != last)
            progress_at = now_ns();
        else if (now_ns() - progress_at > STUCK_NS)
            fatal("%.*s: only %llu deliveries of %u messages arrived", STR_ARG(r->protocol->name),
                  (unsigned long long)(r->messages - b.before), plan->messages);
        last = r->messages;
    }
    result->messages = r->messages - b.before;
    result->bytes = r->streams.bytes - bytes;
    result->half_ns = median(b.half, plan->messages);
    result->all_ns = median(b.all, plan->messages);
    mem_free(b.half);
    mem_free(b.all);
}

/* --- the child --- */

static void readers_init(struct readers *r, const struct swarm_target *t)
{
    *r = (struct readers){
        .streams = {.on_bytes = on_bytes, .on_ask = on_ask}, .target = t, .protocol = t->protocol};
    streams_init(&r->streams, t->clients);
    if (t->protocol->backend)
        token_backend(&r->token, STR(BENCH_USER));
    else
        buf_append_str(&r->token, t->token);
    r->publisher = publisher_open(t->protocol, &t->publish);
}

static void open_more(struct readers *r, unsigned more)
{
    streams_open(&r->streams, r->target->port, more);
    streams_settle(&r->streams); /* greetings are no part of a measurement */
    r->messages = 0;
}

static void child_main(const struct swarm_target *t, int commands)
{
    struct readers r;
    struct command c;
    uint64_t expected = 0;
    readers_init(&r, t);
    while (recv(commands, &c, sizeof c, 0) == sizeof c && (c.open || c.burst.messages)) {
        struct swarm_result result = {.wall_ns = -now_ns()};
        streams_poll(&r.streams, 0);
        if (r.messages != expected)
            fatal("%.*s: %llu deliveries instead of %llu", STR_ARG(t->protocol->name),
                  (unsigned long long)r.messages, (unsigned long long)expected);
        if (c.open)
            open_more(&r, c.open);
        else
            publish(&r, &c.burst, &result);
        result.wall_ns += now_ns();
        expected = c.open ? 0 : expected + (uint64_t)c.burst.messages * r.streams.count;
        client_write(commands, &result, sizeof result);
    }
    publisher_close(r.publisher);
    exit(0);
}

/* --- the parent --- */

struct swarm *swarm_start(const struct swarm_target *t)
{
    int pair[2];
    struct swarm *s = mem_zalloc(1, sizeof *s);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || (s->child = fork()) < 0)
        fatal("no process for readers: errno=%d", errno);
    if (s->child == 0) {
        close(pair[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_main(t, pair[1]);
    }
    close(pair[1]);
    s->socket = pair[0];
    return s;
}

static struct swarm_result order(struct swarm *s, const struct command *c)
{
    struct swarm_result result;
    client_write(s->socket, c, sizeof *c);
    if (recv(s->socket, &result, sizeof result, 0) != sizeof result)
        fatal("the readers' process ended early");
    return result;
}

struct swarm_result swarm_open(struct swarm *s, unsigned clients)
{
    return order(s, &(struct command){.open = clients});
}

struct swarm_result swarm_publish(struct swarm *s, const struct swarm_burst *b)
{
    return order(s, &(struct command){.burst = *b});
}

void swarm_stop(struct swarm *s)
{
    client_write(s->socket, &(struct command){0}, sizeof(struct command));
    close(s->socket);
    waitpid(s->child, NULL, 0);
    mem_free(s);
}
