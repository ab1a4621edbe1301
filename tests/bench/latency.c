/*
 * From the answer of a write to its event: one client writes over HTTP and holds an SSE and a
 * WebSocket stream of the same user. An event that is there before the answer counts as 0.
 *
 *   latency HTTP_PORT STREAM_PORT TOKEN WRITES
 */
#include "base/base.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/client.h"
#include "bench/lib/feed.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"

#define PAUSE_MS   2     /* between writes: the machine is idle */
#define WARM_UP    20    /* writes that are not counted */
#define TIMEOUT_MS 10000 /* nothing happens for so long: give up */

enum { HTTP, SSE, WS, CHANNELS };

static void post(int fd, struct str token, unsigned n)
{
    struct buf body = BUF_INIT, b = BUF_INIT;
    buf_appendf(&body, "{\"key\":\"bench\",\"value\":\"%c%u\"}", MARK, n);
    buf_appendf(&b,
                "POST /data HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %.*s\r\n"
                "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s",
                STR_ARG(token), body.n, STR_ARG(buf_str(&body)));
    client_write(fd, b.p, b.n);
    buf_release(&b);
    buf_release(&body);
}

/* One write: when its answer (which holds MARK too) and its event arrived on each channel. */
static void write_once(const int fds[CHANNELS], int64_t at[CHANNELS])
{
    struct pollfd wait[CHANNELS];
    char bytes[16384];
    int left = CHANNELS;
    memset(at, 0, sizeof *at * CHANNELS);
    for (int i = 0; i < CHANNELS; i++)
        wait[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    while (left > 0) {
        if (poll(wait, CHANNELS, TIMEOUT_MS) <= 0)
            fatal("no event for a write within %d ms", TIMEOUT_MS);
        for (int i = 0; i < CHANNELS; i++) {
            ssize_t n = wait[i].revents ? recv(fds[i], bytes, sizeof bytes, 0) : 0;
            if (wait[i].revents && n <= 0)
                fatal("a connection ended");
            if (i == HTTP && n > 0 && memcmp(bytes, "HTTP/1.1 200", 12) != 0)
                fatal("a write was refused: %.*s", (int)(n < 40 ? n : 40), bytes);
            if (n > 0 && !at[i] && memchr(bytes, MARK, (size_t)n)) {
                at[i] = now_ns();
                left--;
            }
        }
    }
}

static void report(const char *stream, double *ms, size_t n)
{
    char name[32];
    snprintf(name, sizeof name, "%s: p50", stream);
    row_print(name, "ms", percentile(ms, n, 50), -1, "value<0.5");
    snprintf(name, sizeof name, "%s: p99", stream);
    row_print(name, "ms", percentile(ms, n, 99), -1, "value<2");
}

int main(int argc, char **argv)
{
    int fds[CHANNELS];
    int64_t http_port = 0, stream_port = 0, writes = 0, at[CHANNELS];
    if (argc != 5 || !str_to_i64(str_from_c(argv[1]), 1, UINT16_MAX, &http_port) ||
        !str_to_i64(str_from_c(argv[2]), 1, UINT16_MAX, &stream_port) ||
        !str_to_i64(str_from_c(argv[4]), 1, 1000000, &writes))
        fatal("usage: latency HTTP_PORT STREAM_PORT TOKEN WRITES");
    struct str token = str_from_c(argv[3]);
    double *sse = mem_alloc((size_t)writes * sizeof *sse);
    double *ws = mem_alloc((size_t)writes * sizeof *ws);
    fds[HTTP] = client_connect((int)http_port, 0);
    for (int i = SSE; i <= WS; i++) {
        fds[i] = client_connect((int)stream_port, 0);
        struct client_request r = {.kind = i == SSE ? CLIENT_SSE : CLIENT_WS,
                                   .target = i == SSE ? STR("/api/events") : STR("/api/ws"),
                                   .token = token};
        client_ask(fds[i], &r);
        client_begin(fds[i], &r);
    }
    for (int64_t i = -WARM_UP; i < writes; i++) {
        post(fds[HTTP], token, (unsigned)(i + WARM_UP));
        write_once(fds, at);
        if (i >= 0) {
            sse[i] = at[SSE] > at[HTTP] ? (double)(at[SSE] - at[HTTP]) / 1e6 : 0;
            ws[i] = at[WS] > at[HTTP] ? (double)(at[WS] - at[HTTP]) / 1e6 : 0;
        }
        poll(NULL, 0, PAUSE_MS);
    }
    report("SSE", sse, (size_t)writes);
    report("WebSocket", ws, (size_t)writes);
    mem_free(sse);
    mem_free(ws);
    return 0;
}
