/* Waiting for the next change of a space, within one process. */
#include "base/base.h"

#include "base/mem.h"
#include "domain/wake.h"

struct wake {
    pthread_mutex_t lock;
    struct list waiters;
    bool stopped;
};

struct wake *wake_new(void)
{
    struct wake *w = mem_zalloc(1, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    list_init(&w->waiters);
    return w;
}

void wake_free(struct wake *w)
{
    if (!w)
        return;
    assert(list_is_empty(&w->waiters));
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

/* Both with the lock held. */
static void rouse(struct wake_waiter *waiter)
{
    waiter->woken = true;
    pthread_cond_signal(&waiter->cond);
}

static bool is_same(const struct wake_waiter *waiter, const struct space *sp)
{
    return waiter->kind == sp->kind && str_eq(str_from_c(waiter->id), str_from_c(sp->id));
}

void wake_stop(struct wake *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopped = true;
    list_for_each (node, &w->waiters)
        rouse(list_entry(node, struct wake_waiter, node));
    pthread_mutex_unlock(&w->lock);
}

void wake_notify(struct wake *w, const struct space *sp)
{
    pthread_mutex_lock(&w->lock);
    list_for_each (node, &w->waiters) {
        struct wake_waiter *waiter = list_entry(node, struct wake_waiter, node);
        if (is_same(waiter, sp))
            rouse(waiter);
    }
    pthread_mutex_unlock(&w->lock);
}

void wake_enter(struct wake *w, struct wake_waiter *me, const struct space *sp)
{
    pthread_condattr_t attributes;
    *me = (struct wake_waiter){.wake = w, .kind = sp->kind};
    memcpy(me->id, sp->id, sizeof me->id);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&me->cond, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_lock(&w->lock);
    list_add_tail(&w->waiters, &me->node);
    pthread_mutex_unlock(&w->lock);
}

void wake_leave(struct wake_waiter *me)
{
    pthread_mutex_lock(&me->wake->lock);
    list_del(&me->node);
    pthread_mutex_unlock(&me->wake->lock);
    pthread_cond_destroy(&me->cond);
}

bool wake_wait(struct wake_waiter *me, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&me->wake->lock);
    while (!me->woken && !me->wake->stopped)
        if (pthread_cond_timedwait(&me->cond, &me->wake->lock, &until))
            break;
    me->woken = false;
    bool go_on = !me->wake->stopped;
    pthread_mutex_unlock(&me->wake->lock);
    return go_on;
}
