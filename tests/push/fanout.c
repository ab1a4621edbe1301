/* /connect and POST /publish: who gets an envelope, what is answered, and when. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fanout.h"
#include "lib/push/push.h"
#include "parts.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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

/* A token of whoever holds the secret. */
static const char *backend(struct test_push *t, const char *claims)
{
    struct buf token = BUF_INIT;
    jwt_sign(&token, &t->server.keys.key[0], str_from_c(claims));
    const char *copy = arena_dup(&t->mem, buf_str(&token)).p;
    buf_release(&token);
    return copy;
}

static struct test_client *ask(struct test_push *t, const char *line, const char *headers)
{
    struct test_client *c = test_client_new(t);
    test_client_send(
        c, arena_printf(&t->mem, "%s HTTP/1.1\r\nHost: push.test\r\n%s\r\n", line, headers));
    return c;
}

#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct test_client *connect_to(struct test_push *t, const char *path, const char *claims)
{
    struct str line = arena_printf(&t->mem, "GET %s?token=%s", path, backend(t, claims));
    struct test_client *c = ask(t, line.p, UPGRADE);
    assert_true(str_starts_with(test_client_expect(c, "\r\n\r\n"), STR("HTTP/1.1 101")));
    return c;
}

static void say(struct test_client *c, const char *text)
{
    test_client_frame(c, 0x81, str_from_c(text));
}

/* Subscribed to everything of this type, and it is known that the server knows. */
static struct test_client *subscriber(struct test_push *t, const char *user, const char *filter)
{
    struct test_client *c =
        connect_to(t, "/connect", arena_printf(&t->mem, "{\"userId\":\"%s\"}", user).p);
    say(c, arena_printf(&t->mem, "{\"type\":\"subscribe\",\"filters\":[%s]}", filter).p);
    say(c, " PinG ");
    assert_true(str_eq(test_client_expect_frame(c, 0x81), STR("pong")));
    return c;
}

static struct test_client *publish_as(struct test_push *t, const char *token, const char *body)
{
    struct test_client *c = ask(
        t, "POST /publish",
        arena_printf(&t->mem,
                     "Authorization: Bearer %s\r\nContent-Type: application/json; charset=utf-8\r\n"
                     "Content-Length: %zu\r\n",
                     token, strlen(body))
            .p);
    test_client_send(c, str_from_c(body));
    return c;
}

static struct test_client *publish(struct test_push *t, const char *body)
{
    return publish_as(t, backend(t, "{\"sub\":\"backend\"}"), body);
}

/* The answer's status and body are these. */
static void answers(struct test_client *c, const char *status, const char *body)
{
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    assert_non_null(memmem(head.p, head.n, "Access-Control-Allow-Origin: *\r\n", 32));
    test_client_expect(c, body);
    test_client_free(c);
}

/* The id of the envelope that comes next. */
static struct str envelope_id(struct test_client *c)
{
    struct str text = test_client_expect_frame(c, 0x81);
    assert_true(str_starts_with(text, STR("{\"envelopeId\":\"")));
    return arena_dup(&c->push->mem, str_make(text.p + 15, 32));
}

static void acknowledge(struct test_client *c, struct str id, const char *more)
{
    say(c, arena_printf(&c->push->mem, "{\"type\":\"ack\",\"envelopeId\":\"%.*s\"%s}", STR_ARG(id),
                        more)
               .p);
}

static void nobody_there_is_answered_at_once(void **state)
{
    struct test_push *t = *state;
    answers(publish(t, "{\"userId\":\"u1\"}"), "200", "{\"clientCount\":0,\"results\":[]}");
}

