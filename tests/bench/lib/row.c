/* Medians and rows of results. */
#include "base/base.h"

#include "bench/lib/row.h"

void row_print(const char *name, const char *unit, double ours, double floor, const char *rule)
{
    printf("%s\t%s\t%.6g\t", name, unit, ours);
    if (floor < 0)
        printf("-\t%s\n", rule);
    else
        printf("%.6g\t%s\n", floor, rule);
    fflush(stdout);
}

void row_table(const char *title, const char *other)
{
    printf("%s\t%s\n", title, other);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double percentile(double *values, size_t n, double p)
{
    assert(n > 0);
    qsort(values, n, sizeof *values, by_value);
    return values[(size_t)((double)(n - 1) * p / 100 + 0.5)];
}

double median(double *values, size_t n)
{
    return percentile(values, n, 50);
}
