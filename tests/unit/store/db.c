/* db: settings, statement cache, transactions, errors told apart. */
#include "base/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"

struct fixture {
    struct test_store files; /* for its folder */
    const char *path;
    struct db *db;
};

static const struct db_options writing = {.create = true, .busy_ms = 100};

static int set_up(void **state)
{
    static struct fixture f;
    test_store_open(&f.files, test_store_options());
    f.path = test_store_path(&f.files, "t.db");
    assert_int_equal(db_open(&f.db, f.path, &writing), OK);
    assert_int_equal(db_exec(f.db, "CREATE TABLE t(a PRIMARY KEY, b)"), OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    db_close(f->db);
    test_store_close(&f->files);
    return 0;
}

static struct stmt *stmt(struct db *db, struct str sql)
{
    struct stmt *s;
    assert_int_equal(db_stmt(db, sql, &s), OK);
    return s;
}

static int64_t ask(struct db *db, struct str sql)
{
    bool row;
    struct stmt *s = stmt(db, sql);
    assert_int_equal(stmt_step(s, &row), OK);
    assert_true(row);
    int64_t v = stmt_i64(s, 0);
    stmt_reset(s);
    return v;
}

static void a_file_and_its_wal_are_for_the_owner_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        struct stat st;
        char path[200];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void the_settings_are_in_force(void **state)
{
    struct fixture *f = *state;
    struct stmt *s = stmt(f->db, STR("PRAGMA journal_mode"));
    bool row;
    assert_int_equal(stmt_step(s, &row), OK);
    assert_true(str_eq(stmt_str(s, 0), STR("wal")));
    stmt_reset(s);
    assert_int_equal(ask(f->db, STR("PRAGMA synchronous")), 2);
    assert_int_equal(ask(f->db, STR("PRAGMA foreign_keys")), 1);
    assert_int_equal(ask(f->db, STR("PRAGMA wal_autocheckpoint")), 0);
}

static void a_missing_file_is_not_found_and_not_made(void **state)
{
    struct fixture *f = *state;
    struct db *db;
    struct db_options o = {.busy_ms = 100};
    const char *path = test_store_path(&f->files, "missing.db");
    assert_int_equal(db_open(&db, path, &o), ERR_NOT_FOUND);
    assert_null(db);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct db *db;
    const char *path = test_store_path(&f->files, "text.db");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database ", file);
    fclose(file);
    assert_int_equal(db_open(&db, path, &writing), ERR_CORRUPT);
}

static void the_same_text_gives_the_same_statement_unbound(void **state)
{
    struct fixture *f = *state;
    struct str sql = STR("SELECT ?1");
    struct stmt *first = stmt(f->db, sql);
    bool row;
    stmt_bind_i64(first, 1, 7);
    assert_int_equal(stmt_step(first, &row), OK);
    assert_int_equal(stmt_i64(first, 0), 7);
    char copy[] = "SELECT ?1";
    struct stmt *second = stmt(f->db, str_make(copy, sizeof copy - 1));
    assert_ptr_equal(first, second);
    assert_int_equal(stmt_step(second, &row), OK);
    assert_true(stmt_is_null(second, 0));
    stmt_reset(second);
}

static void more_texts_than_the_cache_holds_all_work(void **state)
{
    struct fixture *f = *state;
    struct stmt *open = stmt(f->db, STR("SELECT 'open' UNION ALL SELECT 'still'"));
    bool row;
    assert_int_equal(stmt_step(open, &row), OK);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            char sql[32];
            int n = snprintf(sql, sizeof sql, "SELECT %d", i);
            assert_int_equal(ask(f->db, str_make(sql, (size_t)n)), i);
        }
    assert_int_equal(stmt_step(open, &row), OK);
    assert_true(str_eq(stmt_str(open, 0), STR("still")));
    stmt_reset(open);
}

static void values_come_back_as_they_were_bound(void **state)
{
    struct fixture *f = *state;
    struct stmt *s = stmt(f->db, STR("SELECT ?1, ?2, ?3, ?4, ?5"));
    bool row;
    stmt_bind_str(s, 1, STR("a\0b"));
    stmt_bind_i64(s, 2, INT64_MIN);
    stmt_bind_double(s, 3, 0.5);
    stmt_bind_null(s, 4);
    stmt_bind_str(s, 5, STR(""));
    assert_int_equal(stmt_step(s, &row), OK);
    assert_true(str_eq(stmt_str(s, 0), STR("a\0b")));
    assert_int_equal(stmt_i64(s, 1), INT64_MIN);
    assert_true(str_eq(stmt_str(s, 2), STR("0.5")));
    assert_null(stmt_str(s, 3).p);
    assert_non_null(stmt_str(s, 4).p);
    assert_int_equal(stmt_str(s, 4).n, 0);
    stmt_reset(s);
}

static void a_commit_stays_and_a_rollback_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_begin_write(f->db), OK);
    assert_int_equal(stmt_run(stmt(f->db, STR("INSERT INTO t VALUES(1, 1)"))), OK);
    assert_int_equal(db_changes(f->db), 1);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(db_begin_write(f->db), OK);
    assert_int_equal(stmt_run(stmt(f->db, STR("INSERT INTO t VALUES(2, 2)"))), OK);
    db_rollback(f->db);
    assert_false(db_in_transaction(f->db));
    db_rollback(f->db);
    assert_int_equal(ask(f->db, STR("SELECT count(*) FROM t")), 1);
}

