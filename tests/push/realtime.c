/* GET /realtime and POST /live/render: live pages by their key. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/shared.h"
#include "live.h"
#include "wire/jwt.h"

#define TEXT  0x81
#define CLOSE 0x88

#define RENDER(key, html) "{\"key\":\"" key "\",\"html\":\"" html "\"}"

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    t.conf.max_body = 1024 * 1024;
    t.conf.live_public = true;
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

static const char *backend_token(struct test_push *t)
{
    struct buf token = BUF_INIT;
    jwt_sign(&token, &t->server.keys.key[0], STR("{\"sub\":\"a script\"}"));
    const char *copy = arena_dup(&t->mem, buf_str(&token)).p;
    buf_release(&token);
    return copy;
}

/* A call; what the answer's body must be. */
static void call(struct test_push *t, const char *token, const char *lines, struct str body,
                 const char *answer)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "POST /live/render HTTP/1.1\r\nHost: push.test\r\n%s%s%s"
                                     "Content-Length: %zu\r\n%s\r\n",
                                     token ? "Authorization: Bearer " : "", token ? token : "",
                                     token ? "\r\n" : "", body.n, lines));
    test_client_send(c, body);
    test_client_expect(c, "\r\n\r\n");
    test_client_expect(c, answer);
    test_client_free(c);
}

#define JSON_BODY "Content-Type: application/json\r\n"

static void render(struct test_push *t, const char *json, const char *answer)
{
    call(t, backend_token(t), JSON_BODY, str_from_c(json), answer);
}

static void expect_text(struct test_client *c, const char *text)
{
    struct str got = test_client_expect_frame(c, TEXT);
    assert_string_equal(arena_dup(&c->push->mem, got).p, text);
}

/* The next bytes are exactly these. */
static void expect_bytes(struct test_client *c, const char *bytes)
{
    struct str got = test_client_expect(c, bytes);
    assert_int_equal(got.n, strlen(bytes));
}

/* By a visitor. */
static struct test_client *visit(struct test_push *t, const char *target, const char *status)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c,
                     arena_printf(&t->mem, "GET %s HTTP/1.1\r\nHost: push.test\r\n\r\n", target));
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    return c;
}

static void a_render_reaches_everyone_with_its_key(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = visit(t, "/realtime?key=%2Fprices", "200");
    struct test_client *b = test_upgrade(t, "/realtime?key=/prices", "");
    struct test_client *other = visit(t, "/realtime?key=/price", "200");
    render(t, RENDER("/prices", "<b>1</b>"), "{\"ok\":true,\"clientCount\":2}");
    render(t, "{\"html\":\"\",\"key\":\"/prices\",\"more\":[1]}",
           "{\"ok\":true,\"clientCount\":2}");
    render(t, "{ \"key\" : \"/prices\" }", "{\"ok\":true,\"clientCount\":2}");
    expect_bytes(a, "event: render\ndata: " RENDER("/prices", "<b>1</b>") "\n\n");
    expect_bytes(a, "event: render\ndata: " RENDER("/prices", "") "\n\n");
    expect_bytes(a, "event: render\ndata: {\"key\":\"/prices\"}\n\n");
    expect_text(b, "{\"event\":\"render\",\"data\":" RENDER(
                       "/prices", "<b>1</b>") ",\"timestamp\":1700000000000}");
    expect_text(
        b, "{\"event\":\"render\",\"data\":" RENDER("/prices", "") ",\"timestamp\":1700000000000}");
    expect_text(
        b, "{\"event\":\"render\",\"data\":{\"key\":\"/prices\"},\"timestamp\":1700000000000}");
    test_client_expect_nothing(other);
    test_client_free(a);
    test_client_free(b);
    test_client_free(other);
}

static void keys_are_compared_by_their_characters(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = visit(t, "/realtime?key=caf%C3%A9+%22", "200");
    render(t, "{\"key\":\"caf\\u00e9 \\\"\"}", "{\"ok\":true,\"clientCount\":1}");
    expect_bytes(c, "event: render\ndata: {\"key\":\"caf\\u00e9 \\\"\"}\n\n");
    test_client_free(c);
}

static void line_breaks_stay_within_one_data_line(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = visit(t, "/realtime?key=k", "200");
    render(t, RENDER("k", "a\\nb\\r\\n"), "\"clientCount\":1}");
    expect_bytes(c, "event: render\ndata: " RENDER("k", "a\\nb\\r\\n") "\n\n");
    test_client_free(c);
}

static void a_megabyte_of_html_arrives_whole(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = visit(t, "/realtime?key=k", "200");
    struct buf body = BUF_INIT;
    buf_append_lit(&body, "{\"key\":\"k\",\"html\":\"");
    while (body.n < 1024 * 1024 - 10)
        buf_append_lit(&body, "12345678");
    buf_append_lit(&body, "\"}");
    call(t, backend_token(t), JSON_BODY, buf_str(&body), "{\"ok\":true,\"clientCount\":1}");
    struct str got = test_client_expect(c, "\n\n");
    assert_int_equal(got.n, strlen("event: render\ndata: \n\n") + body.n);
    buf_release(&body);
    test_client_free(c);
}

static void nobody_listens_and_that_is_fine(void **state)
{
    render(*state, "{\"key\":\"nobody\"}", "{\"ok\":true,\"clientCount\":0}");
}

