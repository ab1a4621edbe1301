/* Messages committed as the application does, or posted over a few connections in turn. */
#include "base/base.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/feed.h"
#include "bench/lib/post.h"
#include "bench/lib/publisher.h"
#include "bench/lib/token.h"

#define ANSWER_BYTES 65536 /* read at once */

struct publisher {
    const struct protocol *protocol;
    struct feed *feed; /* NULL: it posts */
    int fds[PUBLISHER_WINDOW];
    bool waiting[PUBLISHER_WINDOW]; /* for an answer */
    unsigned next;
    struct buf token, body, request, answer;
};

struct publisher *publisher_open(const struct protocol *protocol, const struct publisher_target *t)
{
    struct publisher *p = mem_zalloc(1, sizeof *p);
    p->protocol = protocol;
    if (protocol->post.n == 0) {
        p->feed = feed_open(t->data_dir, t->user_id);
        return p;
    }
    token_backend(&p->token, STR(BENCH_USER));
    for (unsigned i = 0; i < PUBLISHER_WINDOW; i++)
        p->fds[i] = client_connect(t->port, i);
    return p;
}

static void read_answer(struct publisher *p, int fd)
{
    struct str body;
    buf_reset(&p->answer);
    while (p->answer.n == 0 || !post_answer(buf_str(&p->answer), &body)) {
        ssize_t n = recv(fd, buf_reserve(&p->answer, ANSWER_BYTES), ANSWER_BYTES, 0);
        if (n <= 0)
            fatal("a publisher got no answer: errno=%d", n < 0 ? errno : 0);
        p->answer.n += (size_t)n;
    }
}

void publisher_send(struct publisher *p, size_t filler)
{
    const struct protocol *protocol = p->protocol;
    if (p->feed) {
        feed_send(p->feed, filler);
        return;
    }
    unsigned i = p->next++ % PUBLISHER_WINDOW;
    if (p->waiting[i])
        read_answer(p, p->fds[i]);
    buf_reset(&p->body);
    buf_append_str(&p->body, protocol->before);
    buf_append_ch(&p->body, MARK);
    memset(buf_reserve(&p->body, filler), 'x', filler);
    p->body.n += filler;
    buf_append_str(&p->body, protocol->after);
    buf_reset(&p->request);
    post_append(&p->request, &(struct post){protocol->post, buf_str(&p->token), buf_str(&p->body)});
    client_write(p->fds[i], p->request.p, p->request.n);
    p->waiting[i] = true;
}

void publisher_close(struct publisher *p)
{
    if (p->feed)
        feed_close(p->feed);
    for (unsigned i = 0; !p->feed && i < PUBLISHER_WINDOW; i++)
        close(p->fds[i]);
    buf_release(&p->token);
    buf_release(&p->body);
    buf_release(&p->request);
    buf_release(&p->answer);
    mem_free(p);
}
