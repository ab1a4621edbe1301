/* Rows of collections, /posts, notifications: the shipped collections through dispatch(). */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"

#define NOW      INT64_C(1800000000000)
#define NOW_TEXT "2027-01-15T08:00:00.000Z"

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    return test_app_set_up_user(state);
}

static struct test_reply call(struct test_app *t, enum method method, const char *target,
                              const char *body)
{
    return test_call(
        t, (struct test_call){.method = method, .target = target, .body = body, .token = t->token});
}

static struct test_reply get(struct test_app *t, const char *target)
{
    return call(t, METHOD_GET, target, NULL);
}

static void expect(struct test_reply r, const char *body)
{
    if (r.status != 200 || !str_eq(r.body, str_from_c(body)))
        fail_msg("expected %s, got %d %.*s", body, r.status, STR_ARG(r.body));
}

/* Make a post; its id. */
static const char *post(struct test_app *t, const char *title)
{
    struct str body = arena_printf(&t->mem, "{\"title\":\"%s\",\"content\":\"c\"}", title);
    struct test_reply r = call(t, METHOD_POST, "/api/posts", body.p);
    assert_int_equal(r.status, 200);
    return test_string(t, &r, "data.id");
}

/* A member of all rows of a reply, joined by spaces. */
static const char *column(struct test_app *t, struct test_reply r, const char *list,
                          const char *member)
{
    struct str all = STR("");
    if (r.status != 200)
        fail_msg("%d %.*s", r.status, STR_ARG(r.body));
    struct json_value rows = json_get(json_root(&r.json), str_from_c(list));
    for (struct json_value v = json_first(rows); !json_is_absent(v); v = json_next(rows, v))
        all = arena_printf(
            &t->mem, "%s%s%s", all.p, all.n ? "|" : "",
            arena_dup(&t->mem, json_string(json_get(v, str_from_c(member)), &t->mem)).p);
    return all.p;
}

static void a_row_has_five_members_of_ours(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        call(t, METHOD_POST, "/api/posts",
             "{\"id\":\"x\",\"title\":\"T\",\"version\":9,\"content\":\"C\",\"userId\":null,"
             "\"createdAt\":1,\"updatedAt\":2}");
    assert_int_equal(r.status, 200);
    const char *id = test_string(t, &r, "data.id"), *user = test_string(t, &r, "data.userId");
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[14], '7');
    const char *row =
        arena_printf(&t->mem,
                     "{\"ok\":true,\"data\":{\"id\":\"%s\",\"title\":\"T\",\"content\":"
                     "\"C\",\"createdAt\":\"" NOW_TEXT "\",\"updatedAt\":\"" NOW_TEXT
                     "\",\"version\":1,\"userId\":\"%s\"}}",
                     id, user)
            .p;
    expect(r, row);
    r = get(t, arena_printf(&t->mem, "/api/posts/%s", id).p);
    expect(r, row);
    assert_true(str_eq(test_header(&r, "ETag", 0), STR("\"1\"")));
    assert_non_null(test_header(&r, "X-As-Of", 0).p);
}

static void what_the_schema_refuses_is_told_by_place(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = call(t, METHOD_POST, "/api/posts", "{\"title\":\"\",\"content\":5}");
    test_expect_error(&r, 400, "validation_failed");
    assert_string_equal(column(t, (r.status = 200, r), "details", "path"), "$.title|$.content");
    r = call(t, METHOD_POST, "/api/posts", "{\"title\":\"a\",\"content\":\"b\",\"x\":1}");
    test_expect_error(&r, 400, "validation_failed");
    r = call(t, METHOD_POST, "/api/posts", "{\"title\":\"a\\u0000\",\"content\":\"b\"}");
    test_expect_error(&r, 400, "invalid_json");
    r = call(t, METHOD_POST, "/api/posts", "[]");
    test_expect_error(&r, 400, "invalid_json");
    expect(get(t, "/api/posts/count"), "{\"ok\":true,\"count\":0}");
    expect(get(t, "/api/notifications/count"), "{\"ok\":true,\"count\":0}");
}

