/* Log lines: one write, one line, nothing forged. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "lib/death.h"

/* What act() writes to standard error, in out. */
static size_t capture(void (*act)(void), char *out, size_t size)
{
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(0, pipe(ends));
    dup2(ends[1], STDERR_FILENO);
    act();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t n = read(ends[0], out, size - 1);
    close(ends[0]);
    assert_true(n >= 0);
    out[n] = '\0';
    return (size_t)n;
}

static void write_a_warning(void)
{
    log_warn("user=%d reason=%s", 7, "slow");
}

static void knows_the_levels_by_name(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse(STR("error")), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse(STR("warn")), LOG_LEVEL_WARN);
    assert_int_equal(log_level_parse(STR("debug")), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse(STR("info")), LOG_LEVEL_INFO);
    assert_int_equal(log_level_parse(STR_NULL), LOG_LEVEL_INFO);
}

static void writes_lines_of_key_and_value(void **state)
{
    (void)state;
    char out[4096];
    log_open("cubby-test", LOG_LEVEL_INFO);
    clock_set_for_test(0);
    capture(write_a_warning, out, sizeof out);
    clock_set_for_test(-1);
    assert_string_equal(
        "time=1970-01-01T00:00:00.000Z program=cubby-test level=warn user=7 reason=slow\n", out);
}

static void write_of_a_request(void)
{
    log_request(STR("4bf92f35-1"));
    log_warn("mail dropped id=%d why=\"it said \"no\" to us\" code=-12 empty= zip=0123 at=\xff", 7);
    log_request(STR_NULL);
    log_warn("x=1");
}

static void names_the_request_that_a_line_is_about(void **state)
{
    (void)state;
    char out[4096];
    log_open("t", LOG_LEVEL_INFO);
    capture(write_of_a_request, out, sizeof out);
    assert_non_null(strstr(out, " level=warn request=4bf92f35-1 mail dropped id=7 why="));
    assert_non_null(strstr(out, " level=warn x=1\n"));
}

static void writes_the_same_as_json(void **state)
{
    (void)state;
    char out[4096];
    log_open("t", LOG_LEVEL_INFO);
    log_use_json(true);
    clock_set_for_test(0);
    capture(write_of_a_request, out, sizeof out);
    clock_set_for_test(-1);
    log_use_json(false);
    assert_string_equal(
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"program\":\"t\",\"level\":\"warn\","
        "\"request\":\"4bf92f35-1\",\"id\":7,\"why\":\"it said \\\"no\\\" to us\",\"code\":-12,"
        "\"empty\":\"\",\"zip\":\"0123\",\"at\":\"?\",\"message\":\"mail dropped\"}\n"
        "{\"time\":\"1970-01-01T00:00:00.000Z\",\"program\":\"t\",\"level\":\"warn\",\"x\":1}\n",
        out);
}

static void write_many_quotes(void)
{
    char quotes[4000];
    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    log_error("%s", quotes);
}

static void a_long_line_is_cut_and_stays_json(void **state)
{
    (void)state;
    char out[16384];
    log_use_json(true);
    size_t n = capture(write_many_quotes, out, sizeof out);
    log_use_json(false);
    assert_true(n > 4000 && n < 5000);
    assert_string_equal(out + n - 5, "\\\"\"}\n");
}

static void write_at_every_level(void)
{
    log_error("x=1");
    log_warn("x=2");
    log_info("x=3");
    log_debug("x=4");
}

static void leaves_out_what_is_less_important(void **state)
{
    (void)state;
    char out[4096];
    log_open("t", LOG_LEVEL_WARN);
    capture(write_at_every_level, out, sizeof out);
    assert_non_null(strstr(out, "level=error x=1\n"));
    assert_non_null(strstr(out, "level=warn x=2\n"));
    assert_null(strstr(out, "level=info"));
    log_open("t", LOG_LEVEL_DEBUG);
    capture(write_at_every_level, out, sizeof out);
    assert_non_null(strstr(out, "level=debug x=4\n"));
}

static void write_line_breaks(void)
{
    log_error("path=%s", "a\nlevel=fake\r\x1b[31m\x7f");
}

static void masks_control_characters(void **state)
{
    (void)state;
    char out[4096];
    size_t n = capture(write_line_breaks, out, sizeof out);
    assert_non_null(strstr(out, "path=a level=fake  [31m \n"));
    for (size_t i = 0; i + 1 < n; i++)
        assert_true((unsigned char)out[i] >= ' ');
}

static void write_a_long_line(void)
{
    log_error("%0*d", 100000, 7);
}

static void cuts_long_lines(void **state)
{
    (void)state;
    char out[8192];
    size_t n = capture(write_a_long_line, out, sizeof out);
    assert_in_range(n, 1000, 4096);
    assert_int_equal('\n', out[n - 1]);
}

static void meet_a_fatal_error(void)
{
    fatal("x=%d", 1);
}

static void ends_the_process_after_a_fatal_error(void **state)
{
    (void)state;
    assert_true(dies(meet_a_fatal_error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_levels_by_name),
        cmocka_unit_test(writes_lines_of_key_and_value),
        cmocka_unit_test(names_the_request_that_a_line_is_about),
        cmocka_unit_test(writes_the_same_as_json),
        cmocka_unit_test(a_long_line_is_cut_and_stays_json),
        cmocka_unit_test(leaves_out_what_is_less_important),
        cmocka_unit_test(masks_control_characters),
        cmocka_unit_test(cuts_long_lines),
        cmocka_unit_test(ends_the_process_after_a_fatal_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
