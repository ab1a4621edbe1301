/* Messages: exactly our headers, short lines, nothing lost on the way. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/mime.h"

static const struct mime_message plain = {
    .from = {{"Cubby", 5}, {"cubby@example.org", 17}},
    .to = {"a@example.org", 13},
    .subject = {"Hello", 5},
    .text = {"Hi.\n", 4},
    .date_ms = INT64_C(1795236462000),
    .id = {"cubby.1.2", 9},
};

static void assert_message(const struct mime_message *m, const char *expected)
{
    struct buf out = BUF_INIT;
    assert_int_equal(mime_append(&out, m), OK);
    assert_string_equal(out.p, expected);
    buf_release(&out);
}

static bool has(const struct mime_message *m, const char *part)
{
    struct buf out = BUF_INIT;
    assert_int_equal(mime_append(&out, m), OK);
    bool found = strstr(out.p, part) != NULL;
    if (!found)
        print_error("%s\n", out.p);
    buf_release(&out);
    return found;
}

static void a_text_alone_is_one_part(void **state)
{
    (void)state;
    assert_message(&plain, "Date: Sat, 21 Nov 2026 04:47:42 +0000\r\n"
                           "From: \"Cubby\"\r\n <cubby@example.org>\r\n"
                           "To: <a@example.org>\r\n"
                           "Message-ID: <cubby.1.2@example.org>\r\n"
                           "Subject: Hello\r\n"
                           "Auto-Submitted: auto-generated\r\n"
                           "MIME-Version: 1.0\r\n"
                           "Content-Type: text/plain; charset=utf-8\r\n"
                           "Content-Transfer-Encoding: quoted-printable\r\n"
                           "\r\n"
                           "Hi.\r\n");
}

static void text_and_html_are_alternatives_the_plainest_first(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.html = STR("<p>Hi.</p>");
    assert_true(has(&m, "Content-Type: multipart/alternative; boundary=\"=_cubby_alternative\"\r\n"
                        "\r\n--=_cubby_alternative\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n"
                        "\r\nHi.\r\n"
                        "\r\n--=_cubby_alternative\r\n"
                        "Content-Type: text/html; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: quoted-printable\r\n"
                        "\r\n<p>Hi.</p>\r\n"
                        "\r\n--=_cubby_alternative--\r\n"));
}

static void a_body_cannot_hold_the_boundary(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.text = STR("--=_cubby_alternative--\n");
    assert_true(has(&m, "\r\n\r\n--=3D_cubby_alternative--\r\n"));
}

static void a_subject_cannot_add_a_header(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.subject = STR("Hello\r\nBcc: b@example.org\r\n\r\nbody");
    assert_true(has(&m, "\r\nSubject: Hello  Bcc: b@example.org    body\r\n"));
    m.subject = STR("Grüße\nBcc: b@example.org");
    assert_true(has(&m, "\r\nSubject: =?UTF-8?B?R3LDvMOfZSBCY2M6IGJAZXhhbXBsZS5vcmc=?=\r\n"));
}

static void a_subject_that_looks_encoded_is_encoded(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.subject = STR("=?UTF-8?Q?a?=");
    assert_true(has(&m, "Subject: =?UTF-8?B?PT9VVEYtOD9RP2E/PQ==?=\r\n"));
}

static void a_long_subject_is_words_of_whole_characters(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.subject = STR("ääääääääääääääääääääääääääääääää");
    /* 39 bytes on the first line and 45 on the next would end within a character. */
    assert_true(has(&m,
                    "Subject: =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"
                    " =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"));
}

static void names_are_quoted_or_encoded(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.from.name = STR("A \"B\" \\ <c@d>,\r\nBcc: x");
    assert_true(has(&m, "From: \"A \\\"B\\\" \\\\ <c@d>,  Bcc: x\"\r\n"
                        " <cubby@example.org>\r\n"));
    m.from.name = STR("Jürgen");
    assert_true(has(&m, "From: =?UTF-8?B?SsO8cmdlbg==?=\r\n <cubby@example.org>\r\n"));
    m.from.name = STR("");
    assert_true(has(&m, "From: <cubby@example.org>\r\n"));
}

