/* backup: what is in one, what is linked, what counts as one, and that a failure leaves none. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/store/backup.h"
#include "store/accounts.h"
#include "store/folder.h"
#include "store/lock.h"
#include "store/manifest.h"

static const char *file_of(struct test_store *t, const char *backup, const char *id)
{
    return arena_printf(&t->mem, "%s/users/%.2s/%s.db", backup, id, id).p;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static struct manifest list_of(struct test_store *t, const char *backup)
{
    struct manifest m = MANIFEST_INIT;
    struct str message;
    assert_int_equal(OK, manifest_read(&m, backup, &t->mem, &message));
    return m;
}

static size_t backups_left(struct test_store *t)
{
    struct folder_names names;
    enum err e = folder_read(test_store_path(t, "backups"), &t->mem, &names);
    return e ? 0 : names.count;
}

static void has_every_account_and_main(void **state)
{
    struct test_store *t = *state;
    struct backup_result r;
    struct str message;
    assert_int_equal(OK, test_backup_try(t, false, &r, &message));
    assert_int_equal(3, r.files);
    assert_int_equal(0, r.linked);
    assert_int_equal(r.bytes, r.written);
    struct manifest m = list_of(t, arena_dup(&t->mem, r.path).p);
    assert_int_equal(3, m.count);
    for (size_t i = 0; i < m.count; i++) {
        char sha256[2 * SHA256_LEN + 1];
        int64_t size;
        struct str path =
            arena_printf(&t->mem, "%.*s/%.*s", STR_ARG(r.path), STR_ARG(m.files[i]->path));
        assert_int_equal(OK, manifest_digest(path.p, sha256, &size));
        assert_string_equal(m.files[i]->sha256, sha256);
        assert_int_equal(m.files[i]->size, size);
    }
    manifest_release(&m);
}

static void has_what_was_committed_before_it(void **state)
{
    struct test_store *t = *state;
    struct db *db;
    int64_t n = 0;
    static const struct str sql = SQL("SELECT value FROM kv WHERE key = 'k'");
    test_account_set(t, TEST_ANN, "77"); /* in the WAL, which another handle has open */
    const char *copy = file_of(t, test_backup_make(t), TEST_ANN);
    assert_int_equal(OK, db_open(&db, copy, &(struct db_options){.immutable = true}));
    assert_int_equal(OK, db_i64(db, sql, NO_VALUES, &n));
    assert_int_equal(77, n);
    db_close(db);
}

static void links_what_did_not_change(void **state)
{
    struct test_store *t = *state;
    struct backup_result r;
    struct str message;
    struct stat first, second;
    const char *one = test_backup_make(t);
    test_account_set(t, TEST_BOB, "2");
    assert_int_equal(OK, test_backup_try(t, false, &r, &message));
    const char *two = arena_dup(&t->mem, r.path).p;
    assert_true(stat(file_of(t, one, TEST_ANN), &first) == 0);
    assert_true(stat(file_of(t, two, TEST_ANN), &second) == 0);
    assert_int_equal(first.st_ino, second.st_ino);
    assert_true(stat(file_of(t, one, TEST_BOB), &first) == 0);
    assert_true(stat(file_of(t, two, TEST_BOB), &second) == 0);
    assert_int_not_equal(first.st_ino, second.st_ino);
    assert_true(r.linked > 0 && r.written < r.bytes);
    assert_int_equal(OK, test_backup_try(t, true, &r, &message));
    assert_int_equal(0, r.linked);
}

static void a_file_without_account_is_left_out_and_one_without_file_is_not_missed(void **state)
{
    struct test_store *t = *state;
    struct space *main_db;
    assert_int_equal(OK, space_enter(t->store, SPACE_MAIN, STR_NULL, &main_db));
    assert_int_equal(OK, accounts_remove_within(main_db, STR(TEST_ANN)));
    assert_int_equal(OK, space_leave(main_db, OK));
    assert_int_equal(OK, space_delete(t->store, SPACE_USER, STR(TEST_BOB)));
    const char *made = test_backup_make(t);
    assert_false(exists(file_of(t, made, TEST_ANN)));
    struct manifest m = list_of(t, made);
    assert_int_equal(1, m.count);
    manifest_release(&m);
}

