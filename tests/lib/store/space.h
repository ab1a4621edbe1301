/* A store in a temporary folder, removed at the end. Linked into tests of store and above. */
#ifndef TESTS_LIB_STORE_SPACE_H
#define TESTS_LIB_STORE_SPACE_H

#include "store/space.h"

#define TEST_USER "0123456789abcdef0123456789abcdef"

struct test_store {
    struct store *store;
    struct store_options options; /* as opened */
    char dir[64];
    struct arena mem;
};

/* Defaults of the tests: 8 handles, FULL but for speed, 2 s of patience, 1000 events. */
struct store_options test_store_options(void);

/* Open a store of these options in a fresh folder (options.data_dir is set here). Fails the test
 * when it cannot. */
void test_store_open(struct test_store *t, struct store_options options);

/* Close and open again on the same folder, with the same or other options. */
void test_store_reopen(struct test_store *t, struct store_options options);

/* Close and remove everything. */
void test_store_close(struct test_store *t);

/* A user's space, made if need be, in a write transaction; space_commit and space_release follow.
 */
struct space *test_user_writing(struct test_store *t);

/* cmocka's set-up and tear-down of tests of main.db: *state is its space, in a write transaction.
 */
int test_main_set_up(void **state);
int test_main_tear_down(void **state);

/* Path of a file below the folder, in t->mem. */
const char *test_store_path(struct test_store *t, const char *below);

#endif
