/* multipart/form-data: parts as browsers and curl send them, and parts nobody should. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/form.h"

#define TYPE       "multipart/form-data; boundary=B"
#define PART(name) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define END        "\r\n--B--\r\n"

static enum err parse(const char *type, struct str body, struct buf *json)
{
    struct arena mem = ARENA_INIT;
    struct form f;
    enum err e = form_parse_multipart(&f, str_from_c(type), guard_copy(body), &mem);
    buf_reset(json);
    if (e == OK)
        form_append_json(&f, json);
    arena_release(&mem);
    return e;
}

static void assert_form(const char *type, const char *body, const char *expected)
{
    struct buf json = BUF_INIT;
    assert_int_equal(OK, parse(type, str_from_c(body), &json));
    assert_string_equal(expected, json.p);
    buf_release(&json);
}

static void assert_refused(enum err why, const char *type, struct str body)
{
    struct buf json = BUF_INIT;
    assert_int_equal(why, parse(type, body, &json));
    buf_release(&json);
}

#define assert_invalid(body) assert_refused(ERR_INVALID, TYPE, STR(body))

static void reads_fields(void **state)
{
    (void)state;
    assert_form(TYPE, PART("a") "1\r\n" PART("b") "two\r\nlines" END,
                "{\"a\":\"1\",\"b\":\"two\\r\\nlines\"}");
    assert_form(TYPE, PART("a") "\xc3\xa9" END, "{\"a\":\"\xc3\xa9\"}");
    assert_form(TYPE, "--B--\r\n", "{}");
    assert_form(TYPE, "--B--", "{}");
}

static void reads_empty_fields(void **state)
{
    (void)state;
    assert_form(TYPE, PART("a") END, "{\"a\":\"\"}");
    assert_form(TYPE, PART("a") "--B--", "{\"a\":\"\"}"); /* one CRLF for both, RFC 2046 */
    assert_form(TYPE, PART("") "x" END, "{\"\":\"x\"}");
}

static void skips_preamble_padding_and_epilogue(void **state)
{
    (void)state;
    assert_form(TYPE,
                "preamble\r\n--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
                "--B-- \r\nepilogue --B",
                "{\"a\":\"1\"}");
    assert_form(TYPE, "a delimiter begins its line: x--B\r\n--B--", "{}");
}

static void reads_headers_in_any_dress(void **state)
{
    (void)state;
    assert_form(TYPE,
                "--B\r\ncontent-type: text/plain; charset=utf-8\r\nCONTENT-DISPOSITION:Form-Data ;"
                "x=y; NAME=\"a\\\"\\\\b\" ;\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n1" END,
                "{\"a\\\"\\\\b\":\"1\"}");
}

static void takes_the_boundary_quoted_or_not(void **state)
{
    (void)state;
    assert_form("Multipart/Form-Data;charset=utf-8;Boundary=\"a b:c\"",
                "--a b:c\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--a b:c--",
                "{\"a\":\"1\"}");
    static const char *const bad[] = {
        "multipart/form-data",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"B",
        "multipart/form-data; boundary=\"B \"",
        "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=B; boundary=B",
        "multipart/form-data; boundary=\"a\x01\"",
        ("multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_refused(ERR_INVALID, bad[i], STR(PART("a") "1" END));
}

static void refuses_other_types_and_files(void **state)
{
    (void)state;
    assert_refused(ERR_MEDIA_TYPE, "multipart/mixed; boundary=B", STR(PART("a") "1" END));
    assert_refused(ERR_MEDIA_TYPE, "", STR(PART("a") "1" END));
    assert_refused(ERR_MEDIA_TYPE, NULL, STR(PART("a") "1" END));
    assert_refused(ERR_MEDIA_TYPE, TYPE,
                   STR("--B\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n" END));
    assert_refused(
        ERR_MEDIA_TYPE, TYPE,
        STR("--B\r\nContent-Disposition: form-data; filename*=utf-8''x; name=a\r\n\r\n" END));
}

static void refuses_broken_delimiters(void **state)
{
    (void)state;
    assert_invalid("");
    assert_invalid("--B");
    assert_invalid("--B\r\n");
    assert_invalid("B--\r\n");
    assert_invalid(PART("a") "1");
    assert_invalid(PART("a") "1\r\n--B");
    assert_invalid(PART("a") "1\r\n--B\r\n");
    assert_invalid(PART("a") "1\r\n--B-");
    assert_invalid(PART("a") "1\r\n--B--x");
    assert_invalid(PART("a") "1\r\n--Bx\r\n");
    assert_invalid(PART("a") "1\n--B--\r\n");
}

static void refuses_broken_headers(void **state)
{
    (void)state;
    assert_invalid("--B\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Type: text/plain\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: attachment; name=a\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=a b\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=a\r\n"
                   "Content-Disposition: form-data; name=b\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition : form-data; name=a\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=a\n\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=a\rx\r\n\r\n1" END);
    assert_invalid("--B\r\nno header\r\n\r\n1" END);
    assert_invalid("--B\r\nContent-Disposition: form-data; name=a\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\nMQ==" END);
}

static void refuses_what_is_no_text(void **state)
{
    (void)state;
    assert_invalid(PART("a") "\xff" END);
    assert_invalid(PART("a") "a\0b" END);
    assert_invalid(PART("\xff") "a" END);
    assert_invalid(PART("a\0") "a" END);
}

static void bounds_the_fields(void **state)
{
    (void)state;
    struct buf body = BUF_INIT, json = BUF_INIT;
    for (int i = 0; i < FORM_FIELDS_MAX; i++)
        buf_append_lit(&body, PART("a") "1\r\n");
    size_t n = body.n;
    buf_append_lit(&body, "--B--");
    assert_int_equal(OK, parse(TYPE, buf_str(&body), &json));
    body.n = n;
    buf_append_lit(&body, PART("a") "1\r\n--B--");
    assert_int_equal(ERR_INVALID, parse(TYPE, buf_str(&body), &json));
    buf_release(&body);
    buf_release(&json);
}

static void wants_the_whole_body_wherever_it_is_cut(void **state)
{
    (void)state;
    static const char body[] = "x\r\n" PART("a") "1\r\n" PART("b") "2\r\n--B";
    for (size_t n = 0; n < sizeof body; n++)
        assert_refused(ERR_INVALID, TYPE, str_make(body, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields),
        cmocka_unit_test(reads_empty_fields),
        cmocka_unit_test(skips_preamble_padding_and_epilogue),
        cmocka_unit_test(reads_headers_in_any_dress),
        cmocka_unit_test(takes_the_boundary_quoted_or_not),
        cmocka_unit_test(refuses_other_types_and_files),
        cmocka_unit_test(refuses_broken_delimiters),
        cmocka_unit_test(refuses_broken_headers),
        cmocka_unit_test(refuses_what_is_no_text),
        cmocka_unit_test(bounds_the_fields),
        cmocka_unit_test(wants_the_whole_body_wherever_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
