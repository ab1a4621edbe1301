/* kv: set, get, delete, list by prefix. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"
#include "store/kv.h"

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

static void a_value_reads_back_as_it_was_set(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct str value;
    assert_int_equal(kv_set(sp, STR("a"), STR("{\"x\": 1.00}"), 1), OK);
    assert_int_equal(space_commit(sp), OK);
    assert_int_equal(kv_get(sp, STR("a"), &t->mem, &value), OK);
    assert_true(str_eq(value, STR("{\"x\": 1.00}")));
    assert_int_equal(kv_get(sp, STR("b"), &t->mem, &value), ERR_NOT_FOUND);
    space_release(sp);
}

static void a_value_with_a_nul_and_an_empty_value_are_kept(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct str value;
    assert_int_equal(kv_set(sp, STR("nul"), STR("\"a\0b\""), 1), OK);
    assert_int_equal(kv_set(sp, STR("empty"), STR(""), 1), OK);
    assert_int_equal(kv_get(sp, STR("nul"), &t->mem, &value), OK);
    assert_true(str_eq(value, STR("\"a\0b\"")));
    assert_int_equal(kv_get(sp, STR("empty"), &t->mem, &value), OK);
    assert_int_equal(value.n, 0);
    space_release(sp);
}

static void the_last_of_two_writes_stands(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct str value;
    assert_int_equal(kv_set(sp, STR("a"), STR("1"), 1), OK);
    assert_int_equal(kv_set(sp, STR("a"), STR("2"), 2), OK);
    assert_int_equal(kv_get(sp, STR("a"), &t->mem, &value), OK);
    assert_true(str_eq(value, STR("2")));
    space_release(sp);
}

static void delete_says_whether_there_was_a_value(void **state)
{
    struct space *sp = test_user_writing(*state);
    bool existed;
    assert_int_equal(kv_set(sp, STR("a"), STR("1"), 1), OK);
    assert_int_equal(kv_delete(sp, STR("a"), &existed), OK);
    assert_true(existed);
    assert_int_equal(kv_delete(sp, STR("a"), &existed), OK);
    assert_false(existed);
    space_release(sp);
}

/* Wants no more once it has "end". */
static bool collect(void *arg, struct str key, struct str value)
{
    struct buf *out = arg;
    buf_append_str(out, key);
    buf_append_ch(out, '=');
    buf_append_str(out, value);
    buf_append_ch(out, ' ');
    return !str_eq(value, STR("end"));
}

static void expect_list(struct space *sp, struct str prefix, struct str after, size_t limit,
                        const char *pairs, bool more_follow)
{
    struct buf out = BUF_INIT;
    bool more;
    assert_int_equal(kv_list(sp, prefix, after, limit, &more, collect, &out), OK);
    assert_string_equal(out.p ? out.p : "", pairs);
    assert_int_equal(more, more_follow);
    buf_release(&out);
}

static void a_list_holds_the_prefix_in_byte_order_page_by_page(void **state)
{
    struct space *sp = test_user_writing(*state);
    static const struct str keys[] = {SQL("b"),  SQL("ab"), SQL("a"),
                                      SQL("aa"), SQL("a%"), SQL("c")};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_int_equal(kv_set(sp, keys[i], STR("1"), 1), OK);
    expect_list(sp, STR("a"), STR_NULL, 10, "a=1 a%=1 aa=1 ab=1 ", false);
    expect_list(sp, STR("a"), STR_NULL, 4, "a=1 a%=1 aa=1 ab=1 ", false);
    expect_list(sp, STR("a"), STR_NULL, 3, "a=1 a%=1 aa=1 ", true);
    expect_list(sp, STR("a"), STR("aa"), 3, "ab=1 ", false);
    expect_list(sp, STR("a"), STR("A"), 1, "a=1 ", true);
    expect_list(sp, STR("a"), STR("b"), 3, "", false);
    expect_list(sp, STR(""), STR("ab"), 3, "b=1 c=1 ", false);
    expect_list(sp, STR("a%"), STR_NULL, 3, "a%=1 ", false);
    space_release(sp);
}

static void a_list_ends_when_its_reader_has_enough(void **state)
{
    struct space *sp = test_user_writing(*state);
    assert_int_equal(kv_set(sp, STR("a"), STR("1"), 1), OK);
    assert_int_equal(kv_set(sp, STR("b"), STR("end"), 1), OK);
    expect_list(sp, STR(""), STR_NULL, 9, "a=1 b=end ", false);
    assert_int_equal(kv_set(sp, STR("c"), STR("1"), 1), OK);
    expect_list(sp, STR(""), STR_NULL, 9, "a=1 b=end ", true);
    space_release(sp);
}

static void a_prefix_of_the_highest_characters_ends_where_it_should(void **state)
{
    struct space *sp = test_user_writing(*state);
    assert_int_equal(kv_set(sp, STR("\xf4\x8f\xbf\xbf"), STR("1"), 1), OK);
    assert_int_equal(kv_set(sp, STR("\xf4\x8f\xbf\xbfz"), STR("2"), 1), OK);
    assert_int_equal(kv_set(sp, STR("\x7f"), STR("3"), 1), OK);
    expect_list(sp, STR("\xf4\x8f\xbf\xbf"), STR_NULL, 9, "\xf4\x8f\xbf\xbf=1 \xf4\x8f\xbf\xbfz=2 ",
                false);
    expect_list(sp, STR("\x7f"), STR_NULL, 9, "\x7f=3 ", false);
    expect_list(sp, STR(""), STR_NULL, 1, "\x7f=3 ", true);
    space_release(sp);
}

static void a_new_key_beyond_quota_rows_is_refused_and_a_known_one_is_not(void **state)
{
    struct test_store *t = *state;
    struct store_options o = test_store_options();
    bool existed;
    o.quota_rows = 2;
    test_store_reopen(t, o);
    struct space *sp = test_user_writing(t);
    assert_int_equal(kv_set(sp, STR("a"), STR("1"), 1), OK);
    assert_int_equal(kv_set(sp, STR("b"), STR("1"), 1), OK);
    assert_int_equal(kv_set(sp, STR("c"), STR("1"), 1), ERR_QUOTA);
    assert_int_equal(kv_set(sp, STR("a"), STR("2"), 1), OK);
    assert_int_equal(kv_delete(sp, STR("a"), &existed), OK);
    assert_int_equal(kv_set(sp, STR("c"), STR("1"), 1), OK);
    space_release(sp);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_reads_back_as_it_was_set),
        TEST(a_value_with_a_nul_and_an_empty_value_are_kept),
        TEST(the_last_of_two_writes_stands),
        TEST(delete_says_whether_there_was_a_value),
        TEST(a_list_holds_the_prefix_in_byte_order_page_by_page),
        TEST(a_list_ends_when_its_reader_has_enough),
        TEST(a_prefix_of_the_highest_characters_ends_where_it_should),
        TEST(a_new_key_beyond_quota_rows_is_refused_and_a_known_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
