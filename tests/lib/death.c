/* A child process that is expected not to come back. */
#include "base/base.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/death.h"

bool dies(void (*act)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0)
            dup2(nowhere, STDERR_FILENO);
        setrlimit(RLIMIT_CORE, &no_core);
        act();
        _exit(0);
    }
    pid_t waited = waitpid(child, &status, 0);
    assert(waited == child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}
