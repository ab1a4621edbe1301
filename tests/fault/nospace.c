/*
 * A disk that is full when a test says so: preloaded into the programs, it lets writes to data
 * files fail with ENOSPC as long as the file $CUBBY_TEST_FULL exists. Needs no rights, works
 * everywhere.
 */
#include "base/base.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_full(int fd)
{
    char link[64], path[512];
    int saved = errno;
    const char *flag = getenv("CUBBY_TEST_FULL");
    bool full = false;

    if (flag && access(flag, F_OK) == 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
        full = strstr(path, ".db") != NULL && strstr(path, ".db-shm") == NULL;
    }
    errno = full ? ENOSPC : saved;
    return full;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off64_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
    return is_full(fd) ? -1 : next(fd, data, n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return pwrite64(fd, data, n, at);
}

ssize_t write(int fd, const void *data, size_t n)
{
    static ssize_t (*next)(int, const void *, size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "write");
    return is_full(fd) ? -1 : next(fd, data, n);
}
