/* What the kernel knows of a process. */
#include "base/base.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/log.h"
#include "bench/lib/proc.h"

static int64_t in_ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return in_ns(t);
}

int64_t proc_cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        fatal("process %d is gone", (int)pid);
    return in_ns(t);
}

/* The number in the line of a file of /proc/PID that begins so. */
static long long proc_field(pid_t pid, const char *file, const char *format)
{
    char path[64], line[256];
    long long n = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(path, "r");
    if (!f)
        fatal("%s: errno=%d", path, errno);
    while (n < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, format, &n) != 1)
            n = -1;
    fclose(f);
    return n;
}

int64_t proc_pss(pid_t pid)
{
    return proc_field(pid, "smaps_rollup", "Pss: %lld kB") * 1024;
}

int proc_threads(pid_t pid)
{
    return (int)proc_field(pid, "status", "Threads: %lld");
}

void proc_need_files(uint64_t count)
{
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur < count)
        fatal("needs %llu descriptors, may have %llu", (unsigned long long)count,
              (unsigned long long)l.rlim_cur);
}
