/* Readers at /connect and publishers at /publish in one epoll loop. */
#include "base/base.h"

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/post.h"
#include "bench/lib/proc.h"
#include "bench/lib/publishing.h"
#include "bench/lib/token.h"

#define STUCK_NS 10000000000LL /* no answer for so long: give up */

/* Makes frames of about 200 bytes. */
#define PAYLOAD "{\"text\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"

struct publisher_conn {
    struct buf answer; /* as far as it came */
    int64_t sent_at;
};

static void on_ask(struct streams *s, unsigned n, struct client_request *r)
{
    struct publishing *p = container_of(s, struct publishing, streams);
    char user[32];
    snprintf(user, sizeof user, "bench-%u", p->first + n);
    buf_reset(&p->token);
    token_backend(&p->token, str_from_c(user));
    buf_reset(&p->target);
    buf_appendf(&p->target, "/connect?user=%u", p->first + n); /* for the floor */
    *r = (struct client_request){.kind = CLIENT_WS,
                                 .target = buf_str(&p->target),
                                 .token = buf_str(&p->token),
                                 .hello = STR("{\"type\":\"subscribe\",\"filters\":"
                                              "[{\"type\":\"bench\"}]}")};
}

static void answer_part(struct publishing *p, unsigned i, struct str bytes)
{
    struct publisher_conn *c = &p->conns[i];
    struct str body;
    buf_append_str(&c->answer, bytes);
    size_t n = post_answer(buf_str(&c->answer), &body);
    if (n == 0)
        return;
    p->answered++;
    p->free[p->free_count++] = i;
    if (p->on_answer)
        p->on_answer(p, body, now_ns() - c->sent_at);
    buf_consume(&c->answer, n);
}

static void on_bytes(struct streams *s, unsigned n, char *bytes, size_t len)
{
    struct publishing *p = container_of(s, struct publishing, streams);
    if (n >= p->users)
        answer_part(p, n - p->users, str_make(bytes, len));
    else if (!p->silent)
        client_acknowledge(s->fds[n], bytes, len);
    if (n < p->users)
        client_answer_ping(s->fds[n], bytes, len);
}

void publishing_open(struct publishing *p, int port, unsigned users, unsigned publishers)
{
    p->port = port;
    p->users = users;
    p->publishers = publishers;
    p->streams.on_ask = on_ask;
    p->streams.on_bytes = on_bytes;
    p->conns = mem_zalloc(publishers, sizeof *p->conns);
    p->free = mem_alloc(publishers * sizeof *p->free);
    streams_init(&p->streams, users + publishers);
    streams_open(&p->streams, port, users);
    for (unsigned i = 0; i < publishers; i++) {
        p->free[p->free_count++] = i;
        streams_add(&p->streams, client_connect(port, i));
    }
    buf_reset(&p->token);
    token_backend(&p->token, STR("backend"));
    streams_settle(&p->streams);
}

static unsigned ready_publisher(struct publishing *p)
{
    unsigned i = p->free[--p->free_count];
    int64_t now = now_ns();
    if (now - p->conns[i].sent_at > POST_IDLE_NS)
        streams_replace(&p->streams, p->users + i, client_connect(p->port, i));
    p->conns[i].sent_at = now;
    return i;
}

bool publishing_send(struct publishing *p)
{
    char body[256];
    if (p->free_count == 0)
        return false;
    unsigned i = ready_publisher(p);
    int n = snprintf(body, sizeof body,
                     "{\"userId\":\"bench-%u\",\"type\":\"bench\",\"payload\":" PAYLOAD "}",
                     p->first + p->next_user);
    p->next_user = (p->next_user + 1) % p->users;
    buf_reset(&p->request);
    post_append(&p->request,
                &(struct post){STR("/publish"), buf_str(&p->token), str_make(body, (size_t)n)});
    client_write(p->streams.fds[p->users + i], p->request.p, p->request.n);
    return true;
}

void publishing_finish(struct publishing *p)
{
    int64_t progress_at = now_ns();
    while (p->free_count < p->publishers) {
        uint64_t before = p->answered;
        streams_poll(&p->streams, 100);
        if (p->answered != before)
            progress_at = now_ns();
        else if (now_ns() - progress_at > STUCK_NS)
            fatal("%u publishes were not answered", p->publishers - p->free_count);
    }
}

void publishing_close(struct publishing *p)
{
    streams_close(&p->streams);
    for (unsigned i = 0; i < p->publishers; i++)
        buf_release(&p->conns[i].answer);
    mem_free(p->conns);
    mem_free(p->free);
    buf_release(&p->token);
    buf_release(&p->target);
    buf_release(&p->request);
}
