/*
 * The event loop: descriptors, timers, work posted by other threads, and what is put off to the end
 * of a round. The only user of epoll. A round takes in everything that is ready, then runs the
 * round hook (which writes what came of it), then what was deferred. All calls but loop_post are
 * for the loop's own thread.
 */
#ifndef PUSHD_LOOP_H
#define PUSHD_LOOP_H

#include "base/err.h"
#include "base/list.h"

struct loop;

enum loop_event {
    LOOP_IN = 1u << 0,
    LOOP_OUT = 1u << 1,
    LOOP_HUP = 1u << 2, /* error or both ends closed: reported whether asked for or not */
};

/* A descriptor that is watched, embedded in its owner. Level-triggered. */
struct loop_fd {
    void (*on_ready)(struct loop_fd *io, unsigned events);
    int fd;
    unsigned events; /* what is asked for at present */
};

/* A timer, embedded in its owner: setting it never allocates and costs O(1). */
struct loop_timer {
    struct list node;
    void (*on_fire)(struct loop_timer *t);
    int64_t at; /* monotonic milliseconds */
};

/* Work another thread hands to the loop, embedded in its owner. */
struct loop_work {
    struct loop_work *next;
    void (*run)(struct loop_work *w);
};

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Watch fd; ERR_FULL when the kernel has no room. */
enum err loop_add(struct loop *l, struct loop_fd *io, int fd, unsigned events) must_check;
void loop_set(struct loop *l, struct loop_fd *io, unsigned events);
/* Stop watching; the descriptor stays open. An event of this round may still be reported. */
void loop_remove(struct loop *l, struct loop_fd *io);

/* Milliseconds of the monotonic clock, read once a round. */
int64_t loop_now(const struct loop *l);

/* A timer's accuracy: it fires up to this much late, never early. */
#define LOOP_TICK_MS 10

void loop_timer_init(struct loop_timer *t, void (*on_fire)(struct loop_timer *t));
/* Fire once at that time; a timer that was set already is moved. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms);
void loop_timer_clear(struct loop_timer *t);
/* Fire at the end of this round, after the round hook: the place to free what events may still
 * name. */
void loop_defer(struct loop *l, struct loop_timer *t);

/* Thread-safe: run w in the loop, in the order of the calls. */
void loop_post(struct loop *l, struct loop_work *w);

/* The one hook that runs when a round has taken in what was ready. */
void loop_on_round(struct loop *l, void (*hook)(void *arg), void *arg);

/* One round; waits at most max_wait_ms (-1: until something happens). */
void loop_round(struct loop *l, int max_wait_ms);

/* Rounds until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
