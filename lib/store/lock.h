/*
 * The lock between writers and checkpoints of all processes. SQLite before 3.51.3 (but for 3.50.7
 * and 3.44.6) can lose a committed transaction when a checkpoint runs beside a commit, so here the
 * two never meet: whoever writes to a space or checkpoints it holds the space's byte of
 * data_dir/locks, from before BEGIN IMMEDIATE to after COMMIT.
 *
 * One exclusive lock, not shared for writers and exclusive for checkpoints: writers of one SQLite
 * file exclude each other anyway, so sharing would win nothing, and a stream of shared holders
 * would starve the exclusive one. Byte ranges of one file: nothing to create, to name or to clean
 * up per space. The locks belong to the open file description (F_OFD_SETLK), so closing some other
 * descriptor does not drop them as it would POSIX locks, and they end with the process however it
 * ends. A description is shared across fork(): open the store after forking.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/err.h"

/* Open (make) the lock file of a data directory, close-on-exec, 0600. */
enum err lock_open(const char *data_dir, int *fd) must_check;

/* The byte of a space: 60 bits of its key's SHA-256, so two spaces do not share one in practice. */
int64_t lock_place(struct str key);

/*
 * Take the byte; within a process its handle's queue has already let only one thread through.
 * Waits for other processes in short, growing, jittered sleeps; ERR_BUSY after about wait_ms.
 */
enum err lock_take(int fd, int64_t place, int wait_ms) must_check;

void lock_drop(int fd, int64_t place);

/*
 * Every program that may write holds the folder in use, together with the others; one that replaces
 * all of it holds it alone. Until the descriptor is closed. ERR_BUSY at once where that cannot be.
 */
enum err lock_use(int fd, bool alone) must_check;

#endif
