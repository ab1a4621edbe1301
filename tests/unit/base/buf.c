/* Growable bytes. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/death.h"

static void holds_no_memory_at_first(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_null(b.p);
    buf_reset(&b);
    buf_consume(&b, 0);
    assert_null(buf_str(&b).p);
    buf_release(&b);
}

static void ends_with_a_zero_after_every_change(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_reserve(&b, 5000);
    assert_int_equal('\0', b.p[0]);
    for (int i = 0; i < 1000; i++) {
        buf_append_ch(&b, 'x');
        assert_int_equal('\0', b.p[b.n]);
        assert_true(b.cap > b.n);
    }
    buf_consume(&b, 998);
    assert_string_equal("xx", b.p);
    buf_reset(&b);
    assert_string_equal("", b.p);
    buf_append(&b, NULL, 0);
    assert_string_equal("", b.p);
    buf_release(&b);
    assert_null(b.p);
}

static void keeps_its_place_while_it_grows(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 10000; i++)
        buf_append_lit(&b, "0123456789");
    assert_int_equal(100000, b.n);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal('0' + (int)(i % 10), b.p[i]);
    buf_release(&b);
}

static void makes_room_without_changing_the_content(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "ab");
    char *to = buf_reserve(&b, 100);
    assert_ptr_equal(b.p + 2, to);
    assert_int_equal(2, b.n);
    assert_true(b.cap > 102);
    memcpy(to, "cd", 2);
    b.n += 2;
    buf_append_str(&b, STR("\0e"));
    assert_memory_equal("abcd\0e", b.p, 7);
    buf_release(&b);
}

static void prints_numbers(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_append_u64(&b, 0);
    buf_append_ch(&b, ' ');
    buf_append_u64(&b, UINT64_MAX);
    buf_append_ch(&b, ' ');
    buf_append_i64(&b, INT64_MIN);
    buf_append_ch(&b, ' ');
    buf_append_i64(&b, INT64_MAX);
    buf_append_ch(&b, ' ');
    buf_append_i64(&b, -7);
    assert_string_equal("0 18446744073709551615 -9223372036854775808 9223372036854775807 -7", b.p);
    buf_release(&b);
}

static void formats_short_and_long_text(void **state)
{
    (void)state;
    for (int n = 0; n < 400; n++) {
        struct buf b = BUF_INIT;
        buf_append_lit(&b, "<");
        buf_appendf(&b, "%*s", n, "");
        buf_append_lit(&b, ">");
        assert_int_equal(n + 2, b.n);
        assert_int_equal('>', b.p[n + 1]);
        assert_int_equal('\0', b.p[b.n]);
        buf_release(&b);
    }
}

static void ask_for_too_much(void)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "x");
    buf_reserve(&b, SIZE_MAX);
}

static void consume_too_much(void)
{
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "x");
    buf_consume(&b, 2);
}

static void ends_the_process_for_sizes_that_cannot_be(void **state)
{
    (void)state;
    assert_true(dies(ask_for_too_much));
    assert_true(dies(consume_too_much));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_no_memory_at_first),
        cmocka_unit_test(ends_with_a_zero_after_every_change),
        cmocka_unit_test(keeps_its_place_while_it_grows),
        cmocka_unit_test(makes_room_without_changing_the_content),
        cmocka_unit_test(prints_numbers),
        cmocka_unit_test(formats_short_and_long_text),
        cmocka_unit_test(ends_the_process_for_sizes_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
