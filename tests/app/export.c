/* The export: one JSON document of everything, in parts. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dispatch.h"
#include "lib/app/app.h"

#define ROWS 1000 /* of about 400 bytes: several parts */

static struct test_reply export_of(struct test_app *t, const char *token)
{
    return test_call(t, (struct test_call){.target = "/api/account/export", .token = token});
}

static void post(struct test_app *t, const char *target, const char *body)
{
    struct test_reply r =
        test_call(t, (struct test_call){.target = target, .body = body, .token = t->token});
    assert_int_equal(r.status, 200);
}

static struct json_value member(const struct test_reply *r, const char *path)
{
    struct str rest = str_from_c(path), name;
    struct json_value v = json_root(&r->json);
    while (str_next(&rest, '.', &name))
        v = json_get(v, name);
    return v;
}

static void it_holds_everything_and_no_secrets(void **state)
{
    struct test_app *t = *state;
    post(t, "/data", "{\"key\":\"a\",\"value\":1.50}");
    post(t, "/data", "{\"key\":\"b\",\"value\":{\"deep\":[true,\"\\u0000\"]}}");
    post(t, "/api/posts", "{\"title\":\"One\",\"content\":\"Text\"}");
    post(t, "/api/organizations", "{\"name\":\"Club\"}");
    struct test_reply r = export_of(t, t->token);
    assert_int_equal(r.status, 200);
    assert_true(r.json.count > 0);
    assert_string_equal(test_string(t, &r, "format"), "cubby-account");
    assert_string_equal(test_string(t, &r, "account.email"), "a@example.org");
    assert_true(str_eq(json_raw(member(&r, "data.a")), STR("1.50")));
    assert_true(str_eq(json_raw(member(&r, "data.b")), STR("{\"deep\":[true,\"\\u0000\"]}")));
    assert_int_equal(json_count(member(&r, "collections.posts")), 1);
    assert_int_equal(json_count(member(&r, "collections.notifications")), 1);
    assert_int_equal(json_count(member(&r, "collections.todos")), 0);
    assert_int_equal(json_count(member(&r, "sessions")), 1);
    assert_int_equal(json_count(member(&r, "organizations")), 1);
    assert_int_equal(json_count(member(&r, "memberships")), 0);
    assert_int_equal(json_count(member(&r, "identities")), 0);
    assert_int_equal(json_count(member(&r, "activity")), 2); /* the sign-up and this export */
    assert_string_equal(test_string(t, &r, "asOf"), test_string(t, &r, "until"));
    assert_null(strstr(r.body.p, "argon2"));
    assert_true(str_eq(test_header(&r, "Content-Disposition", 0),
                       STR("attachment; filename=\"account.json\"")));
}

static void it_has_every_row_once_however_many_parts(void **state)
{
    struct test_app *t = *state;
    char body[512], key[32];
    for (int i = 0; i < ROWS; i++) {
        snprintf(body, sizeof body, "{\"text\":\"%0400d\"}", i);
        post(t, "/api/notes", body);
        snprintf(body, sizeof body, "{\"key\":\"k%05d\",\"value\":\"%0400d\"}", i, i);
        post(t, "/data", body);
    }
    struct test_reply r = export_of(t, t->token);
    assert_true(r.json.count > 0);
    assert_int_equal(json_count(member(&r, "collections.notes")), ROWS);
    assert_int_equal(json_count(member(&r, "data")), ROWS);
    int i = 0;
    struct json_value data = member(&r, "data");
    for (struct json_value v = json_first(data); !json_is_absent(v); v = json_next(data, v)) {
        snprintf(key, sizeof key, "k%05d", i++);
        assert_true(str_eq(json_string(json_key(v), &t->mem), str_from_c(key)));
    }
}

static void an_empty_account_is_exported_too(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = export_of(t, t->token);
    assert_true(r.json.count > 0);
    assert_int_equal(json_count(member(&r, "data")), 0);
}

static void it_wants_a_sign_in_and_head_writes_nothing(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = export_of(t, NULL);
    test_expect_error(&r, 401, "unauthorized");
    r = test_call(t, (struct test_call){.method = METHOD_HEAD,
                                        .target = "/api/account/export",
                                        .token = t->token});
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.n, 0);
    r = test_call(t, (struct test_call){.target = "/api/account/activity", .token = t->token});
    assert_null(strstr(r.body.p, "\"export\""));
}

static void it_breaks_off_when_the_session_ends(void **state)
{
    struct test_app *t = *state;
    bool more = true;
    struct req r = {.app = &t->app,
                    .mem = &t->mem,
                    .method = METHOD_GET,
                    .path = STR("/api/account/export"),
                    .remote_addr = STR("192.0.2.1"),
                    .headers.authorization = arena_printf(&t->mem, "Bearer %s", t->token)};
    dispatch(&r);
    assert_non_null(r.next_part);
    struct test_reply out = test_call(
        t, (struct test_call){.method = METHOD_POST, .target = "/api/logout", .token = t->token});
    assert_int_equal(out.status, 200);
    assert_int_equal(r.next_part(&r, &more), ERR_UNAUTHORIZED);
    assert_null(r.space);
    buf_release(&r.head);
    buf_release(&r.body_out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_app_set_up_user, test_app_tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(it_holds_everything_and_no_secrets),  TEST(it_has_every_row_once_however_many_parts),
        TEST(an_empty_account_is_exported_too),    TEST(it_wants_a_sign_in_and_head_writes_nothing),
        TEST(it_breaks_off_when_the_session_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
