/* Hash map: against a plain array, with growth and removal. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/map.h"

static void is_empty_at_first(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    size_t pos = 0;
    assert_null(map_get(&m, STR("a")));
    assert_null(map_del(&m, STR("a")));
    assert_null(map_next(&m, &pos));
    map_release(&m);
}

static void stores_replaces_and_removes(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    int one = 1, two = 2;
    assert_null(map_put(&m, STR("a"), &one));
    assert_ptr_equal(&one, map_put(&m, STR("a"), &two));
    assert_ptr_equal(&two, map_get(&m, STR("a")));
    assert_int_equal(1, m.count);
    assert_ptr_equal(&two, map_del(&m, STR("a")));
    assert_null(map_get(&m, STR("a")));
    assert_int_equal(0, m.count);
    map_release(&m);
}

static void tells_apart_keys_with_any_bytes(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    static char bytes[300]; /* zeros: keys that differ in length only */
    for (size_t n = 0; n < sizeof bytes; n++)
        assert_null(map_put(&m, str_make(bytes, n), &bytes[n]));
    for (size_t n = 0; n < sizeof bytes; n++)
        assert_ptr_equal(&bytes[n], map_get(&m, str_make(bytes, n)));
    map_release(&m);
}

static void agrees_with_an_array_under_many_changes(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    static char names[KEYS][8];
    static bool present[KEYS];
    struct map m = MAP_INIT;
    uint32_t random = 1;
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof names[i], "k%zu", i);
    for (int step = 0; step < 50000; step++) {
        random = random * 1664525 + 1013904223;
        size_t i = random >> 16 & 511;
        bool add = random >> 28 < (step / 5000 % 2 ? 4 : 12); /* grow, shrink, grow … */
        if (i >= KEYS)
            continue;
        struct str key = str_from_c(names[i]);
        void *old = add ? map_put(&m, key, names[i]) : map_del(&m, key);
        assert_ptr_equal(present[i] ? names[i] : NULL, old);
        count = count + add - (present[i] ? 1 : 0);
        present[i] = add;
        assert_int_equal(count, m.count);
    }
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(present[i] ? names[i] : NULL, map_get(&m, str_from_c(names[i])));
    map_release(&m);
}

static void walks_every_entry_once(void **state)
{
    (void)state;
    struct map m = MAP_INIT;
    static char names[100][4];
    static int seen[100];
    size_t pos = 0;
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        map_put(&m, str_from_c(names[i]), &seen[i]);
    }
    for (int *value; (value = map_next(&m, &pos));)
        ++*value;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(1, seen[i]);
    map_release(&m);
    assert_null(m.slots);
}

static void chooses_another_hash_key_for_each_map(void **state)
{
    (void)state;
    struct map a = MAP_INIT, b = MAP_INIT;
    int v = 1;
    map_put(&a, STR("x"), &v);
    map_put(&b, STR("x"), &v);
    assert_memory_not_equal(a.key, b.key, sizeof a.key);
    map_release(&a);
    map_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_empty_at_first),
        cmocka_unit_test(stores_replaces_and_removes),
        cmocka_unit_test(tells_apart_keys_with_any_bytes),
        cmocka_unit_test(agrees_with_an_array_under_many_changes),
        cmocka_unit_test(walks_every_entry_once),
        cmocka_unit_test(chooses_another_hash_key_for_each_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
