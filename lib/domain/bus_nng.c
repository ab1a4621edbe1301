/* What both ends of the bus need of sockets, folders and descriptors. */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "domain/bus_nng.h"

#define CLOSE_MS      400 /* an orderly end takes a few */
#define SOCKET_SUFFIX STR(".sock")

bool bus_socket_url(char url[NNG_MAXADDRLEN], const char *dir, const char *name)
{
    int n = snprintf(url, NNG_MAXADDRLEN, "ipc://%s/%s", dir, name);
    return n > 0 && n < NNG_MAXADDRLEN &&
           (size_t)n - strlen("ipc://") < sizeof((struct sockaddr_un *)0)->sun_path;
}

bool bus_is_socket_name(const char *name)
{
    struct str s = str_from_c(name);
    return s.n < BUS_NAME_LEN && str_ends_with(s, SOCKET_SUFFIX);
}

static void *close_thread(void *id)
{
    nng_close((nng_socket){.id = (uint32_t)(uintptr_t)id});
    return NULL;
}

bool bus_socket_close(nng_socket socket)
{
    pthread_t thread;
    struct timespec until;
    if (pthread_create(&thread, NULL, close_thread, (void *)(uintptr_t)socket.id) != 0)
        return false;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += CLOSE_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return true;
    pthread_detach(thread);
    return false;
}

bool bus_make_directory(char *dir)
{
    for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool made = mkdir(dir, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return false;
    }
    return mkdir(dir, 0700) == 0 || errno == EEXIST;
}

void bus_wake(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        return; /* EAGAIN: it is awake */
}