static void needs_a_data_folder_that_is_whole(void **state)
{
    struct test_store *t = *state;
    const struct backup_order o = {.data_dir = test_store_path(t, "users"),
                                   .to = test_store_path(t, "backups")};
    struct backup_result r;
    struct str message = STR_NULL;
    assert_int_equal(ERR_NOT_FOUND, backup_make(&o, &t->mem, &r, &message));
    assert_true(message.n > 0);
    test_file_write(test_store_path(t, STORE_RESTORING), "");
    assert_int_equal(ERR_CONFLICT, test_backup_try(t, false, &r, &message));
    assert_int_equal(0, backups_left(t));
}

static void a_failure_leaves_no_part(void **state)
{
    struct test_store *t = *state;
    struct backup_result r;
    struct str message = STR_NULL;
    char key[SPACE_ID_MAX + 2];
    int locks;
    test_store_reopen(t, t->options); /* nothing waits in a WAL */
    assert_int_equal(OK, lock_open(t->dir, &locks));
    int64_t place = lock_place(str_make(key, (size_t)snprintf(key, sizeof key, "u%s", TEST_ANN)));
    assert_int_equal(OK, lock_take(locks, place, 0));
    const struct backup_order o = {
        .data_dir = t->dir, .to = test_store_path(t, "backups"), .busy_ms = 1};
    assert_int_equal(ERR_BUSY, backup_make(&o, &t->mem, &r, &message));
    assert_true(message.n > 0);
    assert_int_equal(0, backups_left(t));
    lock_drop(locks, place);
    close(locks);
}

static void finds_the_newest_that_was_finished_by_then(void **state)
{
    struct test_store *t = *state;
    const char *folder = test_store_path(t, "backups");
    struct str found, message;
    assert_int_equal(ERR_NOT_FOUND, backup_find(folder, 0, &t->mem, &found, &message));
    const char *one = test_backup_make(t);
    int64_t between = clock_wall_ms();
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    const char *two = test_backup_make(t);
    assert_int_equal(OK, backup_find(folder, 0, &t->mem, &found, &message));
    assert_string_equal(two, found.p);
    assert_int_equal(OK, backup_find(folder, between, &t->mem, &found, &message));
    assert_string_equal(one, found.p);
    assert_int_equal(OK, backup_find(one, 0, &t->mem, &found, &message));
    assert_int_equal(ERR_NOT_FOUND, backup_find(two, between, &t->mem, &found, &message));
    assert_int_equal(ERR_NOT_FOUND, backup_find(folder, 1, &t->mem, &found, &message));
}

static void what_was_cut_short_counts_for_nothing(void **state)
{
    struct test_store *t = *state;
    const char *folder = test_store_path(t, "backups"), *made = test_backup_make(t);
    const char *partial = arena_printf(&t->mem, "%s.partial", made).p;
    struct str found, message;
    assert_int_equal(0, rename(made, partial));
    assert_int_equal(ERR_CORRUPT, backup_find(partial, 0, &t->mem, &found, &message));
    assert_int_equal(ERR_NOT_FOUND, backup_find(folder, 0, &t->mem, &found, &message));
    assert_int_equal(0, rename(partial, made));
    test_file_damage(arena_printf(&t->mem, "%s/" MANIFEST_NAME, made).p);
    assert_int_equal(ERR_CORRUPT, backup_find(made, 0, &t->mem, &found, &message));
    assert_int_equal(ERR_NOT_FOUND, backup_find(folder, 0, &t->mem, &found, &message));
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, test_accounts_set_up, test_accounts_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(has_every_account_and_main),
        TEST(has_what_was_committed_before_it),
        TEST(links_what_did_not_change),
        TEST(a_file_without_account_is_left_out_and_one_without_file_is_not_missed),
        TEST(needs_a_data_folder_that_is_whole),
        TEST(a_failure_leaves_no_part),
        TEST(finds_the_newest_that_was_finished_by_then),
        TEST(what_was_cut_short_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
