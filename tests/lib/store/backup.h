/* Accounts with files, and backups of them, in the folder of a test's store. */
#ifndef TESTS_LIB_STORE_BACKUP_H
#define TESTS_LIB_STORE_BACKUP_H

#include "lib/store/space.h"
#include "store/backup.h"

#define TEST_ANN "0123456789abcdef0123456789abcdef"
#define TEST_BOB "fedcba9876543210fedcba9876543210"

/* An account <name>@example.org with this id, and a value for the key "k". */
void test_account_make(struct test_store *t, const char *id, const char *name);

/* cmocka's set-up and tear-down: *state is a struct test_store with two accounts, ann and bob. */
int test_accounts_set_up(void **state);
int test_accounts_tear_down(void **state);

/* Set key "k" of an account, with its event. */
void test_account_set(struct test_store *t, const char *id, const char *value);

/* What "k" is; in t->mem. */
struct str test_account_get(struct test_store *t, const char *id);

/* A backup into <folder>/backups. *message of a failure in t->mem. */
enum err test_backup_try(struct test_store *t, bool full, struct backup_result *out,
                         struct str *message);

/* One that has to be made: where it is, '\0'-terminated, in t->mem. */
const char *test_backup_make(struct test_store *t);

/* Change one byte in the middle of a file. */
void test_file_damage(const char *path);

void test_file_write(const char *path, const char *text);

#endif
