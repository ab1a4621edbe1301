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

int64_t clock_mono_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
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

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

/* Take `width` digits, a number of [min, max], off the front of s. */
static bool take_number(struct str *s, size_t width, int64_t min, int64_t max, int64_t *out)
{
    if (s->n < width || !str_to_i64(str_make(s->p, width), min, max, out) || s->p[0] == '-')
        return false;
    *s = str_from(*s, width);
    return true;
}

static bool take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_from(*s, 1);
    return true;
}

static bool take_date(struct str *s, int64_t *days)
{
    static const char length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (!take_number(s, 4, 0, 9999, &year) || !take_char(s, '-') ||
        !take_number(s, 2, 1, 12, &month) || !take_char(s, '-') || !take_number(s, 2, 1, 31, &day))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    *days = days_from_civil(year, month, day);
    return day <= length[month - 1] + (month == 2 && leap);
}

/* ".123456": the first three digits count. */
static bool take_fraction(struct str *s, int64_t *ms)
{
    *ms = 0;
    if (!take_char(s, '.'))
        return true;
    int64_t digit, unit = 100;
    size_t before = s->n;
    for (; take_number(s, 1, 0, 9, &digit); unit /= 10)
        *ms += digit * unit;
    return s->n < before;
}

static bool take_time(struct str *s, int64_t *ms)
{
    int64_t hour, minute, second = 0, fraction = 0;
    if (!take_number(s, 2, 0, 23, &hour) || !take_char(s, ':') ||
        !take_number(s, 2, 0, 59, &minute))
        return false;
    if (take_char(s, ':') && (!take_number(s, 2, 0, 59, &second) || !take_fraction(s, &fraction)))
        return false;
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return true;
}

/* "Z" or "+hh:mm", the minutes this zone is ahead of UTC. */
static bool take_zone(struct str *s, int64_t *ahead)
{
    int64_t hour, minute, sign = s->n && s->p[0] == '-' ? -1 : 1;
    *ahead = 0;
    if (take_char(s, 'Z'))
        return true;
    if (!take_char(s, sign < 0 ? '-' : '+') || !take_number(s, 2, 0, 23, &hour) ||
        !take_char(s, ':') || !take_number(s, 2, 0, 59, &minute))
        return false;
    *ahead = sign * (hour * 60 + minute);
    return true;
}

bool clock_from_iso(struct str text, int64_t *ms)
{
    int64_t days, time = 0, ahead = 0;
    if (!take_date(&text, &days))
        return false;
    if (text.n && (!take_char(&text, 'T') || !take_time(&text, &time) || !take_zone(&text, &ahead)))
        return false;
    *ms = days * 86400000 + time - ahead * 60000;
    return text.n == 0;
}
