/* Formats of strings: RFC 3339 dates and times, RFC 5321 mailboxes, RFC 3986 URIs, and others. */
#include "base/base.h"

#include <arpa/inet.h>

#include "wire/format.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* c is one of the characters of set ('\0' never is). */
static bool is_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Take `width` digits off *s as a number from 0 to max. */
static bool take_number(struct str *s, size_t width, int max, int *out)
{
    if (s->n < width)
        return false;
    int value = 0;
    for (size_t i = 0; i < width; i++) {
        if (!is_digit(s->p[i]))
            return false;
        value = value * 10 + (s->p[i] - '0');
    }
    *s = str_from(*s, width);
    *out = value;
    return value <= max;
}

static bool take_char(struct str *s, const char *set)
{
    if (s->n == 0 || !is_of(s->p[0], set))
        return false;
    *s = str_from(*s, 1);
    return true;
}

/* --- RFC 3339 5.6 -------------------------------------------------------------------------------
 */

static bool take_date(struct str *s)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(s, 4, 9999, &year) || !take_char(s, "-") || !take_number(s, 2, 12, &month) ||
        !take_char(s, "-") || !take_number(s, 2, 31, &day) || month < 1 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap);
}

/* The offset from UTC in minutes. */
static bool take_offset(struct str *s, int *minutes)
{
    *minutes = 0;
    if (take_char(s, "Zz"))
        return true;
    if (s->n == 0)
        return false;
    int sign = s->p[0] == '-' ? -1 : 1, hour, minute;
    if (!take_char(s, "+-") || !take_number(s, 2, 23, &hour) || !take_char(s, ":") ||
        !take_number(s, 2, 59, &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

static bool take_time(struct str *s)
{
    int hour, minute, second, offset;
    if (!take_number(s, 2, 23, &hour) || !take_char(s, ":") || !take_number(s, 2, 59, &minute) ||
        !take_char(s, ":") || !take_number(s, 2, 60, &second))
        return false;
    if (take_char(s, ".")) {
        if (!take_char(s, "0123456789"))
            return false;
        while (take_char(s, "0123456789"))
            ;
    }
    if (!take_offset(s, &offset))
        return false;
    /* A leap second is the last of a UTC day. */
    int utc = (hour * 60 + minute - offset + 2 * 24 * 60) % (24 * 60);
    return second < 60 || utc == 24 * 60 - 1;
}

static bool fits_date(struct str s)
{
    return take_date(&s) && s.n == 0;
}

static bool fits_time(struct str s)
{
    return take_time(&s) && s.n == 0;
}

static bool fits_date_time(struct str s)
{
    return take_date(&s) && take_char(&s, "Tt") && take_time(&s) && s.n == 0;
}

/* --- addresses ----------------------------------------------------------------------------------
 */

static bool fits_address(int family, struct str s)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[16];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(family, text, address) == 1;
}

static bool fits_ipv4(struct str s)
{
    return fits_address(AF_INET, s);
}

static bool fits_ipv6(struct str s)
{
    return fits_address(AF_INET6, s);
}

/* RFC 1123 2.1. */
static bool fits_hostname(struct str s)
{
    struct str label;
    if (s.n == 0 || s.n > 253)
        return false;
    while (str_next(&s, '.', &label)) {
        if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_letter(label.p[i]) && !is_digit(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

/* RFC 5321 4.1.2: atoms with single dots between them. */
static bool is_dot_string(struct str s)
{
    struct str atom;
    if (s.n == 0)
        return false;
    while (str_next(&s, '.', &atom)) {
        if (atom.n == 0)
            return false;
        for (size_t i = 0; i < atom.n; i++)
            if (!is_letter(atom.p[i]) && !is_digit(atom.p[i]) &&
                !is_of(atom.p[i], "!#$%&'*+-/=?^_`{|}~"))
                return false;
    }
    return true;
}

/* s begins and ends with a quote. */
static bool is_quoted_string(struct str s)
{
    for (size_t i = 1; i < s.n - 1; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return false;
        if (i == s.n - 1 || s.p[i] < ' ' || s.p[i] > '~')
            return false;
    }
    return true;
}

static bool fits_email(struct str s)
{
    size_t at = s.n;
    while (at > 0 && s.p[at - 1] != '@')
        at--;
    if (at == 0)
        return false;
    struct str local = str_make(s.p, at - 1), domain = str_from(s, at);
    bool quoted = local.n >= 2 && local.p[0] == '"' && local.p[local.n - 1] == '"';
    if (local.n > 64 || !(quoted ? is_quoted_string(local) : is_dot_string(local)))
        return false;
    if (domain.n < 2 || domain.p[0] != '[' || domain.p[domain.n - 1] != ']')
        return fits_hostname(domain);
    domain = str_make(domain.p + 1, domain.n - 2);
    if (str_starts_with(domain, STR("IPv6:")))
        return fits_ipv6(str_from(domain, 5));
    return fits_ipv4(domain);
}

static bool fits_uuid(struct str s)
{
    if (s.n != 36)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : !is_hex(s.p[i]))
            return false;
    }
    return true;
}

/* --- RFC 3986 -----------------------------------------------------------------------------------
 */

/* Unreserved, sub-delims, percent escapes and the characters of `more`. */
static bool is_uri_text(struct str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
                return false;
            i += 2;
        } else if (!is_letter(c) && !is_digit(c) && !is_of(c, "-._~!$&'()*+,;=") &&
                   !is_of(c, more)) {
            return false;
        }
    }
    return true;
}

static bool is_scheme(struct str s)
{
    if (s.n == 0 || !is_letter(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_letter(s.p[i]) && !is_digit(s.p[i]) && !is_of(s.p[i], "+-."))
            return false;
    return true;
}

static bool is_ip_literal(struct str s)
{
    if (s.n > 0 && (s.p[0] == 'v' || s.p[0] == 'V')) { /* IPvFuture */
        size_t dot = str_find(s, '.');
        if (dot < 2 || dot + 1 >= s.n)
            return false;
        for (size_t i = 1; i < dot; i++)
            if (!is_hex(s.p[i]))
                return false;
        return !memchr(s.p, '%', s.n) && is_uri_text(str_from(s, dot + 1), ":");
    }
    return fits_ipv6(s);
}

/* [ userinfo "@" ] host [ ":" port ] */
static bool is_authority(struct str s)
{
    size_t at = str_find(s, '@');
    if (at < s.n) {
        if (!is_uri_text(str_make(s.p, at), ":"))
            return false;
        s = str_from(s, at + 1);
    }
    struct str port;
    if (s.n > 0 && s.p[0] == '[') {
        size_t close = str_find(s, ']');
        if (close == s.n || !is_ip_literal(str_make(s.p + 1, close - 1)))
            return false;
        port = str_from(s, close + 1);
    } else {
        size_t colon = str_find(s, ':');
        if (!is_uri_text(str_make(s.p, colon), ""))
            return false;
        port = str_from(s, colon);
    }
    if (port.n > 0 && !take_char(&port, ":"))
        return false;
    while (take_char(&port, "0123456789"))
        ;
    return port.n == 0;
}

static bool fits_uri(struct str s)
{
    size_t colon = str_find(s, ':');
    if (colon == s.n || !is_scheme(str_make(s.p, colon)))
        return false;
    s = str_from(s, colon + 1);
    size_t hash = str_find(s, '#');
    if (hash < s.n && !is_uri_text(str_from(s, hash + 1), ":@/?"))
        return false;
    s.n = hash;
    size_t mark = str_find(s, '?');
    if (mark < s.n && !is_uri_text(str_from(s, mark + 1), ":@/?"))
        return false;
    s.n = mark;
    if (str_starts_with(s, STR("//"))) {
        s = str_from(s, 2);
        size_t slash = str_find(s, '/');
        if (!is_authority(str_make(s.p, slash)))
            return false;
        s = str_from(s, slash);
    }
    return is_uri_text(s, ":@/");
}

/* --- the list -----------------------------------------------------------------------------------
 */

static const struct format formats[] = {
    {"date-time", fits_date_time, "must be a date and time such as 2026-01-31T23:59:59Z"},
    {"date", fits_date, "must be a date such as 2026-01-31"},
    {"time", fits_time, "must be a time such as 23:59:59Z"},
    {"email", fits_email, "must be an email address"},
    {"uri", fits_uri, "must be a web address or other URI"},
    {"uuid", fits_uuid, "must be a UUID"},
    {"ipv4", fits_ipv4, "must be an IPv4 address"},
    {"ipv6", fits_ipv6, "must be an IPv6 address"},
};

const struct format *format_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_eq(str_from_c(formats[i].name), name))
            return &formats[i];
    return NULL;
}
