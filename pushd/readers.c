/* The reader threads and their queue. */
#include "base/base.h"

#include <pthread.h>
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "readers.h"

struct reader {
    struct readers *pool;
    pthread_t thread;
    int64_t since_us; /* when the job in hand was given, 0: there is none; under the pool's lock */
};

struct readers {
    struct loop *loop;
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct reader_job *first, **end; /* under lock, as the next two */
    size_t waiting;                  /* from first to end */
    bool stopping;
    struct prometheus_times waits; /* of jobs, before a thread took them */
    size_t count;
    struct reader reader[];
};

/* The next job, or NULL when it is time to go. */
static struct reader_job *take(struct reader *me)
{
    struct readers *r = me->pool;
    pthread_mutex_lock(&r->lock);
    me->since_us = 0;
    while (!r->first && !r->stopping)
        pthread_cond_wait(&r->more, &r->lock);
    struct reader_job *job = r->first;
    if (job) {
        r->waiting--;
        r->first = job->next;
        if (!r->first)
            r->end = &r->first;
        me->since_us = job->since_us;
        prometheus_count(&r->waits, clock_mono_us() - job->since_us);
    }
    pthread_mutex_unlock(&r->lock);
    return job;
}

static void finish(struct loop_work *w)
{
    struct reader_job *job = container_of(w, struct reader_job, work);
    job->done(job);
}

static void *work(void *arg)
{
    struct reader *me = arg;
    struct readers *r = me->pool;
    struct reader_job *job;
    while ((job = take(me)) != NULL) {
        job->read(job, r->store);
        job->work.run = finish;
        loop_post(r->loop, &job->work);
    }
    return NULL;
}

struct readers *readers_new(struct loop *l, struct store *store, size_t threads)
{
    struct readers *r = mem_zalloc(1, sizeof(*r) + threads * sizeof(r->reader[0]));
    r->loop = l;
    r->store = store;
    r->end = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);

    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; r->count < threads; r->count++) {
        struct reader *new = &r->reader[r->count];
        new->pool = r;
        if (pthread_create(&new->thread, NULL, work, new) != 0)
            fatal("readers: cannot start a thread");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

void readers_free(struct readers *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->more);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        pthread_join(r->reader[i].thread, NULL);
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void readers_submit(struct readers *r, struct reader_job *job)
{
    job->next = NULL;
    job->since_us = clock_mono_us();
    pthread_mutex_lock(&r->lock);
    r->waiting++;
    *r->end = job;
    r->end = &job->next;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
}

size_t readers_threads(const struct readers *r)
{
    return r->count;
}

struct store *readers_store(const struct readers *r)
{
    return r->store;
}

const struct prometheus_times *readers_waits(const struct readers *r)
{
    return &r->waits;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return b && (!a || b < a) ? b : a;
}

struct readers_stats readers_stats(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    struct readers_stats stats = {.waiting = r->waiting};
    int64_t oldest = r->first ? r->first->since_us : 0;
    for (size_t i = 0; i < r->count; i++) {
        stats.busy += r->reader[i].since_us != 0;
        oldest = earlier(oldest, r->reader[i].since_us);
    }
    pthread_mutex_unlock(&r->lock);
    stats.oldest_us = oldest ? clock_mono_us() - oldest : 0;
    return stats;
}
