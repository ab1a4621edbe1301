/* The subscriber: takes what nng's threads receive to its own thread, and notices what is missing.
 */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/rand.h"
#include "domain/bus_nng.h"

/* A publisher that is connected, as far as its messages have told. */
struct publisher {
    struct list in_publishers;
    uint32_t pipe;
    uint64_t id, counter;
    bool said_bye;
};

/* Something nng's threads hand over: a message, or (msg NULL) a pipe that closed. */
struct arrival {
    struct list in_queue;
    nng_msg *msg;
    uint32_t pipe;
};

struct bus_sub {
    nng_socket socket;
    nng_aio *aio;
    char *path;
    int event_fd;
    pthread_mutex_t lock; /* queue, queued, dropped: shared with nng's threads */
    struct list queue;
    size_t queued;
    uint64_t dropped;  /* messages for which there was no room in it */
    struct list ready; /* taken off the queue, the reader's alone, as all below */
    struct list publishers;
    struct arrival *current; /* the message handed out last */
    bool gap;
    struct event events[BUS_EVENTS_MAX];
    struct bus_stats stats;
};

static void enqueue(struct bus_sub *s, nng_msg *msg, uint32_t pipe)
{
    struct arrival *a = NULL;
    pthread_mutex_lock(&s->lock);
    bool was_empty = list_is_empty(&s->queue);
    if (msg && s->queued >= 2 * BUS_QUEUE_MESSAGES) {
        s->dropped++; /* the reader is stuck: drop, it will check the logs */
        nng_msg_free(msg);
    } else {
        a = mem_alloc(sizeof *a);
        a->msg = msg;
        a->pipe = pipe;
        list_add_tail(&s->queue, &a->in_queue);
        s->queued += msg != NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (was_empty && a)
        bus_wake(s->event_fd);
}

static void on_received(void *arg)
{
    struct bus_sub *s = arg;
    int result = nng_aio_result(s->aio);
    if (result == NNG_ECLOSED || result == NNG_ECANCELED)
        return;
    nng_msg *msg = result == 0 ? nng_aio_get_msg(s->aio) : NULL;
    if (msg) /* after any other failure: what was lost is missing in its publisher's count */
        enqueue(s, msg, (uint32_t)nng_pipe_id(nng_msg_get_pipe(msg)));
    nng_recv_aio(s->socket, s->aio);
}

static void on_pipe_closed(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)event;
    enqueue(arg, NULL, (uint32_t)nng_pipe_id(pipe));
}

/* Remove sockets that nobody listens on any more: a pushd that was killed. */
static void remove_stale_sockets(const char *dir)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    if (!d)
        return;
    while ((e = readdir(d))) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        int n = snprintf(to.sun_path, sizeof to.sun_path, "%s/%s", dir, e->d_name);
        int fd = bus_is_socket_name(e->d_name) && n > 0 && (size_t)n < sizeof to.sun_path
                     ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
                     : -1;
        if (fd < 0)
            continue;
        if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno == ECONNREFUSED)
            unlink(to.sun_path);
        close(fd);
    }
    closedir(d);
}

static bool sub_listen(struct bus_sub *s, const char *dir)
{
    char name[BUS_NAME_LEN], url[NNG_MAXADDRLEN], unique[RAND_ID_LEN + 1];
    nng_listener l;
    rand_id(unique);
    snprintf(name, sizeof name, "%d-%.8s.sock", (int)getpid(), unique);
    if (!bus_socket_url(url, dir, name) || nng_listener_create(&l, s->socket, url) != 0)
        return false;
    nng_listener_set_int(l, NNG_OPT_IPC_PERMISSIONS, 0600);
    if (nng_listener_start(l, 0) != 0)
        return false;
    s->path = mem_dup(url + strlen("ipc://"), strlen(url) - strlen("ipc://"));
    return true;
}

enum err bus_sub_open(struct bus_sub **out, struct str directory)
{
    struct bus_sub *s = mem_zalloc(1, sizeof *s);
    char *dir = mem_dup(directory.p, directory.n);
    bool open = false;
    enum err e = ERR_INTERNAL;
    list_init(&s->queue);
    list_init(&s->ready);
    list_init(&s->publishers);
    pthread_mutex_init(&s->lock, NULL);
    s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->event_fd < 0 || !bus_make_directory(dir))
        goto out;
    remove_stale_sockets(dir);
    open = nng_sub0_open(&s->socket) == 0;
    if (!open || nng_aio_alloc(&s->aio, on_received, s) != 0)
        goto out;
    nng_socket_set(s->socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    nng_socket_set_int(s->socket, NNG_OPT_RECVBUF, BUS_QUEUE_MESSAGES);
    nng_socket_set_size(s->socket, NNG_OPT_RECVMAXSZ, 2 * BUS_MESSAGE_MAX);
    nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, on_pipe_closed, s);
    nng_recv_aio(s->socket, s->aio);
    if (!sub_listen(s, dir))
        goto out;
    *out = s;
    s = NULL;
    e = OK;
