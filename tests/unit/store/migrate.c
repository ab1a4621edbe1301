/* migrate: files are made whole or not at all, brought up to date, refused when newer. */
#include "base/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/counters.h"
#include "store/event.h"
#include "store/migrate.h"

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

static struct space *acquire(struct test_store *t)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    return sp;
}

/* Set the version of the user's file behind the store's back. */
static void set_version(struct test_store *t, int version)
{
    char sql[64];
    space_release(test_user_writing(t));
    struct space *sp = acquire(t);
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version);
    assert_int_equal(db_exec(sp->db, sql), OK);
    space_release(sp);
    test_store_reopen(t, t->options);
}

static void a_new_file_is_at_the_current_version(void **state)
{
    space_release(test_user_writing(*state));
    struct space *sp = acquire(*state);
    bool current = migrate_check(sp) == OK;
    assert_true(current);
    assert_int_equal(migrate(sp, false), OK);
    space_release(sp);
}

static void a_newer_file_is_refused_and_stays_as_it_is(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    set_version(t, 9999);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_TOO_NEW);
    assert_int_equal(space_create(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_TOO_NEW);
    assert_null(sp);
}

static void an_unfinished_file_counts_as_missing_until_it_is_made(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    space_release(test_user_writing(t));
    assert_int_equal(space_delete(t->store, SPACE_USER, STR(TEST_USER)), OK);
    int fd = open(test_store_path(t, "users/01/" TEST_USER ".db"), O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), ERR_NOT_FOUND);
    assert_int_equal(space_create(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    space_release(sp);
}

static void each_file_has_an_epoch_of_its_own_that_stays(void **state)
{
    struct test_store *t = *state;
    struct space *a, *b;
    char epoch[EPOCH_LEN + 1];
    a = test_user_writing(t);
    memcpy(epoch, a->epoch, sizeof epoch);
    space_release(a);
    assert_int_equal(strspn(epoch, "0123456789abcdef"), EPOCH_LEN);
    assert_int_equal(space_create(t->store, SPACE_ORG, STR(TEST_USER), &b), OK);
    assert_string_not_equal(b->epoch, epoch);
    space_release(b);
    test_store_reopen(t, t->options);
    a = acquire(t);
    assert_string_equal(a->epoch, epoch);
    space_release(a);
}

static void a_reader_tells_what_it_may_use(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct store *reader;
    struct space *sp;
    struct str message;
    o.reader = true;
    assert_int_equal(store_open(&reader, &o, &t->mem, &message), OK);
    assert_int_equal(space_acquire(reader, SPACE_USER, STR(TEST_USER), &sp), ERR_NOT_FOUND);
    space_release(test_user_writing(t));
    assert_int_equal(space_acquire(reader, SPACE_USER, STR(TEST_USER), &sp), OK);
    space_release(sp);
    store_close(reader);
    set_version(t, 9999);
    assert_int_equal(store_open(&reader, &o, &t->mem, &message), OK);
    assert_int_equal(space_acquire(reader, SPACE_USER, STR(TEST_USER), &sp), ERR_TOO_NEW);
    store_close(reader);
}

/* What the first version made in every file with a log. */
#define FIRST                                                                                      \
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"                               \
    "INSERT INTO meta VALUES('epoch', 'abcdef01');"                                                \
    "CREATE TABLE change(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,"                            \
    " bytes INTEGER NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL);"                            \
    "INSERT INTO change VALUES(41, 1, 6, 'name', '{}');"                                           \
    "CREATE TABLE idem(n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER NOT NULL,"      \
    " fingerprint TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL,"                  \
    " body TEXT NOT NULL);"

/* A file as the first version made it. */
static void make_first(struct test_store *t, const char *path, const char *sql)
{
    struct db_options o = {.create = true, .busy_ms = 1000};
    struct db *db;
    assert_int_equal(db_open(&db, test_store_path(t, path), &o), OK);
    assert_int_equal(db_exec(db, sql), OK);
    assert_int_equal(db_exec(db, "PRAGMA user_version=1"), OK);
    db_close(db);
}

static void a_shared_file_of_before_counters_keeps_its_log_and_gets_them(void **state)
{
    struct test_store *t = *state;
    struct counter c = {.name = STR("a")};
    struct space *sp;
    uint64_t seq;
    int64_t at;
    make_first(t, "shared/old.db", FIRST);
    assert_int_equal(space_acquire(t->store, SPACE_SHARED, STR("old"), &sp), OK);
    assert_string_equal(sp->epoch, "abcdef01");
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(event_next(sp, &seq, &at), OK);
    assert_int_equal(seq, 42);
    assert_int_equal(counters_create(sp, &c, 0), OK);
    assert_int_equal(space_commit(sp), OK);
    assert_int_equal(migrate_check(sp), OK);
    space_release(sp);
}

static void a_users_file_of_before_second_factors_is_read_as_it_is_and_gets_them(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct store *reader;
    struct space *sp;
    struct str message;
    space_release(test_user_writing(t));
    assert_int_equal(space_delete(t->store, SPACE_USER, STR(TEST_USER)), OK);
    make_first(t, "users/01/" TEST_USER ".db",
               FIRST "CREATE TABLE kv(key TEXT PRIMARY KEY, value TEXT NOT NULL,"
                     " updated_at INTEGER NOT NULL) WITHOUT ROWID;"
                     "CREATE TABLE session(id TEXT PRIMARY KEY, created_at INTEGER NOT NULL,"
                     " last_seen_at INTEGER NOT NULL, user_agent TEXT NOT NULL, ip TEXT NOT NULL,"
                     " jti TEXT NOT NULL, iat INTEGER NOT NULL, exp INTEGER NOT NULL,"
                     " kid TEXT NOT NULL, previous_jti TEXT, rotated_at INTEGER) WITHOUT ROWID;");
    o.reader = true;
    assert_int_equal(store_open(&reader, &o, &t->mem, &message), OK);
    assert_int_equal(space_acquire(reader, SPACE_USER, STR(TEST_USER), &sp), OK);
    assert_string_equal(sp->epoch, "abcdef01");
    space_release(sp);
    store_close(reader);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    assert_int_equal(db_exec(sp->db, "INSERT INTO once VALUES('a', 1)"), OK);
    assert_int_equal(db_exec(sp->db, "INSERT INTO recovery VALUES('a', NULL)"), OK);
    assert_string_equal(sp->epoch, "abcdef01");
    space_release(sp);
}

static void a_main_file_of_before_organizations_keeps_its_accounts(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    space_release(test_user_writing(t));
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR(""), &sp), OK);
    assert_int_equal(db_exec(sp->db, "DROP TABLE identity; DROP TABLE mail; DROP TABLE member;"
                                     "DROP TABLE organization; DROP TABLE outbox;"
                                     "DROP TABLE failure; DROP TABLE login_code;"
                                     "DROP TABLE once; DROP TABLE idem;"
                                     "DROP TABLE admin_session; DROP TABLE admin;"
                                     "ALTER TABLE account DROP COLUMN disabled_at;"
                                     "INSERT INTO account VALUES('a', 'a@b', '', 1, 0);"
                                     "PRAGMA user_version=1"),
                     OK);
    space_release(sp);
    test_store_reopen(t, t->options);
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR(""), &sp), OK);
    assert_int_equal(db_exec(sp->db, "INSERT INTO organization VALUES('o', 'n', 'a', 1)"), OK);
    assert_int_equal(db_exec(sp->db, "INSERT INTO account VALUES('b', 'a@b', '', 1, 0, NULL)"),
                     ERR_CONFLICT);
    space_release(sp);
}

static void a_main_file_of_before_administrators_gets_them(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR(""), &sp), OK);
    assert_int_equal(db_exec(sp->db, "DROP TABLE admin_session; DROP TABLE admin;"
                                     "PRAGMA user_version=2"),
                     OK);
    space_release(sp);
    test_store_reopen(t, t->options);
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR(""), &sp), OK);
    assert_int_equal(db_exec(sp->db, "INSERT INTO admin VALUES('a', 'a@b', 'h', 's', 0, 1, NULL);"
                                     "INSERT INTO admin_session VALUES('h', 'a', 1, 1)"),
                     OK);
    space_release(sp);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_file_is_at_the_current_version),
        TEST(a_newer_file_is_refused_and_stays_as_it_is),
        TEST(an_unfinished_file_counts_as_missing_until_it_is_made),
        TEST(each_file_has_an_epoch_of_its_own_that_stays),
        TEST(a_reader_tells_what_it_may_use),
        TEST(a_shared_file_of_before_counters_keeps_its_log_and_gets_them),
        TEST(a_users_file_of_before_second_factors_is_read_as_it_is_and_gets_them),
        TEST(a_main_file_of_before_organizations_keeps_its_accounts),
        TEST(a_main_file_of_before_administrators_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