static void a_statement_left_open_does_not_outlive_its_transaction(void **state)
{
    struct fixture *f = *state;
    struct db *other;
    bool row, all;
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1), (2, 2)"), OK);
    assert_int_equal(db_open(&other, f->path, &writing), OK);
    assert_int_equal(db_begin_read(f->db), OK);
    assert_int_equal(stmt_step(stmt(f->db, STR("SELECT a FROM t")), &row), OK);
    assert_true(row);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(db_checkpoint(other, &all), OK);
    assert_true(all);
    db_close(other);
}

static void a_checkpoint_says_when_a_reader_keeps_it_from_finishing(void **state)
{
    struct fixture *f = *state;
    struct db *reader;
    bool all;
    assert_int_equal(db_open(&reader, f->path, &writing), OK);
    assert_int_equal(db_begin_read(reader), OK);
    ask(reader, STR("SELECT count(*) FROM t"));
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), OK);
    int frames = db_wal_frames(f->db);
    assert_true(frames > 0);
    assert_int_equal(db_checkpoint(f->db, &all), OK);
    assert_false(all);
    assert_int_equal(db_commit(reader), OK);
    assert_int_equal(db_checkpoint(f->db, &all), OK);
    assert_true(all);
    assert_int_equal(db_wal_frames(f->db), 0);
    db_close(reader);
}

static void closing_leaves_the_wal_and_the_next_open_sees_it(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), OK);
    int frames = db_wal_frames(f->db);
    db_close(f->db);
    assert_int_equal(db_open(&f->db, f->path, &writing), OK);
    assert_int_equal(db_wal_frames(f->db), frames);
    assert_int_equal(ask(f->db, STR("SELECT count(*) FROM t")), 1);
}

static void the_last_close_leaves_one_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), OK);
    db_close_last(f->db);
    assert_int_not_equal(access(test_store_path(&f->files, "t.db-wal"), F_OK), 0);
    assert_int_not_equal(access(test_store_path(&f->files, "t.db-shm"), F_OK), 0);
    assert_int_equal(db_open(&f->db, f->path, &writing), OK);
    assert_int_equal(ask(f->db, STR("SELECT count(*) FROM t")), 1);
}

static void a_reader_reads_and_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct db *reader;
    struct db_options o = {.reader = true, .busy_ms = 100};
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), OK);
    assert_int_equal(db_open(&reader, f->path, &o), OK);
    assert_int_equal(ask(reader, STR("SELECT count(*) FROM t")), 1);
    assert_int_not_equal(db_exec(reader, "INSERT INTO t VALUES(2, 2)"), OK);
    db_close(reader);
}

static void a_second_writer_is_busy_and_a_double_key_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct db *other;
    assert_int_equal(db_open(&other, f->path, &writing), OK);
    assert_int_equal(db_begin_write(f->db), OK);
    assert_int_equal(db_begin_write(other), ERR_BUSY);
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), OK);
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), ERR_CONFLICT);
    db_rollback(f->db);
    db_close(other);
}

static void a_message_names_the_place_that_began(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_begin_write(f->db), OK);
    assert_int_not_equal(db_exec(f->db, "INSERT INTO nowhere VALUES(1)"), OK);
    assert_non_null(strstr(db_error(f->db), "nowhere"));
    assert_non_null(strstr(db_error(f->db), "store/db.c:"));
    db_rollback(f->db);
}

static void a_file_at_its_limit_is_a_quota_and_keeps_what_it_has(void **state)
{
    struct fixture *f = *state;
    struct db *db;
    struct db_options o = {.create = true, .busy_ms = 100, .max_bytes = 100000};
    assert_int_equal(db_open(&db, test_store_path(&f->files, "small.db"), &o), OK);
    assert_int_equal(db_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(50000))"), OK);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES(zeroblob(60000))"), ERR_QUOTA);
    assert_int_equal(ask(db, STR("SELECT count(*) FROM t")), 1);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES(zeroblob(10000))"), OK);
    db_close(db);
}

static void the_reserve_is_for_those_who_do_not_forgo_it(void **state)
{
    struct fixture *f = *state;
    struct db *db;
    int64_t full, emptied;
    struct db_options o = {
        .create = true, .busy_ms = 100, .max_bytes = 100000, .reserve_bytes = 50000};
    assert_int_equal(db_open(&db, test_store_path(&f->files, "small.db"), &o), OK);
    assert_int_equal(db_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(90000))"), OK);
    assert_int_equal(db_begin_write(db), OK);
    assert_int_equal(db_forgo_reserve(db), OK);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES(zeroblob(20000))"), ERR_QUOTA);
    db_rollback(db);
    assert_int_equal(db_begin_write(db), OK);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES(zeroblob(20000))"), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(db_used_bytes(db, &full), OK);
    assert_in_range(full, o.max_bytes, o.max_bytes + o.reserve_bytes);
    assert_int_equal(db_begin_write(db), OK);
    assert_int_equal(db_forgo_reserve(db), OK); /* no growth at all, but what is free may be used */
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES(zeroblob(9000))"), ERR_QUOTA);
    db_rollback(db);
    assert_int_equal(db_begin_write(db), OK);
    assert_int_equal(db_exec(db, "DELETE FROM t WHERE length(a) = 20000"), OK);
    assert_int_equal(db_forgo_reserve(db), OK);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES(zeroblob(9000))"), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(db_used_bytes(db, &emptied), OK);
    assert_in_range(full - emptied, 8000, 12000);
    db_close(db);
}

