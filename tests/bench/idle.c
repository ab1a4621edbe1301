/*
 * Memory of idle cubby.v1 connections with one filter and one room each, ten to a room.
 *
 *   idle NAME CLIENTS PID PORT TOKENS      TOKENS: a file, one a line, taken in turn
 */
#include "base/base.h"

#include "base/log.h"
#include "bench/lib/lines.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "bench/lib/streams.h"

#define ROOM_SIZE 10

struct idle {
    struct streams streams;
    struct lines tokens;
    struct buf hello;
    unsigned joined;
};

static void on_ask(struct streams *s, unsigned n, struct client_request *r)
{
    struct idle *i = container_of(s, struct idle, streams);
    buf_reset(&i->hello);
    buf_appendf(&i->hello,
                "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"table:posts:*\"}]}\n"
                "{\"type\":\"join\",\"room\":\"room:bench-%u\"}",
                n / ROOM_SIZE);
    *r = (struct client_request){.kind = CLIENT_WS,
                                 .target = STR("/api/ws"),
                                 .token = i->tokens.line[n % i->tokens.count],
                                 .subprotocol = STR("cubby.v1"),
                                 .hello = buf_str(&i->hello)};
}

static void on_bytes(struct streams *s, unsigned n, char *p, size_t len)
{
    struct idle *i = container_of(s, struct idle, streams);
    const struct str refusal = STR("realtime:error"), members = STR("\"event\":\"presence\"");
    i->joined += memmem(p, len, members.p, members.n) != NULL;
    client_answer_ping(s->fds[n], p, len);
    if (memmem(p, len, refusal.p, refusal.n))
        fatal("connection %u was told %.*s", n, (int)len, p);
}

int main(int argc, char **argv)
{
    struct idle i = {.streams = {.on_ask = on_ask, .on_bytes = on_bytes}};
    int64_t clients, pid, port;
    if (argc != 6 || !str_to_i64(str_from_c(argv[2]), 2, 50000, &clients) ||
        !str_to_i64(str_from_c(argv[3]), 1, INT32_MAX, &pid) ||
        !str_to_i64(str_from_c(argv[4]), 1, UINT16_MAX, &port))
        fatal("usage: idle NAME CLIENTS PID PORT TOKENS");
    proc_need_files((uint64_t)clients + 64);
    lines_read(&i.tokens, argv[5]);
    streams_init(&i.streams, (unsigned)clients);
    unsigned first = (unsigned)clients / 100 + 1; /* they fill what has a bound, as caches have */
    streams_open(&i.streams, (int)port, first);
    streams_settle(&i.streams);
    int64_t pss = proc_pss((pid_t)pid);
    streams_open(&i.streams, (int)port, (unsigned)clients - first);
    streams_settle(&i.streams);
    if (i.joined != clients)
        fatal("%u of %u are in their rooms", i.joined, (unsigned)clients);
    row_print(argv[1], "B", (double)(proc_pss((pid_t)pid) - pss) / (double)(clients - first), -1,
              "value<=1024");
    streams_close(&i.streams);
    lines_release(&i.tokens);
    buf_release(&i.hello);
    return 0;
}
