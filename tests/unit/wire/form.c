/* Query strings and URL-encoded bodies. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/form.h"

/* Parse and compare with the JSON form. */
static void assert_form(const char *text, const char *expected)
{
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    struct form f;
    assert_int_equal(OK, form_parse(&f, guard_copy(str_from_c(text)), &mem));
    form_append_json(&f, &out);
    assert_string_equal(expected, out.p);
    buf_release(&out);
    arena_release(&mem);
}

static enum err outcome(struct str text)
{
    struct arena mem = ARENA_INIT;
    struct form f;
    enum err e = form_parse(&f, guard_copy(text), &mem);
    arena_release(&mem);
    return e;
}

static void reads_pairs(void **state)
{
    (void)state;
    assert_form("", "{}");
    assert_form("a=1", "{\"a\":\"1\"}");
    assert_form("a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}");
    assert_form("a", "{\"a\":\"\"}");
    assert_form("=", "{\"\":\"\"}");
    assert_form("a=b=c", "{\"a\":\"b=c\"}");
    assert_form("&&a=1&&", "{\"a\":\"1\"}");
}

static void decodes_names_and_values(void **state)
{
    (void)state;
    assert_form("a%20b+c=%C3%A9+%2B%26%3D", "{\"a b c\":\"\xc3\xa9 +&=\"}");
    assert_form("q=%22%5C", "{\"q\":\"\\\"\\\\\"}");
}

static void lets_the_first_of_a_name_count_in_json(void **state)
{
    (void)state;
    assert_form("a=1&b=2&a=3&%61=4", "{\"a\":\"1\",\"b\":\"2\"}");
}

static void finds_and_counts_fields(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct form f;
    assert_int_equal(OK, form_parse(&f, STR("a=1&b=&a=2"), &mem));
    assert_true(str_eq(STR("1"), form_get(&f, STR("a"))));
    assert_non_null(form_get(&f, STR("b")).p);
    assert_null(form_get(&f, STR("c")).p);
    assert_int_equal(2, form_count(&f, STR("a")));
    assert_int_equal(0, form_count(&f, STR("c")));
    assert_int_equal(OK, form_parse(&f, STR_NULL, &mem));
    assert_int_equal(0, f.count);
    arena_release(&mem);
}

static void refuses_what_is_no_text(void **state)
{
    (void)state;
    static const char *const bad[] = {"a=%",         "a=%4",      "a=%4g",   "a=%g4",  "%=1",
                                      "a=%00",       "%00=1",     "a=%ff",   "a=\xff", "\xc3=%a9",
                                      "a=%ED%A0%80", "a=1&b=%c3", "a=%c0%80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(ERR_INVALID, outcome(str_from_c(bad[i])));
    assert_int_equal(ERR_INVALID, outcome(STR("a=b\0c")));
}

static void bounds_the_fields(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < FORM_FIELDS_MAX; i++)
        buf_append_lit(&text, "&&a=1");
    assert_int_equal(OK, outcome(buf_str(&text)));
    buf_append_lit(&text, "&a=1");
    assert_int_equal(ERR_INVALID, outcome(buf_str(&text)));
    buf_release(&text);
}

static void reads_nothing_beyond_the_text_wherever_it_ends(void **state)
{
    (void)state;
    static const char text[] = "a=%41&b%42=c+d&&e=%C3%A9";
    for (size_t n = 0; n < sizeof text; n++) {
        enum err e = outcome(str_make(text, n));
        assert_true(e == OK || e == ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pairs),
        cmocka_unit_test(decodes_names_and_values),
        cmocka_unit_test(lets_the_first_of_a_name_count_in_json),
        cmocka_unit_test(finds_and_counts_fields),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(bounds_the_fields),
        cmocka_unit_test(reads_nothing_beyond_the_text_wherever_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
