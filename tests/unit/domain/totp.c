/* totp: the vectors of RFC 6238, the window of steps, and what apps read. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/totp.h"

/* "12345678901234567890", as in the RFC. */
#define SECRET STR("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")

/* Appendix B, of its eight digits the last six. */
static void makes_the_codes_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        int64_t at;
        const char *code;
    } cases[] = {
        {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
        {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
    };
    char code[TOTP_CODE_LEN + 1];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(totp_code(SECRET, cases[i].at / TOTP_STEP_S, code));
        assert_string_equal(code, cases[i].code);
    }
}

static void a_code_is_good_a_step_early_and_late_and_no_more(void **state)
{
    (void)state;
    struct str code = STR("287082"); /* of step 1: seconds 30 to 59 */
    int64_t step = -1;
    assert_true(totp_check(SECRET, code, 0, 0, &step));
    assert_int_equal(step, 1);
    assert_true(totp_check(SECRET, code, 45, 0, &step));
    assert_true(totp_check(SECRET, code, 89, 0, &step));
    assert_false(totp_check(SECRET, code, 90, 0, &step));
}

static void a_used_step_and_those_before_it_are_refused(void **state)
{
    (void)state;
    int64_t step;
    assert_false(totp_check(SECRET, STR("287082"), 45, 1, &step));
    assert_false(totp_check(SECRET, STR("287082"), 45, 2, &step));
}

static void what_is_no_code_or_no_secret_is_refused(void **state)
{
    (void)state;
    int64_t step;
    char code[TOTP_CODE_LEN + 1];
    assert_false(totp_check(SECRET, STR(""), 45, 0, &step));
    assert_false(totp_check(SECRET, STR("28708"), 45, 0, &step));
    assert_false(totp_check(SECRET, STR("2870820"), 45, 0, &step));
    assert_false(totp_check(SECRET, STR("94287082"), 45, 0, &step));
    assert_false(totp_code(STR("not base32"), 1, code));
}

static void secrets_are_random_and_can_be_used(void **state)
{
    (void)state;
    char one[TOTP_SECRET_LEN + 1], other[TOTP_SECRET_LEN + 1], code[TOTP_CODE_LEN + 1];
    totp_make_secret(one);
    totp_make_secret(other);
    assert_string_not_equal(one, other);
    assert_true(totp_code(str_from_c(one), 1, code));
}

static void the_uri_escapes_what_it_is_given(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    totp_append_uri(&out, STR("a.org:81"), STR("a+b@c.org"), SECRET);
    assert_string_equal(out.p, "otpauth://totp/a.org%3A81:a%2Bb%40c.org?secret="
                               "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=a.org%3A81"
                               "&algorithm=SHA1&digits=6&period=30");
    buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_codes_of_the_rfc),
        cmocka_unit_test(a_code_is_good_a_step_early_and_late_and_no_more),
        cmocka_unit_test(a_used_step_and_those_before_it_are_refused),
        cmocka_unit_test(what_is_no_code_or_no_secret_is_refused),
        cmocka_unit_test(secrets_are_random_and_can_be_used),
        cmocka_unit_test(the_uri_escapes_what_it_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