static void keys_have_a_length(void **state)
{
    struct test_push *t = *state;
    char key[LIVE_KEY_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[LIVE_KEY_MAX + 1] = '\0';
    test_client_free(visit(t, "/realtime", "400"));
    test_client_free(visit(t, "/realtime?key=", "400"));
    test_client_free(visit(t, arena_printf(&t->mem, "/realtime?key=%s", key).p, "414"));
    render(t, arena_printf(&t->mem, "{\"key\":\"%s\"}", key).p, "\"code\":\"invalid\"}");
    key[LIVE_KEY_MAX] = '\0';
    struct test_client *c = visit(t, arena_printf(&t->mem, "/realtime?key=%s", key).p, "200");
    render(t, arena_printf(&t->mem, "{\"key\":\"%s\"}", key).p, "\"clientCount\":1}");
    test_client_free(c);
}

static void without_live_public_one_signs_in(void **state)
{
    struct test_push *t = *state;
    t->conf.live_public = false;
    test_client_free(visit(t, "/realtime?key=k", "401"));
    struct test_client *c = test_get(t, "/realtime?key=k", "", "200");
    render(t, "{\"key\":\"k\"}", "\"clientCount\":1}");
    expect_bytes(c, "event: render\ndata: {\"key\":\"k\"}\n\n");
    test_client_free(c);
}

static void only_holders_of_the_secret_render(void **state)
{
    struct test_push *t = *state;
    struct str body = STR("{\"key\":\"k\"}");
    call(t, NULL, JSON_BODY, body, "\"code\":\"unauthorized\"}");
    call(t, "nonsense", JSON_BODY, body, "\"code\":\"unauthorized\"}");
    call(t, test_token(t, 0), JSON_BODY, body, "\"code\":\"forbidden\"}");
    test_client_free(test_get(t, "/live/render", "", "405"));
}

static void what_is_no_render_is_refused_in_words(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "\"k\"",
        "{\"key\":7}",
        "{\"key\":\"\"}",
        "{\"key\":null}",
        "{\"key\":\"k\",\"html\":7}",
        "{\"key\":\"k\",\"html\":null}",
        "{\"key\":\"k\",\"html\":[\"<b>\"]}",
    };
    struct test_push *t = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        render(t, bad[i], "\"code\":\"invalid\"}");
    render(t, "{\"key\":", "\"code\":\"invalid_json\"}");
    render(t, "", "\"code\":\"invalid_json\"}");
    render(t, "{\"key\":\"\\u0000\"}", "\"code\":\"invalid_json\"}");
    call(t, backend_token(t), "Content-Type: text/html\r\n", STR("{\"key\":\"k\"}"),
         "\"code\":\"unsupported_media_type\"}");
}

static void renders_of_the_counters_log_arrive_in_its_order(void **state)
{
    struct test_push *t = *state;
    test_shared_open(t);
    struct test_client *c = visit(t, "/realtime?key=/counter", "200");
    test_shared_event(t, "render", RENDER("/counter", "1"));
    test_shared_event(t, "counter:increment:global-counter", "{}");
    test_shared_change(t, "render", RENDER("/counter", "2"));
    expect_bytes(c, "event: render\ndata: " RENDER("/counter", "1") "\n\n");
    expect_bytes(c, "event: render\ndata: " RENDER("/counter", "2") "\n\n");
    test_client_free(c);
}

static void pages_come_back_when_renders_are_missing(void **state)
{
    struct test_push *t = *state;
    test_shared_open(t);
    struct test_client *sse = visit(t, "/realtime?key=/counter", "200");
    struct test_client *ws = test_upgrade(t, "/realtime?key=other", "");
    test_shared_event(t, "counter:increment:a", "{}");
    test_shared_replace(t);
    test_shared_change(t, "render", RENDER("/counter", "2"));
    test_client_expect_end(sse);
    struct str close = test_client_expect_frame(ws, CLOSE);
    assert_int_equal((uint8_t)close.p[0] << 8 | (uint8_t)close.p[1], 1013);
    test_client_free(sse);
    test_client_free(ws);
}

static void what_a_client_says_is_ignored_but_for_ping(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/realtime?key=k", "");
    test_client_frame(c, TEXT, STR("{\"event\":\"render\"}"));
    test_client_frame(c, TEXT, STR("nonsense"));
    test_client_frame(c, TEXT, STR("ping"));
    expect_text(c, "pong");
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void a_silent_stream_gets_a_comment_now_and_then(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = visit(t, "/realtime?key=k", "200");
    test_client_expect_nothing(c);
    test_push_wait(t, 26000);
    expect_bytes(c, ":\n\n");
    test_client_free(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_render_reaches_everyone_with_its_key),
        T(keys_are_compared_by_their_characters),
        T(line_breaks_stay_within_one_data_line),
        T(a_megabyte_of_html_arrives_whole),
        T(nobody_listens_and_that_is_fine),
        T(keys_have_a_length),
        T(without_live_public_one_signs_in),
        T(only_holders_of_the_secret_render),
        T(what_is_no_render_is_refused_in_words),
        T(renders_of_the_counters_log_arrive_in_its_order),
        T(pages_come_back_when_renders_are_missing),
        T(what_a_client_says_is_ignored_but_for_ping),
        T(a_silent_stream_gets_a_comment_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
