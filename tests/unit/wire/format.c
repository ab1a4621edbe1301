/* Each format takes what its RFC takes, and not what only looks like it. */
#include "base/base.h"

#include "lib/json_doc.h"
#include "wire/format.h"

static const struct sample {
    const char *format;
    const char *text;
    bool fits;
} samples[] = {
    {"date", "2026-01-31", true},
    {"date", "2024-02-29", true},
    {"date", "2000-02-29", true},
    {"date", "1900-02-29", false},
    {"date", "2026-02-29", false},
    {"date", "2026-04-31", false},
    {"date", "2026-00-10", false},
    {"date", "2026-13-10", false},
    {"date", "2026-01-00", false},
    {"date", "2026-1-31", false},
    {"date", "2026-01-311", false},
    {"date", "20260131", false},
    {"date", "", false},
    {"time", "23:59:59Z", true},
    {"time", "00:00:00.000001+00:00", true},
    {"time", "23:59:60Z", true},
    {"time", "01:29:60+01:30", true},
    {"time", "23:29:60+23:30", true},
    {"time", "23:59:60-01:00", false},
    {"time", "22:59:60Z", false},
    {"time", "24:00:00Z", false},
    {"time", "23:60:00Z", false},
    {"time", "23:59:61Z", false},
    {"time", "23:59:59", false},
    {"time", "23:59:59.Z", false},
    {"time", "23:59:59+24:00", false},
    {"time", "23:59:59+0000", false},
    {"date-time", "2026-01-31T23:59:59Z", true},
    {"date-time", "2026-01-31t23:59:59.123z", true},
    {"date-time", "2026-01-31T23:59:59-12:34", true},
    {"date-time", "2026-01-31 23:59:59Z", false},
    {"date-time", "2026-01-31T23:59:59Z ", false},
    {"date-time", "2026-01-31", false},
    {"email", "jo@example.com", true},
    {"email", "jo.bloggs+tag@mail.example.com", true},
    {"email", "\"jo bloggs\"@example.com", true},
    {"email", "\"jo\\\"bloggs\"@example.com", true},
    {"email", "jo@[127.0.0.1]", true},
    {"email", "jo@[IPv6:::1]", true},
    {"email", "jo@localhost", true},
    {"email", "jo", false},
    {"email", "@example.com", false},
    {"email", "jo@", false},
    {"email", "jo@example..com", false},
    {"email", "jo@-example.com", false},
    {"email", ".jo@example.com", false},
    {"email", "jo.@example.com", false},
    {"email", "j..o@example.com", false},
    {"email", "jo bloggs@example.com", false},
    {"email", "\"jo\"bloggs\"@example.com", false},
    {"email", "\"jo\\\"@example.com", false},
    {"email", "jo@[127.0.0.300]", false},
    {"email", "jo@example.com\n", false},
    {"uri", "https://example.com/a/b?c=d&e#f", true},
    {"uri", "http://jo:secret@example.com:8080/", true},
    {"uri", "http://[::1]:80/", true},
    {"uri", "http://[v1.a:b]/", true},
    {"uri", "mailto:jo@example.com", true},
    {"uri", "urn:isbn:0451450523", true},
    {"uri", "file:///etc/hosts", true},
    {"uri", "a:", true},
    {"uri", "http://example.com/%C3%A9", true},
    {"uri", "http://example.com/\xc3\xa9", false},
    {"uri", "http://example.com/%zz", false},
    {"uri", "http://example.com/%4", false},
    {"uri", "http://example.com/a b", false},
    {"uri", "http://example.com/<a>", false},
    {"uri", "http://example.com/#a#b", false},
    {"uri", "http://example.com/[a]", false},
    {"uri", "http://[::1", false},
    {"uri", "http://[::1]a/", false},
    {"uri", "http://[v1]/", false},
    {"uri", "http://example.com:80a/", false},
    {"uri", "//example.com/", false},
    {"uri", "/a/b", false},
    {"uri", "1http://example.com", false},
    {"uri", "", false},
    {"uuid", "01234567-89ab-cdef-ABCD-EF0123456789", true},
    {"uuid", "01234567-89ab-cdef-ABCD-EF012345678", false},
    {"uuid", "01234567-89ab-cdef-ABCD-EF012345678g", false},
    {"uuid", "0123456789abcdefABCDEF0123456789----", false},
    {"ipv4", "127.0.0.1", true},
    {"ipv4", "255.255.255.255", true},
    {"ipv4", "256.0.0.1", false},
    {"ipv4", "127.0.1", false},
    {"ipv4", "127.0.0.01", false},
    {"ipv4", "127.0.0.1 ", false},
    {"ipv4", "", false},
    {"ipv6", "::", true},
    {"ipv6", "2001:db8::1", true},
    {"ipv6", "::ffff:127.0.0.1", true},
    {"ipv6", "1:2:3:4:5:6:7:8", true},
    {"ipv6", "1:2:3:4:5:6:7", false},
    {"ipv6", "1::2::3", false},
    {"ipv6", "::12345", false},
    {"ipv6", "fe80::1%eth0", false},
    {"ipv6", "[::1]", false},
};

static void takes_what_its_rfc_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct format *f = format_find(str_from_c(samples[i].format));
        assert_non_null(f);
        if (f->fits(guard_copy(str_from_c(samples[i].text))) != samples[i].fits)
            fail_msg("%s: %s", samples[i].format, samples[i].text);
    }
}

static void never_looks_beyond_the_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct format *f = format_find(str_from_c(samples[i].format));
        struct str whole = str_from_c(samples[i].text);
        for (size_t n = 0; n < whole.n; n++)
            (void)f->fits(guard_copy(str_make(whole.p, n)));
    }
}

static void bounds_the_parts_of_an_email_address(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text);
    const struct format *f = format_find(STR("email"));
    text[64] = '@';
    assert_true(f->fits(str_make(text, 64 + 1 + 63)));
    assert_false(f->fits(str_make(text, 64 + 1 + 64)));
    text[64] = 'a';
    text[65] = '@';
    assert_false(f->fits(str_make(text, 65 + 1 + 10)));
    assert_false(format_find(STR("ipv4"))->fits(str_make("1.2.3.4\0x", 9)));
}

static void knows_no_other_format(void **state)
{
    (void)state;
    assert_null(format_find(STR("hostname")));
    assert_null(format_find(STR("Date")));
    assert_null(format_find(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_its_rfc_takes),
        cmocka_unit_test(never_looks_beyond_the_text),
        cmocka_unit_test(bounds_the_parts_of_an_email_address),
        cmocka_unit_test(knows_no_other_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
