/* NAME=VALUE pairs. */
#include "base/base.h"

#include "base/log.h"
#include "bench/lib/options.h"

struct str option_text(const char *options, const char *name)
{
    struct str rest = str_from_c(options), pair, key;
    while (str_next(&rest, ' ', &pair)) {
        if (str_next(&pair, '=', &key) && str_eq(key, str_from_c(name)))
            return pair;
    }
    return STR_NULL;
}

int option_number(const char *options, const char *name)
{
    int64_t n;
    if (!str_to_i64(option_text(options, name), 1, INT32_MAX, &n))
        fatal("no %s in \"%s\"", name, options);
    return (int)n;
}
