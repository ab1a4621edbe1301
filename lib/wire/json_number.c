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

bool json_number_equal(const struct json_number *a, const struct json_number *b)
{
    if (a->negative != b->negative || a->count != b->count || a->exponent != b->exponent ||
        a->far_negative != b->far_negative || !str_eq(a->far, b->far))
        return false;
    size_t i = 0, k = 0;
    for (; i < a->digits.n && k < b->digits.n; i++, k++) {
        i += a->digits.p[i] == '.';
        k += b->digits.p[k] == '.';
        if (a->digits.p[i] != b->digits.p[k])
            return false;
    }
    return true;
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