static void what_is_not_there_is_404(void **state)
{
    static const struct {
        enum method method;
        const char *target, *body;
    } calls[] = {
        {METHOD_GET, "/api/nothing", NULL},       {METHOD_POST, "/api/nothing", "{}"},
        {METHOD_GET, "/api/posts/x", NULL},       {METHOD_PUT, "/api/posts/x", "{}"},
        {METHOD_PATCH, "/api/posts/x", "{}"},     {METHOD_DELETE, "/api/posts/x", NULL},
        {METHOD_DELETE, "/posts/x", NULL},        {METHOD_PUT, "/api/notifications/x/read", NULL},
        {METHOD_GET, "/api/nothing/count", NULL}, {METHOD_DELETE, "/api/nothing", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        struct test_reply r = call(*state, calls[i].method, calls[i].target, calls[i].body);
        test_expect_error(&r, 404, "not_found");
    }
}

static void rows_of_another_user_are_not_there(void **state)
{
    struct test_app *t = *state;
    const char *path = arena_printf(&t->mem, "/api/posts/%s", post(t, "mine")).p;
    t->token = test_sign_up(t, "b@example.org");
    struct test_reply r = get(t, path);
    test_expect_error(&r, 404, "not_found");
    r = call(t, METHOD_DELETE, path, NULL);
    test_expect_error(&r, 404, "not_found");
    expect(get(t, "/api/posts"), "{\"ok\":true,\"data\":[]}");
    t->token = NULL;
    r = get(t, path);
    test_expect_error(&r, 401, "unauthorized");
}

static void put_merges_members_and_counts_versions(void **state)
{
    struct test_app *t = *state;
    const char *path = arena_printf(&t->mem, "/api/posts/%s", post(t, "old")).p;
    clock_set_for_test(NOW + 1000);
    struct test_reply r =
        call(t, METHOD_PUT, path, "{\"title\":\"new\",\"id\":\"x\",\"version\":7}");
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(t, &r, "data.title"), "new");
    assert_string_equal(test_string(t, &r, "data.content"), "c");
    assert_string_equal(test_string(t, &r, "data.createdAt"), NOW_TEXT);
    assert_string_equal(test_string(t, &r, "data.updatedAt"), "2027-01-15T08:00:01.000Z");
    assert_true(str_eq(test_header(&r, "ETag", 0), STR("\"2\"")));
    r = call(t, METHOD_PUT, path, "{\"title\":\"\"}");
    test_expect_error(&r, 400, "validation_failed");
    r = call(t, METHOD_PUT, path, "{\"title\":null}");
    test_expect_error(&r, 400, "validation_failed");
}

static void patch_is_a_merge_patch(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = call(t, METHOD_POST, "/api/todos",
                               "{\"title\":\"t\",\"due\":\"2027-01-01\",\"o\":{\"a\":1,\"b\":2}}");
    const char *path = arena_printf(&t->mem, "/api/todos/%s", test_string(t, &r, "data.id")).p;
    r = call(t, METHOD_PATCH, path, "{\"due\":null,\"o\":{\"a\":null,\"c\":3.0}}");
    assert_int_equal(r.status, 200);
    struct json_value data = json_get(json_root(&r.json), STR("data"));
    assert_true(json_is_absent(json_get(data, STR("due"))));
    assert_true(str_eq(json_raw(json_get(data, STR("o"))), STR("{\"b\":2,\"c\":3.0}")));
    r = call(t, METHOD_PATCH, path, "{\"title\":null}");
    test_expect_error(&r, 400, "validation_failed");
}

static struct test_reply put_if(struct test_app *t, const char *path, const char *if_match)
{
    return test_call(t, (struct test_call){.method = METHOD_PUT,
                                           .target = path,
                                           .body = "{\"title\":\"new\"}",
                                           .token = t->token,
                                           .headers = {.if_match = str_from_c(if_match)}});
}

static void if_match_guards_an_update(void **state)
{
    static const char *const stale[] = {"\"2\"", "\"01\"", "\"+1\"", "W/\"1\"",     "1",
                                        "",      "\"x\"",  "\"1",    "\"3\", \"2\""};
    struct test_app *t = *state;
    const char *path = arena_printf(&t->mem, "/api/posts/%s", post(t, "old")).p;
    for (size_t i = 0; i < ARRAY_LEN(stale); i++) {
        struct test_reply r = put_if(t, path, stale[i]);
        test_expect_error(&r, 412, "precondition_failed");
        assert_string_equal(test_string(t, &r, "data.title"), "old");
    }
    assert_int_equal(put_if(t, path, "\"1\"").status, 200);
    assert_int_equal(put_if(t, path, "*").status, 200);
    assert_int_equal(put_if(t, path, "\"9\", \"3\"").status, 200);
    struct test_reply r = put_if(t, "/api/posts/x", "\"1\"");
    test_expect_error(&r, 404, "not_found");
}

