/*
 * Threads: some accept requests and answer them, and three lanes take over those that wait: long
 * polls, sign-ins for their password hash, and sign-ins for an OpenID provider. So a burst of any
 * never stops the others.
 */
#ifndef APP_WORKERS_H
#define APP_WORKERS_H

#include "app.h"

struct workers;

struct workers_options {
    size_t threads;       /* that accept and answer */
    size_t poll_threads;  /* long polls that may wait; beyond them each is answered at once */
    size_t hash_threads;  /* sign-ins taken over; beyond them 503 */
    size_t fetch_threads; /* calls that ask other servers; beyond them 503 */
};

/* Start answering what comes at listen_fd. When that socket dies, the process sends itself SIGTERM.
 * SIGUSR2 belongs to these threads. */
struct workers *workers_start(struct app *app, int listen_fd, const struct workers_options *o);

/* Accept no more, let requests in flight finish, end all threads. */
void workers_stop(struct workers *w);

#endif