static void an_envelope_carries_what_was_published(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = subscriber(t, "u1", "{\"type\":\"greet\"},{\"type\":\"message\"}");
    struct test_client *p = publish(
        t, "{\"userId\":\" u1 \",\"type\":\" greet \",\"payload\":{\"a\":[1.50,\"\\u00e4\"]},"
           "\"envelopeId\":\"mine\",\"timestamp\":1}");
    struct str text = test_client_expect_frame(c, 0x81);
    struct str id = str_make(text.p + 15, 32);
    assert_true(str_eq(str_from(text, 47), STR("\",\"type\":\"greet\",\"userId\":\"u1\","
                                               "\"timestamp\":\"2023-11-14T22:13:20.000Z\","
                                               "\"payload\":{\"a\":[1.50,\"\\u00e4\"]}}")));
    acknowledge(c, id, ",\"result\":{\"seen\":true}");
    answers(p, "200", "{\"clientCount\":1,\"results\":[{\"seen\":true}]}");

    p = publish(t, "{\"userId\":\"u1\",\"type\":7}");
    text = test_client_expect_frame(c, 0x81);
    assert_true(str_eq(str_from(text, 47), STR("\",\"type\":\"message\",\"userId\":\"u1\","
                                               "\"timestamp\":\"2023-11-14T22:13:20.000Z\"}")));
    acknowledge(c, str_make(text.p + 15, 32), "");
    answers(p, "200", "{\"clientCount\":1,\"results\":[null]}");

    p = publish(t, "{\"userId\":\"u1\",\"type\":\" \",\"payload\":null}");
    text = test_client_expect_frame(c, 0x81);
    assert_true(str_ends_with(text, STR(",\"payload\":null}")));
    test_client_free(c);
    answers(p, "200", "{\"clientCount\":1,\"results\":[]}");
}

static void only_matching_filters_make_a_target(void **state)
{
    struct test_push *t = *state;
    struct test_client *none = connect_to(t, "/connect", "{\"userId\":\"u1\"}");
    struct test_client *other = subscriber(t, "u2", "{\"type\":\"a\"}");
    struct test_client *field =
        subscriber(t, "u1", "{\"type\":\"a\",\"room\":\"1\"},3,{\"x\":\"y\"}");
    struct test_client *star = subscriber(t, "u1", "{\"type\":\"*\"}");
    answers(publish(t, "{\"userId\":\"u1\",\"type\":\"a\",\"payload\":{\"room\":\"2\"}}"), "200",
            "{\"clientCount\":0,\"results\":[]}");
    struct test_client *p =
        publish(t, "{\"userId\":\"u1\",\"type\":\"a\",\"payload\":{\"room\":\"1\"}}");
    acknowledge(field, envelope_id(field), ",\"result\":1");
    answers(p, "200", "{\"clientCount\":1,\"results\":[1]}");
    say(field, "{\"type\":\"unsubscribe\",\"filters\":[{\"room\":\"1\",\"type\":\"a\"}]}");
    say(field, "ping");
    assert_true(str_eq(test_client_expect_frame(field, 0x81), STR("pong")));
    answers(publish(t, "{\"userId\":\"u1\",\"type\":\"a\",\"payload\":{\"room\":\"1\"}}"), "200",
            "{\"clientCount\":0,\"results\":[]}");
    test_client_expect_nothing(none);
    test_client_expect_nothing(other);
    test_client_expect_nothing(star);
    test_client_free(none);
    test_client_free(other);
    test_client_free(field);
    test_client_free(star);
}

static void it_waits_for_all_and_takes_the_first_ack_of_each(void **state)
{
    struct test_push *t = *state;
    struct test_client *c[12];
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        c[i] = subscriber(t, "u1", "{\"type\":\"message\"}");
    struct test_client *p = publish(t, "{\"userId\":\"u1\"}");
    struct str id = envelope_id(c[0]);
    for (size_t i = 1; i < ARRAY_LEN(c); i++)
        assert_true(str_eq(envelope_id(c[i]), id));
    acknowledge(c[3], id, ",\"result\":\"three\"");
    acknowledge(c[3], id, ",\"result\":\"again\"");
    acknowledge(c[0], STR("not an envelope at all, of nobody"), "");
    acknowledge(c[0], id, ",\"result\":0");
    test_client_expect_nothing(p);
    for (size_t i = 4; i < ARRAY_LEN(c); i++)
        acknowledge(c[i], id, "");
    acknowledge(c[2], id, ",\"result\":2");
    test_client_free(c[1]);
    answers(
        p, "200",
        "{\"clientCount\":12,\"results\":[\"three\",0,null,null,null,null,null,null,null,null,2]}");
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        if (i != 1)
            test_client_free(c[i]);
    }
}

