/* UTF-8: every sequence of up to three bytes, cut anywhere. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "lib/guard.h"

/* Validity by RFC 3629's definition: decode, then look at the code point. */
static bool is_valid_by_definition(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        size_t more = p[i] < 0x80       ? 0
                      : p[i] >> 5 == 6  ? 1
                      : p[i] >> 4 == 14 ? 2
                      : p[i] >> 3 == 30 ? 3
                                        : 9;
        if (more == 9 || i + more >= n)
            return false;
        uint32_t c = more ? p[i] & (0x3fu >> more) : p[i];
        for (size_t j = 1; j <= more; j++) {
            if (p[i + j] >> 6 != 2)
                return false;
            c = c << 6 | (p[i + j] & 0x3f);
        }
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    unsigned char p[4];
    for (uint32_t v = 0; v < 0x1000000; v++) {
        size_t n = v < 0x100 ? 1 : v < 0x10000 ? 2 : 3;
        for (size_t i = 0; i < n; i++)
            p[i] = (unsigned char)(v >> (8 * (n - 1 - i)));
        if (is_valid_by_definition(p, n) != utf8_is_valid(str_make((char *)p, n)))
            fail_msg("%06x", v);
    }
    /* Of four bytes, those whose last one matters. */
    for (uint32_t v = 0xf0808000; v < 0xf5000000; v += 0x40) {
        for (size_t i = 0; i < 4; i++)
            p[i] = (unsigned char)(v >> (24 - 8 * i));
        if (is_valid_by_definition(p, 4) != utf8_is_valid(str_make((char *)p, 4)))
            fail_msg("%08x", v);
    }
}

static void reads_text_however_it_is_cut(void **state)
{
    (void)state;
    static const char text[] = "plain text of more than eight bytes, \xc3\xa9, \xe2\x82\xac, "
                               "\xf0\x9f\x98\x80 and plain again for long enough";
    size_t n = sizeof text - 1;
    for (size_t cut = 0; cut <= n; cut++) {
        struct utf8 u = {0};
        assert_true(utf8_feed(&u, guard_copy(str_make(text, cut))));
        assert_int_equal(((unsigned char)text[cut] & 0xc0) != 0x80, utf8_is_complete(&u));
        assert_true(utf8_feed(&u, guard_copy(str_make(text + cut, n - cut))));
        assert_true(utf8_is_complete(&u));
    }
}

static void fails_at_the_first_byte_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *good, *bad;
    } cases[] = {
        {"a", "\x80"},    {"\xc3", "a"},        {"\xe0", "\x9f"},          {"\xed", "\xa0"},
        {"\xf0", "\x8f"}, {"\xf4", "\x90"},     {"\xe2\x82", "\xc0"},      {"", "\xf5"},
        {"", "\xc0"},     {"12345678", "\xff"}, {"1234567\xe2", "1234567"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct utf8 u = {0};
        assert_true(utf8_feed(&u, guard_copy(str_from_c(cases[i].good))));
        assert_false(utf8_feed(&u, guard_copy(str_from_c(cases[i].bad))));
    }
}

static void takes_text_that_ends_early_for_invalid(void **state)
{
    (void)state;
    assert_false(utf8_is_valid(STR("a\xe2\x82")));
    assert_true(utf8_is_valid(STR_NULL));
    assert_true(utf8_is_valid(STR("a\0b")));
}

static void counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(0, utf8_count(STR_NULL));
    assert_int_equal(4, utf8_count(STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(reads_text_however_it_is_cut),
        cmocka_unit_test(fails_at_the_first_byte_that_cannot_be),
        cmocka_unit_test(takes_text_that_ends_early_for_invalid),
        cmocka_unit_test(counts_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
