/* What the dispatcher does around every handler: refusals, bodies, transactions, keys, CORS. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "answer.h"
#include "lib/app/app.h"

static struct test_reply get(struct test_app *t, const char *target, const char *token)
{
    return test_call(t, (struct test_call){.target = target, .token = token});
}

static struct test_reply post(struct test_app *t, const char *target, const char *token,
                              const char *body)
{
    return test_call(t, (struct test_call){.target = target, .token = token, .body = body});
}

static bool has_header(const struct test_reply *r, const char *name, const char *value)
{
    return str_eq(test_header(r, name, 0), str_from_c(value));
}

/* --- refusals --------------------------------------------------------------------------------- */

static void unknown_paths_are_404_in_json(void **state)
{
    struct test_reply r = get(*state, "/nothing/here", NULL);
    test_expect_error(&r, 404, "not_found");
}

static void other_methods_are_405_with_those_allowed(void **state)
{
    struct test_app *t = *state;
    struct test_reply r =
        test_call(t, (struct test_call){.method = METHOD_PUT, .target = "/api/me"});
    test_expect_error(&r, 405, "method_not_allowed");
    assert_true(has_header(&r, "Allow", "GET, HEAD, OPTIONS"));
    r = test_call(t, (struct test_call){.method = METHOD_OTHER, .target = "/logout"});
    test_expect_error(&r, 405, "method_not_allowed");
    assert_true(has_header(&r, "Allow", "GET, HEAD, POST, OPTIONS"));
}

static void without_a_sign_in_nothing_else_is_looked_at(void **state)
{
    struct test_reply r = post(*state, "/data", NULL, "no json");
    test_expect_error(&r, 401, "unauthorized");
}

