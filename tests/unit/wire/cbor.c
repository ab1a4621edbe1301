/* CBOR: RFC 8949's own examples where authenticators write the like, and everything else refused.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/enc.h"
#include "lib/guard.h"
#include "wire/cbor.h"

#define BYTES_MAX 2048

/* From hex, before an unreadable page. */
static struct str from_hex(const char *hex)
{
    static char bytes[BYTES_MAX];
    size_t n = strlen(hex) / 2;
    assert_true(n <= sizeof bytes);
    assert_true(hex_decode(str_from_c(hex), bytes, n));
    return guard_copy(str_make(bytes, n));
}

static struct cbor read_whole(const char *hex)
{
    struct str rest = from_hex(hex);
    size_t n = rest.n;
    struct cbor item;
    assert_int_equal(cbor_read(&rest, &item), OK);
    assert_int_equal(rest.n, 0);
    assert_int_equal(item.raw.n, n);
    return item;
}

static bool is_refused(const char *hex)
{
    struct str rest = from_hex(hex);
    struct cbor item;
    return cbor_read(&rest, &item) == ERR_INVALID;
}

/* --- what is read ----------------------------------------------------------------------------- */

/* RFC 8949 appendix A. */
static void numbers_of_either_sign(void **state)
{
    static const struct {
        const char *hex;
        int64_t number;
    } cases[] = {
        {"00", 0},
        {"01", 1},
        {"0a", 10},
        {"17", 23},
        {"1818", 24},
        {"1864", 100},
        {"18ff", 255},
        {"190100", 256},
        {"1903e8", 1000},
        {"19ffff", 65535},
        {"1a00010000", 65536},
        {"1a000f4240", 1000000},
        {"1affffffff", 4294967295},
        {"1b0000000100000000", 4294967296},
        {"1b000000e8d4a51000", 1000000000000},
        {"1b7fffffffffffffff", INT64_MAX},
        {"20", -1},
        {"29", -10},
        {"26", -7},
        {"390100", -257},
        {"3863", -100},
        {"3903e7", -1000},
        {"3b7fffffffffffffff", INT64_MIN},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cbor item = read_whole(cases[i].hex);
        assert_int_equal(item.type, CBOR_NUMBER);
        assert_true(item.number == cases[i].number);
    }
}

static void bytes_texts_and_words(void **state)
{
    (void)state;
    struct cbor item = read_whole("4401020304");
    assert_true(item.type == CBOR_BYTES && str_eq(item.text, STR("\1\2\3\4")));
    item = read_whole("40");
    assert_true(item.type == CBOR_BYTES && item.text.n == 0);
    item = read_whole("6449455446");
    assert_true(item.type == CBOR_TEXT && str_eq(item.text, STR("IETF")));
    item = read_whole("62c3bc");
    assert_true(item.type == CBOR_TEXT && str_eq(item.text, STR("ü")));
    assert_int_equal(read_whole("f4").type, CBOR_FALSE);
    assert_int_equal(read_whole("f5").type, CBOR_TRUE);
    assert_int_equal(read_whole("f6").type, CBOR_NULL);
}

static void one_item_after_the_other(void **state)
{
    struct str rest = from_hex("01820203a0");
    struct cbor item;
    (void)state;
    assert_int_equal(cbor_read(&rest, &item), OK);
    assert_int_equal(item.number, 1);
    assert_int_equal(cbor_read(&rest, &item), OK);
    assert_true(item.type == CBOR_ARRAY && item.count == 2);
    assert_true(str_eq(item.text, STR("\2\3")) && str_eq(item.raw, STR("\x82\2\3")));
    assert_int_equal(cbor_read(&rest, &item), OK);
    assert_true(item.type == CBOR_MAP && item.count == 0 && item.text.n == 0);
    assert_int_equal(cbor_read(&rest, &item), ERR_INVALID); /* the end */
}

/* {1: 2, 3: -7, "a": h'ff', h'61': [1, {}]} */
static void names_are_found_in_their_own_type_and_level(void **state)
{
    struct cbor map = read_whole("a4010203266161"
                                 "41ff4161"
                                 "8201a0");
    struct cbor v;
    (void)state;
    assert_int_equal(map.type, CBOR_MAP);
    assert_int_equal(map.count, 4);
    assert_true(cbor_find_number(&map, 1, &v) && v.number == 2);
    assert_true(cbor_find_number(&map, 3, &v) && v.number == -7);
    assert_true(cbor_find_text(&map, STR("a"), &v) && v.type == CBOR_BYTES);
    assert_false(cbor_find_number(&map, 2, &v)); /* a value is no name */
    assert_false(cbor_find_number(&map, -7, &v));
    assert_false(cbor_find_text(&map, STR(""), &v));
    struct cbor list = read_whole("820102");
    assert_false(cbor_find_number(&list, 1, &v));
}

