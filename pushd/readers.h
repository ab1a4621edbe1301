/*
 * A small pool of threads that read the store, so that the loop never waits for a disk. Jobs run in
 * the order they were given and come back to the loop.
 */
#ifndef PUSHD_READERS_H
#define PUSHD_READERS_H

#include "loop.h"
#include "store/space.h"
#include "wire/prometheus.h"

struct readers;

/* A piece of reading, embedded in its owner, who must not touch it between the two calls. */
struct reader_job {
    struct loop_work work;                                     /* on its way back */
    struct reader_job *next;                                   /* on its way there */
    int64_t since_us;                                          /* when it was given */
    void (*read)(struct reader_job *job, struct store *store); /* in a reader thread */
    void (*done)(struct reader_job *job);                      /* in the loop */
};

/* Start `threads` (at least 1). The store must outlive them. */
struct readers *readers_new(struct loop *l, struct store *store, size_t threads);

/* Let all jobs end, and the threads then. The jobs come back in the loop's next round. */
void readers_free(struct readers *r);

void readers_submit(struct readers *r, struct reader_job *job);

size_t readers_threads(const struct readers *r);
struct store *readers_store(const struct readers *r);

struct readers_stats {
    size_t waiting, busy; /* jobs that no thread has taken yet; threads that have one */
    int64_t oldest_us;    /* since the oldest of these was given, 0: there is none */
};
struct readers_stats readers_stats(struct readers *r);

/* How long jobs have waited until a thread took them. */
const struct prometheus_times *readers_waits(const struct readers *r);

#endif
