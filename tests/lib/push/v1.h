/* Clients of cubby.v1, of several users. */
#ifndef TESTS_LIB_PUSH_V1_H
#define TESTS_LIB_PUSH_V1_H

#include "lib/push/push.h"

#define TEST_ANN "a0000000000000000000000000000000"
#define TEST_BOB "b0000000000000000000000000000000"

/* A user with a file and an account. */
void test_v1_user(struct test_push *t, const char *id);

/* A token of whoever holds the secret. */
const char *test_v1_token(struct test_push *t, const char *claims);

/* A connection past its greeting that has spoken, by such a token for that user. */
struct test_client *test_v1_open(struct test_push *t, const char *user_id);

/* The same by TEST_SID's token, with more to the address ("?…") and header lines. */
struct test_client *test_v1_open_session(struct test_push *t, const char *query, const char *extra);

/* By that token, past its greeting; and it has spoken. */
struct test_client *test_v1_open_fresh(struct test_push *t);
struct test_client *test_v1_open_own(struct test_push *t);

/* Send a text message. */
void test_v1_say(struct test_client *c, const char *text);

/* Expect a text message: exactly this one; beginning so. */
void test_v1_expect(struct test_client *c, const char *text);
void test_v1_expect_begin(struct test_client *c, const char *text);

/* Nothing came that was not looked at: what the client says now is answered next. */
void test_v1_expect_silence(struct test_client *c);

/* Say it, and expect a realtime:error with that code. */
void test_v1_refused(struct test_client *c, const char *text, const char *code);

#endif
