/* activity: what is kept of it, and for how long. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"
#include "store/activity.h"

struct fixture {
    struct test_store store;
    struct space *sp;
    struct buf seen; /* "kind:detail " of each line */
    int64_t count, last;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.count = 0};
    test_store_open(&f.store, test_store_options());
    f.sp = test_user_writing(&f.store);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_release(&f->seen);
    space_release(f->sp);
    test_store_close(&f->store);
    return 0;
}

static void add(struct fixture *f, enum activity_kind kind, struct str agent, struct str detail)
{
    const struct activity_from from = {STR("192.0.2.1"), agent, 1000 + f->count};
    assert_int_equal(activity_add(f->sp, kind, &from, detail), OK);
}

static void see(void *arg, const struct activity *a)
{
    struct fixture *f = arg;
    buf_append_str(&f->seen, a->kind);
    buf_append_ch(&f->seen, ':');
    buf_append_str(&f->seen, a->detail);
    buf_append_ch(&f->seen, ' ');
    f->count++;
    f->last = a->id;
}

static struct str list(struct fixture *f, int64_t before, int64_t limit)
{
    buf_reset(&f->seen);
    f->count = 0;
    assert_int_equal(activity_list(f->sp, before, limit, see, f), OK);
    return buf_str(&f->seen);
}

static void lines_come_back_newest_first_and_in_pages(void **state)
{
    struct fixture *f = *state;
    add(f, ACTIVITY_SIGNUP, STR_NULL, STR("password"));
    add(f, ACTIVITY_LOGIN_FAILED, STR_NULL, STR_NULL);
    add(f, ACTIVITY_LOGOUT, STR_NULL, STR("x"));
    assert_true(str_eq(list(f, 0, 2), STR("logout:x login_failed: ")));
    assert_true(str_eq(list(f, f->last, 2), STR("signup:password ")));
    assert_true(str_eq(list(f, f->last, 2), STR("")));
}

static void the_newest_thousand_are_kept(void **state)
{
    struct fixture *f = *state;
    char detail[16];
    for (int i = 0; i < ACTIVITY_MAX + 10; i++) {
        snprintf(detail, sizeof detail, "%d", i);
        add(f, ACTIVITY_LOGIN, STR_NULL, str_from_c(detail));
    }
    list(f, 0, 5000);
    assert_int_equal(f->count, ACTIVITY_MAX);
    assert_true(str_eq(list(f, 0, 1), STR("login:1009 ")));
}

static void what_anybody_can_cause_does_not_push_the_rest_out(void **state)
{
    struct fixture *f = *state;
    add(f, ACTIVITY_SIGNUP, STR_NULL, STR_NULL);
    add(f, ACTIVITY_PASSWORD_CHANGED, STR_NULL, STR_NULL);
    for (int i = 0; i < ACTIVITY_MAX; i++)
        add(f, i % 2 ? ACTIVITY_LOGIN_FAILED : ACTIVITY_PASSWORD_RESET_REQUESTED, STR_NULL,
            STR_NULL);
    list(f, 0, 5000);
    assert_int_equal(f->count, ACTIVITY_FOREIGN_MAX + 2);
    assert_true(str_eq(list(f, 3, 5), STR("password_changed: signup: ")));
}

static void texts_are_cut_at_whole_characters(void **state)
{
    struct fixture *f = *state;
    char text[ACTIVITY_TEXT_MAX + 8];
    memset(text, 'a', sizeof text);
    memcpy(text + ACTIVITY_TEXT_MAX - 1, "\xe2\x82\xac", 3); /* a euro sign across the bound */
    add(f, ACTIVITY_LOGIN, STR("\xff"), str_make(text, sizeof text));
    struct str seen = list(f, 0, 1);
    assert_int_equal(seen.n, sizeof "login: " - 1 + ACTIVITY_TEXT_MAX - 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(lines_come_back_newest_first_and_in_pages),
        TEST(the_newest_thousand_are_kept),
        TEST(what_anybody_can_cause_does_not_push_the_rest_out),
        TEST(texts_are_cut_at_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
