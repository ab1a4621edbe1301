/* Bytes to text and back. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/enc.h"
#include "lib/guard.h"

static void writes_and_reads_hex(void **state)
{
    (void)state;
    char hex[7];
    unsigned char bytes[3];
    hex_encode("\x00\x9f\xff", 3, hex);
    assert_string_equal("009fff", hex);
    assert_true(hex_decode(STR("009FfF"), bytes, 3));
    assert_memory_equal("\x00\x9f\xff", bytes, 3);
    static const char *const bad[] = {"",       "0",      "00000",  "0000000", "00000g", "0x0000",
                                      "00 000", "00000/", "00000:", "00000@",  "00000G", "00000`"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(hex_decode(guard_copy(str_from_c(bad[i])), bytes, 3));
    for (int c = 0; c < 256; c++) {
        char pair[2] = {'0', (char)c};
        bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        assert_int_equal(good, hex_decode(str_make(pair, 2), bytes, 1));
    }
}

static void writes_the_vectors_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const padded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                         "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 0; n < ARRAY_LEN(padded); n++) {
        struct buf b = BUF_INIT, url = BUF_INIT;
        buf_append_lit(&b, "<");
        base64_append(&b, "foobar", n);
        assert_string_equal(padded[n], b.p + 1);
        buf_append_lit(&url, "<");
        base64url_append(&url, "foobar", n);
        assert_int_equal((n * 8 + 5) / 6 + 1, url.n);
        assert_memory_equal(b.p, url.p, url.n);
        buf_release(&b);
        buf_release(&url);
    }
    struct buf b = BUF_INIT;
    base64_append(&b, "\xfb\xff\xfe", 3);
    base64url_append(&b, "\xfb\xff\xfe", 3);
    assert_string_equal("+//+-__-", b.p);
    buf_release(&b);
}

static void reads_back_what_it_wrote(void **state)
{
    (void)state;
    unsigned char bytes[256], back[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 73 + 11);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        struct buf text = BUF_INIT;
        size_t got;
        base64url_append(&text, bytes, n);
        assert_true(base64url_decode(buf_str(&text), back, n, &got));
        assert_int_equal(n, got);
        assert_memory_equal(bytes, back, n);
        if (n)
            assert_false(base64url_decode(buf_str(&text), back, n - 1, &got));
        buf_release(&text);
    }
}

static void refuses_base64url_that_is_not_canonical(void **state)
{
    (void)state;
    unsigned char out[16];
    size_t n;
    static const char *const bad[] = {"A",    "AAAAA", "Zg==", "Zm8=", "Zh",     "Zn8B=", "Zm9",
                                      "Zm+v", "Zm/v",  "Zm v", "Zm\n", "Zm9v\n", "Z\xff"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(base64url_decode(guard_copy(str_from_c(bad[i])), out, sizeof out, &n));
    assert_true(base64url_decode(STR("Zg"), out, sizeof out, &n));
    assert_true(base64url_decode(STR_NULL, out, sizeof out, &n));
    assert_int_equal(0, n);
}

static void assert_percent(const char *text, bool plus, const char *expected)
{
    struct arena a = ARENA_INIT;
    struct str out;
    bool good = percent_decode(&a, guard_copy(str_from_c(text)), plus, &out);
    assert_int_equal(expected != NULL, good);
    if (good)
        assert_true(str_eq(str_from_c(expected), out));
    arena_release(&a);
}

static void percent_encodes_what_is_reserved(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    percent_append(&b, STR("az-AZ_09.~ &=+/%\n\xc3\xa9"));
    assert_string_equal("az-AZ_09.~%20%26%3D%2B%2F%25%0A%C3%A9", b.p);
    buf_release(&b);
}

static void decodes_percent_escapes(void **state)
{
    (void)state;
    assert_percent("", true, "");
    assert_percent("abc", true, "abc");
    assert_percent("a%20b%2fC%C3%a9", false, "a b/C\xc3\xa9");
    assert_percent("a+b%2B", false, "a+b+");
    assert_percent("a+b%2B", true, "a b+");
    assert_percent("%%", false, NULL);
    assert_percent("%", false, NULL);
    assert_percent("a%2", false, NULL);
    assert_percent("%2x", false, NULL);
    assert_percent("%x2", false, NULL);
    assert_percent("%+1", true, NULL);
}

static void leaves_text_without_escapes_where_it_is(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    struct str text = STR("a+b"), out;
    assert_true(percent_decode(&a, text, false, &out));
    assert_ptr_equal(text.p, out.p);
    assert_null(a.first);
    arena_release(&a);
}

/* RFC 4648 section 10, without the padding. */
static void base32_goes_there_and_back(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "MY"},
        {"fo", "MZXQ"},
        {"foo", "MZXW6"},
        {"foob", "MZXW6YQ"},
        {"fooba", "MZXW6YTB"},
        {"foobar", "MZXW6YTBOI"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str plain = str_from_c(cases[i][0]), text = str_from_c(cases[i][1]);
        struct buf b = BUF_INIT;
        char back[8];
        size_t n;
        base32_append(&b, plain.p, plain.n);
        assert_true(str_eq(buf_str(&b), text));
        assert_true(base32_decode(text, back, sizeof back, &n));
        assert_true(str_eq(str_make(back, n), plain));
        buf_release(&b);
    }
}

static void base32_that_is_not_canonical_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"M", "MZX", "MZXW6Y", "my", "M1", "MY======", "MZ", "M Y"};
    char out[8];
    size_t n;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(base32_decode(str_from_c(bad[i]), out, sizeof out, &n));
    assert_false(base32_decode(STR("MZXQ"), out, 1, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_hex),
        cmocka_unit_test(writes_the_vectors_of_rfc_4648),
        cmocka_unit_test(reads_back_what_it_wrote),
        cmocka_unit_test(refuses_base64url_that_is_not_canonical),
        cmocka_unit_test(percent_encodes_what_is_reserved),
        cmocka_unit_test(decodes_percent_escapes),
        cmocka_unit_test(leaves_text_without_escapes_where_it_is),
        cmocka_unit_test(base32_goes_there_and_back),
        cmocka_unit_test(base32_that_is_not_canonical_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
