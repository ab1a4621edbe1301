/*
 * A burst of changes, as fast as the application takes them, and what the readers have of it in the
 * end: exactly the log of their space, event by event, byte by byte. Prints how many hints the bus
 * dropped and what it cost to make up for them.
 *
 *   burst SERVER DATA_DIR IDS TOKENS CHANGES READERS
 *
 *   SERVER        "port=1 push=2": of the application and of cubby-pushd; with "stop=17" process 17
 *                 stands still from the tenth part of the changes to their end
 *   IDS, TOKENS   files of users and their access tokens, one a line: 200 of them are used
 */
#include "base/base.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "bench/lib/data.h"
#include "bench/lib/lines.h"
#include "bench/lib/options.h"
#include "bench/lib/post.h"
#include "bench/lib/proc.h"
#include "bench/lib/row.h"
#include "bench/lib/streams.h"
#include "store/event.h"

#define USERS    200
#define WRITERS  16  /* connections */
#define REQUESTS 900 /* fewer than lighttpd takes on one connection */
#define STUCK_NS 30000000000LL

/* What somebody has seen of a log: how many events, and a digest of all their text in order. */
struct seen {
    uint64_t events, digest;
};

struct reader {
    struct seen seen;
    struct buf part; /* of an event, the rest is to come */
};

struct writer {
    struct buf answer;
    bool busy;
    unsigned requests; /* on this connection */
};

struct burst {
    struct streams streams; /* the readers */
    struct streams writers;
    struct lines ids, tokens;
    struct reader *readers;
    struct writer writer[WRITERS];
    uint64_t heads[USERS]; /* the last event of each log before the burst */
    int port;              /* of the application */
    uint64_t changes, sent, answered, arrived;
    pid_t stop; /* 0: none */
    bool stopped;
    struct buf request;
};

/* FNV-1a */
static void see(struct seen *s, struct str text)
{
    if (s->events++ == 0)
        s->digest = 0xcbf29ce484222325;
    for (size_t i = 0; i < text.n; i++)
        s->digest = (s->digest ^ (unsigned char)text.p[i]) * 0x100000001b3;
}

/* --- readers --- */

static void on_ask(struct streams *s, unsigned n, struct client_request *r)
{
    struct burst *b = container_of(s, struct burst, streams);
    *r = (struct client_request){
        .kind = CLIENT_SSE, .target = STR("/api/events"), .token = b->tokens.line[n % USERS]};
}

/* Greetings and comments are not of the log. */
static bool is_of_log(struct str block)
{
    return str_starts_with(block, STR("id: ")) &&
           !memmem(block.p, block.n, "\nevent: realtime:connected\n", 27);
}

static void on_bytes(struct streams *s, unsigned n, char *p, size_t len)
{
    struct burst *b = container_of(s, struct burst, streams);
    struct reader *r = &b->readers[n];
    buf_append(&r->part, p, len);
    struct str rest = buf_str(&r->part);
    const char *end;
    while ((end = memmem(rest.p, rest.n, "\n\n", 2))) {
        struct str block = str_make(rest.p, (size_t)(end - rest.p) + 2);
        if (is_of_log(block)) {
            see(&r->seen, block);
            b->arrived++;
        }
        rest = str_from(rest, block.n);
    }
    buf_consume(&r->part, r->part.n - rest.n);
}

/* --- writers --- */

static void send_change(struct burst *b, unsigned n)
{
    char body[256];
    uint64_t number = b->sent++;
    if (++b->writer[n].requests % REQUESTS == 0)
        streams_replace(&b->writers, n, client_connect(b->port, n));
    int length = snprintf(body, sizeof body,
                          "{\"key\":\"burst-%llu\",\"value\":{\"n\":%llu,\"text\":\"%080llu\"}}",
                          (unsigned long long)(number / USERS % 10), (unsigned long long)number,
                          (unsigned long long)number);
    buf_reset(&b->request);
    post_append(&b->request, &(struct post){STR("/data"), b->tokens.line[number % USERS],
                                            str_make(body, (size_t)length)});
    client_write(b->writers.fds[n], b->request.p, b->request.n);
    b->writer[n].busy = true;
}

