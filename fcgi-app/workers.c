/* The threads that accept and answer, and those that requests wait on. */
#include "base/base.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "fcgi.h"
#include "workers.h"

#define LANES (LANE_FETCH + 1)

/* SQLite, Argon2 (whose memory is on the heap) and the libraries stay far below. */
#define STACK_BYTES (512 * 1024)

/* A request and the memory it is answered in; carried from thread to thread, then used again. */
struct carrier {
    struct list node;
    struct fcgi *fcgi;
};

/* Threads started as they are needed, `max` at most. */
struct lane_pool {
    struct workers *workers;
    pthread_cond_t work;
    struct list waiting; /* carriers that a thread was told to fetch */
    size_t waiting_count, idle, count, max;
    pthread_t *threads;
};

struct workers {
    struct app *app;
    int listen_fd;
    atomic_bool stopping;
    pthread_mutex_t lock; /* of the lanes and the spare carriers */
    struct list spare;
    struct lane_pool lanes[LANES];
    size_t count;
    pthread_t threads[];
};

static bool start_thread(pthread_t *out, void *(*run)(void *), void *arg)
{
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, STACK_BYTES);
    int failed = pthread_create(out, &a, run, arg);
    pthread_attr_destroy(&a);
    return !failed;
}

/* --- carriers --------------------------------------------------------------------------------- */

static struct carrier *take_spare(struct workers *w)
{
    struct carrier *c = NULL;
    pthread_mutex_lock(&w->lock);
    if (!list_is_empty(&w->spare)) {
        c = list_entry(w->spare.next, struct carrier, node);
        list_del(&c->node);
    }
    pthread_mutex_unlock(&w->lock);
    if (!c) {
        c = mem_zalloc(1, sizeof *c);
        list_init(&c->node);
        c->fcgi = fcgi_new(w->app);
    }
    return c;
}

static void give_spare(struct workers *w, struct carrier *c)
{
    pthread_mutex_lock(&w->lock);
    list_add_head(&w->spare, &c->node);
    pthread_mutex_unlock(&w->lock);
}

/* --- lanes ------------------------------------------------------------------------------------ */

static void *lane_thread(void *arg)
{
    struct lane_pool *lane = arg;
    struct workers *w = lane->workers;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        lane->idle++;
        while (list_is_empty(&lane->waiting) && !atomic_load(&w->stopping))
            pthread_cond_wait(&lane->work, &w->lock);
        lane->idle--;
        if (list_is_empty(&lane->waiting))
            break;
        struct carrier *c = list_entry(lane->waiting.next, struct carrier, node);
        list_del(&c->node);
        lane->waiting_count--;
        pthread_mutex_unlock(&w->lock);

        dispatch(fcgi_req(c->fcgi));
        fcgi_finish(c->fcgi, true);
        give_spare(w, c);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* False: the lane has as many as it may have, or the system gives no more. */
static bool add_thread(struct lane_pool *lane)
{
    bool added =
        lane->count < lane->max && start_thread(&lane->threads[lane->count], lane_thread, lane);
    lane->count += added;
    return added;
}

/* False: all of its threads are busy. */
static bool hand_over(struct lane_pool *lane, struct carrier *c)
{
    struct workers *w = lane->workers;
    pthread_mutex_lock(&w->lock);
    bool room =
        !atomic_load(&w->stopping) && (lane->waiting_count < lane->idle || add_thread(lane));
    if (room) {
        list_add_tail(&lane->waiting, &c->node);
        lane->waiting_count++;
        pthread_cond_signal(&lane->work);
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

static void lane_init(struct workers *w, enum lane which, size_t max)
{
    struct lane_pool *lane = &w->lanes[which];
    lane->workers = w;
    lane->max = max;
    lane->threads = mem_zalloc(max, sizeof lane->threads[0]);
    list_init(&lane->waiting);
    pthread_cond_init(&lane->work, NULL);
}

static void lane_stop(struct workers *w, enum lane which)
{
    struct lane_pool *lane = &w->lanes[which];
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&lane->work);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < lane->count; i++)
        pthread_join(lane->threads[i], NULL);
    pthread_cond_destroy(&lane->work);
    mem_free(lane->threads);
}

/* --- accepting -------------------------------------------------------------------------------- */

/* Answer c's request here, or have it answered; returns the carrier for the next one. */
static struct carrier *answer(struct workers *w, struct carrier *c)
{
    struct req *r = fcgi_req(c->fcgi);
    enum lane lane = dispatch_route(r);
    if (lane != LANE_REQUEST) {
        r->may_wait = lane == LANE_POLL;
        if (hand_over(&w->lanes[lane], c))
            return take_spare(w);
        r->may_wait = false;
        r->lane_full = true;
    }
    dispatch(r);
    fcgi_finish(c->fcgi, atomic_load(&w->stopping));
    return c;
}

static void *accept_thread(void *arg)
{
    struct workers *w = arg;
    struct carrier *c = take_spare(w);
    while (!atomic_load(&w->stopping)) {
        enum fcgi_next next = fcgi_next(c->fcgi, w->listen_fd);
        if (next == FCGI_NEXT_REQUEST)
            c = answer(w, c);
        if (next == FCGI_NEXT_DEAD) {
            kill(getpid(), SIGTERM);
            break;
        }
    }
    give_spare(w, c);
    return NULL;
}

static void on_wake(int signal_number)
{
    (void)signal_number; /* it only interrupts accept() */
}

/* No SA_RESTART; blocked in every thread but where fcgi_next() waits. */
static void own_wake_signal(void)
{
    struct sigaction a = {.sa_handler = on_wake};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGUSR2, &a, NULL);
}

struct workers *workers_start(struct app *app, int listen_fd, const struct workers_options *o)
{
    struct workers *w = mem_zalloc(1, sizeof *w + o->threads * sizeof w->threads[0]);
    w->app = app;
    w->listen_fd = listen_fd;
    pthread_mutex_init(&w->lock, NULL);
    list_init(&w->spare);
    lane_init(w, LANE_POLL, o->poll_threads);
    lane_init(w, LANE_HASH, o->hash_threads);
    lane_init(w, LANE_FETCH, o->fetch_threads);
    own_wake_signal();
    for (; w->count < o->threads; w->count++)
        if (!start_thread(&w->threads[w->count], accept_thread, w))
            fatal("cannot start a thread");
    return w;
}

/* A thread may look at `stopping` just before it begins to wait: wake it until it is gone. */
static void join_waking(pthread_t thread)
{
    struct timespec until;
    do {
        pthread_kill(thread, SIGUSR2);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 10 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    } while (pthread_timedjoin_np(thread, NULL, &until));
}

void workers_stop(struct workers *w)
{
    atomic_store(&w->stopping, true);
    wake_stop(w->app->wake);
    for (size_t i = 0; i < w->count; i++)
        join_waking(w->threads[i]);
    lane_stop(w, LANE_POLL);
    lane_stop(w, LANE_HASH);
    lane_stop(w, LANE_FETCH);
    list_for_each_safe (node, &w->spare) {
        struct carrier *c = list_entry(node, struct carrier, node);
        fcgi_free(c->fcgi);
        mem_free(c);
    }
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}
