/* Running the host's sendmail. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "domain/sendmail.h"

#define LOOK_MS 20

bool sendmail_is_there(const char *program)
{
    return access(program, X_OK) == 0;
}

/* Programs of the host end lines as the host does. */
static void without_cr(struct buf *out, struct str message)
{
    for (size_t i = 0; i < message.n; i++)
        if (message.p[i] != '\r' || i + 1 == message.n || message.p[i + 1] != '\n')
            buf_append_ch(out, message.p[i]);
}

static bool write_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            s = str_from(s, (size_t)n);
    }
    return true;
}

/* The message as a file without a name, at its start: no pipe to block on. -1 on failure. */
static int message_file(struct str message)
{
    struct buf text = BUF_INIT;
    int fd = memfd_create("mail", MFD_CLOEXEC);
    without_cr(&text, message);
    bool written = fd >= 0 && write_all(fd, buf_str(&text)) && lseek(fd, 0, SEEK_SET) == 0;
    buf_release(&text);
    if (fd >= 0 && !written)
        close(fd);
    return written ? fd : -1;
}

/* Nothing of this process reaches the program but the message: no descriptor, no signal blocked or
 * ignored, no environment that may hold secrets. */
static int spawn(const char *program, int input, pid_t *pid)
{
    char *const argv[] = {(char *)program, (char *)"-t", (char *)"-i", NULL};
    char *const env[] = {
        (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int failed = posix_spawn(pid, program, &files, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return failed;
}

/* *status is -1 where the exit code is lost: this process was started with SIGCHLD ignored. */
static bool has_ended(pid_t pid, int options, int *status)
{
    pid_t got;
    do {
        got = waitpid(pid, status, options);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        *status = -1;
    return got != 0;
}

/* False: killed, since it took too long or *stop became true. */
static bool await_end(pid_t pid, int64_t timeout_ms, const atomic_bool *stop, int *status)
{
    int64_t end = clock_mono_us() + timeout_ms * 1000;
    while (!has_ended(pid, WNOHANG, status)) {
        if (atomic_load(stop) || clock_mono_us() > end) {
            kill(pid, SIGKILL);
            return has_ended(pid, 0, status) && false;
        }
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    }
    return true;
}

/* sysexits(3): only what is about this mail is for good. */
static struct delivery judge(int status)
{
    if (status == -1)
        return (struct delivery){DELIVERY_FAILED, 0, "its exit code is lost: SIGCHLD is ignored"};
    if (!WIFEXITED(status))
        return (struct delivery){DELIVERY_FAILED, 0, "the program was killed"};
    int code = WEXITSTATUS(status);
    switch (code) {
    case EX_OK:
        return (struct delivery){.end = DELIVERY_SENT};
    case EX_DATAERR:
    case EX_NOUSER:
    case EX_NOHOST:
        return (struct delivery){DELIVERY_REFUSED, code, "refused by the program"};
    default:
        return (struct delivery){DELIVERY_FAILED, code, "the program failed"};
    }
}

struct delivery sendmail_send(const char *program, const struct envelope *e, int64_t timeout_ms,
                              const atomic_bool *stop)
{
    int status = 0;
    pid_t pid;
    int input = message_file(e->message);
    if (input < 0)
        return (struct delivery){DELIVERY_FAILED, 0, "no room for the message"};
    int failed = spawn(program, input, &pid);
    close(input);
    if (failed)
        return (struct delivery){DELIVERY_FAILED, 0, "the program cannot be run"};
    if (await_end(pid, timeout_ms, stop, &status))
        return judge(status);
    if (atomic_load(stop))
        return (struct delivery){.end = DELIVERY_STOPPED};
    return (struct delivery){DELIVERY_FAILED, 0, "the program took too long"};
}
