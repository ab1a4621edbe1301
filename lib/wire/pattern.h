/* Regular expressions (PCRE2) that a hostile text cannot run away with. The only user of PCRE2. */
#ifndef WIRE_PATTERN_H
#define WIRE_PATTERN_H

#include "base/arena.h"
#include "base/err.h"

struct pattern; /* compiled, immutable, used by many threads at once */

/*
 * Compile: UTF-8, Unicode character classes, unanchored, `$` only at the very end. ERR_INVALID with
 * *error, in mem. Freed by pattern_free().
 */
enum err pattern_compile(struct pattern **out, struct str text, struct arena *mem,
                         struct str *error) must_check;
void pattern_free(struct pattern *p);

/* The text compiled. */
struct str pattern_text(const struct pattern *p);

/* s (valid UTF-8) contains a match. False also when looking for one exceeds the limits. */
bool pattern_matches(const struct pattern *p, struct str s);

#endif
