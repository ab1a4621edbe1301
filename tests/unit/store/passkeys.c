/* passkeys: what is kept comes back, its counter and last use move, and there are so many at most.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"
#include "store/passkeys.h"

static struct test_store store;

static int set_up(void **state)
{
    test_store_open(&store, test_store_options());
    *state = test_user_writing(&store);
    return 0;
}

static int tear_down(void **state)
{
    space_release(*state);
    test_store_close(&store);
    return 0;
}

static struct passkey make(const char *id, int64_t created_at)
{
    return (struct passkey){.id = str_from_c(id),
                            .public_key = STR("key"),
                            .algorithm = -257,
                            .sign_count = 4294967295,
                            .backup_eligible = true,
                            .name = STR("Laptop"),
                            .transports = STR("usb nfc"),
                            .created_at = created_at};
}

static int64_t count(struct space *sp)
{
    int64_t n = -1;
    assert_int_equal(passkeys_count(sp, &n), OK);
    return n;
}

static void what_is_kept_comes_back(void **state)
{
    struct space *sp = *state;
    struct passkey k = make("a", 7), out;
    assert_int_equal(passkeys_get(sp, STR("a"), &store.mem, &out), ERR_NOT_FOUND);
    assert_int_equal(passkeys_add(sp, &k), OK);
    assert_int_equal(passkeys_get(sp, STR("a"), &store.mem, &out), OK);
    assert_true(str_eq(out.id, k.id) && str_eq(out.public_key, k.public_key));
    assert_true(str_eq(out.name, k.name) && str_eq(out.transports, k.transports));
    assert_true(out.algorithm == -257 && out.sign_count == 4294967295 && out.backup_eligible);
    assert_true(out.created_at == 7 && out.last_used_at == 0);
    assert_int_equal(passkeys_get(sp, STR("A"), &store.mem, &out), ERR_NOT_FOUND);
}

static void one_is_there_once(void **state)
{
    struct passkey k = make("a", 7);
    assert_int_equal(passkeys_add(*state, &k), OK);
    assert_int_equal(passkeys_add(*state, &k), ERR_CONFLICT);
    assert_int_equal(count(*state), 1);
}

static void a_use_moves_counter_and_time(void **state)
{
    struct space *sp = *state;
    struct passkey k = make("a", 7), out;
    assert_int_equal(passkeys_add(sp, &k), OK);
    assert_int_equal(passkeys_use(sp, STR("a"), 12, 34), OK);
    assert_int_equal(passkeys_get(sp, STR("a"), &store.mem, &out), OK);
    assert_true(out.sign_count == 12 && out.last_used_at == 34 && out.created_at == 7);
    assert_int_equal(passkeys_use(sp, STR("b"), 12, 34), ERR_NOT_FOUND);
}

static void append_id(void *arg, const struct passkey *k)
{
    buf_append_str(arg, k->id);
}

static void the_oldest_is_listed_first(void **state)
{
    const struct passkey made[] = {make("c", 2), make("b", 1), make("a", 2)};
    struct buf ids = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        assert_int_equal(passkeys_add(*state, &made[i]), OK);
    assert_int_equal(passkeys_list(*state, append_id, &ids), OK);
    assert_string_equal(ids.p, "bac");
    buf_release(&ids);
}

static void there_are_so_many_at_most(void **state)
{
    char id[16];
    for (int i = 0; i < PASSKEYS_MAX; i++) {
        snprintf(id, sizeof id, "k%d", i);
        struct passkey k = make(id, i);
        assert_int_equal(passkeys_add(*state, &k), OK);
    }
    struct passkey more = make("more", 99);
    assert_int_equal(passkeys_add(*state, &more), ERR_QUOTA);
    assert_int_equal(passkeys_remove(*state, STR("k3")), OK);
    assert_int_equal(passkeys_add(*state, &more), OK);
}

static void one_goes_or_all(void **state)
{
    const struct passkey made[] = {make("a", 1), make("b", 1), make("c", 1)};
    int64_t removed;
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        assert_int_equal(passkeys_add(*state, &made[i]), OK);
    assert_int_equal(passkeys_remove(*state, STR("b")), OK);
    assert_int_equal(passkeys_remove(*state, STR("b")), ERR_NOT_FOUND);
    assert_int_equal(passkeys_remove_all(*state, &removed), OK);
    assert_int_equal(removed, 2);
    assert_int_equal(count(*state), 0);
    assert_int_equal(passkeys_remove_all(*state, &removed), OK);
    assert_int_equal(removed, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(what_is_kept_comes_back),      TEST(one_is_there_once),
        TEST(a_use_moves_counter_and_time), TEST(the_oldest_is_listed_first),
        TEST(there_are_so_many_at_most),    TEST(one_goes_or_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