static void the_demonstration_is_not_there_unless_on(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org"), *body = "{\"message\":\"hi\"}";
    struct test_reply r = post(t, "/api/demo/broadcast", token, body);
    test_expect_error(&r, 404, "not_found");
    t->conf.demo = true;
    assert_int_equal(post(t, "/api/demo/broadcast", token, body).status, 200);
}

/* --- bodies ----------------------------------------------------------------------------------- */

static void large_and_broken_bodies_are_refused(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {.target = "/api/login", .body = "{}", .body_too_large = true};
    struct test_reply r = test_call(t, c);
    test_expect_error(&r, 413, "too_large");
    c.body_too_large = false;
    c.body_broken = true;
    r = test_call(t, c);
    test_expect_error(&r, 400, "invalid");
}

static void bodies_are_json_objects(void **state)
{
    struct test_app *t = *state;
    static const char *const bad[] = {
        "", "{", "[]", "\"x\"", "{\"a\":01}", "{} {}", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = post(t, "/api/login", NULL, bad[i]);
        test_expect_error(&r, 400, "invalid_json");
    }
}

static void other_types_are_415(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    struct test_call c = {.target = "/data", .token = token, .body = "key=a&value=b"};
    c.headers.content_type = STR("text/plain");
    struct test_reply r = test_call(t, c);
    test_expect_error(&r, 415, "unsupported_media_type");
    c.headers.content_type = STR("Application/X-WWW-Form-urlencoded; charset=utf-8");
    assert_int_equal(test_call(t, c).status, 200);
    c.target = "/api/batch"; /* takes no forms */
    r = test_call(t, c);
    test_expect_error(&r, 415, "unsupported_media_type");
    r = test_call(t, (struct test_call){.method = METHOD_POST,
                                        .target = "/api/logout",
                                        .headers = {.content_type = STR("text/plain")}});
    assert_int_equal(r.status, 200);
}

static void queries_that_cannot_be_read_are_400(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = get(t, "/data?key=%zz", test_sign_up(t, "ann@example.org"));
    test_expect_error(&r, 400, "invalid_query");
}

/* --- transactions ----------------------------------------------------------------------------- */

static void reads_say_what_they_saw_and_writes_what_they_did(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    struct test_reply r = get(t, "/data?key=a", token);
    assert_true(str_ends_with(test_header(&r, "X-As-Of", 0), STR(".0")));
    struct test_reply w = post(t, "/data", token, "{\"key\":\"a\",\"value\":1}");
    assert_true(str_ends_with(test_header(&w, "X-Event-Id", 0), STR(".1")));
    assert_null(test_header(&w, "X-As-Of", 0).p);
    r = get(t, "/data?key=a", token);
    assert_true(str_eq(test_header(&r, "X-As-Of", 0), test_header(&w, "X-Event-Id", 0)));
}

static void what_failed_left_nothing(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    struct test_reply r = post(
        t, "/api/batch", token,
        "{\"operations\":[{\"method\":\"POST\",\"path\":\"/api/todos\",\"body\":{\"title\":\"x\"}},"
        "{\"method\":\"DELETE\",\"path\":\"/api/todos/none\"}]}");
    test_expect_error(&r, 404, "not_found");
    assert_null(test_header(&r, "X-Event-Id", 0).p);
    r = get(t, "/api/todos/count", token);
    assert_true(str_eq(r.body, STR("{\"ok\":true,\"count\":0}")));
}

/* --- idempotency keys ------------------------------------------------------------------------- */

static struct test_reply post_with_key(struct test_app *t, const char *token, const char *key,
                                       const char *body)
{
    return test_call(t, (struct test_call){.target = "/api/posts",
                                           .token = token,
                                           .body = body,
                                           .headers = {.idempotency_key = str_from_c(key)}});
}

static void the_same_key_gives_the_first_answer_again(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    const char *body = "{\"title\":\"a\",\"content\":\"b\"}";
    struct test_reply one = post_with_key(t, token, "k 1", body);
    struct test_reply two = post_with_key(t, token, "k 1", body);
    assert_int_equal(two.status, 200);
    assert_true(str_eq(one.body, two.body));
    assert_true(str_eq(test_header(&one, "X-Event-Id", 0), test_header(&two, "X-Event-Id", 0)));
    assert_null(test_header(&one, "Idempotent-Replayed", 0).p);
    assert_true(has_header(&two, "Idempotent-Replayed", "true"));
    struct test_reply r = get(t, "/api/posts/count", token);
    assert_true(str_eq(r.body, STR("{\"ok\":true,\"count\":1}")));
}

static void a_key_belongs_to_one_request_of_one_user(void **state)
{
    struct test_app *t = *state;
    const char *ann = test_sign_up(t, "ann@example.org"), *bob = test_sign_up(t, "bob@example.org");
    const char *body = "{\"title\":\"a\",\"content\":\"b\"}";
    assert_int_equal(post_with_key(t, ann, "k", body).status, 200);
    struct test_reply r = post_with_key(t, ann, "k", "{\"title\":\"c\",\"content\":\"b\"}");
    test_expect_error(&r, 422, "idempotency_key_reused");
    r = post_with_key(t, bob, "k", body);
    assert_int_equal(r.status, 200);
    assert_null(test_header(&r, "Idempotent-Replayed", 0).p);
}

static void answers_of_failed_writes_are_not_kept(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    assert_int_equal(post_with_key(t, token, "k", "{\"title\":\"a\"}").status, 400);
    assert_int_equal(post_with_key(t, token, "k", "{\"title\":\"a\",\"content\":\"b\"}").status,
                     200);
}

static void keys_have_1_to_128_printable_characters(void **state)
{
    struct test_app *t = *state;
    const char *token = test_sign_up(t, "ann@example.org");
    char key[130];
    memset(key, 'k', sizeof key - 1);
    key[129] = '\0';
    const char *body = "{\"title\":\"a\",\"content\":\"b\"}";
    struct test_reply r = post_with_key(t, token, key, body);
    test_expect_error(&r, 400, "invalid");
    assert_int_equal(post_with_key(t, token, key + 1, body).status, 200);
    assert_int_equal(post_with_key(t, token, "", body).status, 400);
    assert_int_equal(post_with_key(t, token, "t\tb", body).status, 400);
}

/* --- other origins ---------------------------------------------------------------------------- */

static void preflights_are_answered_for_known_origins(void **state)
{
    struct test_app *t = *state;
    t->conf.cors_origins = (struct conf_list){1, {STR("https://app.example.org")}};
    struct test_call c = {
        .method = METHOD_OPTIONS,
        .target = "/api/posts",
        .headers = {.origin = STR("https://app.example.org"), .preflight_method = STR("PUT")}};
    struct test_reply r = test_call(t, c);
    assert_int_equal(r.status, 204);
    assert_true(has_header(&r, "Access-Control-Allow-Origin", "https://app.example.org"));
    assert_true(has_header(&r, "Access-Control-Allow-Credentials", "true"));
    assert_true(has_header(&r, "Access-Control-Allow-Methods",
                           "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    assert_true(has_header(&r, "Access-Control-Allow-Headers",
                           "authorization, content-type, if-match, idempotency-key, "
                           "last-event-id, x-cookie-domain"));
    c.headers.origin = STR("https://evil.example");
    r = test_call(t, c);
    assert_null(test_header(&r, "Access-Control-Allow-Origin", 0).p);
}

static void errors_carry_the_headers_too(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {.target = "/api/me", .headers = {.origin = STR("http://cubby.test")}};
    struct test_reply r = test_call(t, c);
    assert_int_equal(r.status, 401);
    assert_true(has_header(&r, "Access-Control-Allow-Origin", "http://cubby.test"));
    assert_true(has_header(&r, "Access-Control-Expose-Headers",
                           "etag, x-event-id, x-as-of, retry-after, idempotent-replayed"));
    assert_true(has_header(&r, "Vary", "Origin"));
    c.target = "/nothing";
    r = test_call(t, c);
    assert_true(has_header(&r, "Access-Control-Allow-Origin", "http://cubby.test"));
    c.headers.origin = STR("https://evil.example");
    r = test_call(t, c);
    assert_null(test_header(&r, "Access-Control-Allow-Origin", 0).p);
}

/* --- operations and the head ------------------------------------------------------------------ */

static void metrics_are_for_those_who_may(void **state)
{
    struct test_app *t = *state;
    assert_int_equal(get(t, "/metrics", NULL).status, 404);
    assert_int_equal(get(t, "/metrics", "").status, 404);
    t->conf.metrics_token = STR("let me see");
    assert_int_equal(get(t, "/metrics", "let me sea").status, 404);
    assert_int_equal(get(t, "/metrics", "let me see").status, 200);
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/metrics", .local_metrics = true});
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body.p, "cubby_requests_total{status=\"4xx\"} 3\n"));
}

