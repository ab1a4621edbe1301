/* Operations: health, metrics, the echo. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "conn.h"
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

static void health_is_told_to_everybody(void **state)
{
    struct test_client *c = test_get(*state, "/push/healthz", "", "200");
    test_client_expect(c, "{\"ok\":true}");
    test_client_free(c);
}

static void a_head_request_has_the_head_alone(void **state)
{
    struct test_client *c = test_client_new(*state);
    test_client_send(c, STR("HEAD /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_client_expect(c, "Content-Length: 11\r\n");
    test_client_expect(c, "\r\n\r\n");
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void metrics_need_their_token(void **state)
{
    struct test_push *t = *state;
    test_client_free(test_get(t, "/push/metrics", "", "404"));
    t->conf.metrics_token = STR("open sesame");
    test_client_free(test_get(t, "/push/metrics", "", "404"));
    struct test_client *c = test_client_new(t);
    test_client_send(c, STR("GET /push/metrics HTTP/1.1\r\nHost: a\r\n"
                            "Authorization: Bearer open sesame\r\n\r\n"));
    test_client_expect(c, "Content-Type: text/plain; version=0.0.4\r\n");
    test_client_expect(c, "# TYPE cubby_push_connections gauge\ncubby_push_connections 1\n");
    test_client_free(c);
}

static void the_echo_is_there_for_tests_only(void **state)
{
    struct test_push *t = *state;
    t->conf.test_endpoints = false;
    test_client_free(test_get(t, "/push/echo", "", "404"));
}

static void the_echo_sends_text_and_binary_back_and_says_nothing_itself(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", "");
    test_client_expect_nothing(c);
    test_client_frame(c, 0x81, STR("text"));
    assert_true(str_eq(test_client_expect_frame(c, 0x81), STR("text")));
    test_client_frame(c, 0x82, STR("\xff\x00\xfe"));
    assert_int_equal(test_client_expect_frame(c, 0x82).n, 3);
    test_client_frame(c, 0x01, STR("in "));
    test_client_frame(c, 0x00, STR("three "));
    test_client_frame(c, 0x89, STR("between"));
    test_client_frame(c, 0x80, STR("parts"));
    assert_true(str_eq(test_client_expect_frame(c, 0x8a), STR("between")));
    assert_true(str_eq(test_client_expect_frame(c, 0x81), STR("in three parts")));
    test_client_free(c);
}

/* Who sends and does not read is not read either: what waits for it stays bounded. */
static void a_sender_that_does_not_read_is_made_to_wait(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", "");
    char *data = mem_alloc(60000);
    memset(data, 'x', 60000);
    for (int i = 0; i < 4; i++) /* beyond push_buffer, and what the kernel takes */
        test_client_frame(c, 0x81, str_make(data, 60000));
    struct conn *conn = list_entry(t->server.strangers.next, struct conn, peers);
    size_t limit = 60000 + (size_t)t->conf.push_buffer + SERVER_INPUT;
    assert_true(msg_queue_memory(conn->out) <= limit);
    for (int i = 0; i < 4; i++)
        assert_int_equal(test_client_expect_frame(c, 0x81).n, 60000);
    test_client_frame(c, 0x81, STR("on it goes"));
    assert_true(str_eq(test_client_expect_frame(c, 0x81), STR("on it goes")));
    mem_free(data);
    test_client_free(c);
}

/* Each ping comes alone; what its pong costs counts, not its two bytes. */
static void pongs_that_nobody_takes_stay_bounded(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/push/echo", "");
    struct conn *conn = list_entry(t->server.strangers.next, struct conn, peers);
    size_t limit = (size_t)t->conf.push_buffer + 1000;
    while (!conn->out)
        test_client_frame(c, 0x81, STR("fill the socket"));
    for (int i = 0; i < 20000 && conn->io.events & LOOP_IN; i++)
        test_client_frame(c, 0x89, STR(""));
    assert_false(conn->io.events & LOOP_IN);
    assert_true(msg_queue_memory(conn->out) <= limit);
    test_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(health_is_told_to_everybody),
        TEST(a_head_request_has_the_head_alone),
        TEST(metrics_need_their_token),
        TEST(the_echo_is_there_for_tests_only),
        TEST(the_echo_sends_text_and_binary_back_and_says_nothing_itself),
        TEST(pongs_that_nobody_takes_stay_bounded),
        TEST(a_sender_that_does_not_read_is_made_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
