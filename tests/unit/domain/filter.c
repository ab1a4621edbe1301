/* filter: lists of event names with a final '*'. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "domain/filter.h"

static bool matches(const char *patterns, const char *name)
{
    struct filter *f = NULL;
    assert_int_equal(filter_parse(&f, str_from_c(patterns)), OK);
    bool match = filter_matches(f, str_from_c(name));
    filter_free(f);
    return match;
}

static void a_name_matches_itself_alone(void **state)
{
    (void)state;
    assert_true(matches("kv:set", "kv:set"));
    assert_false(matches("kv:set", "kv:set2"));
    assert_false(matches("kv:set", "kv:se"));
    assert_false(matches("kv:set", "KV:SET"));
}

static void a_final_star_matches_any_rest(void **state)
{
    (void)state;
    assert_true(matches("table:posts:*", "table:posts:create"));
    assert_true(matches("table:posts:*", "table:posts:"));
    assert_false(matches("table:posts:*", "table:post"));
    assert_true(matches("*", "anything"));
    assert_true(matches("*", ""));
}

static void one_of_the_list_is_enough(void **state)
{
    (void)state;
    assert_true(matches("table:posts:*,kv:*", "kv:delete"));
    assert_true(matches(" kv:set , table:* ", "table:x:create"));
    assert_false(matches("a,b,c", "d"));
}

static void no_filter_matches_everything(void **state)
{
    (void)state;
    assert_true(filter_matches(NULL, STR("x")));
    filter_free(NULL);
}

static void what_is_no_list_of_patterns_is_refused(void **state)
{
    static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "*a", "a*b", "**", "a*,*b", " "};
    struct filter *f;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(filter_parse(&f, str_from_c(bad[i])), ERR_INVALID);
}

/* n patterns "a,a,…" */
static enum err parse_many(size_t n)
{
    struct buf b = BUF_INIT;
    struct filter *f = NULL;
    for (size_t i = 0; i < n; i++)
        buf_append_str(&b, i ? STR(",a") : STR("a"));
    enum err e = filter_parse(&f, buf_str(&b));
    if (!e)
        filter_free(f);
    buf_release(&b);
    return e;
}

static void patterns_and_bytes_are_bounded(void **state)
{
    struct buf b = BUF_INIT;
    struct filter *f;
    (void)state;
    assert_int_equal(parse_many(FILTER_PATTERNS_MAX), OK);
    assert_int_equal(parse_many(FILTER_PATTERNS_MAX + 1), ERR_INVALID);
    while (b.n <= FILTER_BYTES_MAX)
        buf_append_ch(&b, 'x');
    assert_int_equal(filter_parse(&f, buf_str(&b)), ERR_INVALID);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_matches_itself_alone),
        cmocka_unit_test(a_final_star_matches_any_rest),
        cmocka_unit_test(one_of_the_list_is_enough),
        cmocka_unit_test(no_filter_matches_everything),
        cmocka_unit_test(what_is_no_list_of_patterns_is_refused),
        cmocka_unit_test(patterns_and_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