static void bodies_are_quoted_printable(void **state)
{
    (void)state;
    struct mime_message m = plain;
    m.text = STR("a=b\tc \r\nend \t\n\n.\rx\x7f é");
    assert_true(has(&m, "\r\n\r\na=3Db\tc=20\r\nend =09\r\n\r\n.=0Dx=7F =C3=A9\r\n"));
}

static void long_lines_are_cut_softly(void **state)
{
    (void)state;
    struct mime_message m = plain;
    char line[160], expected[160];
    memset(line, 'a', sizeof line);
    m.text = str_make(line, 76);
    snprintf(expected, sizeof expected, "\r\n\r\n%.76s\r\n", line);
    assert_true(has(&m, expected));
    m.text = str_make(line, 77);
    snprintf(expected, sizeof expected, "\r\n\r\n%.75s=\r\naa\r\n", line);
    assert_true(has(&m, expected));
}

static void what_is_no_text_or_address_is_no_message(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct mime_message m = plain;
    m.to = STR("a@example.org>\r\nBcc: <b@example.org");
    assert_int_equal(mime_append(&out, &m), ERR_INVALID);
    m = plain;
    m.text = STR("\xff");
    assert_int_equal(mime_append(&out, &m), ERR_INVALID);
    m = plain;
    m.subject = STR("\xc3");
    assert_int_equal(mime_append(&out, &m), ERR_INVALID);
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

static void addresses_have_one_at_sign_and_nothing_that_ends_them(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b", "a.b+c@example.org", "ä@bücher.example",
                                       "o'neill@example.org", "a..b@example.org"};
    static const char *const bad[] = {"",        "@",          "a@",     "@b",          "a b@c",
                                      "a@b@c",   "a@b\n",      "a@b>",   "<a@b",        "a,b@c",
                                      "\"a\"@b", "a@b;c",      "a\\b@c", "a@[1.2.3.4]", "a:b@c",
                                      "a@b\x7f", "a@b\xff\xfe"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(mime_is_address(guard_copy(str_from_c(good[i]))));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(mime_is_address(guard_copy(str_from_c(bad[i]))));
    assert_false(mime_is_address(str_make("a@b\0c", 5)));
}

static void assert_parsed(const char *s, const char *name, const char *address)
{
    struct mime_address a;
    assert_true(mime_parse_address(guard_copy(str_from_c(s)), &a));
    assert_true(str_eq(a.name, str_from_c(name)));
    assert_true(str_eq(a.address, str_from_c(address)));
}

static void a_sender_may_have_a_name(void **state)
{
    (void)state;
    struct mime_address a;
    assert_parsed("a@b", "", "a@b");
    assert_parsed("<a@b>", "", "a@b");
    assert_parsed("Cubby of us <a@b>", "Cubby of us", "a@b");
    assert_parsed("\"Cubby, of us\" <a@b>", "Cubby, of us", "a@b");
    assert_parsed("Jürgen <a@b>", "Jürgen", "a@b");
    assert_false(mime_parse_address(STR(""), &a));
    assert_false(mime_parse_address(STR("Cubby"), &a));
    assert_false(mime_parse_address(STR("Cubby <a>"), &a));
    assert_false(mime_parse_address(STR("Cubby <a@b"), &a));
    assert_false(mime_parse_address(STR("Cub\nby <a@b>"), &a));
    assert_false(mime_parse_address(STR("a@b, c@d"), &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_alone_is_one_part),
        cmocka_unit_test(text_and_html_are_alternatives_the_plainest_first),
        cmocka_unit_test(a_body_cannot_hold_the_boundary),
        cmocka_unit_test(a_subject_cannot_add_a_header),
        cmocka_unit_test(a_subject_that_looks_encoded_is_encoded),
        cmocka_unit_test(a_long_subject_is_words_of_whole_characters),
        cmocka_unit_test(names_are_quoted_or_encoded),
        cmocka_unit_test(bodies_are_quoted_printable),
        cmocka_unit_test(long_lines_are_cut_softly),
        cmocka_unit_test(what_is_no_text_or_address_is_no_message),
        cmocka_unit_test(addresses_have_one_at_sign_and_nothing_that_ends_them),
        cmocka_unit_test(a_sender_may_have_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
