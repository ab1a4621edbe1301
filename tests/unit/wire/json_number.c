/* Numbers are read as they are written: exact, however long. */
#include "base/base.h"

#include "base/buf.h"
#include "lib/json_doc.h"
#include "wire/json_number.h"

static void whole_numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } numbers[] = {
        {"0", 0},
        {"-0", 0},
        {"0.000e5", 0},
        {"0e999999999999999999999", 0},
        {"5", 5},
        {"5.0", 5},
        {"5e2", 500},
        {"1.50e1", 15},
        {"1500e-2", 15},
        {"9007199254740993", 9007199254740993},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"922337203685477580700e-2", INT64_MAX},
        {"9.223372036854775807e18", INT64_MAX},
        {"-1e18", -1000000000000000000},
        {"1e000000000000000000000001", 10},
    };
    struct arena mem = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        int64_t value;
        assert_true(json_to_i64(json_doc(&mem, numbers[i].text), &value));
        assert_int_equal(value, numbers[i].value);
    }
    arena_release(&mem);
}

static void other_values_are_no_whole_numbers(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.5",
        "1e-1",
        "15e-2",
        "9223372036854775808",
        "-9223372036854775809",
        "1e19",
        "1e400",
        "1.1e0",
        "10000000000000000000000",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "\"1\"",
        "null",
        "[1]",
    };
    struct arena mem = ARENA_INIT;
    int64_t value;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(json_to_i64(json_doc(&mem, texts[i]), &value));
    assert_false(json_to_i64(JSON_ABSENT, &value));
    arena_release(&mem);
}

static void doubles_are_the_nearest(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "1",
        "0.1",
        "-0.3",
        "123456.789",
        "1e22",
        "1e23",
        "123456789012345e22",
        "1234567890123456",
        "9007199254740993",
        "1.7976931348623157e308",
        "4.9e-324",
        "2.5e-324",
        "2e-324",
        "1e-22",
        "3e-23",
        "0.1000000000000000055511151231257827021181583404541015625",
        "1e400",
        "-1e99999999999999999999",
        "1e-99999999999999999999",
    };
    struct arena mem = ARENA_INIT;
    double d;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_true(json_to_double(json_doc(&mem, texts[i]), &d));
        assert_true(d == strtod(texts[i], NULL));
    }
    assert_true(json_to_double(json_doc(&mem, "-0.0"), &d));
    assert_true(d == 0);
    assert_false(json_to_double(json_doc(&mem, "\"1\""), &d));
    arena_release(&mem);
}

static void order_is_exact(void **state)
{
    (void)state;
    static const char *const rising[] = {
        "-1e99999999999999999999",
        "-1e400",
        "-100",
        "-99.5",
        "-1e-99999999999999999999",
        "0",
        "1e-999999999999999999999999",
        "1e-99999999999999999999",
        "0.1",
        "0.10000000000000000000001",
        "1",
        "1.5",
        "9.99",
        "10",
        "9007199254740992",
        "9007199254740993",
        "1e400",
        "1e99999999999999999999",
        "1e199999999999999999999",
    };
    for (size_t i = 0; i < ARRAY_LEN(rising); i++) {
        for (size_t k = 0; k < ARRAY_LEN(rising); k++) {
            struct json_number a = json_number_read(str_from_c(rising[i]));
            struct json_number b = json_number_read(str_from_c(rising[k]));
            int order = json_number_compare(&a, &b);
            if ((order > 0) - (order < 0) != (i > k) - (i < k))
                fail_msg("%s and %s: %d", rising[i], rising[k], order);
        }
    }
}

static bool is_multiple(const char *a, const char *b)
{
    struct json_number x = json_number_read(str_from_c(a)), y = json_number_read(str_from_c(b));
    return json_number_is_multiple(&x, &y);
}

static void multiples_are_those_of_the_decimals(void **state)
{
    (void)state;
    assert_true(is_multiple("0", "3"));
    assert_true(is_multiple("9", "3"));
    assert_true(is_multiple("-9", "3"));
    assert_false(is_multiple("10", "3"));
    assert_true(is_multiple("19.99", "0.01"));
    assert_false(is_multiple("19.995", "0.01"));
    assert_true(is_multiple("4.5", "1.5"));
    assert_true(is_multiple("0.0075", "0.0001"));
    assert_false(is_multiple("0.00751", "0.0001"));
    assert_true(is_multiple("1e400", "7e-3") == is_multiple("1e403", "7"));
    assert_true(is_multiple("7e400", "7"));
    assert_true(is_multiple("1e99999999999999999999", "1024"));
    assert_false(is_multiple("1e99999999999999999999", "3"));
    assert_false(is_multiple("1e-99999999999999999999", "1"));
    assert_true(is_multiple("123456789012345678901234567890", "10"));
    assert_false(is_multiple("123456789012345678901234567891", "10"));
    assert_true(is_multiple("999999999999999999", "999999999999999999"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(other_values_are_no_whole_numbers),
        cmocka_unit_test(doubles_are_the_nearest),
        cmocka_unit_test(order_is_exact),
        cmocka_unit_test(multiples_are_those_of_the_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
