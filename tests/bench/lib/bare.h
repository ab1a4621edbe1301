/* What the floors share: a listener in an epoll loop. Failures end the program. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "base/base.h"

int bare_listen(int port);

/* The next connection that waits, not blocking, or -1. */
int bare_accept(int listener);

/* Have ptr returned by epoll_wait when fd can be read. */
void bare_watch(int epoll, int fd, void *ptr);

#endif
