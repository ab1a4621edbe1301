/* An organization of TEST_USER's, with TEST_ANN as a member, and what the other program does with
 * it. */
#ifndef TESTS_LIB_PUSH_TEAM_H
#define TESTS_LIB_PUSH_TEAM_H

#include "lib/push/v1.h"

#define TEST_TEAM "c0000000000000000000000000000000"

/* TEST_ANN and TEST_BOB get accounts. */
void test_team_open(struct test_push *t);

/* Append an event to its log, with an inline hint; without any. */
void test_team_change(struct test_push *t, const char *name, const char *data);
uint64_t test_team_event(struct test_push *t, const char *name, const char *data);

/* The user is no member any more; nobody is told. */
void test_team_remove(struct test_push *t, const char *user_id);
/* The organization and its file are gone; nobody is told. */
void test_team_delete(struct test_push *t);

/* The hint that memberships are to be looked at. */
void test_team_hint_members(struct test_push *t);

/* "<epoch>.<seq>" of its log. */
const char *test_team_event_id(struct test_push *t, uint64_t seq);

#endif
