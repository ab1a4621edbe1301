/* The list of errors is complete and of one style. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/err.h"

static const enum err all[] = {
#define X(name, status, code, text) name,
    ERR_LIST(X)
#undef X
};

static void gives_status_code_and_sentence(void **state)
{
    (void)state;
    assert_int_equal(0, OK);
    assert_int_equal(200, err_status(OK));
    assert_int_equal(404, err_status(ERR_NOT_FOUND));
    assert_true(str_eq(STR("not_found"), err_code(ERR_NOT_FOUND)));
    assert_true(str_eq(STR("Too many requests"), err_text(ERR_RATE_LIMIT)));
}

static void has_a_whole_row_for_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_int_equal(i, all[i]);
        assert_in_range(err_status(all[i]), i ? 400 : 200, 599);
        assert_true(err_code(all[i]).n > 0);
        assert_true(err_text(all[i]).n > 0);
    }
}

static void uses_words_of_the_wire_once_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct str code = err_code(all[i]);
        for (size_t at = 0; at < code.n; at++)
            assert_true((code.p[at] >= 'a' && code.p[at] <= 'z') || code.p[at] == '_');
        for (size_t j = 0; j < i; j++)
            assert_false(str_eq(code, err_code(all[j])));
    }
}

static void writes_sentences_without_a_full_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct str text = err_text(all[i]);
        assert_in_range(text.p[0], 'A', 'Z');
        assert_false(str_ends_with(text, STR(".")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_status_code_and_sentence),
        cmocka_unit_test(has_a_whole_row_for_each),
        cmocka_unit_test(uses_words_of_the_wire_once_each),
        cmocka_unit_test(writes_sentences_without_a_full_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
