/* restore: what comes back, what is kept, and that nothing is replaced by what is not whole. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/backup.h"
#include "store/folder.h"
#include "store/manifest.h"
#include "store/restore.h"
#include "store/sessions.h"

static struct restore_order order_of(struct test_store *t, const char *from, bool force)
{
    return (struct restore_order){
        .from = from, .data_dir = test_store_path(t, "into"), .force = force};
}

/* All of a backup, into a folder of its own. */
static enum err restore_into(struct test_store *t, const char *from, bool force,
                             struct restore_result *r)
{
    const struct restore_order o = order_of(t, from, force);
    struct str message = STR_NULL;
    enum err e = restore_all(&o, &t->mem, r, &message);
    assert_true(e == OK || message.n > 0);
    return e;
}

static enum err restore_one(struct test_store *t, const char *from, const char *who, bool force,
                            struct restore_result *r)
{
    const struct restore_order o = {.from = from, .data_dir = t->dir, .force = force};
    struct str message = STR_NULL;
    struct account a;
    enum err e = restore_user(t->store, &o, str_from_c(who), &t->mem, &a, r, &message);
    assert_true(e == OK || message.n > 0);
    return e;
}

static bool exists(struct test_store *t, const char *below)
{
    return access(test_store_path(t, below), F_OK) == 0;
}

static struct str epoch_of(struct test_store *t, const char *id)
{
    struct space *sp;
    assert_int_equal(OK, space_acquire(t->store, SPACE_USER, str_from_c(id), &sp));
    struct str epoch = arena_dup(&t->mem, str_from_c(sp->epoch));
    space_release(sp);
    return epoch;
}

static void all_of_it_comes_back_in_another_folder(void **state)
{
    struct test_store *t = *state;
    struct restore_result r;
    const char *from = test_backup_make(t);
    assert_int_equal(OK, restore_into(t, from, false, &r));
    assert_int_equal(3, r.files);
    assert_null(r.kept.p);
    assert_true(exists(t, "into/users/01/" TEST_ANN ".db"));
    assert_false(exists(t, "into/restoring"));
    assert_false(exists(t, "into/restoring.new"));
}

static void what_is_there_is_replaced_only_by_force_and_kept(void **state)
{
    struct test_store *t = *state;
    struct restore_result r;
    const char *from = test_backup_make(t);
    assert_int_equal(OK, restore_into(t, from, false, &r));
    test_file_write(test_store_path(t, "into/secret"), "mine");
    assert_int_equal(ERR_CONFLICT, restore_into(t, from, false, &r));
    assert_int_equal(OK, restore_into(t, from, true, &r));
    assert_non_null(r.kept.p);
    assert_true(access(arena_printf(&t->mem, "%.*s/main.db", STR_ARG(r.kept)).p, F_OK) == 0);
    assert_true(exists(t, "into/secret"));
}

static void a_folder_in_use_is_not_replaced(void **state)
{
    struct test_store *t = *state;
    struct restore_result r;
    struct str message = STR_NULL;
    const struct restore_order o = {.from = test_backup_make(t), .data_dir = t->dir, .force = true};
    assert_int_equal(ERR_BUSY, restore_all(&o, &t->mem, &r, &message));
    assert_string_equal("1", test_account_get(t, TEST_ANN).p);
}

/* Nothing of it may be in place afterwards. */
static void assert_refused(struct test_store *t, const char *from, enum err expected)
{
    struct restore_result r;
    assert_int_equal(expected, restore_into(t, from, true, &r));
    assert_false(exists(t, "into/main.db"));
    assert_false(exists(t, "into/restoring"));
    assert_false(exists(t, "into/restoring.new"));
}

static void what_is_damaged_missing_or_newer_replaces_nothing(void **state)
{
    struct test_store *t = *state;
    const char *from = test_backup_make(t);
    const char *ann = arena_printf(&t->mem, "%s/users/01/" TEST_ANN ".db", from).p;
    test_file_damage(ann);
    assert_refused(t, from, ERR_CORRUPT);
    test_file_damage(ann); /* as it was */
    assert_int_equal(0, rename(ann, test_store_path(t, "aside")));
    assert_refused(t, from, ERR_CORRUPT);
    assert_int_equal(0, rename(test_store_path(t, "aside"), ann));
    assert_int_equal(0, unlink(arena_printf(&t->mem, "%s/" MANIFEST_NAME, from).p));
    assert_refused(t, from, ERR_NOT_FOUND);
}