static void after_five_seconds_it_answers_with_what_arrived(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = subscriber(t, "u1", "{\"type\":\"message\"}");
    struct test_client *b = subscriber(t, "u1", "{\"type\":\"message\"}");
    struct test_client *p = publish(t, "{\"userId\":\"u1\"}");
    struct str id = envelope_id(a);
    acknowledge(a, id, ",\"result\":\"a\"");
    test_push_wait(t, 4900);
    test_client_expect_nothing(p);
    assert_int_equal(fanout_stats(t->server.parts->fanout).waiting, 1);
    test_push_wait(t, 200);
    answers(p, "200", "{\"clientCount\":2,\"results\":[\"a\"]}");
    acknowledge(b, id, ",\"result\":\"late\"");
    test_push_pause(t);
    assert_int_equal(fanout_stats(t->server.parts->fanout).waiting, 0);
    test_client_free(a);
    test_client_free(b);
}

static void a_publisher_that_leaves_is_forgotten(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = subscriber(t, "u1", "{\"type\":\"message\"}");
    struct test_client *p = publish(t, "{\"userId\":\"u1\"}");
    struct str id = envelope_id(c);
    test_client_free(p);
    test_push_pause(t);
    acknowledge(c, id, "");
    test_push_pause(t);
    assert_int_equal(fanout_stats(t->server.parts->fanout).waiting, 0);
    test_client_free(c);
}

static void a_kept_connection_goes_on_after_its_answer(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = subscriber(t, "u1", "{\"type\":\"message\"}");
    const char *request = arena_printf(&t->mem,
                                       "POST /publish HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n"
                                       "Content-Type: application/json\r\nContent-Length: 15\r\n"
                                       "\r\n{\"userId\":\"u1\"}",
                                       backend(t, "{\"userId\":\"b\"}"))
                              .p;
    struct test_client *p = test_client_new(t);
    test_client_send(p, arena_printf(&t->mem, "%s%s%s", request, request, request));
    for (int i = 0; i < 3; i++) {
        acknowledge(c, envelope_id(c), "");
        test_client_expect(p, "{\"clientCount\":1,\"results\":[null]}");
    }
    test_client_free(p);
    test_client_free(c);
}

static void a_body_may_come_in_pieces_or_chunks(void **state)
{
    struct test_push *t = *state;
    const char *head =
        arena_printf(&t->mem,
                     "POST /publish HTTP/1.1\r\nHost: a\r\nAuthorization: bEaReR %s\r\n"
                     "Content-Type: application/json\r\n",
                     backend(t, "{\"userId\":\"b\"}"))
            .p;
    struct test_client *p = test_client_new(t);
    const char *text =
        arena_printf(&t->mem, "%sExpect: 100-continue\r\nContent-Length: 15\r\n\r\n", head).p;
    for (size_t i = 0; i < strlen(text); i++)
        test_client_send(p, str_make(text + i, 1));
    test_client_expect(p, "HTTP/1.1 100 Continue\r\n\r\n");
    for (const char *at = "{\"userId\":\"u1\"}"; *at; at++)
        test_client_send(p, str_make(at, 1));
    test_client_expect(p, "{\"clientCount\":0,\"results\":[]}");
    test_client_send(p, arena_printf(&t->mem,
                                     "%sTransfer-Encoding: chunked\r\n\r\n5\r\n{\"use\r\n"
                                     "a\r\nrId\":\"u1\"}\r\n0\r\n\r\n%sContent-Length: 0\r\n\r\n",
                                     head, head));
    test_client_expect(p, "{\"clientCount\":0,\"results\":[]}");
    test_client_expect(p, "{\"error\":\"Invalid JSON body\"}");
    test_client_free(p);
}

