/* The form of e-mail addresses. */
#include "base/base.h"

#include "domain/address.h"

#define LOCAL_MAX 64

struct str address_normal(struct str text, struct arena *mem)
{
    struct str copy = arena_dup(mem, str_trim(text));
    char *p = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 'a' - 'A');
    return copy;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and inner hyphens, between dots. */
static bool is_domain(struct str s)
{
    struct str label;
    while (str_next(&s, '.', &label)) {
        if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_alphanumeric(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

bool address_is_valid(struct str s)
{
    static const char also[] = ".!#$%&'*+/=?^_`{|}~-";
    size_t at = str_find(s, '@');
    if (at == 0 || at == s.n || at > LOCAL_MAX || s.n > ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < at; i++)
        if (!is_alphanumeric(s.p[i]) && !memchr(also, s.p[i], sizeof also - 1))
            return false;
    return is_domain(str_from(s, at + 1));
}