static void on_answer(struct streams *s, unsigned n, char *p, size_t len)
{
    struct burst *b = container_of(s, struct burst, writers);
    struct writer *w = &b->writer[n];
    struct str body;
    buf_append(&w->answer, p, len);
    size_t used = post_answer(buf_str(&w->answer), &body);
    if (used == 0)
        return;
    buf_consume(&w->answer, used);
    w->busy = false;
    b->answered++;
}

/* --- the burst --- */

static void stop_and_go(struct burst *b)
{
    bool stopped = b->answered >= b->changes / 10 && b->answered < b->changes;
    if (b->stop && stopped != b->stopped)
        kill(b->stop, stopped ? SIGSTOP : SIGCONT);
    b->stopped = stopped;
}

struct times {
    double taken_s;   /* until the last answer */
    double behind_ms; /* from then until all readers have all */
};

static struct times run(struct burst *b)
{
    int64_t start = now_ns(), answered_at = 0, progress_at = start;
    uint64_t all = b->changes / USERS * b->streams.count;
    while (b->arrived < all || b->answered < b->changes) {
        uint64_t before = b->arrived + b->answered;
        for (unsigned n = 0; n < WRITERS; n++) {
            if (!b->writer[n].busy && b->sent < b->changes)
                send_change(b, n);
        }
        stop_and_go(b);
        streams_poll(&b->writers, 0);
        streams_poll(&b->streams, 1);
        if (b->answered == b->changes && !answered_at)
            answered_at = now_ns();
        if (b->arrived + b->answered != before)
            progress_at = now_ns();
        else if (now_ns() - progress_at > STUCK_NS)
            break; /* the comparison says who lacks what */
    }
    return (struct times){(double)(answered_at - start) / 1e9,
                          (double)(now_ns() - answered_at) / 1e6};
}

/* --- the log --- */

struct expected {
    struct seen seen;
    struct str epoch;
    struct buf text;
};

/* As /api/events sends it. */
static enum err on_event(void *arg, const struct event *e)
{
    struct expected *x = arg;
    buf_reset(&x->text);
    buf_append_lit(&x->text, "id: ");
    event_id_append(&x->text, x->epoch, e->seq);
    buf_appendf(&x->text,
                "\nevent: %.*s\ndata: {\"event\":\"%.*s\",\"data\":%.*s,\"timestamp\":%lld}\n\n",
                STR_ARG(e->name), STR_ARG(e->name), STR_ARG(e->data), (long long)e->at);
    see(&x->seen, buf_str(&x->text));
    return OK;
}

/* Calls each with every user's space. */
static void each_space(struct burst *b, struct data *d,
                       void (*each)(struct burst *b, unsigned user, struct space *sp))
{
    for (unsigned user = 0; user < USERS; user++) {
        struct space *sp;
        data_need(space_acquire(d->store, SPACE_USER, b->ids.line[user], &sp), "a user's file");
        each(b, user, sp);
        space_release(sp);
    }
}

static void find_head(struct burst *b, unsigned user, struct space *sp)
{
    uint64_t oldest;
    data_need(event_bounds(sp, &oldest, &b->heads[user]), "a log");
}

/* Forgets the digest of readers who have what they should, so that the others can be counted. */
static void compare(struct burst *b, unsigned user, struct space *sp)
{
    struct expected x = {.epoch = str_from_c(sp->epoch)};
    data_need(event_read(sp, b->heads[user], SIZE_MAX, SIZE_MAX, on_event, &x), "a log");
    for (unsigned n = user; n < b->streams.count; n += USERS) {
        struct seen *s = &b->readers[n].seen;
        if (s->events == x.seen.events && s->digest == x.seen.digest)
            *s = (struct seen){0};
        else
            fprintf(stderr, "reader %u: %llu events, the log has %llu\n", n,
                    (unsigned long long)s->events, (unsigned long long)x.seen.events);
    }
    buf_release(&x.text);
}

