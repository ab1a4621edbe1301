/* Bytes against a guard page: a parser that looks one byte too far dies in the test. */
#ifndef TESTS_LIB_GUARD_H
#define TESTS_LIB_GUARD_H

#include "base/str.h"

/* The longest text guard_copy takes. */
#define GUARD_MAX (256 * 1024)

/* A copy of s whose last byte lies before an unreadable page; valid until the next call. */
struct str guard_copy(struct str s);

#endif
