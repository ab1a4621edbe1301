/*
 * The bus on nng 1.5 PUB/SUB over ipc. A publisher's send never blocks and never fails: what does
 * not fit is dropped in silence, so every message carries its publisher's counter, which a thread
 * repeats, and the subscriber turns what is missing into BUS_GAP.
 */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rand.h"
#include "domain/bus_wire.h"

#define QUEUE_MESSAGES     8192 /* nng's own maximum for its buffers */
#define LISTENERS_MAX      16   /* pushd processes a publisher reaches at once */
#define REPEAT_FAST_MS     250
#define REPEAT_FAST_FOR_MS 2000
#define REPEAT_SLOW_MS     5000
#define RECONNECT_MIN_MS   10
#define RECONNECT_MAX_MS   200
#define CLOSE_MS           400 /* an orderly end takes a few */
#define NAME_LEN           40  /* "<pid>-<8 hex>.sock" */
#define SOCKET_SUFFIX      STR(".sock")

/* Where a socket of the directory lives: "ipc://<dir>/<name>"; false when that is too long. */
static bool socket_url(char url[NNG_MAXADDRLEN], const char *dir, const char *name)
{
    int n = snprintf(url, NNG_MAXADDRLEN, "ipc://%s/%s", dir, name);
    return n > 0 && n < NNG_MAXADDRLEN &&
           (size_t)n - strlen("ipc://") < sizeof((struct sockaddr_un *)0)->sun_path;
}

static bool is_socket_name(const char *name)
{
    struct str s = str_from_c(name);
    return s.n < NAME_LEN && str_ends_with(s, SOCKET_SUFFIX);
}

static void *close_thread(void *id)
{
    nng_close((nng_socket){.id = (uint32_t)(uintptr_t)id});
    return NULL;
}

/*
 * nng 1.5 may wait for ever for a pipe that breaks at the moment its socket is closed. Whoever
 * closes is about to end and does not wait with it. False: it goes on, and so must what it uses.
 */
static bool socket_close(nng_socket socket)
{
    pthread_t thread;
    struct timespec until;
    if (pthread_create(&thread, NULL, close_thread, (void *)(uintptr_t)socket.id) != 0)
        return false;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += CLOSE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return true;
    pthread_detach(thread);
    return false;
}

/* --- publisher ---------------------------------------------------------------------------------
 */

struct listener {
    char name[NAME_LEN]; /* "": a free place */
    nng_dialer dialer;
};

struct bus_pub {
    nng_socket socket;
    char *dir;
    uint64_t id;
    pthread_mutex_t lock; /* counter and send together: messages leave in the counter's order */
    bool open;            /* the socket, the watcher and what they use are there */
    uint64_t counter;
    int64_t last_sent_ms;
    struct buf scratch;
    struct listener listeners[LISTENERS_MAX]; /* the watcher thread's alone */
    int wake_fd, watch_fd;
    _Atomic bool stop;
    pthread_t watcher;
};

static void send_locked(struct bus_pub *p, const struct bus_message *m)
{
    nng_msg *msg;
    struct bus_sender from = {p->id, p->counter};
    buf_reset(&p->scratch);
    bus_wire_encode(&p->scratch, &from, m);
    if (nng_msg_alloc(&msg, 0) != 0)
        return; /* the next repeated counter shows the gap */
    if (nng_msg_append(msg, p->scratch.p, p->scratch.n) != 0 ||
        nng_sendmsg(p->socket, msg, NNG_FLAG_NONBLOCK) != 0)
        nng_msg_free(msg);
}

static void wake(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        return; /* EAGAIN: it is awake */
}

static void send_own(struct bus_pub *p, enum bus_kind kind)
{
    struct bus_message m = {.kind = kind, .space_kind = SPACE_MAIN};
    pthread_mutex_lock(&p->lock);
    send_locked(p, &m);
    pthread_mutex_unlock(&p->lock);
}

static struct listener *listener_find(struct bus_pub *p, const char *name)
{
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        if (str_eq(str_from_c(p->listeners[i].name), str_from_c(name)))
            return &p->listeners[i];
    return NULL;
}

