/* Streams as a client opens them. */
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "bench/lib/client.h"

#define SOURCES      8
#define READ_LIMIT_S 10

static struct sockaddr_in loopback(unsigned last_byte, int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(0x7f000000u + last_byte),
    };
}

enum client_kind client_kind_of(const char *word)
{
    if (strcmp(word, "sse") != 0 && strcmp(word, "ws") != 0)
        fatal("%s is neither sse nor ws", word);
    return word[0] == 's' ? CLIENT_SSE : CLIENT_WS;
}

int client_connect(int port, unsigned n)
{
    struct sockaddr_in from = loopback(2 + n % SOURCES, 0), to = loopback(1, port);
    struct timeval limit = {.tv_sec = READ_LIMIT_S};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fatal("client %u cannot connect to port %d: errno=%d", n, port, errno);
    return fd;
}

void client_write(int fd, const void *p, size_t n)
{
    if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
        fatal("cannot send %zu bytes: errno=%d", n, errno);
}

void client_ask(int fd, const struct client_request *r)
{
    struct buf b = BUF_INIT;
    buf_appendf(&b, "GET %.*s HTTP/1.1\r\nHost: localhost\r\n", STR_ARG(r->target));
    if (r->token.n)
        buf_appendf(&b, "Authorization: Bearer %.*s\r\n", STR_ARG(r->token));
    if (r->kind == CLIENT_SSE)
        buf_append_lit(&b, "Accept: text/event-stream\r\n");
    else
        buf_append_lit(&b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (r->subprotocol.n)
        buf_appendf(&b, "Sec-WebSocket-Protocol: %.*s\r\n", STR_ARG(r->subprotocol));
    buf_append_lit(&b, "\r\n");
    client_write(fd, b.p, b.n);
    buf_release(&b);
}

static void read_head(int fd, struct str subprotocol)
{
    char head[4096];
    size_t n = 0;
    do {
        ssize_t got = recv(fd, head + n, sizeof head - 1 - n, 0);
        if (got <= 0)
            fatal("no answer to a stream's request: errno=%d", got < 0 ? errno : 0);
        n += (size_t)got;
        head[n] = '\0';
    } while (!strstr(head, "\r\n\r\n"));
    if (memcmp(head + sizeof "HTTP/1.1", "200", 3) != 0 &&
        memcmp(head + sizeof "HTTP/1.1", "101", 3) != 0)
        fatal("a stream was refused: %.*s", (int)strcspn(head, "\r\n"), head);
    if (subprotocol.n && !memmem(head, n, subprotocol.p, subprotocol.n))
        fatal("no %.*s is spoken here", STR_ARG(subprotocol));
}

void client_begin(int fd, const struct client_request *r)
{
    struct buf frames = BUF_INIT;
    struct str left = r->hello, line;
    read_head(fd, r->subprotocol);
    while (r->hello.n && str_next(&left, '\n', &line))
        client_append_text(&frames, line);
    if (frames.n)
        client_write(fd, frames.p, frames.n);
    buf_release(&frames);
}

void client_set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

void client_append_text(struct buf *out, struct str text)
{
    /* RFC 6455 5.2 */
    const char long_head[] = {(char)0x81, (char)(0x80 | 126), (char)(text.n >> 8), (char)text.n};
    const char short_head[] = {(char)0x81, (char)(0x80 | text.n)};
    assert(text.n <= UINT16_MAX);
    if (text.n > 125)
        buf_append(out, long_head, sizeof long_head);
    else
        buf_append(out, short_head, sizeof short_head);
    buf_append(out, "\0\0\0\0", 4);
    buf_append_str(out, text);
}

void client_answer_ping(int fd, const char *p, size_t n)
{
    /* RFC 6455 5.5.3; masked with zeros, the payload stays as it is. */
    unsigned char pong[6 + 125] = {0x8a, 0x80};
    size_t payload = n >= 2 ? (unsigned char)p[1] : 0;
    if (n < 2 || (unsigned char)p[0] != 0x89 || payload > 125 || n < 2 + payload)
        return;
    pong[1] = (unsigned char)(0x80 | payload);
    memcpy(pong + 6, p + 2, payload);
    client_write(fd, pong, 6 + payload);
}

/* A message arrives in one piece here: readers take their bytes as they come. */
unsigned client_acknowledge(int fd, const char *p, size_t n)
{
    const struct str before = STR("\"envelopeId\":\"");
    const char *end = p + n, *at = p;
    struct buf frames = BUF_INIT;
    unsigned count = 0;
    while ((at = memmem(at, (size_t)(end - at), before.p, before.n))) {
        char ack[256];
        at += before.n;
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            fatal("an envelope came in pieces");
        int length =
            snprintf(ack, sizeof ack, "{\"type\":\"ack\",\"envelopeId\":\"%.*s\",\"result\":true}",
                     (int)(quote - at), at);
        client_append_text(&frames, str_make(ack, (size_t)length));
        count++;
    }
    if (frames.n)
        client_write(fd, frames.p, frames.n);
    buf_release(&frames);
    return count;
}
