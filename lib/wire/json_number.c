/* Numbers of a JSON text: exact to whole numbers and to each other, nearest to doubles. */
#include "base/base.h"

#include <math.h>

#include "base/mem.h"
#include "wire/json.h"
#include "wire/json_number.h"

/* Exponents of up to this many digits are summed; texts are too short to bridge the rest. */
#define EXPONENT_DIGITS 17

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* text: what follows the 'e'. */
static void read_exponent(struct json_number *n, struct str text)
{
    bool negative = text.p[0] == '-';
    if (negative || text.p[0] == '+')
        text = str_from(text, 1);
    while (text.n > 1 && text.p[0] == '0')
        text = str_from(text, 1);
    if (text.n > EXPONENT_DIGITS) {
        n->far = text;
        n->far_negative = negative;
        return;
    }
    int64_t value = 0;
    for (size_t i = 0; i < text.n; i++)
        value = value * 10 + (text.p[i] - '0');
    n->exponent += negative ? -value : value;
}

struct json_number json_number_read(struct str raw)
{
    struct json_number n = {.negative = raw.n > 0 && raw.p[0] == '-'};
    size_t i = n.negative ? 1 : 0;
    size_t first = 0, last = 0;    /* bytes of the outermost digits that are not 0 */
    int64_t place = 0, point = -1; /* digits so far; those before the '.' */
    int64_t first_place = 0, last_place = -1;
    for (; i < raw.n && (is_digit(raw.p[i]) || raw.p[i] == '.'); i++) {
        if (raw.p[i] == '.') {
            point = place;
            continue;
        }
        if (raw.p[i] != '0') {
            if (last_place < 0) {
                first = i;
                first_place = place;
            }
            last = i;
            last_place = place;
        }
        place++;
    }
    if (last_place < 0)
        return (struct json_number){.count = 0};
    n.digits = str_make(raw.p + first, last - first + 1);
    n.count = (size_t)(last_place - first_place + 1);
    n.exponent = (point < 0 ? place : point) - 1 - last_place;
    if (i < raw.n)
        read_exponent(&n, str_from(raw, i + 1));
    return n;
}

/* The digits of two numbers, as decimal fractions 0.digits. */
static int compare_digits(const struct json_number *a, const struct json_number *b)
{
    size_t i = 0, k = 0;
    for (; i < a->digits.n && k < b->digits.n; i++, k++) {
        i += a->digits.p[i] == '.';
        k += b->digits.p[k] == '.';
        if (a->digits.p[i] != b->digits.p[k])
            return a->digits.p[i] < b->digits.p[k] ? -1 : 1;
    }
    return (i < a->digits.n) - (k < b->digits.n);
}

/* The exponents of two numbers that are `far`; a far one is beyond all that are not. */
static int compare_far(const struct json_number *a, const struct json_number *b)
{
    int64_t x = (int64_t)a->far.n * (a->far_negative ? -1 : 1);
    int64_t y = (int64_t)b->far.n * (b->far_negative ? -1 : 1);
    if (x != y)
        return x < y ? -1 : 1;
    int order = str_cmp(a->far, b->far);
    return a->far_negative ? -order : order;
}

/* Two numbers without their signs, neither of them zero. */
static int compare_sizes(const struct json_number *a, const struct json_number *b)
{
    int order = compare_far(a, b);
    if (order != 0)
        return order;
    int64_t x = a->exponent + (int64_t)a->count, y = b->exponent + (int64_t)b->count;
    if (x != y)
        return x < y ? -1 : 1;
    return compare_digits(a, b);
}

int json_number_compare(const struct json_number *a, const struct json_number *b)
{
    int x = a->count == 0 ? 0 : a->negative ? -1 : 1;
    int y = b->count == 0 ? 0 : b->negative ? -1 : 1;
    if (x != y)
        return x < y ? -1 : 1;
    if (x == 0)
        return 0;
    return x < 0 ? -compare_sizes(a, b) : compare_sizes(a, b);
}

