/*
 * A disk that is full when a test says so: preloaded into the programs, it lets writes to data
 * files fail with ENOSPC as long as the file $CUBBY_TEST_FULL exists, and the disk say that no byte
 * is free. Needs no rights, works everywhere.
 *
 * $CUBBY_TEST_FULL_OF: those whose path has this text, in place of ".db".
 * $CUBBY_TEST_FULL_AFTER: so many bytes have room yet.
 */
#include "base/base.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_set(void)
{
    const char *flag = getenv("CUBBY_TEST_FULL");
    return flag && access(flag, F_OK) == 0;
}

static bool is_full(int fd, size_t n)
{
    static size_t written;
    const char *of = getenv("CUBBY_TEST_FULL_OF"), *after = getenv("CUBBY_TEST_FULL_AFTER");
    char link[64], path[512];
    int saved = errno;
    bool full = false;

    if (is_set()) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        full = strstr(path, of ? of : ".db") != NULL && strstr(path, ".db-shm") == NULL;
    }
    if (full && after && written + n <= strtoull(after, NULL, 10)) {
        written += n;
        full = false;
    }
    errno = full ? ENOSPC : saved;
    return full;
}

int statvfs(const char *path, struct statvfs *out)
{
    static int (*next)(const char *, struct statvfs *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "statvfs");
    int result = next(path, out);
    if (is_set())
        out->f_bavail = 0;
    return result;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off64_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
    return is_full(fd, n) ? -1 : next(fd, data, n, at);
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
    return is_full(fd, n) ? -1 : next(fd, data, n);
}
