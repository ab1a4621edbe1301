/* Request ids: what is taken, what is made. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/request_id.h"

static void takes_what_no_log_and_no_header_must_escape(void **state)
{
    static const char longest[] =
        "0123456789abcdef0123456789abcdef0123456789ABCDEF0123456789ABCDE.";
    (void)state;
    assert_true(request_id_is_valid(STR("4bf92f35-77b3_4da6.a@b:1")));
    assert_true(request_id_is_valid(str_make(longest, REQUEST_ID_MAX)));
}

static void refuses_everything_else(void **state)
{
    static const struct str bad[] = {
        {"", 0},      {"a b", 3},  {"a\nb", 3},     {"a=b", 3},
        {"\"a\"", 3}, {"a\0b", 3}, {"\xc3\xa4", 2}, {"<script>", 8},
    };
    char long_one[REQUEST_ID_MAX + 1];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(request_id_is_valid(bad[i]));
    memset(long_one, 'a', sizeof long_one);
    assert_false(request_id_is_valid(str_make(long_one, sizeof long_one)));
    assert_false(request_id_is_valid(STR_NULL));
}

static void makes_one_where_none_came(void **state)
{
    struct arena mem = ARENA_INIT;
    (void)state;
    struct str a = request_id_of(STR_NULL, &mem), b = request_id_of(STR("a b"), &mem);
    assert_int_equal(a.n, RAND_ID_LEN);
    assert_true(request_id_is_valid(a) && request_id_is_valid(b));
    assert_false(str_eq(a, b));
    assert_true(str_eq(request_id_of(STR("given"), &mem), STR("given")));
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_no_log_and_no_header_must_escape),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(makes_one_where_none_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