bool json_number_is_whole(const struct json_number *n)
{
    return n->count == 0 || (n->far.n ? !n->far_negative : n->exponent >= 0);
}

void json_number_append_canonical(struct buf *out, const struct json_number *n)
{
    if (n->negative)
        buf_append_ch(out, '-');
    for (size_t i = 0; i < n->digits.n; i++)
        if (n->digits.p[i] != '.')
            buf_append_ch(out, n->digits.p[i]);
    if (n->count == 0) {
        buf_append_ch(out, '0');
        return;
    }
    buf_append_ch(out, 'e');
    buf_append_i64(out, n->exponent);
    if (n->far.n) {
        buf_append_ch(out, n->far_negative ? '-' : '+');
        buf_append_str(out, n->far);
    }
}

/* The digits as a whole number; at most 19 of them, which always fit. */
static uint64_t digits_value(const struct json_number *n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n->digits.n; i++)
        if (n->digits.p[i] != '.')
            value = value * 10 + (uint64_t)(n->digits.p[i] - '0');
    return value;
}

/*
 * a = A * 10^x and b = B * 10^y, where neither A nor B ends in 0: with x < y no whole number makes
 * A of B, and otherwise B has to divide A * 10^(x - y), which is found digit by digit.
 */
bool json_number_is_multiple(const struct json_number *a, const struct json_number *b)
{
    if (a->count == 0)
        return true;
    if (a->far.n ? a->far_negative : a->exponent < b->exponent)
        return false;
    uint64_t divisor = digits_value(b), rest = 0;
    for (size_t i = 0; i < a->digits.n; i++)
        if (a->digits.p[i] != '.')
            rest = (rest * 10 + (uint64_t)(a->digits.p[i] - '0')) % divisor;
    /* After 64 tens all factors 2 and 5 of the divisor are used up: more change nothing. */
    int64_t tens = a->far.n || a->exponent - b->exponent > 64 ? 64 : a->exponent - b->exponent;
    for (int64_t i = 0; i < tens; i++)
        rest = rest * 10 % divisor;
    return rest == 0;
}

bool json_to_i64(struct json_value v, int64_t *out)
{
    if (!json_is(v, JSON_NUMBER))
        return false;
    struct json_number n = json_number_read(json_raw(v));
    if (n.count == 0) {
        *out = 0;
        return true;
    }
    if (n.far.n || n.exponent < 0 || n.exponent > 18 || n.count + (size_t)n.exponent > 19)
        return false;
    uint64_t value = digits_value(&n);
    for (int64_t i = 0; i < n.exponent; i++)
        value *= 10;
    if (value > (uint64_t)INT64_MAX + n.negative)
        return false;
    *out = n.negative ? -(int64_t)(value - 1) - 1 : (int64_t)value;
    return true;
}

/* strtod() wants a '\0' behind the number; no program of ours sets a locale. */
static double to_double_slowly(struct str raw)
{
    char small[64];
    char *copy = raw.n < sizeof small ? small : mem_alloc(raw.n + 1);
    memcpy(copy, raw.p, raw.n);
    copy[raw.n] = '\0';
    double d = strtod(copy, NULL);
    if (copy != small)
        mem_free(copy);
    return d;
}

bool json_to_double(struct json_value v, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!json_is(v, JSON_NUMBER))
        return false;
    struct json_number n = json_number_read(json_raw(v));
    if (n.count > 15 || n.far.n || n.exponent < -22 || n.exponent > 22) {
        *out = to_double_slowly(json_raw(v));
        return true;
    }
    /* Both operands are exact doubles, so the one rounding gives the nearest (Clinger 1990). */
    double d = (double)digits_value(&n);
    d = n.exponent < 0 ? d / powers[-n.exponent] : d * powers[n.exponent];
    *out = n.negative ? -d : d;
    return true;
}
