/* What a process asks of the system for itself. */
#include "base/base.h"

#include <sys/resource.h>
#include <sysexits.h>

#include "base/process.h"

bool process_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int process_status(enum err e)
{
    switch (e) {
    case OK:
        return EX_OK;
    case ERR_INVALID:
    case ERR_CONFLICT:
    case ERR_CORRUPT:
    case ERR_TOO_NEW:
        return EX_CONFIG;
    default:
        return 1;
    }
}
