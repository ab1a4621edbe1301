/* search: words become an expression, and the full text keeps in step with the rows. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/rows.h"
#include "store/search.h"

#define ID "01890000-0000-7000-8000-00000000000a"

static const struct str fields[] = {{"title", 5}};
static struct rows_table searched = {
    .name = {"posts", 5}, .scope = SPACE_USER, .search = fields, .search_count = ARRAY_LEN(fields)};
static struct rows_table plain = {.name = {"posts", 5}, .scope = SPACE_USER};

static struct store_options options_of(const struct rows_table *t)
{
    struct store_options o = test_store_options();
    o.table_count = 1;
    o.tables = t;
    return o;
}

static int set_up(void **state)
{
    static struct test_store t;
    rows_table_prepare(&searched);
    rows_table_prepare(&plain);
    test_store_open(&t, options_of(&searched));
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    rows_table_release(&searched);
    rows_table_release(&plain);
    return 0;
}

static void words_become_quoted_terms(void **state)
{
    static const char *const cases[][2] = {
        {"one", "\"one\" "},
        {"  one\ttwo ", "\"one\" \"two\" "},
        {"one*", "\"one\"* "},
        {"\"one two\" three", "\"one two\" \"three\" "},
        {"\"open end", "\"open end\" "},
        {"a\"b c\"d", "\"a\" \"b c\" \"d\" "},
        {"AND OR NOT NEAR(x) ^y -z f0:w",
         "\"AND\" \"OR\" \"NOT\" \"NEAR(x)\" \"^y\" \"-z\" \"f0:w\" "},
        {"* \"\" x", "\"x\" "},
        {"\x01", "\"\x01\" "},
    };
    struct arena mem = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out;
        assert_int_equal(search_expression(str_from_c(cases[i][0]), &mem, &out), OK);
        assert_string_equal(arena_dup(&mem, out).p, cases[i][1]);
    }
    arena_release(&mem);
}

static void without_a_word_there_is_no_expression(void **state)
{
    static const char *const cases[] = {"", " ", "\"\"", "*", "\t\n"};
    struct arena mem = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out;
        assert_int_equal(search_expression(str_from_c(cases[i]), &mem, &out), ERR_INVALID_QUERY);
    }
    arena_release(&mem);
}

/* How many rows match. */
static int matches(struct test_store *t, struct space *sp, const char *words)
{
    struct buf sql = BUF_INIT;
    struct str expression;
    struct stmt *s;
    bool row;
    assert_int_equal(search_expression(str_from_c(words), &t->mem, &expression), OK);
    buf_append_lit(&sql, "SELECT count(*) FROM c_posts AS c WHERE ");
    search_append_condition(&sql, &searched, 1);
    assert_int_equal(db_stmt(sp->db, buf_str(&sql), &s), OK);
    stmt_bind_str(s, 1, expression);
    assert_int_equal(stmt_step(s, &row), OK);
    int count = (int)stmt_i64(s, 0);
    stmt_reset(s);
    buf_release(&sql);
    return count;
}

static void no_words_can_break_the_expression(void **state)
{
    static const char *const hostile[] = {
        "\"",           "a\"*\"b", "(",         ")",    "{a b}:c", "a + b", "^",
        "NEAR(a b, 5)", "'",       "\xc3\xa9*", "a:b*", ":",       "\" "};
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct str out;
        if (search_expression(str_from_c(hostile[i]), &t->mem, &out) == OK)
            assert_int_equal(matches(t, sp, hostile[i]), 0);
    }
    space_release(sp);
}

static void the_full_text_follows_the_rows(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct row row = {STR(ID), STR("{\"title\":\"Old hat\"}"), 1, 1, 1};
    bool existed;
    assert_int_equal(rows_insert(sp, &searched, &row), OK);
    assert_int_equal(matches(t, sp, "hat"), 1);
    row.data = STR("{\"title\":\"New shoe\"}");
    assert_int_equal(rows_update(sp, &searched, &row), OK);
    assert_int_equal(matches(t, sp, "hat"), 0);
    assert_int_equal(matches(t, sp, "shoe"), 1);
    assert_int_equal(rows_delete(sp, &searched, STR(ID), &existed), OK);
    assert_int_equal(matches(t, sp, "shoe"), 0);
    space_release(sp);
}

static void declaring_search_later_takes_in_the_rows_there_are(void **state)
{
    struct test_store *t = *state;
    struct row row = {STR(ID), STR("{\"title\":\"Early bird\"}"), 1, 1, 1};
    test_store_reopen(t, options_of(&plain));
    struct space *sp = test_user_writing(t);
    assert_int_equal(rows_insert(sp, &plain, &row), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    test_store_reopen(t, options_of(&searched));
    sp = test_user_writing(t);
    assert_int_equal(matches(t, sp, "bird"), 1);
    space_release(sp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_quoted_terms),
        cmocka_unit_test(without_a_word_there_is_no_expression),
        cmocka_unit_test_setup_teardown(no_words_can_break_the_expression, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_full_text_follows_the_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(declaring_search_later_takes_in_the_rows_there_are, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
