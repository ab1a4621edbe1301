/* The host's sendmail: what it is given, what its exit codes mean, how long it may take. */
#include "base/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "domain/sendmail.h"

static struct arena mem;
static char dir[64];
static const struct envelope mail = {
    {"f@x", 3}, {"t@x", 3}, {"To: <t@x>\r\n\r\n.\r\na\rb\r\n", 21}};

static int set_up(void **state)
{
    (void)state;
    mem = ARENA_INIT;
    snprintf(dir, sizeof dir, "/tmp/cubby-sendmail-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static const char *path(const char *name)
{
    return arena_printf(&mem, "%s/%s", dir, name).p;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path("program"));
    unlink(path("out"));
    rmdir(dir);
    arena_release(&mem);
    return 0;
}

/* A program of this shell line; $D is the folder. */
static const char *program(const char *line)
{
    FILE *f = fopen(path("program"), "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nD=%s\n%s\n", dir, line);
    fclose(f);
    chmod(path("program"), 0700);
    return path("program");
}

static struct delivery run(const char *line)
{
    static const atomic_bool stop = false;
    return sendmail_send(program(line), &mail, 10000, &stop);
}

static void assert_written(const char *expected)
{
    char got[1024];
    FILE *f = fopen(path("out"), "r");
    assert_non_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(got, expected);
}

static void the_program_gets_the_message_as_the_host_ends_lines(void **state)
{
    (void)state;
    struct delivery d = run("{ echo \"$@\"; cat; } >$D/out");
    assert_int_equal(d.end, DELIVERY_SENT);
    assert_written("-t -i\nTo: <t@x>\n\n.\na\rb\n");
}

/* From 10 on they are the shell's own, and no pipe of a pipeline is to be among the others. The
 * shell reads the mask itself: it has all blocked for as long as it takes to start a program. */
static void the_program_inherits_nothing(void **state)
{
    (void)state;
    int own = dup2(STDERR_FILENO, 7);
    assert_int_equal(own, 7);
    setenv("CUBBY_JWT_SECRET", "secret", 1);
    struct delivery d =
        run("{ env | grep -c SECRET; ls -I '1?' /proc/$$/fd;"
            " while read -r key mask; do [ \"$key\" != SigBlk: ] || echo $mask; done"
            " </proc/$$/status; } >$D/out 2>&1");
    unsetenv("CUBBY_JWT_SECRET");
    close(own);
    assert_int_equal(d.end, DELIVERY_SENT);
    assert_written("0\n0\n1\n2\n0000000000000000\n");
}

static void exit_codes_say_what_became_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum delivery_end end;
        int code;
    } cases[] = {{"exit 0", DELIVERY_SENT, 0},      {"exit 75", DELIVERY_FAILED, 75},
                 {"exit 69", DELIVERY_FAILED, 69},  {"exit 1", DELIVERY_FAILED, 1},
                 {"exit 67", DELIVERY_REFUSED, 67}, {"exit 65", DELIVERY_REFUSED, 65},
                 {"kill -9 $$", DELIVERY_FAILED, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct delivery d = run(cases[i].line);
        assert_int_equal(d.end, cases[i].end);
        assert_int_equal(d.code, cases[i].code);
        assert_int_equal(d.why == NULL, d.end == DELIVERY_SENT);
    }
}

static void a_program_that_is_not_there_can_be_there_later(void **state)
{
    (void)state;
    const atomic_bool stop = false;
    assert_false(sendmail_is_there(path("nothing")));
    assert_true(sendmail_is_there(program("exit 0")));
    struct delivery d = sendmail_send(path("nothing"), &mail, 1000, &stop);
    assert_int_equal(d.end, DELIVERY_FAILED);
    assert_string_equal(d.why, "the program cannot be run");
}

static void a_program_that_takes_too_long_is_killed(void **state)
{
    (void)state;
    atomic_bool stop = false;
    int64_t start = clock_mono_us();
    struct delivery d = sendmail_send(program("exec sleep 30"), &mail, 200, &stop);
    assert_int_equal(d.end, DELIVERY_FAILED);
    assert_string_equal(d.why, "the program took too long");
    atomic_store(&stop, true);
    d = sendmail_send(program("exec sleep 30"), &mail, 30000, &stop);
    assert_int_equal(d.end, DELIVERY_STOPPED);
    assert_true(clock_mono_us() - start < 10000000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* As some who start us have it: the kernel then keeps no program's exit code. */
static void an_exit_code_that_is_lost_is_no_success(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGCHLD, &ignore, &before);
    struct delivery d = run("exit 75");
    sigaction(SIGCHLD, &before, NULL);
    assert_int_equal(d.end, DELIVERY_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_program_gets_the_message_as_the_host_ends_lines),
        T(the_program_inherits_nothing),
        T(exit_codes_say_what_became_of_it),
        T(a_program_that_is_not_there_can_be_there_later),
        T(a_program_that_takes_too_long_is_killed),
        T(an_exit_code_that_is_lost_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
