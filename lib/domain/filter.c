/* Lists of event names with a final '*'. */
#include "base/base.h"

#include "base/mem.h"
#include "domain/filter.h"

struct pattern {
    struct str name; /* without the '*' */
    bool prefix;
};

struct filter {
    size_t count;
    struct pattern pattern[FILTER_PATTERNS_MAX];
    char text[]; /* what the names point into */
};

static bool read_pattern(struct pattern *p, struct str text)
{
    size_t star = str_find(text, '*');
    if (text.n == 0 || (star != text.n && star != text.n - 1))
        return false;
    p->prefix = star < text.n;
    p->name = str_make(text.p, star);
    return true;
}

enum err filter_parse(struct filter **out, struct str patterns)
{
    if (patterns.n == 0 || patterns.n > FILTER_BYTES_MAX)
        return ERR_INVALID;
    struct filter *f = mem_alloc(sizeof *f + patterns.n);
    f->count = 0;
    memcpy(f->text, patterns.p, patterns.n);
    struct str item, rest = str_make(f->text, patterns.n);
    while (str_next(&rest, ',', &item)) {
        if (f->count == FILTER_PATTERNS_MAX ||
            !read_pattern(&f->pattern[f->count++], str_trim(item))) {
            mem_free(f);
            return ERR_INVALID;
        }
    }
    *out = f;
    return OK;
}

void filter_free(struct filter *f)
{
    mem_free(f);
}

bool filter_matches(const struct filter *f, struct str event_name)
{
    if (!f)
        return true;
    for (size_t i = 0; i < f->count; i++) {
        const struct pattern *p = &f->pattern[i];
        if (p->prefix ? str_starts_with(event_name, p->name) : str_eq(event_name, p->name))
            return true;
    }
    return false;
}
