/* Wall and monotonic milliseconds. */
#include "base/base.h"

#include <stdatomic.h>

#include "base/clock.h"

static _Atomic int64_t stopped_at = -1;

static int64_t read_clock(clockid_t which)
{
    struct timespec t;
    int64_t fixed = atomic_load_explicit(&stopped_at, memory_order_relaxed);
    if (fixed >= 0)
        return fixed;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_set_for_test(int64_t ms)
{
    atomic_store(&stopped_at, ms);
}

static char *digits(char *to, int64_t v, int width)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + width;
}

/* Days since 1970-01-01 to a civil date (Howard Hinnant, "chrono-compatible date algorithms"). */
static void civil_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

void clock_iso(int64_t ms, char out[CLOCK_ISO_LEN + 1])
{
    int64_t days = ms / 86400000, rest = ms % 86400000, year, month, day;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    civil_from_days(days, &year, &month, &day);
    assert(year >= 0 && year <= 9999);
    char *p = digits(out, year, 4);
    *p++ = '-';
    p = digits(p, month, 2);
    *p++ = '-';
    p = digits(p, day, 2);
    *p++ = 'T';
    p = digits(p, rest / 3600000, 2);
    *p++ = ':';
    p = digits(p, rest / 60000 % 60, 2);
    *p++ = ':';
    p = digits(p, rest / 1000 % 60, 2);
    *p++ = '.';
    p = digits(p, rest % 1000, 3);
    *p++ = 'Z';
    *p = '\0';
}
