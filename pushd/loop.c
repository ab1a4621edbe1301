/* The event loop on epoll, with a hashed timer wheel (Varghese and Lauck, scheme 6). */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop.h"

#define BATCH      512
#define SLOTS      4096 /* × LOOP_TICK_MS: 41 s, so that heartbeats are never moved on */
#define SLOT_WORDS (SLOTS / 64)

struct loop {
    int epoll;
    bool stopped;
    int64_t now;
    void (*hook)(void *arg);
    void *hook_arg;
    struct list deferred;

    struct loop_fd wake; /* an eventfd: posted work is there */
    pthread_mutex_t lock;
    struct loop_work *posted, **posted_end; /* under lock */

    int64_t tick;              /* all timers due at or before this tick have fired */
    uint64_t used[SLOT_WORDS]; /* slots that may hold timers */
    struct list slot[SLOTS];
};

/* --- posted work --- */

static void run_posted(struct loop_fd *io, unsigned events)
{
    struct loop *l = container_of(io, struct loop, wake);
    uint64_t count;
    (void)events;
    if (read(io->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        fatal("loop: eventfd: errno=%d", errno);

    pthread_mutex_lock(&l->lock);
    struct loop_work *w = l->posted;
    l->posted = NULL;
    l->posted_end = &l->posted;
    pthread_mutex_unlock(&l->lock);

    while (w) {
        struct loop_work *next = w->next;
        w->run(w);
        w = next;
    }
}

void loop_post(struct loop *l, struct loop_work *w)
{
    w->next = NULL;
    pthread_mutex_lock(&l->lock);
    bool first = l->posted == NULL;
    *l->posted_end = w;
    l->posted_end = &w->next;
    pthread_mutex_unlock(&l->lock);
    uint64_t one = 1;
    if (first && write(l->wake.fd, &one, sizeof(one)) < 0)
        fatal("loop: eventfd: errno=%d", errno);
}

/* --- descriptors --- */

static uint32_t to_epoll(unsigned events)
{
    return (events & LOOP_IN ? EPOLLIN : 0) | (events & LOOP_OUT ? EPOLLOUT : 0);
}

static unsigned from_epoll(uint32_t events)
{
    return (events & EPOLLIN ? LOOP_IN : 0) | (events & EPOLLOUT ? LOOP_OUT : 0) |
           (events & (EPOLLERR | EPOLLHUP) ? LOOP_HUP : 0);
}

enum err loop_add(struct loop *l, struct loop_fd *io, int fd, unsigned events)
{
    struct epoll_event e = {.events = to_epoll(events), .data.ptr = io};
    io->fd = fd;
    io->events = events;
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? OK : ERR_FULL;
}

void loop_set(struct loop *l, struct loop_fd *io, unsigned events)
{
    if (io->events == events)
        return;
    struct epoll_event e = {.events = to_epoll(events), .data.ptr = io};
    io->events = events;
    if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, io->fd, &e) != 0)
        fatal("loop: epoll_ctl: errno=%d", errno);
}

void loop_remove(struct loop *l, struct loop_fd *io)
{
    if (epoll_ctl(l->epoll, EPOLL_CTL_DEL, io->fd, NULL) != 0)
        fatal("loop: epoll_ctl: errno=%d", errno);
}

/* --- timers --- */

int64_t loop_now(const struct loop *l)
{
    return l->now;
}

void loop_timer_init(struct loop_timer *t, void (*on_fire)(struct loop_timer *t))
{
    list_init(&t->node);
    t->on_fire = on_fire;
    t->at = 0;
}

void loop_timer_clear(struct loop_timer *t)
{
    list_del(&t->node);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms)
{
    int64_t due = (at_ms + LOOP_TICK_MS - 1) / LOOP_TICK_MS;
    if (due <= l->tick)
        due = l->tick + 1;
    if (due >= l->tick + SLOTS)
        due = l->tick + SLOTS - 1; /* looked at again then, and moved on */
    size_t slot = (size_t)due % SLOTS;
    list_del(&t->node);
    t->at = at_ms;
    list_add_tail(&l->slot[slot], &t->node);
    l->used[slot / 64] |= UINT64_C(1) << slot % 64;
}