static void effects_run_with_their_change(void **state)
{
    struct test_app *t = *state;
    const char *path = arena_printf(&t->mem, "/api/posts/%s", post(t, "A \\\"b\\\"")).p;
    call(t, METHOD_PUT, path, "{\"title\":\"B\"}");
    expect(call(t, METHOD_DELETE, path, NULL), "{\"ok\":true}");
    struct test_reply r = get(t, "/api/notifications");
    assert_string_equal(column(t, r, "data", "message"),
                        "Post deleted: \"B\"|Post updated: \"B\"|New post created: \"A \"b\"\"");
    assert_string_equal(column(t, r, "data", "type"), "info|info|success");
}

static void a_notification_is_marked_as_read(void **state)
{
    struct test_app *t = *state;
    post(t, "x");
    struct test_reply r = get(t, "/api/notifications");
    struct json_value row = json_first(json_get(json_root(&r.json), STR("data")));
    const char *id = arena_dup(&t->mem, json_string(json_get(row, STR("id")), &t->mem)).p;
    assert_true(json_is(json_get(row, STR("read")), JSON_FALSE));
    r = call(t, METHOD_PUT, arena_printf(&t->mem, "/api/notifications/%s/read", id).p, NULL);
    assert_int_equal(r.status, 200);
    assert_true(
        json_is(json_get(json_get(json_root(&r.json), STR("data")), STR("read")), JSON_TRUE));
}

static void lists_are_newest_first_and_paged(void **state)
{
    struct test_app *t = *state;
    for (int i = 0; i < 5; i++)
        post(t, arena_printf(&t->mem, "p%d", i).p);
    assert_string_equal(column(t, get(t, "/api/posts"), "data", "title"), "p4|p3|p2|p1|p0");
    assert_string_equal(column(t, get(t, "/posts"), "posts", "title"), "p4|p3|p2|p1|p0");
    struct test_reply r = get(t, "/api/posts?limit=2&count=1");
    assert_string_equal(column(t, r, "data", "title"), "p4|p3");
    int64_t total;
    assert_true(json_to_i64(json_get(json_root(&r.json), STR("total")), &total) && total == 5);
    const char *next = test_string(t, &r, "next");
    r = get(t, arena_printf(&t->mem, "/api/posts?limit=3&cursor=%s", next).p);
    assert_string_equal(column(t, r, "data", "title"), "p2|p1|p0");
    assert_true(json_is_absent(json_get(json_root(&r.json), STR("next"))));
    assert_string_equal(
        column(t, get(t, "/api/posts?where=[%22title%22,%22in%22,[%22p1%22,%22p3%22]]"), "data",
               "title"),
        "p3|p1");
    assert_string_equal(column(t, get(t, "/api/posts?q=P2"), "data", "title"), "p2");
    r = get(t, "/api/posts?where=x");
    test_expect_error(&r, 400, "invalid_query");
    expect(get(t, "/api/posts/count?where=[%22title%22,%22!=%22,%22p1%22]"),
           "{\"ok\":true,\"count\":4}");
}

static void clearing_leaves_one_delete_event_per_row(void **state)
{
    struct test_app *t = *state;
    call(t, METHOD_POST, "/api/todos", "{\"title\":\"a\"}");
    call(t, METHOD_POST, "/api/todos", "{\"title\":\"b\"}");
    struct test_reply r = get(t, "/api/changes?wait=0");
    const char *since = test_string(t, &r, "next");
    expect(call(t, METHOD_DELETE, "/api/todos", NULL),
           "{\"ok\":true,\"deleted\":2,\"more\":false}");
    r = get(t, arena_printf(&t->mem, "/api/changes?since=%s", since).p);
    assert_string_equal(column(t, r, "events", "event"), "table:todos:delete|table:todos:delete");
    expect(call(t, METHOD_DELETE, "/api/todos", NULL),
           "{\"ok\":true,\"deleted\":0,\"more\":false}");
}

