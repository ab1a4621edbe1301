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

int64_t proc_pss(pid_t pid)
{
    char path[64], line[256];
    long long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        fatal("%s: errno=%d", path, errno);
    while (kib < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "Pss: %lld kB", &kib) != 1)
            kib = -1;
    fclose(f);
    return kib * 1024;
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
