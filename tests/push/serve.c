/* From a request head to an answer: paths, methods, who may, limits, kept connections. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/push.h"

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

/* Send a request of these lines; the answer's head. */
static struct str ask(struct test_client *c, const char *lines)
{
    test_client_send(c, arena_printf(&c->push->mem, "%s\r\n", lines));
    return test_client_expect(c, "\r\n\r\n");
}

static bool contains(struct str s, const char *text)
{
    return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

/* A request on a connection of its own is answered with this status. */
static struct str expect_status(struct test_push *t, const char *lines, const char *status)
{
    struct test_client *c = test_client_new(t);
    struct str head = ask(c, lines);
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    test_client_free(c);
    return head;
}

#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"       \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void every_path_is_served_below_push_and_the_base_path_too(void **state)
{
    struct test_push *t = *state;
    t->conf.base_path = STR("/cubby");
    expect_status(t, "GET /api/events HTTP/1.1\r\nHost: a\r\n", "401");
    expect_status(t, "GET /push/api/events HTTP/1.1\r\nHost: a\r\n", "401");
    expect_status(t, "GET /cubby/push/api/events HTTP/1.1\r\nHost: a\r\n", "401");
    expect_status(t, "GET /cubby/push/healthz HTTP/1.1\r\nHost: a\r\n", "200");
    expect_status(t, "GET /cubby HTTP/1.1\r\nHost: a\r\n", "404");
    expect_status(t, "GET /api/eventsx HTTP/1.1\r\nHost: a\r\n", "404");
}

static void a_refusal_is_json(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_client_new(t);
    struct str head = ask(c, "GET /nowhere HTTP/1.1\r\nHost: a\r\n");
    assert_true(contains(head, "Content-Type: application/json\r\n"));
    test_client_expect(c, "{\"error\":\"No such thing\",\"code\":\"not_found\"}");
    test_client_free(c);
}

static void a_method_that_is_not_there_is_405_with_allow(void **state)
{
    struct test_push *t = *state;
    struct str head = expect_status(t, "POST /api/events HTTP/1.1\r\nHost: a\r\n", "405");
    assert_true(contains(head, "Allow: GET, HEAD, OPTIONS\r\n"));
}

static void a_websocket_path_without_upgrade_is_426(void **state)
{
    struct test_push *t = *state;
    struct str head = expect_status(t, "GET /api/ws HTTP/1.1\r\nHost: a\r\n", "426");
    assert_true(contains(head, "Upgrade: websocket\r\n"));
    expect_status(t, "GET /api/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n", "426");
    expect_status(t,
                  "GET /api/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
                  "400");
}

static void a_bad_token_is_401_whatever_else_there_is(void **state)
{
    struct test_push *t = *state;
    const char *good = test_token(t, 0);
    expect_status(t, "GET /api/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x.y.z\r\n",
                  "401");
    expect_status(t,
                  arena_printf(&t->mem,
                               "GET /api/events?token=%s HTTP/1.1\r\nHost: a\r\n"
                               "Authorization: Bearer x.y.z\r\n",
                               good)
                      .p,
                  "401");
    t->now_ms += 901 * 1000;
    test_push_wait(t, 1);
    expect_status(t,
                  arena_printf(&t->mem, "GET /api/events?token=%s HTTP/1.1\r\nHost: a\r\n", good).p,
                  "401");
}

static const char *signed_token(struct test_push *t, const char *claims)
{
    struct buf token = BUF_INIT;
    jwt_sign(&token, &t->server.keys.key[0], str_from_c(claims));
    const char *copy = arena_dup(&t->mem, buf_str(&token)).p;
    buf_release(&token);
    return copy;
}

static void expect_token(struct test_push *t, const char *claims, const char *status)
{
    expect_status(t,
                  arena_printf(&t->mem, "GET /api/events?token=%s HTTP/1.1\r\nHost: a\r\n",
                               signed_token(t, claims))
                      .p,
                  status);
}

static void a_backend_token_opens_streams_of_users_that_exist(void **state)
{
    struct test_push *t = *state;
    expect_token(t, "{\"userId\":\"" TEST_USER "\"}", "200");
    expect_token(t, "{\"userId\":\"" TEST_USER "\",\"exp\":9000000000000000000}", "200");
    expect_token(t, "{\"userId\":\"ffffffffffffffffffffffffffffffff\"}", "401");
    expect_token(t, "{\"userId\":\"../../etc/passwd\"}", "401");
    expect_token(t, "{\"userId\":\"\"}", "401");
    expect_token(t, "{\"userId\":\"" TEST_USER "\",\"type\":\"refresh\"}", "401");
    expect_token(t, "{\"userId\":\"" TEST_USER "\",\"sid\":\"unknown\"}", "401");
}

static void a_good_refresh_cookie_is_enough(void **state)
{
    struct test_push *t = *state;
    struct buf token = BUF_INIT;
    const struct who_keys *keys = &t->server.keys;
    assert_int_equal(who_sign_refresh(&token, keys, STR(TEST_USER), STR(TEST_SID), STR("jti1"),
                                      t->now_ms / 1000, t->now_ms / 1000 + 604800,
                                      str_from_c(keys->kid[0])),
                     OK);
    const char *refresh = arena_dup(&t->mem, buf_str(&token)).p;
    const char *line = "GET /api/events HTTP/1.1\r\nHost: a\r\nCookie: refreshToken=%s%s%s\r\n";
    expect_status(t, arena_printf(&t->mem, line, refresh, "", "").p, "200");
    /* beside an access cookie only of the same user */
    const char *old = signed_token(t, "{\"sub\":\"" TEST_USER "\",\"sid\":\"s\",\"exp\":5}");
    expect_status(t, arena_printf(&t->mem, line, refresh, "; token=", old).p, "200");
    old = signed_token(t, "{\"sub\":\"ffffffffffffffffffffffffffffffff\",\"sid\":\"s\",\"exp\":5}");
    expect_status(t, arena_printf(&t->mem, line, refresh, "; token=", old).p, "401");
    expect_status(t, arena_printf(&t->mem, line, refresh, "; token=", "x").p, "401");
    buf_release(&token);
}

static void an_upgrade_by_cookie_must_come_from_this_site(void **state)
{
    struct test_push *t = *state;
    const char *request = "GET /api/ws HTTP/1.1\r\nHost: here.test\r\n" UPGRADE "%s: %s\r\n%s";
    const char *cookie = arena_printf(&t->mem, "Cookie: token=%s\r\n", test_token(t, 0)).p;
    const char *bearer = arena_printf(&t->mem, "Authorization: Bearer %s\r\n", test_token(t, 0)).p;
    const struct {
        const char *name, *value, *who, *status;
    } cases[] = {
        {"Origin", "http://here.test", cookie, "101"},
        {"Origin", "http://there.test", cookie, "403"},
        {"Origin", "null", cookie, "403"},
        {"Sec-Fetch-Site", "same-origin", cookie, "101"},
        {"Sec-Fetch-Site", "cross-site", cookie, "403"},
        {"X-Nothing", "x", cookie, "101"},
        {"Origin", "http://there.test", bearer, "101"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_status(t,
                      arena_printf(&t->mem, request, cases[i].name, cases[i].value, cases[i].who).p,
                      cases[i].status);
}

static void pages_of_listed_origins_may_read_streams_and_errors(void **state)
{
    struct test_push *t = *state;
    t->conf.cors_origins = (struct conf_list){1, {STR("https://app.test")}};
    const char *allow = "Access-Control-Allow-Origin: https://app.test\r\n";
    const char *lines = arena_printf(&t->mem,
                                     "GET /api/events HTTP/1.1\r\nHost: a\r\n"
                                     "Origin: https://app.test\r\nAuthorization: Bearer %s\r\n",
                                     test_token(t, 0))
                            .p;
    assert_true(contains(expect_status(t, lines, "200"), allow));
    lines = "GET /api/events HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n";
    assert_true(contains(expect_status(t, lines, "401"), allow));
    lines = "OPTIONS /api/events HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n";
    struct str head = expect_status(t, lines, "204");
    assert_true(contains(head, allow));
    assert_true(contains(head, "Access-Control-Allow-Headers: authorization"));
    lines = "OPTIONS /api/events HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.test\r\n";
    assert_false(contains(expect_status(t, lines, "204"), "Access-Control"));
}

static void requests_may_come_several_at_once_or_a_byte_at_a_time(void **state)
{
    struct test_push *t = *state;
    const struct str one = STR("GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    struct test_client *c = test_client_new(t);
    struct buf many = BUF_INIT;
    for (int i = 0; i < 20; i++)
        buf_append_str(&many, one);
    test_client_send(c, buf_str(&many));
    for (int i = 0; i < 20; i++)
        test_client_expect(c, "{\"ok\":true}");
    for (size_t i = 0; i < one.n; i++)
        test_client_send(c, str_make(one.p + i, 1));
    test_client_expect(c, "{\"ok\":true}");
    test_client_expect_nothing(c);
    buf_release(&many);
    test_client_free(c);
}

static void a_request_with_a_body_is_answered_and_the_connection_closed(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_client_new(t);
    struct str head =
        ask(c, "POST /push/healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n");
    assert_true(contains(head, "405"));
    assert_true(contains(head, "Connection: close\r\n"));
    char body[1000];
    memset(body, 'x', sizeof(body));
    for (int i = 0; i < 100; i++)
        test_client_send(c, str_make(body, sizeof(body)));
    test_client_receive(c);
    assert_true(c->is_closed); /* for writing; it is kept until we close, or 2 s */
    test_client_free(c);
}

static void an_upgrade_is_of_http_1_1_and_has_no_body(void **state)
{
    struct test_push *t = *state;
    const char *bearer =
        arena_printf(&t->mem, "Host: a\r\nAuthorization: Bearer %s\r\n" UPGRADE, test_token(t, 0))
            .p;
    expect_status(t, arena_printf(&t->mem, "GET /api/ws HTTP/1.0\r\n%s", bearer).p, "426");
    expect_status(
        t, arena_printf(&t->mem, "GET /api/ws HTTP/1.1\r\n%sContent-Length: 2\r\n", bearer).p,
        "400");
    expect_status(
        t,
        arena_printf(&t->mem, "GET /api/ws HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n", bearer).p,
        "400");
    expect_status(
        t, arena_printf(&t->mem, "GET /api/ws HTTP/1.1\r\n%sContent-Length: 0\r\n", bearer).p,
        "101");
}

static void a_head_that_does_not_come_in_time_ends_the_connection(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_client_new(t);
    test_client_send(c, STR("GET /push/healthz HTT"));
    test_push_wait(t, 9900);
    test_client_receive(c);
    assert_false(c->is_closed);
    test_push_wait(t, 300);
    test_client_expect_end(c);
    test_client_free(c);
}

static void bytes_that_are_no_http_are_400_and_too_many_431(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_client_new(t);
    test_client_send(c, STR("\x16\x03\x01 hello\r\n\r\n"));
    test_client_expect(c, "HTTP/1.1 400 ");
    test_client_expect_end(c);
    test_client_free(c);
    c = test_client_new(t);
    struct buf head = BUF_INIT;
    buf_append_lit(&head, "GET / HTTP/1.1\r\nHost: a\r\n");
    while (head.n < 20000)
        buf_append_lit(&head, "X-Filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
    test_client_send(c, buf_str(&head));
    test_client_expect(c, "HTTP/1.1 431 ");
    test_client_expect_end(c);
    buf_release(&head);
    test_client_free(c);
}

static void connections_of_a_user_are_limited(void **state)
{
    struct test_push *t = *state;
    t->conf.push_max_connections_per_user = 2;
    struct test_client *a = test_get(t, "/api/events", "", "200");
    struct test_client *b = test_get(t, "/api/events", "", "200");
    struct test_client *c = test_get(t, "/api/events", "", "429");
    test_client_free(a);
    struct test_client *d = test_get(t, "/api/events", "", "200");
    test_client_free(b);
    test_client_free(c);
    test_client_free(d);
}

static void connections_of_a_client_address_are_limited(void **state)
{
    struct test_push *t = *state;
    t->conf.push_max_connections_per_ip = 1;
    t->conf.trusted_proxies = (struct conf_list){1, {STR("unix:")}};
    const char *from = "X-Forwarded-For: 192.0.2.7\r\n";
    struct test_client *a = test_get(t, "/api/events", from, "200");
    struct test_client *b = test_get(t, "/api/events", from, "429");
    struct test_client *c = test_get(t, "/api/events", "X-Forwarded-For: 192.0.2.8\r\n", "200");
    test_client_free(a);
    struct test_client *d = test_get(t, "/api/events", from, "200");
    test_client_free(b);
    test_client_free(c);
    test_client_free(d);
}

static void beyond_the_limit_of_connections_it_is_503_with_retry_after(void **state)
{
    struct test_push *t = *state;
    t->conf.push_max_connections = 1;
    struct test_client *a = test_get(t, "/api/events", "", "200");
    struct str head = expect_status(t, "GET /push/healthz HTTP/1.1\r\nHost: a\r\n", "503");
    assert_true(contains(head, "Retry-After: "));
    test_client_free(a);
}

static void a_client_that_leaves_while_it_is_looked_up_is_forgotten(void **state)
{
    struct test_push *t = *state;
    uint64_t own = feed_stats(t->server.feed).sources;
    for (int i = 0; i < 20; i++) {
        struct test_client *c = test_client_new(t);
        test_client_send(c, arena_printf(&t->mem,
                                         "GET /api/events?token=%s HTTP/1.1\r\nHost: a\r\n\r\n",
                                         test_token(t, 0)));
        test_client_free(c);
    }
    test_push_pause(t);
    test_push_wait(t, 40000);
    assert_int_equal(t->server.conns, 0);
    assert_int_equal(feed_stats(t->server.feed).sources, own);
}

static void a_known_session_needs_no_read(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = test_get(t, "/api/events", "", "200");
    uint64_t reads = feed_stats(t->server.feed).reads;
    struct test_client *b = test_get(t, "/api/events", "", "200");
    test_client_free(a);
    test_client_free(b);
    a = test_get(t, "/api/events", "", "200"); /* within the time a space stays open unused */
    assert_int_equal(feed_stats(t->server.feed).reads, reads);
    test_client_free(a);
}

static void who_is_left_at_the_end_is_cut_off(void **state)
{
    struct test_push *t = *state;
    struct test_client *stream = test_get(t, "/api/events", "", "200");
    struct test_client *silent = test_client_new(t);
    server_end(&t->server);
    assert_int_equal(t->server.streams, 0);
    server_cut(&t->server);
    loop_run(t->loop); /* ends with the last of them */
    assert_int_equal(t->server.conns, 0);
    test_client_expect_end(stream);
    test_client_free(stream);
    test_client_free(silent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_path_is_served_below_push_and_the_base_path_too),
        TEST(a_refusal_is_json),
        TEST(a_method_that_is_not_there_is_405_with_allow),
        TEST(a_websocket_path_without_upgrade_is_426),
        TEST(a_bad_token_is_401_whatever_else_there_is),
        TEST(a_backend_token_opens_streams_of_users_that_exist),
        TEST(a_good_refresh_cookie_is_enough),
        TEST(an_upgrade_by_cookie_must_come_from_this_site),
        TEST(pages_of_listed_origins_may_read_streams_and_errors),
        TEST(requests_may_come_several_at_once_or_a_byte_at_a_time),
        TEST(a_request_with_a_body_is_answered_and_the_connection_closed),
        TEST(an_upgrade_is_of_http_1_1_and_has_no_body),
        TEST(a_head_that_does_not_come_in_time_ends_the_connection),
        TEST(bytes_that_are_no_http_are_400_and_too_many_431),
        TEST(connections_of_a_user_are_limited),
        TEST(connections_of_a_client_address_are_limited),
        TEST(beyond_the_limit_of_connections_it_is_503_with_retry_after),
        TEST(a_client_that_leaves_while_it_is_looked_up_is_forgotten),
        TEST(a_known_session_needs_no_read),
        TEST(who_is_left_at_the_end_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
