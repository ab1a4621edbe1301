/* admins: an address once; a code once; sessions that end by themselves, with their owner, and with
 * new credentials. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/admins.h"

#define NOW INT64_C(1800000000000)
#define ANN STR("ann@example.org")

static struct arena mem;

static int tear_down(void **state)
{
    arena_release(&mem);
    return test_main_tear_down(state);
}

static struct admin make(struct space *sp, const char *id, struct str email)
{
    struct admin a = {.id = str_from_c(id),
                      .email = email,
                      .password_hash = STR("hash"),
                      .totp_secret = STR("secret"),
                      .created_at = NOW};
    assert_int_equal(admins_create_within(sp, &a), OK);
    return a;
}

static enum err session(struct space *sp, const char *hash, int64_t now)
{
    struct admin_session s;
    enum err e = admins_session(sp, str_from_c(hash), now, &mem, &s);
    if (e == OK)
        assert_true(str_eq(s.email, ANN));
    return e;
}

static void an_address_is_one_administrator(void **state)
{
    struct admin a = make(*state, "a", ANN), found;
    a.id = STR("b");
    assert_int_equal(admins_create_within(*state, &a), ERR_EMAIL_TAKEN);
    assert_int_equal(admins_by_email_within(*state, ANN, &mem, &found), OK);
    assert_true(str_eq(found.id, STR("a")) && found.last_login_at == 0);
    assert_int_equal(admins_by_email_within(*state, STR("x"), &mem, &found), ERR_NOT_FOUND);
}

static void a_code_opens_one_session(void **state)
{
    struct admin a = make(*state, "a", ANN);
    assert_int_equal(admins_sign_in_within(*state, &a, 7, STR("s"), NOW), OK);
    assert_int_equal(session(*state, "s", NOW), OK);
    assert_int_equal(admins_sign_in_within(*state, &a, 7, STR("t"), NOW), ERR_INVALID_CREDENTIALS);
    assert_int_equal(admins_sign_in_within(*state, &a, 6, STR("t"), NOW), ERR_INVALID_CREDENTIALS);
    assert_int_equal(session(*state, "t", NOW), ERR_NOT_FOUND);
    assert_int_equal(admins_sign_in_within(*state, &a, 8, STR("t"), NOW), OK);
}

static void a_session_ends_when_it_is_idle_and_when_it_is_old(void **state)
{
    struct admin a = make(*state, "a", ANN);
    int64_t now = NOW;
    assert_int_equal(admins_sign_in_within(*state, &a, 1, STR("s"), NOW), OK);
    assert_int_equal(session(*state, "s", NOW + ADMIN_IDLE_MS - 1), OK);
    assert_int_equal(session(*state, "s", NOW + ADMIN_IDLE_MS), ERR_NOT_FOUND);
    for (; now < NOW + ADMIN_AGE_MS - ADMIN_IDLE_MS; now += ADMIN_IDLE_MS / 2)
        assert_int_equal(admins_use_session_within(*state, STR("s"), now), OK);
    assert_int_equal(session(*state, "s", now), OK);
    assert_int_equal(admins_use_session_within(*state, STR("s"), NOW + ADMIN_AGE_MS - 1), OK);
    assert_int_equal(session(*state, "s", NOW + ADMIN_AGE_MS - 1), OK);
    assert_int_equal(session(*state, "s", NOW + ADMIN_AGE_MS), ERR_NOT_FOUND);
}

static void the_newest_sessions_are_kept(void **state)
{
    struct admin a = make(*state, "a", ANN);
    char hash[16];
    for (int i = 0; i <= ADMIN_SESSIONS_MAX; i++) {
        snprintf(hash, sizeof hash, "s%d", i);
        assert_int_equal(admins_sign_in_within(*state, &a, i + 1, str_from_c(hash), NOW + i), OK);
    }
    assert_int_equal(session(*state, "s0", NOW + 10), ERR_NOT_FOUND);
    assert_int_equal(session(*state, "s1", NOW + 10), OK);
    assert_int_equal(session(*state, hash, NOW + 10), OK);
}

static void sessions_end_one_by_one_and_with_their_owner(void **state)
{
    struct admin a = make(*state, "a", ANN);
    assert_int_equal(admins_sign_in_within(*state, &a, 1, STR("s"), NOW), OK);
    assert_int_equal(admins_sign_in_within(*state, &a, 2, STR("t"), NOW), OK);
    assert_int_equal(admins_end_session_within(*state, STR("s")), OK);
    assert_int_equal(admins_end_session_within(*state, STR("nothing")), OK);
    assert_int_equal(session(*state, "s", NOW), ERR_NOT_FOUND);
    assert_int_equal(session(*state, "t", NOW), OK);
    assert_int_equal(admins_remove_within(*state, STR("a")), OK);
    assert_int_equal(admins_remove_within(*state, STR("a")), ERR_NOT_FOUND);
    assert_int_equal(session(*state, "t", NOW), ERR_NOT_FOUND);
}

static void new_credentials_end_sessions_and_sign_ins_by_the_old_ones(void **state)
{
    struct admin a = make(*state, "a", ANN), now;
    assert_int_equal(admins_sign_in_within(*state, &a, 9, STR("s"), NOW), OK);
    assert_int_equal(admins_reset_within(*state, a.id, STR("other"), STR("new")), OK);
    assert_int_equal(admins_reset_within(*state, STR("x"), STR("h"), STR("s")), ERR_NOT_FOUND);
    assert_int_equal(session(*state, "s", NOW), ERR_NOT_FOUND);
    assert_int_equal(admins_sign_in_within(*state, &a, 10, STR("t"), NOW), ERR_INVALID_CREDENTIALS);
    assert_int_equal(admins_by_email_within(*state, ANN, &mem, &now), OK);
    assert_int_equal(now.last_step, 0);
    assert_int_equal(admins_sign_in_within(*state, &now, 1, STR("t"), NOW), OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_main_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_one_administrator),
        TEST(a_code_opens_one_session),
        TEST(a_session_ends_when_it_is_idle_and_when_it_is_old),
        TEST(the_newest_sessions_are_kept),
        TEST(sessions_end_one_by_one_and_with_their_owner),
        TEST(new_credentials_end_sessions_and_sign_ins_by_the_old_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
