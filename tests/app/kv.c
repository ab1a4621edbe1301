/* The key-value store: /data and /api/data. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/app/app.h"

static struct test_reply get(struct test_app *t, const char *target)
{
    return test_call(t, (struct test_call){.target = target, .token = t->token});
}

static struct test_reply post(struct test_app *t, const char *body)
{
    return test_call(t, (struct test_call){.target = "/data", .body = body, .token = t->token});
}

static struct test_reply drop(struct test_app *t, const char *target)
{
    return test_call(
        t, (struct test_call){.method = METHOD_DELETE, .target = target, .token = t->token});
}

static void expect(struct test_reply r, const char *body)
{
    if (r.status != 200 || !str_eq(r.body, str_from_c(body)))
        fail_msg("expected %s, got %d %.*s", body, r.status, STR_ARG(r.body));
}

static void a_value_is_answered_as_it_was_sent(void **state)
{
    expect(post(*state, "{\"key\":\"k\",\"value\":{\"n\": 1.00, \"z\":\"\\u0000\"}}"),
           "{\"ok\":true,\"data\":{\"key\":\"k\",\"value\":{\"n\": 1.00, \"z\":\"\\u0000\"}}}");
    expect(get(*state, "/data?key=k"), "{\"ok\":true,\"data\":{\"n\": 1.00, \"z\":\"\\u0000\"}}");
    expect(get(*state, "/api/data?key=k"),
           "{\"ok\":true,\"data\":{\"n\": 1.00, \"z\":\"\\u0000\"}}");
}

static void an_unknown_key_is_null(void **state)
{
    expect(get(*state, "/data?key=nothing"), "{\"ok\":true,\"data\":null}");
    expect(get(*state, "/data"), "{\"ok\":true,\"data\":null}");
}

static void without_a_key_the_key_data_is_meant(void **state)
{
    expect(post(*state, "{\"key\":\"data\",\"value\":7}"),
           "{\"ok\":true,\"data\":{\"key\":\"data\",\"value\":7}}");
    expect(get(*state, "/data"), "{\"ok\":true,\"data\":7}");
}

static void keys_are_listed_by_prefix_and_page(void **state)
{
    post(*state, "{\"key\":\"a:1\",\"value\":1}");
    post(*state, "{\"key\":\"a:2\",\"value\":\"x\"}");
    post(*state, "{\"key\":\"a:3\",\"value\":[]}");
    post(*state, "{\"key\":\"b\",\"value\":null}");
    expect(get(*state, "/data?prefix=a:"),
           "{\"ok\":true,\"data\":{\"a:1\":1,\"a:2\":\"x\",\"a:3\":[]}}");
    expect(get(*state, "/data?prefix="),
           "{\"ok\":true,\"data\":{\"a:1\":1,\"a:2\":\"x\",\"a:3\":[],\"b\":null}}");
    expect(get(*state, "/data?prefix=a:&limit=2"),
           "{\"ok\":true,\"data\":{\"a:1\":1,\"a:2\":\"x\"},\"next\":\"a:2\"}");
    expect(get(*state, "/data?prefix=a:&limit=2&after=a:2"), "{\"ok\":true,\"data\":{\"a:3\":[]}}");
}

static void a_deleted_key_is_null_again(void **state)
{
    post(*state, "{\"key\":\"k\",\"value\":1}");
    struct test_reply r = drop(*state, "/data?key=k");
    expect(r, "{\"ok\":true}");
    assert_non_null(test_header(&r, "X-Event-Id", 0).p);
    expect(get(*state, "/data?key=k"), "{\"ok\":true,\"data\":null}");
    r = drop(*state, "/data?key=k");
    expect(r, "{\"ok\":true}");
    assert_null(test_header(&r, "X-Event-Id", 0).p);
}

static void a_form_sets_a_string(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {
        .target = "/data",
        .body = "key=k+1&value=5",
        .token = t->token,
        .headers = {.content_type = STR("application/x-www-form-urlencoded")},
    };
    expect(test_call(t, c), "{\"ok\":true,\"data\":{\"key\":\"k 1\",\"value\":\"5\"}}");
}

static void keys_are_bounded_and_partly_reserved(void **state)
{
    struct test_app *t = *state;
    char long_key[514];
    memset(long_key, 'k', 513);
    long_key[513] = '\0';
    static const char *const bad[] = {
        "{\"key\":\"__x\",\"value\":1}", "{\"key\":\"\",\"value\":1}",          "{\"value\":1}",
        "{\"key\":5,\"value\":1}",       "{\"key\":\"a\\u0000b\",\"value\":1}", "{\"key\":\"a\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = post(t, bad[i]);
        test_expect_error(&r, 400, "invalid");
    }
    struct test_reply r =
        post(t, arena_printf(&t->mem, "{\"key\":\"%s\",\"value\":1}", long_key).p);
    test_expect_error(&r, 400, "invalid");
    r = post(t, arena_printf(&t->mem, "{\"key\":\"%s\",\"value\":1}", long_key + 1).p);
    assert_int_equal(r.status, 200);
    static const char *const targets[] = {"/data?key=__x", "/data?prefix=__", "/data?key="};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        r = get(t, targets[i]);
        test_expect_error(&r, 400, "invalid");
    }
    r = drop(t, "/data?key=__x");
    test_expect_error(&r, 400, "invalid");
    r = drop(t, "/data");
    test_expect_error(&r, 400, "invalid");
    r = get(t, "/data?prefix=a&limit=0");
    test_expect_error(&r, 400, "invalid_query");
    r = get(t, "/data?prefix=a&limit=99999999999999999999999999");
    assert_int_equal(r.status, 200);
}

static void a_page_ends_early_once_it_is_large(void **state)
{
    struct test_app *t = *state;
    char *value = arena_alloc(&t->mem, 128 * 1024 - 1);
    memset(value, 'v', 128 * 1024 - 2);
    value[128 * 1024 - 2] = '\0';
    for (int i = 100; i < 230; i++) {
        struct test_reply set =
            post(t, arena_printf(&t->mem, "{\"key\":\"%d\",\"value\":\"%s\"}", i, value).p);
        assert_int_equal(set.status, 200);
    }
    struct test_reply r = get(t, "/data?prefix=&limit=1000");
    assert_string_equal(test_string(t, &r, "next"), "227");
    r = get(t, "/data?prefix=&limit=1000&after=227");
    assert_int_equal(json_count(json_get(json_root(&r.json), STR("data"))), 2);
}

static void values_are_bounded(void **state)
{
    struct test_app *t = *state;
    char *value = arena_alloc(&t->mem, 128 * 1024 + 2);
    memset(value, 'v', 128 * 1024 + 1);
    value[0] = '"';
    value[128 * 1024 - 1] = '"';
    value[128 * 1024] = '\0';
    struct test_reply r = post(t, arena_printf(&t->mem, "{\"key\":\"k\",\"value\":%s}", value).p);
    assert_int_equal(r.status, 200);
    value[128 * 1024 - 1] = 'v';
    value[128 * 1024] = '"';
    value[128 * 1024 + 1] = '\0';
    r = post(t, arena_printf(&t->mem, "{\"key\":\"k\",\"value\":%s}", value).p);
    test_expect_error(&r, 413, "too_large");
}

static void another_user_sees_nothing_of_it(void **state)
{
    struct test_app *t = *state;
    post(t, "{\"key\":\"k\",\"value\":1}");
    const char *other = test_sign_up(t, "b@example.org");
    expect(test_call(t, (struct test_call){.target = "/data?key=k", .token = other}),
           "{\"ok\":true,\"data\":null}");
    struct test_reply r = test_call(t, (struct test_call){.target = "/data?key=k"});
    test_expect_error(&r, 401, "unauthorized");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_app_set_up_user, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_value_is_answered_as_it_was_sent),   TEST(an_unknown_key_is_null),
        TEST(without_a_key_the_key_data_is_meant),  TEST(keys_are_listed_by_prefix_and_page),
        TEST(a_deleted_key_is_null_again),          TEST(a_form_sets_a_string),
        TEST(keys_are_bounded_and_partly_reserved), TEST(values_are_bounded),
        TEST(a_page_ends_early_once_it_is_large),   TEST(another_user_sees_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