out:
    mem_free(dir);
    if (s && open)
        nng_close(s->socket);
    if (s) {
        if (s->aio)
            nng_aio_free(s->aio);
        if (s->event_fd >= 0)
            close(s->event_fd);
        mem_free(s);
    }
    return e;
}

int bus_sub_fd(const struct bus_sub *s)
{
    return s->event_fd;
}

static struct publisher *publisher_of(struct bus_sub *s, uint32_t pipe)
{
    list_for_each (node, &s->publishers) {
        struct publisher *p = list_entry(node, struct publisher, in_publishers);
        if (p->pipe == pipe)
            return p;
    }
    return NULL;
}

/* The pipe is gone. Whoever had messages on it and did not take leave may have lost some. */
static void pipe_closed(struct bus_sub *s, uint32_t pipe)
{
    struct publisher *p = publisher_of(s, pipe);
    if (!p)
        return;
    s->gap |= !p->said_bye;
    s->stats.vanished += !p->said_bye;
    s->stats.publishers--;
    list_del(&p->in_publishers);
    mem_free(p);
}

/* Follow the publisher's counter; sets gap when messages before this one are missing. */
static void follow_counter(struct bus_sub *s, uint32_t pipe, const struct bus_sender *from,
                           enum bus_kind kind)
{
    struct publisher *p = publisher_of(s, pipe);
    if (!p && nng_listener_id(nng_pipe_listener((nng_pipe){pipe})) < 0) {
        s->gap |= kind != BUS_BYE; /* its pipe closed before its last messages were read */
        return;
    }
    if (!p) {
        p = mem_zalloc(1, sizeof *p);
        p->pipe = pipe;
        p->id = from->publisher;
        list_add_tail(&s->publishers, &p->in_publishers);
        s->stats.publishers++;
    }
    bool counted = kind != BUS_ALIVE && kind != BUS_BYE; /* these repeat the last counter */
    uint64_t expected = p->counter + counted;
    if (from->counter != expected) {
        s->gap = true;
        s->stats.lost += from->counter > expected ? from->counter - expected : 0;
    }
    p->counter = from->counter;
    p->said_bye |= kind == BUS_BYE;
}

/* The next arrival, of the batch taken before or of a new one. */
static struct arrival *next_arrival(struct bus_sub *s)
{
    uint64_t count;
    if (list_is_empty(&s->ready)) {
        if (read(s->event_fd, &count, sizeof count) < 0 && errno != EAGAIN)
            return NULL;
        pthread_mutex_lock(&s->lock);
        list_splice(&s->ready, &s->queue);
        s->queued = 0;
        s->gap |= s->dropped > s->stats.dropped;
        s->stats.dropped = s->dropped;
        pthread_mutex_unlock(&s->lock);
    }
    if (list_is_empty(&s->ready))
        return NULL;
    struct arrival *a = list_entry(s->ready.next, struct arrival, in_queue);
    list_del(&a->in_queue);
    return a;
}

static void arrival_free(struct arrival *a)
{
    if (a && a->msg)
        nng_msg_free(a->msg);
    mem_free(a);
}

/* True when *out is a message for the caller. */
static bool arrival_read(struct bus_sub *s, const struct arrival *a, struct bus_message *out)
{
    struct bus_sender from;
    if (!a->msg) {
        pipe_closed(s, a->pipe);
        return false;
    }
    s->stats.received++;
    struct str bytes = str_make(nng_msg_body(a->msg), nng_msg_len(a->msg));
    if (bus_wire_decode(bytes, &from, out, s->events) != OK) {
        s->gap = true; /* not ours, or of another version: the logs tell */
        return false;
    }
    follow_counter(s, a->pipe, &from, out->kind);
    return out->kind != BUS_ALIVE && out->kind != BUS_BYE;
}

bool bus_sub_next(struct bus_sub *s, struct bus_message *out)
{
    arrival_free(s->current);
    while ((s->current = next_arrival(s))) {
        if (arrival_read(s, s->current, out))
            return true;
        arrival_free(s->current);
    }
    if (!s->gap)
        return false;
    s->gap = false;
    s->stats.gaps++;
    *out = (struct bus_message){.kind = BUS_GAP};
    return true;
}

bool bus_sub_is_reachable(const struct bus_sub *s)
{
    return access(s->path, W_OK) == 0;
}

struct bus_stats bus_sub_stats(const struct bus_sub *s)
{
    return s->stats;
}

static void free_arrivals(struct list *queue)
{
    list_for_each_safe (node, queue) {
        list_del(node);
        arrival_free(list_entry(node, struct arrival, in_queue));
    }
}

void bus_sub_close(struct bus_sub *s)
{
    if (!s)
        return;
    bool closed = bus_socket_close(s->socket);
    unlink(s->path);
    if (!closed)
        return;
    nng_aio_stop(s->aio);
    nng_aio_free(s->aio);
    arrival_free(s->current);
    free_arrivals(&s->queue);
    free_arrivals(&s->ready);
    list_for_each_safe (node, &s->publishers) {
        list_del(node);
        mem_free(list_entry(node, struct publisher, in_publishers));
    }
    close(s->event_fd);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->path);
    mem_free(s);
}
