/* One region of memory and an unreadable page behind it. */
#include "base/base.h"

#include <sys/mman.h>
#include <unistd.h>

#include "lib/guard.h"

struct str guard_copy(struct str s)
{
    static char *end; /* mapped once, until the test program ends */
    assert(s.n <= GUARD_MAX);
    if (!end) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *region = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert(region != MAP_FAILED);
        end = region + GUARD_MAX;
        int failed = mprotect(end, page, PROT_NONE);
        assert(!failed);
    }
    if (s.n)
        memcpy(end - s.n, s.p, s.n);
    return str_make(end - s.n, s.n);
}