/* A limit on file sizes of this process stands for a disk without room. */
static void a_disk_without_room_is_full_and_nothing_is_lost(void **state)
{
    struct fixture *f = *state;
    struct rlimit limit, small;
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(1, 1)"), OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){100000, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum err e = db_exec(f->db, "INSERT INTO t VALUES(2, zeroblob(200000))");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(e, ERR_FULL);
    assert_int_equal(ask(f->db, STR("SELECT count(*) FROM t")), 1);
    assert_int_equal(db_exec(f->db, "INSERT INTO t VALUES(2, zeroblob(200000))"), OK);
}

static void a_deleted_or_replaced_file_is_noticed(void **state)
{
    struct fixture *f = *state;
    assert_false(db_file_is_gone(f->db));
    assert_int_equal(unlink(f->path), 0);
    assert_true(db_file_is_gone(f->db));
    FILE *file = fopen(f->path, "w");
    fclose(file);
    assert_true(db_file_is_gone(f->db));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void statements_in_one_word(void **state)
{
    static const struct str insert = SQL("INSERT INTO t(a, b) VALUES(?1, ?2)");
    static const struct str update = SQL("UPDATE t SET b = ?2 WHERE a = ?1");
    static const struct str find = SQL("SELECT b, a FROM t WHERE a = ?1");
    static const struct str all = SQL("SELECT a FROM t ORDER BY a");
    struct fixture *f = *state;
    struct stmt *s;
    int64_t n;
    bool is;
    assert_int_equal(db_run(f->db, insert, VALUES(v_i64(1), v_str(STR("x")))), OK);
    assert_int_equal(db_run(f->db, insert, VALUES(v_i64(2), v_null())), OK);
    assert_int_equal(db_run(f->db, insert, VALUES(v_i64(2), v_null())), ERR_CONFLICT);
    assert_int_equal(db_change(f->db, update, VALUES(v_i64(2), v_i64(7)), ERR_QUOTA), OK);
    assert_int_equal(db_change(f->db, update, VALUES(v_i64(3), v_i64(7)), ERR_QUOTA), ERR_QUOTA);

    assert_int_equal(db_row(f->db, find, VALUES(v_i64(1)), &s), OK);
    assert_true(str_eq(stmt_str(s, 0), STR("x")));
    stmt_reset(s);
    assert_int_equal(db_row(f->db, find, VALUES(v_i64(3)), &s), ERR_NOT_FOUND);
    assert_int_equal(db_has(f->db, find, VALUES(v_i64(1)), &is), OK);
    assert_true(is);
    assert_int_equal(db_has(f->db, find, VALUES(v_i64(3)), &is), OK);
    assert_false(is);
    assert_int_equal(db_i64(f->db, find, VALUES(v_i64(2)), &n), OK);
    assert_int_equal(n, 7);
    assert_int_equal(db_i64(f->db, find, VALUES(v_i64(3)), &n), OK);
    assert_int_equal(n, 0);

    assert_int_equal(db_rows(f->db, all, NO_VALUES, &s), OK);
    for (n = 0; stmt_step(s, &is) == OK && is; n++)
        assert_int_equal(stmt_i64(s, 0), n + 1);
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_and_its_wal_are_for_the_owner_alone),
        TEST(the_settings_are_in_force),
        TEST(a_missing_file_is_not_found_and_not_made),
        TEST(a_file_that_is_no_database_is_corrupt),
        TEST(the_same_text_gives_the_same_statement_unbound),
        TEST(more_texts_than_the_cache_holds_all_work),
        TEST(values_come_back_as_they_were_bound),
        TEST(a_commit_stays_and_a_rollback_leaves_nothing),
        TEST(a_statement_left_open_does_not_outlive_its_transaction),
        TEST(a_checkpoint_says_when_a_reader_keeps_it_from_finishing),
        TEST(closing_leaves_the_wal_and_the_next_open_sees_it),
        TEST(the_last_close_leaves_one_file),
        TEST(a_reader_reads_and_cannot_write),
        TEST(a_second_writer_is_busy_and_a_double_key_a_conflict),
        TEST(a_message_names_the_place_that_began),
        TEST(a_file_at_its_limit_is_a_quota_and_keeps_what_it_has),
        TEST(the_reserve_is_for_those_who_do_not_forgo_it),
        TEST(a_disk_without_room_is_full_and_nothing_is_lost),
        TEST(a_deleted_or_replaced_file_is_noticed),
        TEST(statements_in_one_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
