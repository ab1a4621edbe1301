/* verify: nothing wrong is found in what is whole; what is wrong is found, and where. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include "lib/store/backup.h"
#include "store/accounts.h"
#include "store/folder.h"
#include "store/manifest.h"
#include "store/verify.h"

#define ANN_FILE "users/01/" TEST_ANN ".db"

static int set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    test_account_make(&t, TEST_ANN, "ann");
    test_account_make(&t, TEST_BOB, "bob");
    for (int i = 2; i < 20; i++)
        test_account_set(&t, TEST_ANN, "2");
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

/* "path: problem\n" … */
static void note(void *arg, struct str path, struct str what)
{
    buf_appendf(arg, "%.*s: %.*s\n", STR_ARG(path), STR_ARG(what));
}

/* The problems of a folder; NULL for the data folder. In t->mem. */
static const char *problems_of(struct test_store *t, const char *backup)
{
    struct buf text = BUF_INIT;
    struct verify_result r;
    struct str message = STR_NULL;
    const struct verify_order o = {.folder = backup ? backup : t->dir,
                                   .is_backup = backup != NULL,
                                   .busy_ms = 1000,
                                   .on_problem = note,
                                   .arg = &text};
    assert_int_equal(OK, verify_all(&o, &t->mem, &r, &message));
    assert_true((r.problems == 0) == (text.n == 0));
    const char *found = arena_dup(&t->mem, buf_str(&text)).p;
    buf_release(&text);
    return found;
}

static void assert_finds(struct test_store *t, const char *backup, const char *path,
                         const char *what)
{
    const char *found = problems_of(t, backup), *at = strstr(found, path);
    if (!at || !strstr(at, what))
        fail_msg("looked for %s: %s in\n%s", path, what, found);
}

/* What no program of ours would do. */
static void tamper(struct test_store *t, enum space_kind kind, const char *id, const char *sql)
{
    struct space *sp;
    assert_int_equal(OK, space_acquire(t->store, kind, str_from_c(id), &sp));
    assert_int_equal(OK, space_begin_write(sp));
    assert_int_equal(OK, db_exec(sp->db, sql));
    assert_int_equal(OK, space_commit(sp));
    space_release(sp);
}

static void what_is_whole_has_no_problems(void **state)
{
    struct test_store *t = *state;
    assert_string_equal("", problems_of(t, NULL)); /* while it is in use */
    assert_string_equal("", problems_of(t, test_backup_make(t)));
    test_store_reopen(t, t->options);
    assert_string_equal("", problems_of(t, NULL));
}

static void counts_what_it_looked_at(void **state)
{
    struct test_store *t = *state;
    struct verify_result r;
    struct str message;
    struct buf text = BUF_INIT;
    const struct verify_order o = {.folder = t->dir, .on_problem = note, .arg = &text};
    assert_int_equal(OK, verify_all(&o, &t->mem, &r, &message));
    assert_int_equal(3, r.files);
    assert_int_equal(20, r.events);
    const struct verify_order none = {
        .folder = test_store_path(t, "users"), .on_problem = note, .arg = &text};
    assert_int_equal(ERR_NOT_FOUND, verify_all(&none, &t->mem, &r, &message));
    assert_true(message.n > 0);
    buf_release(&text);
}

static void finds_gaps_and_changes_in_logs(void **state)
{
    struct test_store *t = *state;
    tamper(t, SPACE_USER, TEST_BOB, "UPDATE change SET data = data || ' '");
    tamper(t, SPACE_USER, TEST_ANN, "DELETE FROM change WHERE seq = 5");
    assert_finds(t, NULL, ANN_FILE, "of its events 1 to 19 only 18 are there");
    tamper(t, SPACE_USER, TEST_ANN, "UPDATE change SET data = data || ' ' WHERE seq = 9");
    assert_finds(t, NULL, ANN_FILE, "1 events are not what was written");
}

static void finds_keys_that_are_not_what_the_log_says(void **state)
{
    struct test_store *t = *state;
    tamper(t, SPACE_USER, TEST_ANN, "DELETE FROM kv");
    assert_finds(t, NULL, ANN_FILE, "1 keys are not what the log says");
}

static void finds_files_that_are_missing_left_over_or_strange(void **state)
{
    struct test_store *t = *state;
    struct space *main_db;
    assert_int_equal(OK, space_delete(t->store, SPACE_USER, STR(TEST_ANN)));
    assert_finds(t, NULL, ANN_FILE, "it is missing");
    assert_int_equal(OK, space_enter(t->store, SPACE_MAIN, STR_NULL, &main_db));
    assert_int_equal(OK, accounts_remove_within(main_db, STR(TEST_BOB)));
    assert_int_equal(OK, space_leave(main_db, OK));
    const char *bob = test_store_path(t, "users/fe/" TEST_BOB ".db");
    assert_int_equal(0, utime(bob, &(struct utimbuf){1, 1})); /* not just being made */
    assert_finds(t, NULL, "users/fe/" TEST_BOB ".db", "no account or organization");
    test_file_write(test_store_path(t, "users/stray"), "");
    assert_finds(t, NULL, "users/stray", "no file of Cubby's");
}

static void finds_files_that_are_damaged_or_newer(void **state)
{
    struct test_store *t = *state;
    tamper(t, SPACE_USER, TEST_BOB, "PRAGMA user_version = 9999");
    test_store_reopen(t, t->options);
    const char *ann = test_store_path(t, ANN_FILE);
    struct buf zeros = BUF_INIT;
    memset(buf_reserve(&zeros, 9000), 'x', 9000);
    zeros.n = 9000;
    assert_int_equal(0, unlink(ann));
    assert_int_equal(OK, folder_write_file(ann, buf_str(&zeros)));
    assert_finds(t, NULL, ANN_FILE, "");
    assert_finds(t, NULL, "users/fe/" TEST_BOB ".db", "a newer version");
    buf_release(&zeros);
}

static void compares_a_backup_with_its_list(void **state)
{
    struct test_store *t = *state;
    const char *made = test_backup_make(t);
    const char *ann = arena_printf(&t->mem, "%s/" ANN_FILE, made).p;
    test_file_damage(ann);
    assert_finds(t, made, ANN_FILE, "it is not what was backed up");
    assert_int_equal(0, unlink(ann));
    assert_finds(t, made, ANN_FILE, "missing");
    test_file_write(arena_printf(&t->mem, "%s/extra", made).p, "");
    assert_finds(t, made, "extra", "the backup's list does not have it");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_whole_has_no_problems),
        TEST(counts_what_it_looked_at),
        TEST(finds_gaps_and_changes_in_logs),
        TEST(finds_keys_that_are_not_what_the_log_says),
        TEST(finds_files_that_are_missing_left_over_or_strange),
        TEST(finds_files_that_are_damaged_or_newer),
        TEST(compares_a_backup_with_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
