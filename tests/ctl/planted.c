/*
 * What a test cannot have for real: preloaded into cubbyctl, it is another SQLite
 * ($CUBBY_TEST_SQLITE, a version) or another file system ($CUBBY_TEST_FS, statfs(2)'s number in
 * hex). Without them the real ones answer.
 */
#include "base/base.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/statfs.h>

const char *sqlite3_libversion(void);

const char *sqlite3_libversion(void)
{
    const char *(*real)(void) = (const char *(*)(void))dlsym(RTLD_NEXT, "sqlite3_libversion");
    const char *planted = getenv("CUBBY_TEST_SQLITE");
    return planted ? planted : real();
}

int statfs(const char *path, struct statfs *out)
{
    int (*real)(const char *, struct statfs *) =
        (int (*)(const char *, struct statfs *))dlsym(RTLD_NEXT, "statfs");
    const char *planted = getenv("CUBBY_TEST_FS");
    int result = real(path, out);
    if (planted)
        out->f_type = (__fsword_t)strtoul(planted, NULL, 16);
    return result;
}
