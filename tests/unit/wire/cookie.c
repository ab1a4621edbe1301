/* Cookies: friendly and hostile headers. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/cookie.h"

/* The value of the cookie `token`, or "-" when there is none. */
static void assert_token(struct str header, const char *expected)
{
    struct str value = cookie_get(guard_copy(header), STR("token"));
    assert_true(str_eq(str_from_c(expected), value.p ? value : STR("-")));
}

static void finds_a_cookie_among_others(void **state)
{
    (void)state;
    assert_token(STR("token=abc"), "abc");
    assert_token(STR("a=b; token=abc; c=d"), "abc");
    assert_token(STR("a=b;token=abc"), "abc");
    assert_token(STR(" token = abc "), "abc");
    assert_token(STR("token=a=b=="), "a=b==");
    assert_token(STR("token="), "");
    assert_token(STR("token=\"abc\""), "abc");
    assert_token(STR("token=\"\""), "");
}

static void takes_the_first_of_a_name(void **state)
{
    (void)state;
    assert_token(STR("token=1; token=2"), "1");
}

static void compares_names_exactly(void **state)
{
    (void)state;
    assert_token(STR("Token=1; xtoken=2; tokenx=3; refreshtoken=4"), "-");
    assert_token(STR("a=token=1"), "-");
}

static void skips_malformed_pairs(void **state)
{
    (void)state;
    assert_token(STR(""), "-");
    assert_token(STR_NULL, "-");
    assert_token(STR("token"), "-");
    assert_token(STR(";;; ;=;==;token;token=1"), "1");
    assert_token(STR("token=\"1; token=2"), "2");
    assert_token(STR("token=\"; token=2"), "2");
    assert_token(STR("token=a b; token=2"), "2");
    assert_token(STR("token=a\\b; token=2"), "2");
    assert_token(STR("token=a,b; token=2"), "2");
    assert_token(STR("token=a\0b; token=2"), "2");
    assert_token(STR("token=\xff; token=2"), "2");
    assert_token(STR("token=\x7f; token=2"), "2");
}

static void reads_nothing_beyond_the_header_wherever_it_ends(void **state)
{
    (void)state;
    static const char header[] = "a=\"b\"; token=\"abc\" ; token=d";
    for (size_t n = 0; n < sizeof header; n++) {
        struct str value = cookie_get(guard_copy(str_make(header, n)), STR("token"));
        assert_true(value.n <= 3);
    }
}

static void writes_set_cookie_values(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct cookie c = {STR("token"), STR("a.b-c_d"), STR("/"), 900, true, false};
    cookie_append(&out, &c);
    assert_string_equal("token=a.b-c_d; Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure",
                        out.p);
    buf_reset(&out);
    c = (struct cookie){STR("token"), STR(""), STR("/cubby"), 0, false, true};
    cookie_append(&out, &c);
    assert_string_equal("token=; Path=/cubby; Max-Age=0; HttpOnly; SameSite=Strict", out.p);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_cookie_among_others),
        cmocka_unit_test(takes_the_first_of_a_name),
        cmocka_unit_test(compares_names_exactly),
        cmocka_unit_test(skips_malformed_pairs),
        cmocka_unit_test(reads_nothing_beyond_the_header_wherever_it_ends),
        cmocka_unit_test(writes_set_cookie_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
