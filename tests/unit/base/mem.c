/* Memory: never NULL, or the end of the process. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "lib/death.h"

static void gives_memory_for_nothing_too(void **state)
{
    (void)state;
    void *a = mem_alloc(0), *b = mem_zalloc(0, 8), *c = mem_zalloc(8, 0), *d = mem_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
}

static void zeroes_arrays(void **state)
{
    (void)state;
    static const char zeros[24];
    char *p = mem_zalloc(3, 8);
    assert_memory_equal(zeros, p, 24);
    mem_free(p);
}

static void keeps_the_content_when_resizing(void **state)
{
    (void)state;
    char *p = mem_dup("abc", 3);
    p = mem_realloc(p, 4096);
    assert_string_equal("abc", p);
    mem_free(p);
}

static void copies_bytes_and_ends_them(void **state)
{
    (void)state;
    char *p = mem_dup("a\0b", 3), *empty = mem_dup(NULL, 0);
    assert_memory_equal("a\0b", p, 4);
    assert_string_equal("", empty);
    mem_free(p);
    mem_free(empty);
}

/* Sizes the compiler cannot see through. */
static volatile size_t too_much = SIZE_MAX / 2;

static void ask_for_too_much(void)
{
    mem_free(mem_alloc(too_much));
}

static void ask_for_a_product_that_overflows(void)
{
    mem_free(mem_zalloc(too_much, 4));
}

static void grow_to_too_much(void)
{
    mem_free(mem_realloc(mem_alloc(1), too_much));
}

static void ends_the_process_when_there_is_none(void **state)
{
    (void)state;
    assert_true(dies(ask_for_too_much));
    assert_true(dies(ask_for_a_product_that_overflows));
    assert_true(dies(grow_to_too_much));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_memory_for_nothing_too),
        cmocka_unit_test(zeroes_arrays),
        cmocka_unit_test(keeps_the_content_when_resizing),
        cmocka_unit_test(copies_bytes_and_ends_them),
        cmocka_unit_test(ends_the_process_when_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
