/* Many readers of one user's events in one epoll loop, told what to do through a socket pair. */
#include "base/base.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/feed.h"
#include "bench/lib/proc.h"
#include "bench/lib/swarm.h"

#define BATCH     64            /* connections being opened at once */
#define EVENTS    512           /* of one epoll_wait */
#define STUCK_NS  10000000000LL /* no progress for so long: give up */
#define READ_SIZE ((size_t)1 << 18)

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
    const struct swarm_target *target;
    struct feed *feed;
    int epoll;
    unsigned count;
    uint64_t messages, bytes;
    char *scratch;
};

static void open_batch(struct readers *r, unsigned n)
{
    int fds[BATCH];
    const struct swarm_target *t = r->target;
    for (unsigned i = 0; i < n; i++) {
        fds[i] = client_connect(t->port, r->count + i);
        client_request(fds[i], t->kind, t->token);
    }
    for (unsigned i = 0; i < n; i++) {
        struct epoll_event want = {.events = EPOLLIN, .data.fd = fds[i]};
        client_read_head(fds[i]);
        client_set_nonblocking(fds[i]);
        epoll_ctl(r->epoll, EPOLL_CTL_ADD, fds[i], &want);
    }
    r->count += n;
}

static void read_one(struct readers *r, int fd)
{
    ssize_t n = recv(fd, r->scratch, READ_SIZE, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fatal("the server closed a reader's connection");
    r->bytes += (uint64_t)n;
    for (char *at = r->scratch, *end = at + n; (at = memchr(at, MARK, (size_t)(end - at))); at++)
        r->messages++;
    if (r->target->kind == CLIENT_WS)
        client_answer_ping(fd, r->scratch, (size_t)n);
}

static void read_ready(struct readers *r, int timeout_ms)
{
    struct epoll_event ready[EVENTS];
    int n = epoll_wait(r->epoll, ready, EVENTS, timeout_ms);
    for (int i = 0; i < n; i++)
        read_one(r, ready[i].data.fd);
}

/* What arrives unasked after a connection opens (greetings) is no part of a measurement. */
static void settle(struct readers *r)
{
    uint64_t before;
    do {
        before = r->bytes;
        for (int i = 0; i < 50; i++)
            read_ready(r, 10);
    } while (r->bytes != before);
}

static void publish(struct readers *r, const struct swarm_burst *b)
{
    unsigned sent = 0;
    int64_t next_at = now_ns() + b->gap_us * 1000LL, progress_at = now_ns();
    uint64_t all = (uint64_t)b->events * r->count;
    r->messages = r->bytes = 0;
    while (r->messages < all) {
        uint64_t before = r->messages;
        while (sent < b->events && sent - r->messages / r->count < b->window &&
               now_ns() >= next_at) {
            feed_send(r->feed, b->value_bytes);
            sent++;
        }
        read_ready(r, b->gap_us ? 1 : 100);
        if (r->messages == (uint64_t)sent * r->count && r->messages != before)
            next_at = now_ns() + b->gap_us * 1000LL;
        if (r->messages != before)
            progress_at = now_ns();
        else if (now_ns() - progress_at > STUCK_NS)
            fatal("%llu of %llu deliveries arrived", (unsigned long long)r->messages,
                  (unsigned long long)all);
    }
}

static void child_main(const struct swarm_target *t, int commands)
{
    struct readers r = {.target = t, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct command c;
    r.scratch = mem_alloc(READ_SIZE);
    r.feed = feed_open(t->data_dir, t->user_id);
    while (recv(commands, &c, sizeof c, 0) == sizeof c && (c.open || c.burst.events)) {
        struct swarm_result result = {.wall_ns = -now_ns()};
        for (unsigned left = c.open; left; left -= left < BATCH ? left : BATCH)
            open_batch(&r, left < BATCH ? left : BATCH);
        if (!c.open)
            publish(&r, &c.burst);
        result.wall_ns += now_ns();
        if (c.open)
            settle(&r);
        result.messages = r.messages;
        result.bytes = r.bytes;
        client_write(commands, &result, sizeof result);
    }
    feed_close(r.feed);
    exit(0);
}

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
