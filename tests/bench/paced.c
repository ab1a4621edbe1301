/*
 * POST calls at a steady rate on connections that stay open, for a time or until standard input
 * ends, whichever is first: a call that is due goes when a connection is free, so a server that
 * does not keep up lowers the rate.
 *
 *   paced PORT PATH TOKENS BODY RATE SECONDS      TOKENS: a file, its lines in turn
 *
 * Prints: answers a second; p50 and p99 of a call from when it was due (ms).
 */
#include "base/base.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/client.h"
#include "bench/lib/lines.h"
#include "bench/lib/post.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"

#define CONNECTIONS 16
#define CALLS_MAX   1000000

struct lane {
    int fd;
    bool waits; /* for an answer */
    int64_t due, used_at;
    struct buf in;
};

struct paced {
    int port;
    int64_t rate, begun, end;
    struct post post;
    struct lines tokens;
    struct lane lanes[CONNECTIONS];
    size_t sent, answered;
    double *ms;
    bool stopped;
};

static void send_one(struct paced *p, struct lane *l)
{
    struct buf b = BUF_INIT;
    int64_t now = now_ns();
    if (l->fd >= 0 && now - l->used_at > POST_IDLE_NS) {
        close(l->fd);
        l->fd = -1;
    }
    if (l->fd < 0)
        l->fd = client_connect(p->port, (unsigned)(l - p->lanes));
    p->post.token = p->tokens.line[p->sent % p->tokens.count];
    post_append(&b, &p->post);
    l->due = p->begun + (int64_t)p->sent++ * 1000000000 / p->rate;
    l->waits = true;
    client_write(l->fd, b.p, b.n);
    buf_release(&b);
}

static void read_answer(struct paced *p, struct lane *l)
{
    struct str body;
    ssize_t n = recv(l->fd, buf_reserve(&l->in, 8192), 8192, 0);
    if (n <= 0)
        fatal("a call was not answered: errno=%d", n < 0 ? errno : 0);
    l->in.n += (size_t)n;
    size_t whole = post_answer(buf_str(&l->in), &body);
    if (!whole)
        return;
    if (memmem(l->in.p, whole, "\r\nConnection: close", 19)) {
        close(l->fd);
        l->fd = -1;
    }
    buf_consume(&l->in, whole);
    l->waits = false;
    l->used_at = now_ns();
    p->ms[p->answered++] = (double)(l->used_at - l->due) / 1e6;
}

static bool is_due(const struct paced *p)
{
    return !p->stopped && p->sent < CALLS_MAX &&
           p->begun + (int64_t)p->sent * 1000000000 / p->rate <= now_ns();
}

/* Answers, the next call that is due, and the end of standard input. */
static void turn(struct paced *p)
{
    struct pollfd wait[CONNECTIONS + 1];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct lane *l = &p->lanes[i];
        if (!l->waits && is_due(p))
            send_one(p, l);
        wait[i] = (struct pollfd){.fd = l->waits ? l->fd : -1, .events = POLLIN};
    }
    wait[CONNECTIONS] = (struct pollfd){.fd = p->stopped ? -1 : STDIN_FILENO, .events = POLLIN};
    if (poll(wait, CONNECTIONS + 1, 1) < 0)
        fatal("poll: errno=%d", errno);
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (wait[i].revents)
            read_answer(p, &p->lanes[i]);
    p->stopped |= wait[CONNECTIONS].revents != 0 || now_ns() >= p->end;
}

int main(int argc, char **argv)
{
    int64_t port, seconds;
    struct paced p = {.stopped = false};
    if (argc != 7 || !str_to_i64(str_from_c(argv[1]), 1, UINT16_MAX, &port) ||
        !str_to_i64(str_from_c(argv[5]), 1, 100000, &p.rate) ||
        !str_to_i64(str_from_c(argv[6]), 1, 3600, &seconds))
        fatal("usage: paced PORT PATH TOKENS BODY RATE SECONDS");
    p.port = (int)port;
    p.post = (struct post){.path = str_from_c(argv[2]), .body = str_from_c(argv[4])};
    lines_read(&p.tokens, argv[3]);
    for (size_t i = 0; i < CONNECTIONS; i++)
        p.lanes[i].fd = -1;
    p.ms = mem_zalloc(CALLS_MAX, sizeof *p.ms);
    p.begun = now_ns();
    p.end = p.begun + seconds * 1000000000;
    while (!p.stopped || p.answered < p.sent)
        turn(&p);
    double lasted = (double)(now_ns() - p.begun) / 1e9;
    printf("%.1f %.3f %.3f\n", (double)p.answered / lasted, percentile(p.ms, p.answered, 50),
           percentile(p.ms, p.answered, 99));
    for (size_t i = 0; i < CONNECTIONS; i++)
        buf_release(&p.lanes[i].in);
    mem_free(p.ms);
    lines_release(&p.tokens);
    return 0;
}
