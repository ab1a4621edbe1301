/*
 * Results. A row is a line of fields between tabs: name, unit, ours, floor ("-": none), rule. The
 * rule says what is held against the target: "ratio>=0.7" (ours / floor), "value<=512" (ours), or
 * "-". A line of two fields begins a table. tests/bench/report.awk prints them.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "base/base.h"

/* Begin a table: what its rows have in common, and what stands in the column beside ours. */
void row_table(const char *title, const char *other);

/* Rounds of each measurement; a row shows their median. */
#define ROUNDS 5

/* floor < 0: none. */
void row_print(const char *name, const char *unit, double ours, double floor, const char *rule);

/* Sorts values. */
double median(double *values, size_t n);
double percentile(double *values, size_t n, double p);

#endif
