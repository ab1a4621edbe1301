/* Time: ISO 8601 and a clock that tests can stop. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"

static void assert_iso(int64_t ms, const char *expected)
{
    char out[CLOCK_ISO_LEN + 1];
    memset(out, 'x', sizeof out);
    clock_iso(ms, out);
    assert_string_equal(expected, out);
}

static void writes_iso_8601(void **state)
{
    (void)state;
    assert_iso(0, "1970-01-01T00:00:00.000Z");
    assert_iso(1, "1970-01-01T00:00:00.001Z");
    assert_iso(-1, "1969-12-31T23:59:59.999Z");
    assert_iso(951782400000, "2000-02-29T00:00:00.000Z");
    assert_iso(951868799999, "2000-02-29T23:59:59.999Z");
    assert_iso(951868800000, "2000-03-01T00:00:00.000Z");
    assert_iso(1709251199999, "2024-02-29T23:59:59.999Z");
    assert_iso(4107542400000, "2100-03-01T00:00:00.000Z");
    assert_iso(253402300799999, "9999-12-31T23:59:59.999Z");
    assert_iso(-62167219200000, "0000-01-01T00:00:00.000Z");
}

static void agrees_with_the_c_library_on_every_day(void **state)
{
    (void)state;
    for (int64_t day = -150000; day < 150000; day += 37) {
        time_t t = (time_t)(day * 86400 + 3661);
        struct tm tm;
        char expected[CLOCK_ISO_LEN + 1];
        assert_non_null(gmtime_r(&t, &tm));
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        assert_iso((int64_t)t * 1000, expected);
    }
}

static void stands_still_for_tests_until_let_go(void **state)
{
    (void)state;
    clock_set_for_test(1234);
    assert_int_equal(1234, clock_wall_ms());
    assert_int_equal(1234, clock_mono_ms());
    clock_set_for_test(0);
    assert_int_equal(0, clock_wall_ms());
    clock_set_for_test(-1);
    assert_true(clock_wall_ms() > 1600000000000);
}

static void never_goes_back(void **state)
{
    (void)state;
    int64_t before = clock_mono_ms();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_ms();
        assert_true(now >= before);
        before = now;
    }
}

static void expect_read(const char *text, int64_t expected)
{
    int64_t ms = -1;
    if (!clock_from_iso(str_from_c(text), &ms) || ms != expected)
        fail_msg("%s: %lld", text, (long long)ms);
}

static void reads_dates_and_times_with_a_zone(void **state)
{
    (void)state;
    expect_read("1970-01-01", 0);
    expect_read("1970-01-01T00:00:00.000Z", 0);
    expect_read("1970-01-01T00:00Z", 0);
    expect_read("1969-12-31T23:59:59.999Z", -1);
    expect_read("2027-01-15T08:00:00Z", 1800000000000);
    expect_read("2027-01-15T09:30:00+01:30", 1800000000000);
    expect_read("2027-01-15T03:00:00-05:00", 1800000000000);
    expect_read("2027-01-15T08:00:00.1Z", 1800000000100);
    expect_read("2027-01-15T08:00:00.0019999Z", 1800000000001);
    expect_read("2024-02-29", 1709164800000);
}

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    for (int64_t ms = -62167219200000; ms < 253402300800000; ms += 86400000 * INT64_C(97) + 12345) {
        char text[CLOCK_ISO_LEN + 1];
        clock_iso(ms, text);
        expect_read(text, ms);
    }
}

static void refuses_what_is_no_date(void **state)
{
    static const char *const bad[] = {
        "",
        "1970",
        "1970-1-1",
        "1970-13-01",
        "1970-00-01",
        "1970-01-00",
        "2023-02-29",
        "1900-02-29",
        "2024-04-31",
        "-970-01-01",
        "1970-01-01 00:00:00Z",
        "1970-01-01T00:00:00",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+1:00",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00Zx",
        "1970-01-01T-1:00:00Z",
    };
    int64_t ms;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (clock_from_iso(str_from_c(bad[i]), &ms))
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_iso_8601),
        cmocka_unit_test(agrees_with_the_c_library_on_every_day),
        cmocka_unit_test(stands_still_for_tests_until_let_go),
        cmocka_unit_test(never_goes_back),
        cmocka_unit_test(reads_dates_and_times_with_a_zone),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(refuses_what_is_no_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