void loop_defer(struct loop *l, struct loop_timer *t)
{
    list_del(&t->node);
    list_add_tail(&l->deferred, &t->node);
}

static void fire_all(struct list *due)
{
    while (!list_is_empty(due)) {
        struct loop_timer *t = list_entry(due->next, struct loop_timer, node);
        list_del(&t->node);
        t->on_fire(t);
    }
}

static void fire_slot(struct loop *l, size_t slot)
{
    struct list due;
    list_init(&due);
    list_splice(&due, &l->slot[slot]);
    l->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    while (!list_is_empty(&due)) {
        struct loop_timer *t = list_entry(due.next, struct loop_timer, node);
        list_del(&t->node);
        if (t->at > l->now)
            loop_timer_set(l, t, t->at);
        else
            t->on_fire(t);
    }
}

/* Ticks from l->tick to the next slot in use, SLOTS when there is none. */
static int64_t ticks_to_next(const struct loop *l)
{
    size_t start = (size_t)(l->tick + 1) % SLOTS;
    for (size_t i = 0; i <= SLOT_WORDS; i++) {
        size_t word = (start / 64 + i) % SLOT_WORDS;
        uint64_t bits = l->used[word];
        if (i == 0)
            bits &= ~UINT64_C(0) << start % 64;
        if (bits) {
            size_t slot = word * 64 + (size_t)__builtin_ctzll(bits);
            return 1 + (int64_t)((slot + SLOTS - start) % SLOTS);
        }
    }
    return SLOTS;
}

static void run_timers(struct loop *l)
{
    int64_t target = l->now / LOOP_TICK_MS;
    if (target - l->tick > SLOTS)
        l->tick = target - SLOTS;
    while (l->tick < target) {
        int64_t step = ticks_to_next(l);
        if (l->tick + step > target) {
            l->tick = target;
            return;
        }
        l->tick += step;
        fire_slot(l, (size_t)l->tick % SLOTS);
    }
}

/* How long epoll may sleep without missing a timer. */
static int wait_ms(const struct loop *l, int max_wait_ms)
{
    if (!list_is_empty(&l->deferred))
        return 0;
    int64_t ticks = ticks_to_next(l);
    if (ticks == SLOTS)
        return max_wait_ms;
    int64_t ms = (l->tick + ticks) * LOOP_TICK_MS - l->now;
    if (ms < 0)
        ms = 0;
    return max_wait_ms >= 0 && max_wait_ms < ms ? max_wait_ms : (int)ms;
}

/* --- rounds --- */

void loop_round(struct loop *l, int max_wait_ms)
{
    struct epoll_event ready[BATCH];
    l->now = clock_mono_ms();
    int n = epoll_wait(l->epoll, ready, BATCH, wait_ms(l, max_wait_ms));
    if (n < 0 && errno != EINTR)
        fatal("loop: epoll_wait: errno=%d", errno);
    l->now = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        struct loop_fd *io = ready[i].data.ptr;
        io->on_ready(io, from_epoll(ready[i].events));
    }
    run_timers(l);
    if (l->hook)
        l->hook(l->hook_arg);
    fire_all(&l->deferred);
}

void loop_run(struct loop *l)
{
    while (!l->stopped)
        loop_round(l, -1);
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

void loop_on_round(struct loop *l, void (*hook)(void *arg), void *arg)
{
    l->hook = hook;
    l->hook_arg = arg;
}

struct loop *loop_new(void)
{
    struct loop *l = mem_zalloc(1, sizeof(*l));
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll < 0 || wake < 0)
        fatal("loop: no descriptors left: errno=%d", errno);
    pthread_mutex_init(&l->lock, NULL);
    l->posted_end = &l->posted;
    list_init(&l->deferred);
    for (size_t i = 0; i < SLOTS; i++)
        list_init(&l->slot[i]);
    l->now = clock_mono_ms();
    l->tick = l->now / LOOP_TICK_MS;
    l->wake.on_ready = run_posted;
    if (loop_add(l, &l->wake, wake, LOOP_IN) != OK)
        fatal("loop: epoll_ctl: errno=%d", errno);
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    close(l->wake.fd);
    close(l->epoll);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}
