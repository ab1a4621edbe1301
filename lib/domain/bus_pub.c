/* The publisher: finds the sockets of a directory, sends to all, repeats its counter. */
#include "base/base.h"

#include <dirent.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "domain/bus_nng.h"

#define LISTENERS_MAX      16 /* pushd processes a publisher reaches at once */
#define REPEAT_FAST_MS     250
#define REPEAT_FAST_FOR_MS 2000
#define REPEAT_SLOW_MS     5000
#define RECONNECT_MIN_MS   10
#define RECONNECT_MAX_MS   200

struct listener {
    char name[BUS_NAME_LEN]; /* "": a free place */
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
    atomic_bool stop;
    pthread_t watcher;
    uint64_t unsent;                 /* messages nng did not take; under lock */
    atomic_uint_fast64_t came, left; /* listeners; counted by nng's threads */
};

static void send_locked(struct bus_pub *p, const struct bus_message *m)
{
    nng_msg *msg;
    struct bus_sender from = {p->id, p->counter};
    buf_reset(&p->scratch);
    bus_wire_encode(&p->scratch, &from, m);
    if (nng_msg_alloc(&msg, 0) != 0) {
        p->unsent++; /* the next repeated counter shows the gap */
        return;
    }
    if (nng_msg_append(msg, p->scratch.p, p->scratch.n) != 0 ||
        nng_sendmsg(p->socket, msg, NNG_FLAG_NONBLOCK) != 0) {
        p->unsent++;
        nng_msg_free(msg);
    }
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
    if (!bus_is_socket_name(name) || listener_find(p, name) || !free_place ||
        !bus_socket_url(url, p->dir, name))
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
    struct listener *l = bus_is_socket_name(name) ? listener_find(p, name) : NULL;
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
    p->came++;
    bus_wake(p->wake_fd);
}

static void on_listener_left(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct bus_pub *p = arg;
    (void)pipe, (void)event;
    p->left++;
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
    if (p->wake_fd < 0 || p->watch_fd < 0 || !bus_make_directory(p->dir) ||
        inotify_add_watch(p->watch_fd, p->dir,
                          IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) < 0)
        goto out;
    if (nng_pub0_open(&p->socket) != 0)
        goto out;
    nng_socket_set_int(p->socket, NNG_OPT_SENDBUF, BUS_QUEUE_MESSAGES);
    nng_pipe_notify(p->socket, NNG_PIPE_EV_ADD_POST, on_listener_connected, p);
    nng_pipe_notify(p->socket, NNG_PIPE_EV_REM_POST, on_listener_left, p);
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
        bus_wake(p->wake_fd); /* the watcher sleeps long: repeat soon from now on */
}

struct bus_pub_stats bus_pub_stats(struct bus_pub *p)
{
    if (!p)
        return (struct bus_pub_stats){0};
    uint64_t left = p->left; /* before those that came: nobody leaves twice */
    struct bus_pub_stats stats = {.connects = p->came, .disconnects = left};
    pthread_mutex_lock(&p->lock);
    stats.published = p->counter;
    stats.unsent = p->unsent;
    pthread_mutex_unlock(&p->lock);
    return stats;
}

void bus_pub_close(struct bus_pub *p)
{
    if (!p)
        return;
    if (p->open) {
        p->stop = true;
        bus_wake(p->wake_fd);
        pthread_join(p->watcher, NULL);
        send_own(p, BUS_BYE);
        poll(NULL, 0, 20); /* nng_close drops what its threads have not written yet */
        if (!bus_socket_close(p->socket))
            return;
        release_descriptors(p);
    }
    pub_free(p);
}
