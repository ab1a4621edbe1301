/* webhooks: who sends, how it stands with a receiver, and where it is in each log. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/lock.h"
#include "store/webhooks.h"

#define URL STR("https://example.org/hook?key=of-the-url")

static int set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

static struct webhooks *open_it(struct test_store *t)
{
    struct webhooks *w;
    assert_int_equal(webhooks_open(&w, t->dir, false, 1000), OK);
    return w;
}

static struct webhooks_cursor cursor(const char *id, uint64_t seq)
{
    struct webhooks_cursor c = {.kind = SPACE_USER, .epoch = "0a1b2c3d", .seq = seq};
    snprintf(c.id, sizeof c.id, "%s", id);
    return c;
}

static void put(struct webhooks *w, int64_t url, struct webhooks_cursor c)
{
    assert_int_equal(webhooks_begin(w), OK);
    assert_int_equal(webhooks_put(w, url, &c), OK);
    assert_int_equal(webhooks_commit(w), OK);
}

static void one_process_sends_and_others_may_look(void **state)
{
    struct test_store *t = *state;
    struct webhooks *other, *w;
    assert_int_equal(webhooks_open(&other, t->dir, true, 1000), ERR_NOT_FOUND);
    w = open_it(t);
    assert_int_equal(webhooks_open(&other, t->dir, false, 1000), ERR_BUSY);
    assert_null(other);
    assert_int_equal(webhooks_open(&other, t->dir, true, 1000), OK);
    webhooks_close(other);
    webhooks_close(w);
    webhooks_close(open_it(t));
}

static void a_restore_of_all_waits_for_who_sends(void **state)
{
    struct test_store *t = *state;
    int fd;
    store_close(t->store);
    t->store = NULL;
    struct webhooks *w = open_it(t);
    assert_int_equal(lock_open(t->dir, &fd), OK);
    assert_int_equal(lock_use(fd, true), ERR_BUSY);
    webhooks_close(w);
    assert_int_equal(lock_use(fd, true), OK);
    assert_int_equal(webhooks_open(&w, t->dir, false, 1000), ERR_BUSY);
    close(fd);
}

static void a_receiver_is_registered_once_and_its_address_not_kept(void **state)
{
    struct test_store *t = *state;
    struct webhooks_url url, again;
    struct stat st;
    struct webhooks *w = open_it(t);
    assert_int_equal(webhooks_find(w, URL, 5000, &url), OK);
    assert_int_equal(url.since, 5000);
    assert_int_equal(webhooks_find(w, URL, 9000, &again), OK);
    assert_int_equal(again.id, url.id);
    assert_int_equal(again.since, 5000);
    url.delivered = 7;
    url.failure_at = 6000;
    url.status = 503;
    snprintf(url.reason, sizeof url.reason, "it did not answer");
    assert_int_equal(webhooks_note(w, &url), OK);
    webhooks_close(w);

    assert_int_equal(stat(test_store_path(t, WEBHOOKS_NAME), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(test_store_path(t, WEBHOOKS_NAME), "r");
    char bytes[64 * 1024];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(n > 0);
    assert_null(memmem(bytes, n, "of-the-url", 10));

    assert_int_equal(webhooks_open(&w, t->dir, true, 1000), OK);
    assert_int_equal(webhooks_find(w, URL, 0, &again), OK);
    assert_memory_equal(&again.reason, "it did not answer", 18);
    assert_int_equal(again.status, 503);
    assert_int_equal(again.delivered, 7);
    assert_int_equal(webhooks_find(w, STR("https://example.net/"), 0, &again), ERR_NOT_FOUND);
    webhooks_close(w);
}

static void cursors_are_kept_moved_and_removed(void **state)
{
    struct test_store *t = *state;
    struct webhooks_cursor c;
    struct webhooks *w = open_it(t);
    assert_int_equal(webhooks_cursor(w, 1, SPACE_USER, STR(TEST_USER), &c), ERR_NOT_FOUND);
    assert_string_equal(c.epoch, "");
    assert_string_equal(c.id, TEST_USER);
    put(w, 1, cursor(TEST_USER, 4));
    put(w, 1, cursor(TEST_USER, 9));
    put(w, 2, cursor(TEST_USER, 2));
    webhooks_close(w);

    w = open_it(t);
    assert_int_equal(webhooks_cursor(w, 1, SPACE_USER, STR(TEST_USER), &c), OK);
    assert_int_equal(c.seq, 9);
    assert_string_equal(c.epoch, "0a1b2c3d");
    assert_int_equal(webhooks_cursor(w, 1, SPACE_ORG, STR(TEST_USER), &c), ERR_NOT_FOUND);
    assert_int_equal(webhooks_remove(w, 1, SPACE_USER, STR(TEST_USER)), OK);
    assert_int_equal(webhooks_cursor(w, 1, SPACE_USER, STR(TEST_USER), &c), ERR_NOT_FOUND);
    assert_int_equal(webhooks_cursor(w, 2, SPACE_USER, STR(TEST_USER), &c), OK);
    assert_int_equal(c.seq, 2);
    webhooks_close(w);
}

static void cursors_are_walked_in_pieces(void **state)
{
    struct webhooks *w = open_it(*state);
    struct webhooks_cursor list[2], at = {.kind = SPACE_MAIN};
    size_t count;
    put(w, 1, cursor("b", 1));
    put(w, 1, cursor("a", 2));
    put(w, 2, cursor("c", 3));
    struct webhooks_cursor shared = cursor("counters", 4);
    shared.kind = SPACE_SHARED;
    put(w, 1, shared);
    assert_int_equal(webhooks_next_cursors(w, 1, &at, list, 2, &count), OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, "a");
    assert_string_equal(list[1].id, "b");
    at = list[1];
    assert_int_equal(webhooks_next_cursors(w, 1, &at, list, 2, &count), OK);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].id, "counters");
    assert_int_equal(list[0].kind, SPACE_SHARED);
    webhooks_close(w);
}

static void what_is_rolled_back_did_not_happen(void **state)
{
    struct webhooks *w = open_it(*state);
    struct webhooks_cursor c = cursor(TEST_USER, 4);
    assert_int_equal(webhooks_begin(w), OK);
    assert_int_equal(webhooks_put(w, 1, &c), OK);
    webhooks_rollback(w);
    assert_int_equal(webhooks_cursor(w, 1, SPACE_USER, STR(TEST_USER), &c), ERR_NOT_FOUND);
    webhooks_close(w);
}

static void the_wal_does_not_grow_for_ever(void **state)
{
    struct test_store *t = *state;
    struct webhooks *w = open_it(t);
    struct stat st;
    for (uint64_t i = 0; i < 1000; i++)
        put(w, 1, cursor(TEST_USER, i));
    assert_int_equal(stat(test_store_path(t, WEBHOOKS_NAME "-wal"), &st), 0);
    assert_true(st.st_size < 1 << 20);
    webhooks_close(w);
    assert_int_not_equal(stat(test_store_path(t, WEBHOOKS_NAME "-wal"), &st), 0);
}

static void a_file_of_a_newer_program_is_refused(void **state)
{
    struct test_store *t = *state;
    struct webhooks *w = open_it(t);
    struct db *db;
    webhooks_close(w);
    const struct db_options o = {.busy_ms = 1000};
    assert_int_equal(db_open(&db, test_store_path(t, WEBHOOKS_NAME), &o), OK);
    assert_int_equal(db_exec(db, "PRAGMA user_version = 99"), OK);
    db_close_last(db);
    assert_int_equal(webhooks_open(&w, t->dir, false, 1000), ERR_TOO_NEW);
    assert_int_equal(webhooks_open(&w, t->dir, true, 1000), ERR_TOO_NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(one_process_sends_and_others_may_look),
        T(a_restore_of_all_waits_for_who_sends),
        T(a_receiver_is_registered_once_and_its_address_not_kept),
        T(cursors_are_kept_moved_and_removed),
        T(cursors_are_walked_in_pieces),
        T(what_is_rolled_back_did_not_happen),
        T(the_wal_does_not_grow_for_ever),
        T(a_file_of_a_newer_program_is_refused),
#undef T
    };
    return cmocka_run_group_tests_name("webhooks", tests, NULL, NULL);
}
