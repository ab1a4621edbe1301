/*
 * POST calls, each on a connection of its own: so many a second whatever the answers do, or all at
 * once. Every one must be answered.
 *
 *   calls PORT PATH BODIES COUNT RATE   RATE 0: all at once; BODIES: a file, its lines in turn
 *
 * Prints: answers with 200, with 429 or 503 and Retry-After, others; p50, p99, the last one's (ms).
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
#include "bench/lib/proc.h"
#include "bench/lib/row.h"

#define COUNT_MAX  10000
#define TIMEOUT_MS 60000 /* nothing is answered for so long: give up */

struct calls {
    int port;
    const char *path;
    struct lines bodies;
    size_t count, sent, answered;
    struct pollfd *wait; /* of the connections; fd -1 once answered */
    int64_t *sent_at;
    double *ms;
    unsigned ok, refused, others;
};

static void send_one(struct calls *c)
{
    size_t i = c->sent++;
    struct str body = c->bodies.line[i % c->bodies.count];
    struct buf b = BUF_INIT;
    buf_appendf(&b,
                "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s",
                c->path, body.n, STR_ARG(body));
    c->sent_at[i] = now_ns();
    c->wait[i] = (struct pollfd){.fd = client_connect(c->port, (unsigned)i), .events = POLLIN};
    client_write(c->wait[i].fd, b.p, b.n);
    buf_release(&b);
}

/* Answers are short: what is there first holds the whole head. */
static void read_answer(struct calls *c, size_t i)
{
    char bytes[8192];
    ssize_t n = recv(c->wait[i].fd, bytes, sizeof bytes - 1, 0);
    if (n < 12)
        fatal("a call was not answered: errno=%d", n < 0 ? errno : 0);
    bytes[n] = '\0';
    const char *status = bytes + sizeof "HTTP/1.1";
    if (memcmp(status, "200", 3) == 0)
        c->ok++;
    else if ((memcmp(status, "429", 3) == 0 || memcmp(status, "503", 3) == 0) &&
             strcasestr(bytes, "\r\nRetry-After: "))
        c->refused++;
    else
        c->others++;
    close(c->wait[i].fd);
    c->wait[i].fd = -1;
    c->ms[c->answered++] = (double)(now_ns() - c->sent_at[i]) / 1e6;
}

/* Until the next call is due, or any answer is there. */
static void poll_answers(struct calls *c, int ms)
{
    int ready = poll(c->wait, c->sent, ms);
    if (ready == 0 && ms == TIMEOUT_MS)
        fatal("%zu of %zu calls were not answered", c->sent - c->answered, c->sent);
    for (size_t i = 0; ready > 0 && i < c->sent; i++)
        if (c->wait[i].fd >= 0 && c->wait[i].revents)
            read_answer(c, i);
}

static void run(struct calls *c, int64_t rate)
{
    int64_t start = now_ns();
    while (c->answered < c->count) {
        int64_t due = rate ? start + (int64_t)c->sent * 1000000000 / rate : start;
        if (c->sent == c->count)
            poll_answers(c, TIMEOUT_MS);
        else if (due <= now_ns())
            send_one(c);
        else
            poll_answers(c, (int)((due - now_ns()) / 1000000) + 1);
    }
}

int main(int argc, char **argv)
{
    int64_t port, count, rate;
    if (argc != 6 || !str_to_i64(str_from_c(argv[1]), 1, UINT16_MAX, &port) ||
        !str_to_i64(str_from_c(argv[4]), 1, COUNT_MAX, &count) ||
        !str_to_i64(str_from_c(argv[5]), 0, 100000, &rate))
        fatal("usage: calls PORT PATH BODIES COUNT RATE");
    struct calls c = {.port = (int)port, .path = argv[2], .count = (size_t)count};
    lines_read(&c.bodies, argv[3]);
    proc_need_files((uint64_t)count + 64);
    c.wait = mem_zalloc(c.count, sizeof *c.wait);
    c.sent_at = mem_zalloc(c.count, sizeof *c.sent_at);
    c.ms = mem_zalloc(c.count, sizeof *c.ms);
    run(&c, rate);
    printf("%u %u %u %.3f %.3f %.3f\n", c.ok, c.refused, c.others, percentile(c.ms, c.count, 50),
           percentile(c.ms, c.count, 99), percentile(c.ms, c.count, 100));
    mem_free(c.wait);
    mem_free(c.sent_at);
    mem_free(c.ms);
    lines_release(&c.bodies);
    return 0;
}
