/* Wall and monotonic milliseconds, ISO 8601. Settable, so that tests own the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

/* Length of "2026-01-31T23:59:59.999Z". */
#define CLOCK_ISO_LEN 24

/* Unix milliseconds. */
int64_t clock_wall_ms(void);

/* Milliseconds that never go back; only differences mean something. */
int64_t clock_mono_ms(void);

/* Microseconds that never go back, for measuring; tests do not own these. */
int64_t clock_mono_us(void);

/* Write unix milliseconds (years 0 to 9999) as ISO 8601 UTC, '\0'-terminated. */
void clock_iso(int64_t ms, char out[CLOCK_ISO_LEN + 1]);

/*
 * Read an ISO 8601 date ("2026-01-31", midnight UTC) or date and time with a zone
 * ("2026-01-31T23:59:59.999Z", "…T23:59+01:00"; digits beyond milliseconds are dropped).
 */
bool clock_from_iso(struct str text, int64_t *ms);

/* Tests only: both clocks stand at this many milliseconds until set again; -1 lets them run. */
void clock_set_for_test(int64_t ms);

#endif
