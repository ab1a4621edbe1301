/* What the kernel knows of a process: processor time, memory, threads. Clock and limits of our own.
 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <sys/types.h>

#include "base/base.h"

/* Monotonic nanoseconds. */
int64_t now_ns(void);

/* Processor time of all threads of pid so far, in nanoseconds. Ends the program when it is gone. */
int64_t proc_cpu_ns(pid_t pid);

/* Proportional set size of pid in bytes. */
int64_t proc_pss(pid_t pid);

int proc_threads(pid_t pid);

/* As many descriptors as the hard limit allows; ends the program when these are fewer. */
void proc_need_files(uint64_t count);

#endif
