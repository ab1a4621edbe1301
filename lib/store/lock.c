/* Byte-range locks on data_dir/locks, owned by the open file description. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/rand.h"
#include "store/lock.h"

#define SLEEP_FIRST_US 200
#define SLEEP_LAST_US  5000
#define PLACE_USE      (INT64_C(1) << 61) /* behind those of spaces */

enum err lock_open(const char *data_dir, int *fd)
{
    struct arena mem = ARENA_INIT;
    struct str path = arena_printf(&mem, "%s/locks", data_dir);
    *fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    arena_release(&mem);
    return *fd < 0 ? ERR_INVALID : OK;
}

int64_t lock_place(struct str key)
{
    unsigned char hash[SHA256_LEN];
    uint64_t place;
    sha256(key, hash);
    memcpy(&place, hash, sizeof place);
    return (int64_t)(place >> 4);
}

static int set(int fd, int64_t place, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
    int rc;
    do
        rc = fcntl(fd, F_OFD_SETLK, &range);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* Sleep between half of us and us; returns how long. */
static int64_t doze(int64_t us)
{
    uint32_t random;
    rand_bytes(&random, sizeof random);
    us = us / 2 + (int64_t)(random % (uint32_t)(us / 2));
    struct timespec t = {0, (long)us * 1000};
    nanosleep(&t, NULL);
    return us;
}

enum err lock_take(int fd, int64_t place, int wait_ms)
{
    int64_t left = (int64_t)wait_ms * 1000, next = SLEEP_FIRST_US;
    while (set(fd, place, F_WRLCK) < 0) {
        if (errno != EAGAIN && errno != EACCES)
            return errno == ENOLCK ? ERR_BUSY : ERR_INTERNAL;
        if (left <= 0)
            return ERR_BUSY;
        left -= doze(next);
        next = next * 3 / 2 < SLEEP_LAST_US ? next * 3 / 2 : SLEEP_LAST_US;
    }
    return OK;
}

void lock_drop(int fd, int64_t place)
{
    int rc = set(fd, place, F_UNLCK);
    assert(rc == 0);
}

enum err lock_use(int fd, bool alone)
{
    if (set(fd, PLACE_USE, alone ? F_WRLCK : F_RDLCK) == 0)
        return OK;
    return errno == EAGAIN || errno == EACCES || errno == ENOLCK ? ERR_BUSY : ERR_INTERNAL;
}
