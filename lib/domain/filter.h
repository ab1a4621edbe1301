/* Does an event match? Lists of names with a final '*' (?events=table:posts:*,kv:*). */
#ifndef DOMAIN_FILTER_H
#define DOMAIN_FILTER_H

#include "base/err.h"

#define FILTER_PATTERNS_MAX 50
#define FILTER_BYTES_MAX    4096

/* A compiled list; one allocation. */
struct filter;

/* Comma-separated patterns. ERR_INVALID: empty ones, a '*' that is not last, over the limits. Freed
 * by filter_free(). */
enum err filter_parse(struct filter **out, struct str patterns) must_check;
void filter_free(struct filter *f);

/* NULL matches everything. No allocation. */
bool filter_matches(const struct filter *f, struct str event_name);

#endif
