/* POST /api/batch: many calls, one transaction. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/app/app.h"

static struct test_reply batch(struct test_app *t, const char *operations)
{
    const char *body = arena_printf(&t->mem, "{\"operations\":%s}", operations).p;
    return test_call(t,
                     (struct test_call){.target = "/api/batch", .body = body, .token = t->token});
}

static struct test_reply get(struct test_app *t, const char *target)
{
    return test_call(t, (struct test_call){.target = target, .token = t->token});
}

static void expect(struct test_reply r, const char *body)
{
    if (r.status != 200 || !str_eq(r.body, str_from_c(body)))
        fail_msg("expected %s, got %d %.*s", body, r.status, STR_ARG(r.body));
}

static int64_t number(const struct test_reply *r, const char *name)
{
    int64_t n = -1;
    assert_true(json_to_i64(json_get(json_root(&r->json), str_from_c(name)), &n));
    return n;
}

static void results_come_in_order_with_their_status(void **state)
{
    expect(
        batch(
            *state,
            "[{\"method\":\"POST\",\"path\":\"/api/data\",\"body\":{\"key\":\"k\",\"value\":1.0}},"
            "{\"method\":\"GET\",\"path\":\"/api/data?key=k\"},"
            "{\"method\":\"GET\",\"path\":\"/api/todos/count\"},"
            "{\"method\":\"DELETE\",\"path\":\"/api/data?key=k\"}]"),
        "{\"ok\":true,\"results\":["
        "{\"status\":200,\"body\":{\"ok\":true,\"data\":{\"key\":\"k\",\"value\":1.0}}},"
        "{\"status\":200,\"body\":{\"ok\":true,\"data\":1.0}},"
        "{\"status\":200,\"body\":{\"ok\":true,\"count\":0}},"
        "{\"status\":200,\"body\":{\"ok\":true}}]}");
    expect(batch(*state, "[]"), "{\"ok\":true,\"results\":[]}");
}

static void a_failure_names_its_index_and_nothing_is_done(void **state)
{
    struct test_reply r = batch(
        *state, "[{\"method\":\"POST\",\"path\":\"/api/todos\",\"body\":{\"title\":\"a\"}},"
                "{\"method\":\"POST\",\"path\":\"/api/data\",\"body\":{\"key\":\"k\",\"value\":1}},"
                "{\"method\":\"POST\",\"path\":\"/api/todos\",\"body\":{\"title\":\"\"}}]");
    test_expect_error(&r, 400, "validation_failed");
    assert_int_equal(number(&r, "index"), 2);
    assert_true(json_is(json_get(json_root(&r.json), STR("details")), JSON_ARRAY));
    assert_null(test_header(&r, "X-Event-Id", 0).p);
    expect(get(*state, "/api/todos"), "{\"ok\":true,\"data\":[]}");
    expect(get(*state, "/data?key=k"), "{\"ok\":true,\"data\":null}");
}

static void all_changes_are_events_of_one_commit(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = get(t, "/api/changes");
    const char *since = test_string(t, &r, "next");
    r = batch(t, "[{\"method\":\"POST\",\"path\":\"/api/todos\",\"body\":{\"title\":\"a\"}},"
                 "{\"method\":\"POST\",\"path\":\"/api/todos\",\"body\":{\"title\":\"b\"}}]");
    const char *last = arena_dup(&t->mem, test_header(&r, "X-Event-Id", 0)).p;
    r = get(t, arena_printf(&t->mem, "/api/changes?since=%s", since).p);
    assert_int_equal(json_count(json_get(json_root(&r.json), STR("events"))), 2);
    assert_string_equal(test_string(t, &r, "next"), last);
}

static void only_calls_of_collections_and_data_are_possible(void **state)
{
    static const struct {
        const char *operations, *code;
        int status;
    } cases[] = {
        {"[{\"method\":\"GET\",\"path\":\"/api/me\"}]", "invalid", 400},
        {"[{\"method\":\"POST\",\"path\":\"/api/batch\",\"body\":{}}]", "invalid", 400},
        {"[{\"method\":\"GET\",\"path\":\"/api/changes\"}]", "invalid", 400},
        {"[{\"method\":\"GET\",\"path\":\"/nowhere\"}]", "not_found", 404},
        {"[{\"method\":\"PUT\",\"path\":\"/api/todos\",\"body\":{}}]", "method_not_allowed", 405},
        {"[{\"method\":\"HEAD\",\"path\":\"/api/todos\"}]", "invalid", 400},
        {"[{\"method\":\"GET\",\"path\":\"/api/todos?org=x\"}]", "invalid", 400},
        {"[{\"method\":\"GET\",\"path\":\"/api/todos?limit=0\"}]", "invalid_query", 400},
        {"[{\"method\":\"GET\",\"path\":\"/api/todos?a=%\"}]", "invalid_query", 400},
        {"[{\"method\":\"POST\",\"path\":\"/api/todos\"}]", "invalid_json", 400},
        {"[{\"method\":\"POST\",\"path\":\"/api/todos\",\"body\":{\"title\":\"\\u0000\"}}]",
         "invalid_json", 400},
        {"[{\"path\":\"/api/todos\"}]", "invalid", 400},
        {"[5]", "invalid", 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_reply r = batch(*state, cases[i].operations);
        test_expect_error(&r, cases[i].status, cases[i].code);
        assert_int_equal(number(&r, "index"), 0);
    }
}

static void operations_are_bounded(void **state)
{
    struct test_app *t = *state;
    struct buf list = BUF_INIT;
    for (int i = 0; i < 101; i++)
        buf_appendf(&list, "%s{\"method\":\"GET\",\"path\":\"/api/data?key=k\"}", i ? "," : "[");
    buf_append_ch(&list, ']');
    struct test_reply r = batch(t, list.p);
    test_expect_error(&r, 400, "invalid");
    r = batch(t, "{}");
    test_expect_error(&r, 400, "invalid");
    buf_release(&list);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_app_set_up_user, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(results_come_in_order_with_their_status),
        TEST(a_failure_names_its_index_and_nothing_is_done),
        TEST(all_changes_are_events_of_one_commit),
        TEST(only_calls_of_collections_and_data_are_possible),
        TEST(operations_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
