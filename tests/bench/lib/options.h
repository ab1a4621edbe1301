/* A server under measurement as one argument: "pid=17 port=8001 token=abc". */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "base/str.h"

/* What stands after NAME=, or an absent str. */
struct str option_text(const char *options, const char *name);

/* A number that must be there and be at least 1: anything else ends the program. */
int option_number(const char *options, const char *name);

#endif
