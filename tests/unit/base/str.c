/* Borrowed bytes. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/str.h"
#include "lib/guard.h"

static void tells_absent_from_empty(void **state)
{
    (void)state;
    assert_null(str_from_c(NULL).p);
    assert_non_null(str_from_c("").p);
    assert_int_equal(3, str_from_c("abc").n);
    assert_true(str_eq(STR_NULL, STR("")));
}

static void compares_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_eq(STR("a"), STR("ab")));
    assert_true(str_eq_nocase(STR("aZ[@1"), STR("Az[@1")));
    assert_false(str_eq_nocase(STR("["), STR("{")));
    assert_false(str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
    assert_false(str_eq_nocase(STR("a"), STR("aa")));
}

static void sorts_by_bytes(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("\x7f"), STR("\x80")) < 0);
    assert_int_equal(0, str_cmp(STR_NULL, STR("")));
    assert_true(str_cmp(STR_NULL, STR("a")) < 0);
}

static void finds_and_cuts(void **state)
{
    (void)state;
    assert_int_equal(1, str_find(STR("abab"), 'b'));
    assert_int_equal(4, str_find(STR("abab"), 'c'));
    assert_int_equal(0, str_find(STR_NULL, 'c'));
    assert_true(str_eq(STR("cd"), str_from(STR("abcd"), 2)));
    assert_int_equal(0, str_from(STR("abcd"), 9).n);
    assert_null(str_from(STR_NULL, 9).p);
    assert_true(str_starts_with(STR("abc"), STR("ab")));
    assert_false(str_starts_with(STR("a"), STR("ab")));
    assert_true(str_ends_with(STR("abc"), STR("bc")));
    assert_true(str_ends_with(STR("abc"), STR("")));
    assert_false(str_ends_with(STR("c"), STR("bc")));
}

static void trims_ascii_space(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a b"), str_trim(STR(" \t\r\n\v\fa b \n"))));
    assert_int_equal(0, str_trim(guard_copy(STR(" \t "))).n);
    assert_int_equal(0, str_trim(STR_NULL).n);
    assert_true(str_eq(STR("\xc2\xa0"), str_trim(STR("\xc2\xa0"))));
}

static void assert_items(struct str list, const char *joined)
{
    char seen[64];
    size_t n = 0;
    struct str item;
    while (str_next(&list, ',', &item))
        n += (size_t)snprintf(seen + n, sizeof seen - n, "<%.*s>", STR_ARG(item));
    seen[n] = '\0';
    assert_string_equal(joined, seen);
}

static void splits_keeping_empty_items(void **state)
{
    (void)state;
    assert_items(STR("a,b"), "<a><b>");
    assert_items(STR(",a,,"), "<><a><><>");
    assert_items(STR(""), "<>");
    assert_items(STR_NULL, "");
    assert_items(guard_copy(STR("a,")), "<a><>");
}

static void parses_unsigned_numbers_within_bounds(void **state)
{
    (void)state;
    uint64_t v = 0;
    assert_true(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &v));
    assert_false(str_to_u64(STR("99999999999999999999999"), UINT64_MAX, &v));
    assert_true(str_to_u64(STR("007"), 7, &v));
    assert_int_equal(7, v);
    assert_false(str_to_u64(STR("8"), 7, &v));
    assert_false(str_to_u64(STR("10"), 7, &v));
    assert_true(str_to_u64(STR("0"), 0, &v));
    static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "1.0", "0x1", "1e3", "a"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_to_u64(guard_copy(str_from_c(bad[i])), UINT64_MAX, &v));
}

static void parses_signed_numbers_within_bounds(void **state)
{
    (void)state;
    int64_t v = 0;
    assert_true(str_to_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MIN);
    assert_true(str_to_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &v));
    assert_true(v == INT64_MAX);
    assert_false(str_to_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &v));
    assert_false(str_to_i64(STR("-9223372036854775809"), INT64_MIN, INT64_MAX, &v));
    assert_false(str_to_i64(STR("-"), INT64_MIN, INT64_MAX, &v));
    assert_false(str_to_i64(STR("--1"), INT64_MIN, INT64_MAX, &v));
    assert_false(str_to_i64(STR(""), INT64_MIN, INT64_MAX, &v));
    assert_false(str_to_i64(STR("5"), 6, 9, &v));
    assert_false(str_to_i64(STR("10"), 6, 9, &v));
    assert_true(str_to_i64(STR("6"), 6, 9, &v));
}

static void numbers_beyond_the_bound_count_as_the_bound(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0}, {"007", 7}, {"50", 50}, {"51", 50}, {"99999999999999999999999999", 50}};
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "1e1", "x"};
    (void)state;
    int64_t v = 3;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(str_to_capped(str_from_c(good[i].text), 50, &v));
        assert_true(v == good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_to_capped(str_from_c(bad[i]), 50, &v));
    assert_true(v == 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_absent_from_empty),
        cmocka_unit_test(compares_bytes),
        cmocka_unit_test(sorts_by_bytes),
        cmocka_unit_test(finds_and_cuts),
        cmocka_unit_test(trims_ascii_space),
        cmocka_unit_test(splits_keeping_empty_items),
        cmocka_unit_test(parses_unsigned_numbers_within_bounds),
        cmocka_unit_test(parses_signed_numbers_within_bounds),
        cmocka_unit_test(numbers_beyond_the_bound_count_as_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