static void clearing_does_not_take_a_selection_for_all(void **state)
{
    struct test_app *t = *state;
    static const char *const selections[] = {"where=%5B%22title%22,%22==%22,%22a%22%5D",
                                             "q=a",
                                             "order=title:asc",
                                             "limit=1",
                                             "offset=1",
                                             "cursor=x"};
    call(t, METHOD_POST, "/api/todos", "{\"title\":\"a\"}");
    for (size_t i = 0; i < ARRAY_LEN(selections); i++) {
        const char *target = arena_printf(&t->mem, "/api/todos?%s", selections[i]).p;
        struct test_reply r = call(t, METHOD_DELETE, target, NULL);
        test_expect_error(&r, 400, "invalid_query");
    }
    expect(get(t, "/api/todos/count"), "{\"ok\":true,\"count\":1}");
}

static struct test_reply post_form(struct test_app *t, const char *target)
{
    return test_call(t, (struct test_call){
                            .target = target,
                            .body = "title=From+a+form&content=c",
                            .token = t->token,
                            .headers = {.content_type = STR("application/x-www-form-urlencoded")}});
}

static void a_form_makes_a_post(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = post_form(t, "/posts");
    assert_int_equal(r.status, 303);
    assert_int_equal(r.body.n, 0);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/")));
    assert_int_equal(post_form(t, "/api/posts").status, 200);
    assert_string_equal(column(t, get(t, "/posts"), "posts", "title"), "From a form|From a form");
    r = call(t, METHOD_POST, "/posts", "{\"title\":\"json\",\"content\":\"c\"}");
    const char *id = test_string(t, &r, "data.id");
    expect(call(t, METHOD_DELETE, arena_printf(&t->mem, "/posts/%s", id).p, NULL), "{\"ok\":true}");
}

static void a_broadcast_is_a_notification_of_the_caller(void **state)
{
    struct test_app *t = *state;
    t->conf.demo = false;
    struct test_reply r = call(t, METHOD_POST, "/api/demo/broadcast", "{\"message\":\"hi\"}");
    test_expect_error(&r, 404, "not_found");
    t->conf.demo = true;
    r = call(t, METHOD_POST, "/api/demo/broadcast", "{\"message\":\"hi\"}");
    assert_int_equal(r.status, 200);
    r = get(t, "/api/notifications");
    assert_string_equal(column(t, r, "data", "message"), "📢 Broadcast: hi");
    assert_string_equal(column(t, r, "data", "type"), "info");
    r = call(t, METHOD_POST, "/api/demo/broadcast", "{}");
    test_expect_error(&r, 400, "invalid");
}

static void an_organization_that_is_not_there_is_not_replaced_by_the_user(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        call(t, METHOD_POST, "/api/posts?org=0123", "{\"title\":\"t\",\"content\":\"c\"}");
    test_expect_error(&r, 404, "not_found");
    r = get(t, "/api/posts/count");
    expect(r, "{\"ok\":true,\"count\":0}");
}

static void an_answer_that_nothing_is_there_says_as_of_when(void **state)
{
    struct test_reply r = get(*state, "/api/posts/none");
    test_expect_error(&r, 404, "not_found");
    assert_true(str_ends_with(test_header(&r, "X-As-Of", 0), STR(".0")));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_row_has_five_members_of_ours),
        TEST(what_the_schema_refuses_is_told_by_place),
        TEST(what_is_not_there_is_404),
        TEST(an_organization_that_is_not_there_is_not_replaced_by_the_user),
        TEST(an_answer_that_nothing_is_there_says_as_of_when),
        TEST(rows_of_another_user_are_not_there),
        TEST(put_merges_members_and_counts_versions),
        TEST(patch_is_a_merge_patch),
        TEST(if_match_guards_an_update),
        TEST(effects_run_with_their_change),
        TEST(a_notification_is_marked_as_read),
        TEST(lists_are_newest_first_and_paged),
        TEST(clearing_leaves_one_delete_event_per_row),
        TEST(clearing_does_not_take_a_selection_for_all),
        TEST(a_form_makes_a_post),
        TEST(a_broadcast_is_a_notification_of_the_caller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
