/* How a path finds its route: segments are cut first, decoded after. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/app/app.h"
#include "routes.h"

static struct test_reply call(void **state, enum method method, const char *target)
{
    struct test_app *t = *state;
    return test_call(t, (struct test_call){.method = method, .target = target, .token = t->token});
}

static void each_method_of_a_path_has_one_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < route_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(routes[i].path, routes[j].path) == 0 &&
                (routes[i].methods & routes[j].methods))
                fail_msg("%s stands twice in the table", routes[i].path);
}

static void an_escaped_letter_is_that_letter(void **state)
{
    assert_int_equal(call(state, METHOD_GET, "/api/%6de").status, 200);
    assert_int_equal(call(state, METHOD_GET, "/%61pi/%70osts/c%6Funt").status, 200);
}

static void an_escaped_slash_is_no_slash(void **state)
{
    static const char *const targets[] = {
        "/api%2Fme",
        "/api%2fposts",
        "/api%2F%7Bc%7D",
        "/api%2F%7Bc%7D/posts",
        "/api%2F%7Bc%7D%2F%7Bid%7D",
        "/api%2Fposts/count",
        "/api/posts%2Fcount",
        "/api/me%2F",
    };
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (call(state, METHOD_GET, targets[i]).status != 404)
            fail_msg("%s was found", targets[i]);
    assert_int_equal(call(state, METHOD_PUT, "/api%2Fnotifications/x/read").status, 404);
}

static void the_braces_of_a_pattern_are_no_segment(void **state)
{
    test_expect_error((struct test_reply[]){call(state, METHOD_GET, "/api/%7Bc%7D")}, 404,
                      "not_found");
    assert_int_equal(call(state, METHOD_GET, "/posts/%7Bid%7D").status, 405);
}

static void empty_segments_and_ends_are_segments(void **state)
{
    static const char *const targets[] = {
        "/api/me/",      "/api//me", "//api/me", "/api/", "/api/posts/", "/api/posts//count",
        "/api/posts/x/", "/api/m",   "/api/mee", "/api",  "/",           "/1/2/3/4/5/6/7/8/9/10",
    };
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (call(state, METHOD_GET, targets[i]).status != 404)
            fail_msg("%s was found", targets[i]);
}

/* Only a batch can say so: what follows the zero must not be looked for in the pattern. */
static void a_zero_ends_no_segment(void **state)
{
    struct test_app *t = *state;
    static const char *const ends[] = {"", "x", "/count", NULL};
    char *long_end = arena_alloc(&t->mem, 900001);
    memset(long_end, 'x', 900000);
    long_end[900000] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        const char *end = ends[i] ? ends[i] : long_end;
        struct test_reply r = test_call(
            t, (struct test_call){.target = "/api/batch",
                                  .token = t->token,
                                  .body = arena_printf(&t->mem,
                                                       "{\"operations\":[{\"method\":\"GET\","
                                                       "\"path\":\"/api/posts/count\\u0000%s\"}]}",
                                                       end)
                                              .p});
        test_expect_error(&r, 404, "not_found");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_of_a_path_has_one_row),
        cmocka_unit_test(an_escaped_letter_is_that_letter),
        cmocka_unit_test(an_escaped_slash_is_no_slash),
        cmocka_unit_test(the_braces_of_a_pattern_are_no_segment),
        cmocka_unit_test(empty_segments_and_ends_are_segments),
        cmocka_unit_test(a_zero_ends_no_segment),
    };
    return cmocka_run_group_tests(tests, test_app_set_up_user, test_app_tear_down);
}