/* --- what it cost --- */

static const struct metric {
    const char *name, *what;
} metrics[] = {
    {"cubby_push_bus_lost_total", "hints lost on the bus"},
    {"cubby_push_events_inline_total", "events taken from hints"},
    {"cubby_push_events_from_log_total", "events taken from the log"},
    {"cubby_push_log_reads_total", "reads of the log"},
};

static void read_metrics(int port, double values[ARRAY_LEN(metrics)])
{
    char page[16384];
    size_t n = 0;
    ssize_t got;
    const char *token = getenv("CUBBY_METRICS_TOKEN");
    int fd = client_connect(port, 0);
    client_ask(fd, &(struct client_request){.kind = CLIENT_SSE,
                                            .target = STR("/push/metrics"),
                                            .token = str_from_c(token)});
    shutdown(fd, SHUT_WR);
    while ((got = recv(fd, page + n, sizeof page - 1 - n, 0)) > 0)
        n += (size_t)got;
    close(fd);
    page[n] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        char line[96];
        snprintf(line, sizeof line, "\n%s ", metrics[i].name);
        const char *at = strstr(page, line);
        values[i] = at ? strtod(at + strlen(line), NULL) : 0;
    }
}

static void report(const struct burst *b, struct times t, const double before[ARRAY_LEN(metrics)],
                   const double after[ARRAY_LEN(metrics)])
{
    unsigned right = 0;
    for (unsigned n = 0; n < b->streams.count; n++)
        right += b->readers[n].seen.events == 0;
    row_print("changes taken", "1/s", (double)b->changes / t.taken_s, -1, "-");
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
        row_print(metrics[i].what, "", after[i] - before[i], -1, "-");
    row_print("last answer until all readers have all", "ms", t.behind_ms, -1, "-");
    row_print("readers with exactly their log (floor: all)", "", right, b->streams.count,
              "ratio>=1");
}

static void burst_open(struct burst *b, char **argv, unsigned readers)
{
    lines_read(&b->ids, argv[3]);
    lines_read(&b->tokens, argv[4]);
    if (b->ids.count < USERS || b->tokens.count < USERS)
        fatal("needs %d users", USERS);
    b->readers = mem_zalloc(readers, sizeof *b->readers);
    b->streams.on_ask = on_ask;
    b->streams.on_bytes = on_bytes;
    b->writers.on_bytes = on_answer;
    b->port = option_number(argv[1], "port");
    if (option_text(argv[1], "stop").p)
        b->stop = (pid_t)option_number(argv[1], "stop");
    streams_init(&b->streams, readers);
    streams_init(&b->writers, WRITERS);
    streams_open(&b->streams, option_number(argv[1], "push"), readers);
    for (unsigned n = 0; n < WRITERS; n++)
        streams_add(&b->writers, client_connect(b->port, n));
    streams_settle(&b->streams);
}

int main(int argc, char **argv)
{
    int64_t changes, readers;
    double before[ARRAY_LEN(metrics)], after[ARRAY_LEN(metrics)];
    struct burst *b = mem_zalloc(1, sizeof *b);
    struct data data;
    if (argc != 7 || !str_to_i64(str_from_c(argv[5]), USERS, 10000000, &changes) ||
        !str_to_i64(str_from_c(argv[6]), USERS, 10000, &readers))
        fatal("usage: burst SERVER DATA_DIR IDS TOKENS CHANGES READERS");
    b->changes = (uint64_t)(changes - changes % USERS);
    proc_need_files((uint64_t)readers + 1024);
    burst_open(b, argv, (unsigned)readers);
    int push_port = option_number(argv[1], "push");
    data_open(&data, argv[2], DB_SYNC_NORMAL);
    each_space(b, &data, find_head);
    read_metrics(push_port, before);
    struct times t = run(b);
    read_metrics(push_port, after);
    streams_settle(&b->streams); /* nothing may come twice either */
    each_space(b, &data, compare);
    data_close(&data);
    report(b, t, before, after);
    return 0;
}
