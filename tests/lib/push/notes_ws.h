/* Notes of TEST_USER, and clients of their stream. */
#ifndef TESTS_LIB_PUSH_NOTES_WS_H
#define TESTS_LIB_PUSH_NOTES_WS_H

#include "lib/push/push.h"
#include "notes.h"

/* Fixtures for cmocka: *state becomes the struct test_push, with a table of notes. */
int test_notes_set_up(void **state);
int test_notes_tear_down(void **state);

/* --- the other program --- */

const struct rows_table *test_notes_table(void);
struct str test_notes_id(struct test_push *t, int number);

/* Write the note, with its event: `operation` is create, update or delete. Returns its number. */
uint64_t test_notes_write(struct test_push *t, const char *operation, int number, const char *text);
/* And hint at it. */
void test_notes_change(struct test_push *t, const char *operation, int number, const char *text);

/* A text of n bytes. */
char *test_notes_long(struct test_push *t, size_t n);

/* Users whose notes are kept; without any nothing is pending. */
uint64_t test_notes_users(struct test_push *t);

/* --- clients --- */

/* As that client; past connected, past its initialSync. */
struct test_client *test_notes_connect(struct test_push *t, const char *client_id);
struct test_client *test_notes_open(struct test_push *t, const char *client_id, size_t notes);

/* The next message; pings on the way are answered. */
const char *test_notes_next(struct test_client *c);
void test_notes_expect_nothing(struct test_client *c);
/* The next message is this, or an initialSync of so many notes. */
void test_notes_expect(struct test_client *c, const char *text);
void test_notes_expect_initial(struct test_client *c, size_t notes);

/* The next message is an update of that operation with so many notes, or one that comes again; its
 * id. */
const char *test_notes_expect_update(struct test_client *c, const char *operation, size_t notes);
const char *test_notes_expect_retry(struct test_client *c, int attempt);

/* Of a message: a member's text, strings without their quotes, "" when there is none; its notes. */
const char *test_notes_member(struct test_client *c, const char *message, const char *name);
size_t test_notes_count(struct test_client *c, const char *message);

void test_notes_say(struct test_client *c, const char *text);
void test_notes_ack(struct test_client *c, const char *update_id);

#endif
