/* Random ids. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/str.h"

static void fills_every_byte(void **state)
{
    (void)state;
    unsigned char bytes[64], any[64] = {0};
    for (int round = 0; round < 32; round++) {
        rand_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            any[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof any; i++)
        assert_true(any[i] != 0);
    rand_bytes(NULL, 0);
}

static void numbers_stay_under_their_bound_and_reach_all_below_it(void **state)
{
    (void)state;
    int seen[6] = {0};
    for (int round = 0; round < 6000; round++) {
        uint32_t x = rand_below(6);
        assert_true(x < 6);
        seen[x]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_in_range(seen[i], 700, 1300); /* 10 deviations off */
    assert_int_equal(rand_below(1), 0);
    /* A quarter of what comes is thrown away here, or the low third would come half of the times.
     */
    uint32_t low = 0;
    for (int round = 0; round < 900; round++)
        low += rand_below(0xc0000000) < 0x40000000;
    assert_in_range(low, 210, 390);
}

static void makes_ids_of_lower_case_hex(void **state)
{
    (void)state;
    char a[RAND_ID_LEN + 1], b[RAND_ID_LEN + 1];
    rand_id(a);
    rand_id(b);
    assert_int_equal(RAND_ID_LEN, strspn(a, "0123456789abcdef"));
    assert_int_equal('\0', a[RAND_ID_LEN]);
    assert_string_not_equal(a, b);
}

static void makes_uuids_of_version_7(void **state)
{
    (void)state;
    char id[UUID_LEN + 1];
    rand_uuid7(0x0123456789ab, 0x3ffffffffff, id);
    assert_int_equal(UUID_LEN, strlen(id));
    assert_memory_equal("01234567-89ab-7fff-bfff-ffff", id, 28);
    rand_uuid7(0x0123456789ab, 0, id);
    assert_memory_equal("01234567-89ab-7000-8000-0000", id, 28);
    rand_uuid7(0, (uint64_t)1 << 42 | 1, id); /* the counter's low 42 bits count */
    assert_memory_equal("00000000-0000-7000-8000-0001", id, 28);
    assert_int_equal(32, strspn(id + 24, "0123456789abcdef") + 20);
}

static void sorts_uuids_by_time_and_counter(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        uint64_t counter;
    } steps[] = {{1, 0},          {1, 1},          {1, 255},           {1, 256},
                 {1, 0x3fffffff}, {1, 0x40000000}, {1, 0x3ffffffffff}, {2, 0},
                 {255, 7},        {256, 0},        {1800000000000, 3}};
    char before[UUID_LEN + 1] = "", id[UUID_LEN + 1];
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        rand_uuid7(steps[i].ms, steps[i].counter, id);
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_every_byte),
        cmocka_unit_test(numbers_stay_under_their_bound_and_reach_all_below_it),
        cmocka_unit_test(makes_ids_of_lower_case_hex),
        cmocka_unit_test(makes_uuids_of_version_7),
        cmocka_unit_test(sorts_uuids_by_time_and_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