/*
 * Dial a socket that appeared. Waiting for the connection matters at the start: a program that
 * publishes once and leaves (plain CGI) would otherwise be gone before it was connected.
 */
static void listener_add(struct bus_pub *p, const char *name, bool wait)
{
    char url[NNG_MAXADDRLEN];
    struct listener *free_place = listener_find(p, "");
    if (!is_socket_name(name) || listener_find(p, name) || !free_place ||
        !socket_url(url, p->dir, name))
        return;
    struct listener *l = free_place;
    if (nng_dialer_create(&l->dialer, p->socket, url) != 0)
        return;
    nng_dialer_set_ms(l->dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    nng_dialer_set_ms(l->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if ((!wait || nng_dialer_start(l->dialer, 0) != 0) &&
        nng_dialer_start(l->dialer, NNG_FLAG_NONBLOCK) != 0) {
        nng_dialer_close(l->dialer);
        return;
    }
    memcpy(l->name, name, str_from_c(name).n + 1);
}

static void listener_del(struct bus_pub *p, const char *name)
{
    struct listener *l = is_socket_name(name) ? listener_find(p, name) : NULL;
    if (!l)
        return;
    nng_dialer_close(l->dialer);
    l->name[0] = '\0';
}

static void scan_directory(struct bus_pub *p, bool wait)
{
    struct dirent *e;
    DIR *d = opendir(p->dir);
    if (!d)
        return;
    while ((e = readdir(d)))
        listener_add(p, e->d_name, wait);
    closedir(d);
}

/* What inotify saw: sockets that came and went. */
static void read_watch(struct bus_pub *p)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t n;
    while ((n = read(p->watch_fd, events, sizeof events)) > 0) {
        for (char *at = events; at < events + n;) {
            const struct inotify_event *e = (const struct inotify_event *)(void *)at;
            if (e->mask & (IN_DELETE | IN_MOVED_FROM))
                listener_del(p, e->name);
            else if (e->mask & (IN_CREATE | IN_MOVED_TO))
                listener_add(p, e->name, false);
            else if (e->mask & IN_Q_OVERFLOW)
                scan_directory(p, false);
            at += sizeof *e + e->len;
        }
    }
}

static int repeat_interval(struct bus_pub *p)
{
    pthread_mutex_lock(&p->lock);
    bool fresh = clock_mono_ms() - p->last_sent_ms < REPEAT_FAST_FOR_MS;
    pthread_mutex_unlock(&p->lock);
    return fresh ? REPEAT_FAST_MS : REPEAT_SLOW_MS;
}

/* Watches the directory and repeats the counter, so that a lost last message shows. */
static void *watcher_main(void *arg)
{
    struct bus_pub *p = arg;
    int64_t due = clock_mono_ms();
    while (!p->stop) {
        int64_t now = clock_mono_ms(), next = now + repeat_interval(p);
        due = due < next ? due : next;
        struct pollfd fds[] = {{p->wake_fd, POLLIN, 0}, {p->watch_fd, POLLIN, 0}};
        poll(fds, ARRAY_LEN(fds), (int)(due > now ? due - now : 0));
        uint64_t count;
        if (fds[0].revents && read(p->wake_fd, &count, sizeof count) > 0)
            due = clock_mono_ms(); /* a listener connected, or the first message after a pause */
        if (fds[1].revents)
            read_watch(p);
        if (clock_mono_ms() >= due) {
            send_own(p, BUS_ALIVE);
            due = clock_mono_ms() + repeat_interval(p);
        }
    }
    return NULL;
}

static void on_listener_connected(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct bus_pub *p = arg;
    (void)pipe, (void)event;
    wake(p->wake_fd);
}

/* With its parents: data_dir/run may not be there yet. */
static bool make_directory(char *dir)
{
    for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(dir, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return mkdir(dir, 0700) == 0 || errno == EEXIST;
}

static void release_descriptors(struct bus_pub *p)
{
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    if (p->watch_fd >= 0)
        close(p->watch_fd);
}

/* Connect to all who listen now, and start to look for more. False: nothing is open. */
static bool pub_start(struct bus_pub *p)
{
    p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    p->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (p->wake_fd < 0 || p->watch_fd < 0 || !make_directory(p->dir) ||
        inotify_add_watch(p->watch_fd, p->dir,
                          IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) < 0)
        goto out;
    if (nng_pub0_open(&p->socket) != 0)
        goto out;
    nng_socket_set_int(p->socket, NNG_OPT_SENDBUF, QUEUE_MESSAGES);
    nng_pipe_notify(p->socket, NNG_PIPE_EV_ADD_POST, on_listener_connected, p);
    scan_directory(p, true);
    p->open = pthread_create(&p->watcher, NULL, watcher_main, p) == 0;
    if (p->open)
        return true;
    nng_close(p->socket);
out:
    release_descriptors(p);
    return false;
}

struct bus_pub *bus_pub_open_late(struct str dir)
{
    struct bus_pub *p = mem_zalloc(1, sizeof *p);
    p->dir = mem_dup(dir.p, dir.n);
    p->last_sent_ms = clock_mono_ms() - REPEAT_FAST_FOR_MS;
    pthread_mutex_init(&p->lock, NULL);
    rand_bytes(&p->id, sizeof p->id);
    return p;
}

static void pub_free(struct bus_pub *p)
{
    buf_release(&p->scratch);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->dir);
    mem_free(p);
}

enum err bus_pub_open(struct bus_pub **out, struct str dir)
{
    struct bus_pub *p = bus_pub_open_late(dir);
    if (pub_start(p)) {
        *out = p;
        return OK;
    }
    pub_free(p);
    return ERR_INTERNAL;
}

void bus_publish(struct bus_pub *p, const struct bus_message *m)
{
    pthread_mutex_lock(&p->lock);
    if (!p->open && !pub_start(p)) {
        pthread_mutex_unlock(&p->lock);
        return;
    }
    bool idle = clock_mono_ms() - p->last_sent_ms >= REPEAT_FAST_FOR_MS;
    p->counter++;
    p->last_sent_ms = clock_mono_ms();
    send_locked(p, m);
    pthread_mutex_unlock(&p->lock);
    if (idle)
        wake(p->wake_fd); /* the watcher sleeps long: repeat soon from now on */
}

void bus_pub_close(struct bus_pub *p)
{
    if (!p)
        return;
    if (p->open) {
        p->stop = true;
        wake(p->wake_fd);
        pthread_join(p->watcher, NULL);
        send_own(p, BUS_BYE);
        poll(NULL, 0, 20); /* nng_close drops what its threads have not written yet */
        if (!socket_close(p->socket))
            return;
        release_descriptors(p);
    }
    pub_free(p);
}

/* --- subscriber --------------------------------------------------------------------------------
 */

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
    pthread_mutex_t lock; /* queue, queued, overflowed: shared with nng's threads */
    struct list queue;
    size_t queued;
    bool overflowed;
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
    if (msg && s->queued >= 2 * QUEUE_MESSAGES) {
        s->overflowed = true; /* the reader is stuck: drop, it will check the logs */
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
        wake(s->event_fd);
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
        int fd = is_socket_name(e->d_name) && n > 0 && (size_t)n < sizeof to.sun_path
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
    char name[NAME_LEN], url[NNG_MAXADDRLEN], unique[RAND_ID_LEN + 1];
    nng_listener l;
    rand_id(unique);
    snprintf(name, sizeof name, "%d-%.8s.sock", (int)getpid(), unique);
    if (!socket_url(url, dir, name) || nng_listener_create(&l, s->socket, url) != 0)
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
    if (s->event_fd < 0 || !make_directory(dir))
        goto out;
    remove_stale_sockets(dir);
    open = nng_sub0_open(&s->socket) == 0;
    if (!open || nng_aio_alloc(&s->aio, on_received, s) != 0)
        goto out;
    nng_socket_set(s->socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    nng_socket_set_int(s->socket, NNG_OPT_RECVBUF, QUEUE_MESSAGES);
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
        s->gap |= s->overflowed;
        s->overflowed = false;
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
    bool closed = socket_close(s->socket);
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
