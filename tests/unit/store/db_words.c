/* db_words: statements in one word: what they answer, and that none is left open. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "store/db.h"
#include "store/folder.h"

static char root[32];
static struct db *db;

static int set_up(void **state)
{
    struct arena mem = ARENA_INIT;
    (void)state;
    snprintf(root, sizeof root, "/tmp/cubby-words-XXXXXX");
    assert_non_null(mkdtemp(root));
    db_library_init();
    const struct db_options o = {.create = true, .busy_ms = 100};
    assert_int_equal(OK, db_open(&db, arena_printf(&mem, "%s/x.db", root).p, &o));
    assert_int_equal(OK, db_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT) STRICT"));
    arena_release(&mem);
    return 0;
}

/* Closing asserts that no statement is open. */
static int tear_down(void **state)
{
    (void)state;
    db_close(db);
    return folder_remove(root);
}

static const struct str insert = SQL("INSERT INTO t VALUES(?, ?)");
static const struct str text_of = SQL("SELECT b FROM t WHERE a = ?");
static const struct str count = SQL("SELECT count(*) FROM t");
static const struct str remove_one = SQL("DELETE FROM t WHERE a = ?");

static void values_are_bound_in_their_order(void **state)
{
    struct stmt *s;
    (void)state;
    assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(1), v_str(STR("it's; --")))));
    assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(2), v_null())));
    assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(3), v_str(STR_NULL))));
    assert_int_equal(OK, db_row(db, text_of, VALUES(v_i64(1)), &s));
    assert_true(str_eq(stmt_str(s, 0), STR("it's; --")));
    stmt_reset(s);
    for (int a = 2; a <= 3; a++) {
        assert_int_equal(OK, db_row(db, text_of, VALUES(v_i64(a)), &s));
        assert_true(stmt_is_null(s, 0));
        stmt_reset(s);
    }
}

static void a_row_that_is_not_there_is_not_found(void **state)
{
    struct stmt *s;
    bool has = true;
    int64_t n = 7;
    (void)state;
    assert_int_equal(ERR_NOT_FOUND, db_row(db, text_of, VALUES(v_i64(1)), &s));
    assert_int_equal(OK, db_has(db, text_of, VALUES(v_i64(1)), &has));
    assert_false(has);
    assert_int_equal(OK, db_i64(db, text_of, VALUES(v_i64(1)), &n));
    assert_int_equal(0, n);
    assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(1), v_str(STR("x")))));
    assert_int_equal(OK, db_has(db, text_of, VALUES(v_i64(1)), &has));
    assert_true(has);
}

static void a_change_of_nothing_is_what_the_caller_says(void **state)
{
    (void)state;
    assert_int_equal(ERR_PRECONDITION,
                     db_change(db, remove_one, VALUES(v_i64(1)), ERR_PRECONDITION));
    assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(1), v_null())));
    assert_int_equal(OK, db_change(db, remove_one, VALUES(v_i64(1)), ERR_PRECONDITION));
}

static void rows_come_until_there_are_no_more(void **state)
{
    static const struct str all = SQL("SELECT a FROM t ORDER BY a");
    struct stmt *s;
    bool row;
    int64_t n = 0;
    (void)state;
    for (int64_t i = 1; i <= 3; i++)
        assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(i), v_null())));
    assert_int_equal(OK, db_rows(db, all, NO_VALUES, &s));
    while (stmt_step(s, &row) == OK && row)
        assert_int_equal(++n, stmt_i64(s, 0));
    assert_int_equal(3, n);
    assert_int_equal(OK, db_i64(db, count, NO_VALUES, &n));
    assert_int_equal(3, n);
}

static void failures_come_back_and_leave_nothing_open(void **state)
{
    static const struct str wrong = SQL("SELECT nothing FROM nowhere");
    struct stmt *s;
    bool has;
    int64_t n;
    (void)state;
    assert_int_equal(OK, db_run(db, insert, VALUES(v_i64(1), v_null())));
    assert_int_equal(ERR_CONFLICT, db_run(db, insert, VALUES(v_i64(1), v_null())));
    assert_int_equal(ERR_CONFLICT, db_change(db, insert, VALUES(v_i64(1), v_null()), ERR_BUSY));
    assert_int_equal(ERR_INTERNAL, db_run(db, wrong, NO_VALUES));
    assert_int_equal(ERR_INTERNAL, db_row(db, wrong, NO_VALUES, &s));
    assert_int_equal(ERR_INTERNAL, db_has(db, wrong, NO_VALUES, &has));
    assert_int_equal(ERR_INTERNAL, db_i64(db, wrong, NO_VALUES, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_bound_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_is_not_there_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_of_nothing_is_what_the_caller_says, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_come_until_there_are_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_come_back_and_leave_nothing_open, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
