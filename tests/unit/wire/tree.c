/* Declarations as trees: strict, exact, and printed as they were. */
#include "base/base.h"

#include "lib/json_doc.h"
#include "wire/tree.h"

static struct tree *parse(struct arena *mem, const char *text)
{
    struct tree *t;
    struct str error;
    assert_int_equal(OK, tree_parse(&t, guard_copy(str_from_c(text)), mem, &error));
    return t;
}

static void is_walked_by_name_and_in_order(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct tree *t = parse(&mem, "{\"name\":\"posts\",\"list\":[1,true,null],\"Name\":0}");
    assert_int_equal(tree_type(t), JSON_OBJECT);
    assert_str(tree_string(tree_get(t, "name")), "posts");
    assert_true(tree_is(tree_get(t, "Name"), JSON_NUMBER));
    assert_null(tree_get(t, "NAME"));
    assert_null(tree_get(tree_get(t, "list"), "0"));
    assert_false(tree_is(NULL, JSON_NULL));
    const struct tree *list = tree_get(t, "list");
    assert_int_equal(tree_count(list), 3);
    assert_str(tree_name(list), "list");
    const struct tree *child = tree_first(list);
    assert_true(tree_is(child, JSON_NUMBER));
    child = tree_next(child);
    assert_true(tree_is(child, JSON_TRUE) && !tree_is(child, JSON_FALSE));
    child = tree_next(child);
    assert_true(tree_is(child, JSON_NULL));
    assert_null(tree_next(child));
    tree_free(t);
    arena_release(&mem);
}

static void whole_numbers_are_told_from_others(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct tree *t = parse(&mem, "[9007199254740992,-9007199254740992,5e2,1.5,\"1\"]");
    const struct tree *n = tree_first(t);
    int64_t whole;
    assert_true(tree_integer(n, &whole) && whole == INT64_C(9007199254740992));
    n = tree_next(n);
    assert_true(tree_integer(n, &whole) && whole == INT64_C(-9007199254740992));
    n = tree_next(n);
    assert_true(tree_integer(n, &whole) && whole == 500);
    n = tree_next(n);
    assert_false(tree_integer(n, &whole));
    assert_true(tree_number(n) == 1.5);
    assert_false(tree_integer(tree_next(n), &whole));
    tree_free(t);
    arena_release(&mem);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } wrong[] = {
        {"", "line 1, column 1: the text ends too early"},
        {"{\n  \"a\": 1,\n}", "line 3, column 1: a member name in double quotes was expected"},
        {"[\"\xc3\xa9\", x]", "line 1, column 7: a value was expected"},
        {"{\"a\":1,\n\"a\":2}", "line 2, column 1: a member name appears twice in one object"},
        {"[\"\\u0000\"]", "line 1, column 5: \\u0000 is not allowed here"},
        {"[1, 9007199254740993]",
         "line 1, column 5: a number is beyond 9007199254740992 (2^53) in size"},
        {"1e400", "line 1, column 1: a number is beyond 9007199254740992 (2^53) in size"},
        {"0.1234567890123456789012345678901234567890123456789012345678901",
         "line 1, column 1: a number has too many digits"},
    };
    struct arena mem = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct tree *t;
        struct str error = STR_NULL;
        assert_int_equal(ERR_INVALID_JSON,
                         tree_parse(&t, guard_copy(str_from_c(wrong[i].text)), &mem, &error));
        assert_str(error, wrong[i].error);
    }
    arena_release(&mem);
}

static void every_beginning_of_a_declaration_is_refused(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct str whole = STR("{\"name\":\"a\\u00e9\",\"list\":[1.5,true,{\"x\":null}]}");
    for (size_t n = 0; n < whole.n; n++) {
        struct tree *t;
        struct str error;
        assert_int_equal(ERR_INVALID_JSON,
                         tree_parse(&t, guard_copy(str_make(whole.p, n)), &mem, &error));
    }
    arena_release(&mem);
}

static void prints_what_it_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[1,-2.5,0.1,9007199254740992,1e-07],\"\":{},\"\\\"\\n\":\"\\\\\xc3\xa9\"}",
        "[true,false,null,[],0.30000000000000004]",
        "\"text\"",
        "0",
    };
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct tree *t = parse(&mem, texts[i]);
        buf_reset(&out);
        tree_print(t, &out);
        assert_str(buf_str(&out), texts[i]);
        tree_free(t);
    }
    buf_release(&out);
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_walked_by_name_and_in_order),
        cmocka_unit_test(whole_numbers_are_told_from_others),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(every_beginning_of_a_declaration_is_refused),
        cmocka_unit_test(prints_what_it_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