/* A backup as a newer program would have made it. */
static const char *make_newer(struct test_store *t)
{
    struct space *sp;
    assert_int_equal(OK, space_acquire(t->store, SPACE_USER, STR(TEST_ANN), &sp));
    assert_int_equal(OK, space_begin_write(sp));
    assert_int_equal(OK, db_exec(sp->db, "PRAGMA user_version = 9999"));
    assert_int_equal(OK, space_commit(sp));
    space_release(sp);
    return test_backup_make(t);
}

static void a_newer_programs_files_are_refused(void **state)
{
    struct test_store *t = *state;
    assert_refused(t, make_newer(t), ERR_TOO_NEW);
}

static void one_account_comes_back_while_others_go_on(void **state)
{
    struct test_store *t = *state;
    struct restore_result r;
    const char *from = test_backup_make(t);
    struct str epoch = epoch_of(t, TEST_ANN);
    test_account_set(t, TEST_ANN, "2");
    test_account_set(t, TEST_BOB, "2");
    assert_int_equal(ERR_CONFLICT, restore_one(t, from, "ann@example.org", false, &r));
    assert_string_equal("2", test_account_get(t, TEST_ANN).p);
    assert_int_equal(OK, restore_one(t, from, "ann@example.org", true, &r));
    assert_int_equal(1, r.files);
    assert_string_equal("1", test_account_get(t, TEST_ANN).p);
    assert_string_equal("2", test_account_get(t, TEST_BOB).p);
    assert_false(str_eq(epoch, epoch_of(t, TEST_ANN)));
    assert_non_null(r.kept.p);
    assert_int_equal(ERR_NOT_FOUND, restore_one(t, from, "none@example.org", true, &r));
}

static void a_deleted_account_comes_back_unless_its_address_is_taken(void **state)
{
    struct test_store *t = *state;
    struct restore_result r;
    struct space *main_db;
    const char *from = test_backup_make(t);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(OK, space_enter(t->store, SPACE_MAIN, STR_NULL, &main_db));
        assert_int_equal(OK, accounts_remove_within(main_db, STR(TEST_ANN)));
        assert_int_equal(OK, space_leave(main_db, OK));
        assert_int_equal(OK, space_delete(t->store, SPACE_USER, STR(TEST_ANN)));
        if (i == 0)
            assert_int_equal(OK, restore_one(t, from, TEST_ANN, false, &r));
    }
    test_account_make(t, "11111111111111111111111111111111", "ann");
    assert_int_equal(ERR_EMAIL_TAKEN, restore_one(t, from, TEST_ANN, false, &r));
}

static void nobody_is_signed_in_to_what_was_restored(void **state)
{
    static const struct str sessions = SQL("SELECT count(*) FROM session");
    struct test_store *t = *state;
    struct restore_result r;
    struct space *sp;
    int64_t count = -1;
    const struct session session = {
        .id = STR("0123456789abcdef0123456789abcdef"), .created_at = 1, .last_seen_at = 1};
    const struct refresh_state refresh = {
        .jti = STR("0123456789abcdef0123456789abcdef"), .iat = 1, .exp = 2, .kid = STR("00000000")};
    assert_int_equal(OK, space_enter(t->store, SPACE_USER, STR(TEST_ANN), &sp));
    assert_int_equal(OK, sessions_create(sp, &session, &refresh));
    assert_int_equal(OK, space_leave(sp, OK));
    assert_int_equal(OK, restore_one(t, test_backup_make(t), TEST_ANN, true, &r));
    assert_int_equal(OK, space_acquire(t->store, SPACE_USER, STR(TEST_ANN), &sp));
    assert_int_equal(OK, db_i64(sp->db, sessions, NO_VALUES, &count));
    assert_int_equal(0, count);
    space_release(sp);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, test_accounts_set_up, test_accounts_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_it_comes_back_in_another_folder),
        TEST(what_is_there_is_replaced_only_by_force_and_kept),
        TEST(a_folder_in_use_is_not_replaced),
        TEST(what_is_damaged_missing_or_newer_replaces_nothing),
        TEST(a_newer_programs_files_are_refused),
        TEST(one_account_comes_back_while_others_go_on),
        TEST(a_deleted_account_comes_back_unless_its_address_is_taken),
        TEST(nobody_is_signed_in_to_what_was_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
