/* idem: answers kept by key, with their write, for a day. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/idem.h"

#define PRINT STR("0123456789abcdef0123456789abcde\0")

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

static void keep(struct space *sp, struct str key, int64_t now)
{
    struct idem_answer a = {201, STR("ETag: \"1\"\r\n"), STR("{\"ok\":true}")};
    assert_int_equal(idem_keep(sp, key, PRINT, now, &a), OK);
}

static void the_first_answer_is_given_again(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct idem_answer a;
    assert_int_equal(idem_find(sp, STR("k"), PRINT, 5, &t->mem, &a), ERR_NOT_FOUND);
    keep(sp, STR("k"), 5);
    assert_int_equal(space_commit(sp), OK);
    assert_int_equal(idem_find(sp, STR("k"), PRINT, 6, &t->mem, &a), OK);
    assert_int_equal(a.status, 201);
    assert_true(str_eq(a.headers, STR("ETag: \"1\"\r\n")));
    assert_true(str_eq(a.body, STR("{\"ok\":true}")));
    space_release(sp);
}

static void another_request_under_the_same_key_is_refused(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct idem_answer a;
    keep(sp, STR("k"), 5);
    assert_int_equal(idem_find(sp, STR("k"), STR("other"), 6, &t->mem, &a), ERR_IDEMPOTENCY);
    space_release(sp);
}

static void an_answer_goes_with_its_transaction(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct idem_answer a;
    keep(sp, STR("k"), 5);
    space_rollback(sp);
    assert_int_equal(idem_find(sp, STR("k"), PRINT, 6, &t->mem, &a), ERR_NOT_FOUND);
    space_release(sp);
}

static void after_a_day_the_key_is_free_again(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct idem_answer a;
    keep(sp, STR("k"), 5);
    assert_int_equal(idem_find(sp, STR("k"), PRINT, 5 + IDEM_KEEP_MS - 1, &t->mem, &a), OK);
    assert_int_equal(idem_find(sp, STR("k"), STR("other"), 5 + IDEM_KEEP_MS, &t->mem, &a),
                     ERR_NOT_FOUND);
    keep(sp, STR("k"), 5 + IDEM_KEEP_MS);
    assert_int_equal(idem_find(sp, STR("k"), PRINT, 6 + IDEM_KEEP_MS, &t->mem, &a), OK);
    space_release(sp);
}

static int64_t count(struct space *sp)
{
    static const struct str sql = SQL("SELECT count(*) FROM idem");
    struct stmt *s;
    bool row;
    assert_int_equal(db_stmt(sp->db, sql, &s), OK);
    assert_int_equal(stmt_step(s, &row), OK);
    int64_t n = stmt_i64(s, 0);
    stmt_reset(s);
    return n;
}

static void old_answers_are_dropped_as_new_ones_come(void **state)
{
    struct space *sp = test_user_writing(*state);
    for (int i = 0; i < 40; i++) {
        char key[8];
        int n = snprintf(key, sizeof key, "k%d", i);
        keep(sp, str_make(key, (size_t)n), i);
    }
    assert_int_equal(count(sp), 40);
    for (int i = 0; i < 3; i++)
        keep(sp, STR("new"), IDEM_KEEP_MS + 100);
    assert_int_equal(count(sp), 1);
    space_release(sp);
}

static void the_newest_are_kept_where_there_is_no_quota(void **state)
{
    struct test_store *t = *state;
    struct space *users = test_user_writing(t), *main_db;
    struct idem_answer a;
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &main_db), OK);
    assert_int_equal(space_begin_write(main_db), OK);
    struct space *both[] = {users, main_db};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        keep(both[i], STR("old"), 5);
        keep(both[i], STR("new"), 5);
        /* as if so many had come between them */
        assert_int_equal(db_exec(both[i]->db, "UPDATE idem SET n = 100000 WHERE key = 'new'"), OK);
        keep(both[i], STR("newest"), 5);
        assert_int_equal(idem_find(both[i], STR("old"), PRINT, 6, &t->mem, &a),
                         both[i] == users ? OK : ERR_NOT_FOUND);
        assert_int_equal(idem_find(both[i], STR("new"), PRINT, 6, &t->mem, &a), OK);
    }
    space_release(main_db);
    space_release(users);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_answer_is_given_again),
        TEST(another_request_under_the_same_key_is_refused),
        TEST(an_answer_goes_with_its_transaction),
        TEST(after_a_day_the_key_is_free_again),
        TEST(old_answers_are_dropped_as_new_ones_come),
        TEST(the_newest_are_kept_where_there_is_no_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