static void health_is_ok(void **state)
{
    struct test_reply r = get(*state, "/healthz", NULL);
    assert_int_equal(r.status, 200);
    assert_true(str_eq(r.body, STR("{\"ok\":true}")));
}

static void heads_tell_the_length_of_what_get_answers(void **state)
{
    struct test_app *t = *state;
    struct req r = {.app = &t->app, .method = METHOD_HEAD, .status = 404, .request_id = STR("r1")};
    struct buf out = BUF_INIT;
    buf_append_lit(&r.body_out, "12345");
    answer_append_head(&r, &out);
    assert_string_equal(out.p, "Status: 404 Not Found\r\nContent-Type: application/json\r\n"
                               "Content-Length: 5\r\nCache-Control: no-store\r\n"
                               "X-Content-Type-Options: nosniff\r\nX-Request-Id: r1\r\n\r\n");
    buf_reset(&out);
    buf_reset(&r.body_out);
    r.status = 204;
    answer_append_head(&r, &out);
    assert_null(strstr(out.p, "Content-Length"));
    buf_release(&out);
    buf_release(&r.body_out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_app_set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(unknown_paths_are_404_in_json),
        TEST(other_methods_are_405_with_those_allowed),
        TEST(without_a_sign_in_nothing_else_is_looked_at),
        TEST(the_demonstration_is_not_there_unless_on),
        TEST(large_and_broken_bodies_are_refused),
        TEST(bodies_are_json_objects),
        TEST(other_types_are_415),
        TEST(queries_that_cannot_be_read_are_400),
        TEST(reads_say_what_they_saw_and_writes_what_they_did),
        TEST(what_failed_left_nothing),
        TEST(the_same_key_gives_the_first_answer_again),
        TEST(a_key_belongs_to_one_request_of_one_user),
        TEST(answers_of_failed_writes_are_not_kept),
        TEST(keys_have_1_to_128_printable_characters),
        TEST(preflights_are_answered_for_known_origins),
        TEST(errors_carry_the_headers_too),
        TEST(metrics_are_for_those_who_may),
        TEST(health_is_ok),
        TEST(heads_tell_the_length_of_what_get_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