static void errors_come_in_their_order(void **state)
{
    struct test_push *t = *state;
    const char *good = backend(t, "{\"userId\":\"b\"}");
    const char *reset = backend(t, "{\"userId\":\"b\",\"type\":\"password_reset\"}");
    answers(publish_as(t, "nonsense", "{"), "401", "{\"error\":\"Unauthorized\"}");
    answers(publish_as(t, reset, "{"), "401", "{\"error\":\"Unauthorized\"}");
    answers(ask(t, "POST /publish", "Content-Length: 0\r\n"), "401",
            "{\"error\":\"Unauthorized\"}");
    struct str line = arena_printf(&t->mem, "POST /publish?token=%s", good);
    answers(ask(t, line.p, "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}"), "415",
            "{\"error\":\"Unsupported Media Type\"}");
    answers(ask(t, line.p, "Cookie: a=b\r\nContent-Length: 0\r\n"), "415",
            "{\"error\":\"Unsupported Media Type\"}");
    answers(publish_as(t, good, "{"), "400", "{\"error\":\"Invalid JSON body\"}");
    answers(publish_as(t, good, "[]"), "400", "{\"error\":\"Invalid JSON body\"}");
    answers(publish_as(t, good, "{\"userId\":\"  \"}"), "400",
            "{\"error\":\"userId is required\"}");
    answers(publish_as(t, good, "{\"userId\":5}"), "400", "{\"error\":\"userId is required\"}");
    struct test_client *c = ask(t, "GET /publish", "");
    answers(c, "405", "method_not_allowed");
}

static void a_session_publishes_to_its_own_user_alone(void **state)
{
    struct test_push *t = *state;
    const char *own = test_token(t, 0);
    answers(publish_as(t, own, "{\"userId\":\"" TEST_USER "\"}"), "200", "{\"clientCount\":0");
    answers(publish_as(t, own, "{\"userId\":\"u1\"}"), "403", "\"code\":\"forbidden\"");
    test_revoke(t);
    answers(publish_as(t, own, "{\"userId\":\"" TEST_USER "\"}"), "401",
            "{\"error\":\"Unauthorized\"}");
}

static void a_preflight_needs_no_token(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = ask(t, "OPTIONS /publish", "Origin: https://elsewhere.example\r\n");
    struct str head = test_client_expect(c, "\r\n\r\n");
    assert_true(str_starts_with(head, STR("HTTP/1.1 204")));
    assert_non_null(memmem(head.p, head.n, "Access-Control-Allow-Methods: POST, OPTIONS\r\n", 45));
    assert_non_null(memmem(head.p, head.n, "Access-Control-Max-Age: 86400\r\n", 31));
    test_client_free(c);
}

static void connecting_needs_a_token_and_an_upgrade(void **state)
{
    struct test_push *t = *state;
    const char *const bad[] = {
        "GET /connect?token=x", "GET /connect", "GET /",
        arena_printf(&t->mem, "GET /connect?token=%s", backend(t, "{\"userId\":\"  \"}")).p,
        arena_printf(&t->mem, "GET /connect?token=%s", backend(t, "{\"userId\":7}")).p};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_client *c = ask(t, bad[i], UPGRADE);
        struct str head = test_client_expect(c, "\r\n\r\n");
        assert_true(str_starts_with(head, STR("HTTP/1.1 401")));
        assert_non_null(memmem(head.p, head.n, "Content-Type: text/plain\r\n", 26));
        test_client_expect(c, "Unauthorized");
        test_client_free(c);
    }
    /* A bad header is not rescued by a good query. */
    struct str line =
        arena_printf(&t->mem, "GET /connect?token=%s", backend(t, "{\"userId\":\"u1\"}"));
    struct test_client *c = ask(t, line.p, UPGRADE "Authorization: Bearer x\r\n");
    assert_true(str_starts_with(test_client_expect(c, "\r\n\r\n"), STR("HTTP/1.1 401")));
    test_client_free(c);
    c = ask(t, "GET /connect", "");
    assert_true(str_starts_with(test_client_expect(c, "\r\n\r\n"), STR("HTTP/1.1 426")));
    test_client_free(c);
    test_client_free(connect_to(t, "/", "{\"sub\":\" any name of a user \"}"));
}

