/* The reader threads and their queue. */
#include "base/base.h"

#include <pthread.h>
#include <signal.h>

#include "base/log.h"
#include "base/mem.h"
#include "readers.h"

struct readers {
    struct loop *loop;
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct reader_job *first, **end; /* under lock */
    bool stopping;                   /* under lock */
    size_t count;
    pthread_t thread[];
};

/* The next job, or NULL when it is time to go. */
static struct reader_job *take(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->first && !r->stopping)
        pthread_cond_wait(&r->more, &r->lock);
    struct reader_job *job = r->first;
    if (job) {
        r->first = job->next;
        if (!r->first)
            r->end = &r->first;
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
    struct readers *r = arg;
    struct reader_job *job;
    while ((job = take(r)) != NULL) {
        job->read(job, r->store);
        job->work.run = finish;
        loop_post(r->loop, &job->work);
    }
    return NULL;
}

struct readers *readers_new(struct loop *l, struct store *store, size_t threads)
{
    struct readers *r = mem_zalloc(1, sizeof(*r) + threads * sizeof(r->thread[0]));
    r->loop = l;
    r->store = store;
    r->end = &r->first;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);

    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; r->count < threads; r->count++) {
        if (pthread_create(&r->thread[r->count], NULL, work, r) != 0)
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
        pthread_join(r->thread[i], NULL);
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void readers_submit(struct readers *r, struct reader_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&r->lock);
    *r->end = job;
    r->end = &job->next;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
}

size_t readers_threads(const struct readers *r)
{
    return r->count;
}
