/* Messages committed as the application does, or posted over a few connections in turn. */
#include "base/base.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/feed.h"
#include "bench/lib/post.h"
#include "bench/lib/proc.h"
#include "bench/lib/publisher.h"
#include "bench/lib/token.h"

#define ANSWER_BYTES 65536 /* read at once */

struct channel {
    int fd;
    bool waiting; /* for an answer */
    int64_t sent_at;
    struct buf answer;
};

struct publisher {
    const struct protocol *protocol;
    struct feed *feed; /* NULL: it posts */
    int port;
    struct channel channels[PUBLISHER_WINDOW];
    unsigned next;
    struct buf token, body, request;
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
    p->port = t->port;
    for (unsigned i = 0; i < PUBLISHER_WINDOW; i++)
        p->channels[i].fd = -1;
    return p;
}

/* The connections are used in turn: it is that of the oldest post that counts. */
bool publisher_is_ready(struct publisher *p)
{
    struct channel *c = &p->channels[p->next % PUBLISHER_WINDOW];
    struct str body;
    if (p->feed || !c->waiting)
        return true;
    ssize_t n = recv(c->fd, buf_reserve(&c->answer, ANSWER_BYTES), ANSWER_BYTES, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        fatal("a publisher got no answer: errno=%d", n < 0 ? errno : 0);
    c->answer.n += (size_t)n;
    c->waiting = post_answer(buf_str(&c->answer), &body) == 0;
    if (!c->waiting)
        buf_reset(&c->answer);
    return !c->waiting;
}

static struct channel *open_channel(struct publisher *p)
{
    unsigned n = p->next++ % PUBLISHER_WINDOW;
    struct channel *c = &p->channels[n];
    int64_t now = now_ns();
    if (c->fd < 0 || now - c->sent_at > POST_IDLE_NS) {
        if (c->fd >= 0)
            close(c->fd);
        c->fd = client_connect(p->port, n);
    }
    c->sent_at = now;
    c->waiting = true;
    return c;
}

void publisher_send(struct publisher *p, size_t filler)
{
    const struct protocol *protocol = p->protocol;
    if (p->feed) {
        feed_send(p->feed, filler);
        return;
    }
    struct channel *c = open_channel(p);
    buf_reset(&p->body);
    buf_append_str(&p->body, protocol->before);
    buf_append_ch(&p->body, MARK);
    memset(buf_reserve(&p->body, filler), 'x', filler);
    p->body.n += filler;
    buf_append_str(&p->body, protocol->after);
    buf_reset(&p->request);
    post_append(&p->request, &(struct post){protocol->post, buf_str(&p->token), buf_str(&p->body)});
    client_write(c->fd, p->request.p, p->request.n);
}

void publisher_close(struct publisher *p)
{
    if (p->feed)
        feed_close(p->feed);
    for (unsigned i = 0; !p->feed && i < PUBLISHER_WINDOW; i++) {
        if (p->channels[i].fd >= 0)
            close(p->channels[i].fd);
        buf_release(&p->channels[i].answer);
    }
    buf_release(&p->token);
    buf_release(&p->body);
    buf_release(&p->request);
    mem_free(p);
}
