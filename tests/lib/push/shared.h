/* The counters' space, as the other program writes it: events whose hints travel at once, or never.
 */
#ifndef TESTS_LIB_PUSH_SHARED_H
#define TESTS_LIB_PUSH_SHARED_H

#include "lib/push/push.h"

/* Make the space; returns when pushd knows it. */
void test_shared_open(struct test_push *t);

/* Append an event to its log, with an inline hint. */
void test_shared_change(struct test_push *t, const char *name, const char *data);

/* Append an event whose hint is lost. */
uint64_t test_shared_event(struct test_push *t, const char *name, const char *data);

/* Hint that there are events first..last, without them. */
void test_shared_hint(struct test_push *t, uint64_t first, uint64_t last);

/* Another file takes the place of this one, as after a restore from a backup. */
void test_shared_replace(struct test_push *t);

#endif
