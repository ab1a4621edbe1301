/* GET /api/account/usage: what is stored, of what there may be. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/app/app.h"

struct usage {
    int64_t bytes, rows; /* rows -1: null */
    struct test_reply reply;
};

static int64_t number(const struct test_reply *r, const char *name)
{
    struct json_value v = json_get(json_root(&r->json), str_from_c(name));
    int64_t n = -1;
    assert_true(json_is(v, JSON_NULL) || json_to_i64(v, &n));
    return n;
}

static struct usage usage_of(struct test_app *t, const char *target)
{
    struct usage u = {.reply =
                          test_call(t, (struct test_call){.target = target, .token = t->token})};
    if (u.reply.status != 200)
        fail_msg("%d %.*s", u.reply.status, STR_ARG(u.reply.body));
    u.bytes = number(&u.reply, "bytes");
    u.rows = number(&u.reply, "rows");
    return u;
}

static struct test_reply post(struct test_app *t, const char *target, const char *body)
{
    struct test_reply r =
        test_call(t, (struct test_call){.target = target, .body = body, .token = t->token});
    if (r.status != 200)
        fail_msg("%s: %d %.*s", target, r.status, STR_ARG(r.body));
    return r;
}

/* Begin again with that many rows allowed. */
static void allow_rows(struct test_app *t, int64_t quota)
{
    struct store_options o = t->store.options;
    o.quota_rows = t->conf.quota_rows = quota;
    test_store_reopen(&t->store, o);
    t->app.store = t->store.store;
}

static void it_counts_what_is_stored_and_what_is_removed(void **state)
{
    struct test_app *t = *state;
    allow_rows(t, 10);
    struct usage none = usage_of(t, "/api/account/usage");
    assert_int_equal(none.rows, 0);
    assert_true(none.bytes > 0);
    post(t, "/data", arena_printf(&t->mem, "{\"key\":\"k\",\"value\":\"%0100000d\"}", 0).p);
    post(t, "/api/todos", "{\"title\":\"x\"}");
    struct usage some = usage_of(t, "/api/account/usage");
    assert_int_equal(some.rows, 2);
    assert_true(some.bytes > none.bytes + 100000);
    test_call(
        t, (struct test_call){.method = METHOD_DELETE, .target = "/data?key=k", .token = t->token});
    struct usage less = usage_of(t, "/api/account/usage");
    assert_int_equal(less.rows, 1);
    assert_true(less.bytes < some.bytes - 90000);
}

static void it_says_how_much_there_may_be(void **state)
{
    struct test_app *t = *state;
    allow_rows(t, 10);
    t->conf.quota_bytes = 5000000;
    t->conf.orgs_max = 3;
    post(t, "/api/organizations", "{\"name\":\"Birds\"}");
    struct usage u = usage_of(t, "/api/account/usage");
    assert_int_equal(number(&u.reply, "quotaBytes"), 5000000);
    assert_int_equal(number(&u.reply, "quotaRows"), 10);
    assert_int_equal(number(&u.reply, "organizations"), 1);
    assert_int_equal(number(&u.reply, "quotaOrganizations"), 3);
}

static void rows_that_nobody_counts_are_null(void **state)
{
    struct test_app *t = *state;
    t->conf.quota_rows = 0;
    struct usage u = usage_of(t, "/api/account/usage");
    assert_int_equal(u.rows, -1);
    assert_int_equal(number(&u.reply, "quotaRows"), 0);
}

static void an_organization_has_its_own(void **state)
{
    struct test_app *t = *state;
    allow_rows(t, 1);
    t->conf.org_members_max = 7;
    struct test_reply r = post(t, "/api/organizations", "{\"name\":\"Birds\"}");
    const char *id = test_string(t, &r, "organization.id");
    const char *rows = arena_printf(&t->mem, "/api/tasks?org=%s", id).p;
    const char *target = arena_printf(&t->mem, "/api/account/usage?org=%s", id).p;
    post(t, rows, "{\"title\":\"x\"}");
    post(t, arena_printf(&t->mem, "/api/organizations/%s/members", id).p,
         "{\"email\":\"b@example.org\"}");
    struct usage u = usage_of(t, target);
    assert_int_equal(u.rows, 1);
    assert_int_equal(number(&u.reply, "members"), 1);
    assert_int_equal(number(&u.reply, "quotaMembers"), 7);
    assert_int_equal(usage_of(t, "/api/account/usage").rows, 0);
    r = test_call(
        t, (struct test_call){.target = rows, .body = "{\"title\":\"y\"}", .token = t->token});
    test_expect_error(&r, 507, "quota_exceeded");
    post(t, "/api/todos", "{\"title\":\"x\"}");
    t->token = test_sign_up(t, "eve@example.org");
    r = test_call(t, (struct test_call){.target = target, .token = t->token});
    test_expect_error(&r, 404, "not_found");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_app_set_up_user, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_counts_what_is_stored_and_what_is_removed),
        TEST(it_says_how_much_there_may_be),
        TEST(rows_that_nobody_counts_are_null),
        TEST(an_organization_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
