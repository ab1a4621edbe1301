/* sessions: rotation, the grace of the previous token, reuse, revocation, bounds. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"
#include "store/sessions.h"

#define NOW_MS   1000000000LL
#define WEEK_S   604800
#define GRACE_MS 30000

static int set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

static struct refresh_state token(struct str jti)
{
    return (struct refresh_state){jti, NOW_MS / 1000, NOW_MS / 1000 + WEEK_S, STR("kid1")};
}

static void sign_in(struct space *sp, struct str sid, struct str jti, int64_t at)
{
    struct session s = {sid, at, at, STR("agent"), STR("::1")};
    struct refresh_state r = token(jti);
    assert_int_equal(sessions_create(sp, &s, &r), OK);
}

static enum session_refresh refresh(struct test_store *t, struct space *sp, struct str jti,
                                    struct str next, int64_t now_ms, struct refresh_state *current)
{
    struct refresh_state n = token(next);
    enum session_refresh result;
    assert_int_equal(
        sessions_refresh(sp, STR("s1"), jti, now_ms, GRACE_MS, &n, &t->mem, current, &result), OK);
    return result;
}

static bool is_live(struct space *sp, struct str sid, int64_t now_ms)
{
    bool live;
    assert_int_equal(sessions_is_live(sp, sid, now_ms, &live), OK);
    return live;
}

static void a_session_is_found_until_its_end(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct session s;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    assert_int_equal(sessions_get(sp, STR("s1"), NOW_MS, &t->mem, &s), OK);
    assert_true(str_eq(s.ip, STR("::1")));
    assert_int_equal(s.created_at, NOW_MS);
    assert_int_equal(sessions_get(sp, STR("s2"), NOW_MS, &t->mem, &s), ERR_NOT_FOUND);
    int64_t end = NOW_MS + WEEK_S * 1000LL;
    assert_int_equal(sessions_get(sp, STR("s1"), end, &t->mem, &s), ERR_NOT_FOUND);
    space_release(sp);
}

static void a_refresh_token_is_used_once(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct refresh_state c;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    assert_int_equal(refresh(t, sp, STR("j1"), STR("j2"), NOW_MS + 1, &c), REFRESH_ROTATED);
    assert_true(str_eq(c.jti, STR("j2")));
    assert_int_equal(refresh(t, sp, STR("j2"), STR("j3"), NOW_MS + 2, &c), REFRESH_ROTATED);
    assert_true(str_eq(c.jti, STR("j3")));
    space_release(sp);
}

static void parallel_requests_get_the_same_successor(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct refresh_state c;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    refresh(t, sp, STR("j1"), STR("j2"), NOW_MS, &c);
    assert_int_equal(refresh(t, sp, STR("j1"), STR("x"), NOW_MS + GRACE_MS - 1, &c),
                     REFRESH_REPEATED);
    assert_true(str_eq(c.jti, STR("j2")));
    assert_true(str_eq(c.kid, STR("kid1")));
    assert_int_equal(c.iat, NOW_MS / 1000);
    assert_int_equal(c.exp, NOW_MS / 1000 + WEEK_S);
    assert_int_equal(refresh(t, sp, STR("j2"), STR("j3"), NOW_MS + GRACE_MS, &c), REFRESH_ROTATED);
    space_release(sp);
}

static void a_reused_token_ends_the_session(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct refresh_state c;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    refresh(t, sp, STR("j1"), STR("j2"), NOW_MS, &c);
    assert_int_equal(refresh(t, sp, STR("j1"), STR("x"), NOW_MS + GRACE_MS, &c), REFRESH_REUSED);
    assert_false(is_live(sp, STR("s1"), NOW_MS));
    assert_int_equal(refresh(t, sp, STR("j2"), STR("x"), NOW_MS + GRACE_MS, &c), REFRESH_UNKNOWN);
    space_release(sp);
}

static void a_token_two_rotations_old_ends_the_session_even_within_the_grace(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct refresh_state c;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    refresh(t, sp, STR("j1"), STR("j2"), NOW_MS, &c);
    refresh(t, sp, STR("j2"), STR("j3"), NOW_MS, &c);
    assert_int_equal(refresh(t, sp, STR("j1"), STR("x"), NOW_MS, &c), REFRESH_REUSED);
    space_release(sp);
}

static void a_session_ends_with_its_refresh_token(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct refresh_state c;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    int64_t end_ms = NOW_MS + WEEK_S * 1000LL;
    assert_true(is_live(sp, STR("s1"), end_ms - 1));
    assert_false(is_live(sp, STR("s1"), end_ms));
    assert_int_equal(refresh(t, sp, STR("j1"), STR("j2"), end_ms, &c), REFRESH_UNKNOWN);
    space_release(sp);
}

static bool is_good(struct space *sp, struct str jti, int64_t now_ms)
{
    bool good;
    assert_int_equal(sessions_refresh_is_good(sp, STR("s1"), jti, now_ms, GRACE_MS, &good), OK);
    return good;
}

static void a_look_at_a_refresh_token_changes_nothing(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct refresh_state c;
    assert_false(is_good(sp, STR("j1"), NOW_MS));
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    assert_true(is_good(sp, STR("j1"), NOW_MS));
    assert_false(is_good(sp, STR("j2"), NOW_MS));
    refresh(t, sp, STR("j1"), STR("j2"), NOW_MS, &c);
    assert_true(is_good(sp, STR("j1"), NOW_MS + GRACE_MS - 1));
    assert_false(is_good(sp, STR("j1"), NOW_MS + GRACE_MS));
    assert_true(is_good(sp, STR("j2"), NOW_MS + GRACE_MS));
    space_release(sp);
}

static void revoking_takes_one_or_all_others_or_all(void **state)
{
    struct space *sp = test_user_writing(*state);
    int64_t removed;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    sign_in(sp, STR("s2"), STR("j2"), NOW_MS);
    sign_in(sp, STR("s3"), STR("j3"), NOW_MS);
    sign_in(sp, STR("s4"), STR("j4"), NOW_MS);
    assert_int_equal(sessions_revoke(sp, STR("s4"), &removed), OK);
    assert_int_equal(removed, 1);
    assert_int_equal(sessions_revoke(sp, STR("s4"), &removed), OK);
    assert_int_equal(removed, 0);
    assert_int_equal(sessions_revoke_others(sp, STR("s2"), &removed), OK);
    assert_int_equal(removed, 2);
    assert_true(is_live(sp, STR("s2"), NOW_MS));
    assert_int_equal(sessions_revoke_others(sp, STR_NULL, &removed), OK);
    assert_int_equal(removed, 1);
    space_release(sp);
}

static void the_session_unseen_for_longest_makes_room(void **state)
{
    struct space *sp = test_user_writing(*state);
    for (int i = 0; i < 101; i++) {
        char sid[8];
        int n = snprintf(sid, sizeof sid, "s%d", i);
        sign_in(sp, str_make(sid, (size_t)n), STR("j"), NOW_MS + i);
    }
    assert_false(is_live(sp, STR("s0"), NOW_MS));
    assert_true(is_live(sp, STR("s1"), NOW_MS));
    assert_true(is_live(sp, STR("s100"), NOW_MS));
    space_release(sp);
}

static void collect(void *arg, const struct session *s)
{
    struct buf *out = arg;
    buf_appendf(out, "%.*s %.*s %.*s;", STR_ARG(s->id), STR_ARG(s->user_agent), STR_ARG(s->ip));
}

static void the_list_has_the_live_ones_the_last_seen_first(void **state)
{
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    struct buf out = BUF_INIT;
    struct refresh_state c;
    sign_in(sp, STR("s1"), STR("j1"), NOW_MS);
    sign_in(sp, STR("s2"), STR("j2"), NOW_MS + 1);
    refresh(t, sp, STR("j1"), STR("j3"), NOW_MS + 2, &c);
    assert_int_equal(sessions_list(sp, NOW_MS, collect, &out), OK);
    assert_string_equal(out.p, "s1 agent ::1;s2 agent ::1;");
    buf_reset(&out);
    assert_int_equal(sessions_list(sp, NOW_MS + WEEK_S * 1000LL, collect, &out), OK);
    assert_int_equal(out.n, 0);
    buf_release(&out);
    space_release(sp);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_is_found_until_its_end),
        TEST(a_refresh_token_is_used_once),
        TEST(parallel_requests_get_the_same_successor),
        TEST(a_reused_token_ends_the_session),
        TEST(a_token_two_rotations_old_ends_the_session_even_within_the_grace),
        TEST(a_session_ends_with_its_refresh_token),
        TEST(a_look_at_a_refresh_token_changes_nothing),
        TEST(revoking_takes_one_or_all_others_or_all),
        TEST(the_list_has_the_live_ones_the_last_seen_first),
        TEST(the_session_unseen_for_longest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
