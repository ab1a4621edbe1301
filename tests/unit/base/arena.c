/* Arena: alignment, growth, reset. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "lib/death.h"

static void aligns_every_allocation(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    for (size_t n = 0; n < 200; n++)
        assert_int_equal(0, (uintptr_t)arena_alloc(&a, n) % _Alignof(max_align_t));
    arena_release(&a);
}

static void keeps_allocations_apart_over_many_blocks(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    unsigned char *p[300];
    for (size_t i = 0; i < ARRAY_LEN(p); i++) {
        p[i] = arena_alloc(&a, i * 7);
        memset(p[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal((unsigned char)i, p[i][j]);
    arena_release(&a);
}

static void takes_allocations_larger_than_a_block(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    char *small = arena_alloc(&a, 10), *large = arena_alloc(&a, 1000000);
    memset(small, 1, 10);
    memset(large, 2, 1000000);
    assert_int_equal(1, small[9]);
    assert_non_null(arena_alloc(&a, 10));
    arena_reset(&a);
    memset(arena_alloc(&a, 1000000), 3, 1000000);
    arena_release(&a);
    memset(arena_alloc(&a, 1000000), 4, 1000000);
    arena_reset(&a); /* a first block that large is not kept */
    assert_null(a.first);
    arena_release(&a);
}

static void uses_the_first_block_again_after_reset(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    arena_reset(&a);
    void *first = arena_alloc(&a, 100);
    for (int i = 0; i < 100; i++)
        arena_alloc(&a, 1000);
    arena_reset(&a);
    assert_ptr_equal(first, arena_alloc(&a, 100));
    arena_release(&a);
    assert_null(a.first);
    assert_null(a.last);
    arena_release(&a);
}

static void zeroes_what_was_used_before(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    static const char zeros[64];
    memset(arena_alloc(&a, 64), 0xff, 64);
    arena_reset(&a);
    assert_memory_equal(zeros, arena_zalloc(&a, 8, 8), 64);
    arena_release(&a);
}

static void copies_and_prints_ended_text(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT;
    struct str copy = arena_dup(&a, str_make("abc", 2)), empty = arena_dup(&a, STR_NULL);
    struct str printed = arena_printf(&a, "%s-%d", "x", 42);
    assert_string_equal("ab", copy.p);
    assert_int_equal(2, copy.n);
    assert_string_equal("", empty.p);
    assert_string_equal("x-42", printed.p);
    assert_int_equal(4, printed.n);
    arena_release(&a);
}

static volatile size_t too_much = SIZE_MAX / 2;

static void ask_for_too_much(void)
{
    struct arena a = ARENA_INIT;
    arena_alloc(&a, too_much + 1);
}

static void ask_for_a_product_that_overflows(void)
{
    struct arena a = ARENA_INIT;
    arena_zalloc(&a, too_much, 4);
}

static void ends_the_process_for_sizes_that_overflow(void **state)
{
    (void)state;
    assert_true(dies(ask_for_too_much));
    assert_true(dies(ask_for_a_product_that_overflows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_every_allocation),
        cmocka_unit_test(keeps_allocations_apart_over_many_blocks),
        cmocka_unit_test(takes_allocations_larger_than_a_block),
        cmocka_unit_test(uses_the_first_block_again_after_reset),
        cmocka_unit_test(zeroes_what_was_used_before),
        cmocka_unit_test(copies_and_prints_ended_text),
        cmocka_unit_test(ends_the_process_for_sizes_that_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