/* Not every authenticator sorts them. */
static void names_in_any_order(void **state)
{
    struct cbor map = read_whole("a2036001f4"), v;
    (void)state;
    assert_true(cbor_find_number(&map, 1, &v) && v.type == CBOR_FALSE);
    assert_true(cbor_find_number(&map, 3, &v) && v.type == CBOR_TEXT);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void all_that_is_cut_short(void **state)
{
    static const char *const whole[] = {"1864",
                                        "1903e8",
                                        "1b7fffffffffffffff",
                                        "4401020304",
                                        "6449455446",
                                        "83010203",
                                        "a201020304",
                                        "a26161016162820203",
                                        "5818000102030405060708090a0b0c0d0e0f1011121314151617"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        (void)read_whole(whole[i]);
        for (size_t n = 0; n < strlen(whole[i]) / 2; n++) {
            char cut[128];
            snprintf(cut, sizeof cut, "%.*s", (int)n * 2, whole[i]);
            assert_true(is_refused(cut));
        }
    }
}

static void forms_that_are_not_the_shortest(void **state)
{
    static const char *const hex[] = {"1800",
                                      "1817",
                                      "190000",
                                      "1900ff",
                                      "1a00000000",
                                      "1a0000ffff",
                                      "1b0000000000000000",
                                      "1b00000000ffffffff",
                                      "3800",
                                      "580101",
                                      "5900010a",
                                      "780161",
                                      "9800",
                                      "b800",
                                      "f814",
                                      "f815"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hex); i++)
        assert_true(is_refused(hex[i]));
}

static void what_authenticators_do_not_write(void **state)
{
    static const char *const hex[] = {
        "1b8000000000000000",
        "3b8000000000000000",
        "1bffffffffffffffff", /* beyond 63 bits */
        "f7",
        "f0",
        "e0",
        "f8ff",
        "f820", /* undefined, others */
        "f93c00",
        "fa47c35000",
        "fb3ff199999999999a", /* floating point */
        "c001",
        "c2420100",
        "d81864",
        "d9d9f7a0", /* tags */
        "5f4101ff",
        "7f6161ff",
        "9f01ff",
        "bf0102ff",
        "ff", /* no length */
        "1c",
        "1d",
        "1e",
        "1f",
        "3c",
        "5c",
        "7d",
        "9e",
        "bc",
        "fc", /* reserved */
        "62c328",
        "61ff",
        "63eda080", /* no UTF-8 */
        "a1f401",
        "a18001",
        "a1a001", /* names of no such type */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hex); i++)
        assert_true(is_refused(hex[i]));
}

static void lengths_beyond_the_end(void **state)
{
    static const char *const hex[] = {
        "5affffffff00", "5b7fffffffffffffff00", "5bffffffffffffffff00", "7bffffffffffffffff61",
        "9affffffff00", "9bffffffffffffffff00", "ba0000ffff00",         "bbffffffffffffffff0001"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hex); i++)
        assert_true(is_refused(hex[i]));
}

static void a_name_twice(void **state)
{
    (void)state;
    assert_true(is_refused("a201020103"));
    assert_true(is_refused("a3616101616202616103"));
    assert_true(is_refused("a101a220002000"));
    assert_true(is_refused("81a220002000"));
    assert_int_equal(read_whole("a2616101416101").count, 2); /* a text and bytes */
}

static void nesting_and_members_beyond_the_bounds(void **state)
{
    struct buf hex = BUF_INIT;
    (void)state;
    for (size_t i = 0; i < CBOR_DEPTH; i++)
        buf_append_lit(&hex, "81");
    buf_append_lit(&hex, "00");
    (void)read_whole(hex.p);
    buf_reset(&hex);
    for (size_t i = 0; i < CBOR_DEPTH + 1; i++)
        buf_append_lit(&hex, "81");
    buf_append_lit(&hex, "00");
    assert_true(is_refused(hex.p));
    buf_reset(&hex);
    for (size_t i = 0; i < 1000; i++)
        buf_append_lit(&hex, "a100");
    assert_true(is_refused(hex.p));
    for (size_t count = CBOR_MEMBERS; count <= CBOR_MEMBERS + 1; count++) {
        buf_reset(&hex);
        buf_appendf(&hex, "b8%02zx", count);
        for (size_t i = 0; i < count; i++)
            buf_appendf(&hex, i < 24 ? "%02zx00" : "18%02zx00", i);
        if (count == CBOR_MEMBERS)
            assert_int_equal(read_whole(hex.p).count, count);
        else
            assert_true(is_refused(hex.p));
    }
    buf_release(&hex);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_either_sign),
        cmocka_unit_test(bytes_texts_and_words),
        cmocka_unit_test(one_item_after_the_other),
        cmocka_unit_test(names_are_found_in_their_own_type_and_level),
        cmocka_unit_test(names_in_any_order),
        cmocka_unit_test(all_that_is_cut_short),
        cmocka_unit_test(forms_that_are_not_the_shortest),
        cmocka_unit_test(what_authenticators_do_not_write),
        cmocka_unit_test(lengths_beyond_the_end),
        cmocka_unit_test(a_name_twice),
        cmocka_unit_test(nesting_and_members_beyond_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
