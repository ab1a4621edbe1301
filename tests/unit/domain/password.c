/* Passwords: hashes, comparisons, and a line that is not endless. */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/password.h"

struct fixture {
    struct password_pool *pool;
    struct arena mem;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.pool = password_pool_new(1, 1), .mem = ARENA_INIT};
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    password_pool_free(f->pool);
    arena_release(&f->mem);
    return 0;
}

static void the_right_password_is_the_same_and_others_are_not(void **state)
{
    struct fixture *f = *state;
    struct str hash;
    bool same;
    assert_int_equal(password_hash(f->pool, STR("correct horse"), &f->mem, &hash), OK);
    assert_true(str_starts_with(hash, STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_int_equal(password_verify(f->pool, STR("correct horse"), hash, &same), OK);
    assert_true(same);
    assert_int_equal(password_verify(f->pool, STR("correct horsE"), hash, &same), OK);
    assert_false(same);
    assert_int_equal(password_verify(f->pool, STR(""), hash, &same), OK);
    assert_false(same);
}

static void the_same_password_hashes_differently(void **state)
{
    struct fixture *f = *state;
    struct str one, two;
    assert_int_equal(password_hash(f->pool, STR("correct horse"), &f->mem, &one), OK);
    assert_int_equal(password_hash(f->pool, STR("correct horse"), &f->mem, &two), OK);
    assert_false(str_eq(one, two));
}

static void nobody_has_no_password(void **state)
{
    struct fixture *f = *state;
    bool same = true;
    assert_int_equal(password_verify(f->pool, STR("correct horse"), STR_NULL, &same), OK);
    assert_false(same);
    same = true; /* an account that has another way to sign in */
    assert_int_equal(password_verify(f->pool, STR(""), STR(""), &same), OK);
    assert_false(same);
}

static void damaged_hashes_are_told(void **state)
{
    struct fixture *f = *state;
    bool same = true;
    assert_int_equal(password_verify(f->pool, STR("x"), STR("$argon2id$nonsense"), &same),
                     ERR_CORRUPT);
    assert_false(same);
}

static void *hash_one(void *arg)
{
    struct fixture *f = arg;
    bool same;
    return password_verify(f->pool, STR("x"), STR_NULL, &same) == ERR_BUSY ? f : NULL;
}

/* One is worked on and one waits: of sixteen at once some are turned away, and some are not. */
static void callers_beyond_the_line_are_turned_away(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[16];
    size_t busy = 0;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_one, f), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *result;
        pthread_join(threads[i], &result);
        busy += result != NULL;
    }
    assert_in_range(busy, 1, 14);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_right_password_is_the_same_and_others_are_not),
        TEST(the_same_password_hashes_differently),
        TEST(nobody_has_no_password),
        TEST(damaged_hashes_are_told),
        TEST(callers_beyond_the_line_are_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
