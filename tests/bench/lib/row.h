/*
 * Results. A row is a line of fields between tabs: name, unit, ours, floor ("-": none), rule. The
 * rule says what is held against the target: "ratio>=0.7" (ours / floor), "value<=512" (ours), or
 * "-". tests/bench/report.awk makes the table.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "base/base.h"

/* Rounds of each measurement; a row shows their median. */
#define ROUNDS 5

/* floor < 0: none. */
void row_print(const char *name, const char *unit, double ours, double floor, const char *rule);

/* Sorts values. */
double median(double *values, size_t n);
double percentile(double *values, size_t n, double p);

#endif