static void a_session_that_ends_ends_its_socket(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/connect", "");
    test_revoke(t);
    struct str text = test_client_expect_frame(c, 0x88);
    assert_int_equal((uint8_t)text.p[0] << 8 | (uint8_t)text.p[1], 4401);
    test_client_free(c);
}

static void connections_of_one_user_are_bounded(void **state)
{
    struct test_push *t = *state;
    t->conf.push_max_connections_per_user = 1;
    struct test_client *a = connect_to(t, "/connect", "{\"userId\":\"u1\"}");
    struct str line =
        arena_printf(&t->mem, "GET /connect?token=%s", backend(t, "{\"userId\":\"u1\"}"));
    struct test_client *b = ask(t, line.p, UPGRADE);
    assert_true(str_starts_with(test_client_expect(b, "\r\n\r\n"), STR("HTTP/1.1 429")));
    test_client_free(connect_to(t, "/connect", "{\"userId\":\"u2\"}"));
    test_client_free(a);
    test_client_free(b);
    test_client_free(connect_to(t, "/connect", "{\"userId\":\"u1\"}"));
}

static void what_is_no_message_of_ours_is_ignored(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = subscriber(t, "u1", "{\"type\":\"message\"}");
    const char *const odd[] = {"",
                               "{",
                               "[]",
                               "null",
                               "{\"type\":\"ack\"}",
                               "{\"type\":7}",
                               "{\"type\":\"subscribe\"}",
                               "{\"type\":\"subscribe\",\"filters\":{}}",
                               "{\"type\":\"unsubscribe\",\"filters\":\"x\"}"};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        say(c, odd[i]);
    test_client_frame(c, 0x82, STR("ping"));
    test_client_expect_nothing(c);
    struct test_client *p = publish(t, "{\"userId\":\"u1\"}");
    acknowledge(c, envelope_id(c), "");
    answers(p, "200", "{\"clientCount\":1,\"results\":[null]}");
    test_client_free(c);
}

static void publishers_are_answered_when_the_server_ends(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = subscriber(t, "u1", "{\"type\":\"message\"}");
    struct test_client *p = publish(t, "{\"userId\":\"u1\"}");
    envelope_id(c);
    server_end(&t->server);
    answers(p, "200", "{\"clientCount\":1,\"results\":[]}");
    test_client_expect_frame(c, 0x88);
    test_client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_there_is_answered_at_once),
        TEST(an_envelope_carries_what_was_published),
        TEST(only_matching_filters_make_a_target),
        TEST(it_waits_for_all_and_takes_the_first_ack_of_each),
        TEST(after_five_seconds_it_answers_with_what_arrived),
        TEST(a_publisher_that_leaves_is_forgotten),
        TEST(a_kept_connection_goes_on_after_its_answer),
        TEST(a_body_may_come_in_pieces_or_chunks),
        TEST(errors_come_in_their_order),
        TEST(a_session_publishes_to_its_own_user_alone),
        TEST(a_preflight_needs_no_token),
        TEST(connecting_needs_a_token_and_an_upgrade),
        TEST(a_session_that_ends_ends_its_socket),
        TEST(connections_of_one_user_are_bounded),
        TEST(what_is_no_message_of_ours_is_ignored),
        TEST(publishers_are_answered_when_the_server_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
