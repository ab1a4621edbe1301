/* Temporary stores for tests. */
#include "base/base.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/space.h"

struct store_options test_store_options(void)
{
    return (struct store_options){
        .handles = 8, .sync = DB_SYNC_NORMAL, .busy_ms = 2000, .log_keep_events = 1000};
}

static void open_store(struct test_store *t, struct store_options options)
{
    struct str message = STR_NULL;
    options.data_dir = t->dir;
    t->options = options;
    if (store_open(&t->store, &options, &t->mem, &message) != OK)
        fail_msg("%.*s", STR_ARG(message));
}

void test_store_open(struct test_store *t, struct store_options options)
{
    const char *tmp = getenv("TMPDIR");
    *t = (struct test_store){.mem = ARENA_INIT};
    int n = snprintf(t->dir, sizeof t->dir, "%s/cubby-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_true(n > 0 && (size_t)n < sizeof t->dir);
    assert_non_null(mkdtemp(t->dir));
    open_store(t, options);
}

void test_store_reopen(struct test_store *t, struct store_options options)
{
    store_close(t->store);
    open_store(t, options);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_store_close(struct test_store *t)
{
    store_close(t->store);
    t->store = NULL;
    nftw(t->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    arena_release(&t->mem);
}

struct space *test_user_writing(struct test_store *t)
{
    struct space *sp;
    assert_int_equal(space_create(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

static struct test_store of_main;

int test_main_set_up(void **state)
{
    struct space *sp;
    test_store_open(&of_main, test_store_options());
    assert_int_equal(space_acquire(of_main.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    *state = sp;
    return 0;
}

int test_main_tear_down(void **state)
{
    space_release(*state);
    test_store_close(&of_main);
    return 0;
}

const char *test_store_path(struct test_store *t, const char *below)
{
    return arena_printf(&t->mem, "%s/%s", t->dir, below).p;
}
