/* One read of main.db at a time, and who waits for it. */
#include "base/base.h"

#include "base/mem.h"
#include "pulse.h"
#include "readers.h"
#include "reply.h"
#include "server.h"
#include "store/look.h"
#include "wire/json.h"

struct pulse {
    struct server *server;
    struct reader_job job;
    bool beating;    /* job is on its way */
    bool overdue;    /* for PULSE_MS already */
    enum err result; /* of job */
    struct loop_timer late;
    struct list askers;
};

struct asker {
    struct list node;
    struct conn *conn;
    char *cors;
};

int pulse_append(struct buf *out, enum err e, struct str what)
{
    if (e == OK) {
        buf_append_lit(out, "{\"ok\":true}");
        return 200;
    }
    buf_append_lit(out, "{\"ok\":false,\"error\":");
    json_append_string(out, what);
    buf_append_lit(out, ",\"code\":");
    json_append_string(out, err_code(e));
    buf_append_lit(out, "}");
    return 503;
}

static void forget(struct asker *a)
{
    a->conn->stream = NULL;
    list_del(&a->node);
    mem_free(a->cors);
    mem_free(a);
}

static void answer(struct asker *a, enum err e, struct str what)
{
    struct conn *c = a->conn;
    char *cors = a->cors;
    struct buf body = BUF_INIT;
    int status = pulse_append(&body, e, what);
    a->cors = NULL;
    forget(a);
    reply_later(c, status, str_from_c(cors), buf_str(&body));
    buf_release(&body);
    mem_free(cors);
}

static void answer_all(struct pulse *p, enum err e, struct str what)
{
    while (!list_is_empty(&p->askers))
        answer(list_entry(p->askers.next, struct asker, node), e, what);
}

/* --- the read --- */

static void read_main(struct reader_job *job, struct store *store)
{
    container_of(job, struct pulse, job)->result = store_probe(store);
}

static void on_read(struct reader_job *job)
{
    struct pulse *p = container_of(job, struct pulse, job);
    p->beating = p->overdue = false;
    loop_timer_clear(&p->late);
    answer_all(p, p->result, STR("main.db cannot be read"));
}

static void on_late(struct loop_timer *t)
{
    struct pulse *p = container_of(t, struct pulse, late);
    p->overdue = true;
    answer_all(p, ERR_BUSY, STR(PULSE_STUCK));
}

static void beat(struct pulse *p)
{
    struct loop *l = p->server->loop;
    p->beating = true;
    loop_timer_set(l, &p->late, loop_now(l) + PULSE_MS);
    readers_submit(p->server->readers, &p->job);
}

/* --- who asks --- */

enum err pulse_ask(struct pulse *p, struct conn *c, struct str cors)
{
    if (p->overdue)
        return ERR_BUSY;
    struct asker *a = mem_zalloc(1, sizeof(*a));
    a->conn = c;
    a->cors = mem_dup(cors.p, cors.n);
    list_add_tail(&p->askers, &a->node);
    c->stream = a;
    if (!p->beating)
        beat(p);
    return ERR_MORE;
}

void pulse_answer(struct conn *c)
{
    if (c->stream)
        answer(c->stream, ERR_BUSY, STR("cubby-pushd is about to end"));
}

void pulse_cancel(struct conn *c)
{
    if (c->stream)
        forget(c->stream);
}

struct pulse *pulse_new(struct server *s)
{
    struct pulse *p = mem_zalloc(1, sizeof(*p));
    p->server = s;
    p->job.read = read_main;
    p->job.done = on_read;
    loop_timer_init(&p->late, on_late);
    list_init(&p->askers);
    return p;
}

void pulse_free(struct pulse *p)
{
    assert(list_is_empty(&p->askers) && !p->beating);
    loop_timer_clear(&p->late);
    mem_free(p);
}
