/* Operations: health, metrics, the echo. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "conn.h"
#include "lib/push/push.h"
#include "pulse.h"

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

/* A read that takes as long as the test wants. */
struct stuck_read {
    struct reader_job job;
    atomic_bool go;
    bool done;
};

static void read_stuck(struct reader_job *job, struct store *store)
{
    struct stuck_read *r = container_of(job, struct stuck_read, job);
    (void)store;
    while (!r->go)
        usleep(1000);
}

static void stuck_done(struct reader_job *job)
{
    container_of(job, struct stuck_read, job)->done = true;
}

static void expect_readers(struct test_push *t, size_t busy, size_t waiting)
{
    struct readers_stats s = readers_stats(t->readers);
    for (int i = 0; i < 3000 && (s.busy != busy || s.waiting != waiting); i++) {
        usleep(1000);
        s = readers_stats(t->readers);
    }
    assert_int_equal(s.busy, busy);
    assert_int_equal(s.waiting, waiting);
    assert_int_equal(s.oldest_us > 0, busy > 0);
}

static void reads_that_wait_for_a_thread_are_counted(void **state)
{
    struct test_push *t = *state;
    static struct stuck_read reads[3];
    for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
        reads[i] = (struct stuck_read){.job = {.read = read_stuck, .done = stuck_done}};
        readers_submit(t->readers, &reads[i].job);
    }
    expect_readers(t, 1, 2);
    reads[0].go = true;
    for (int i = 0; i < 1000 && !reads[0].done; i++)
        loop_round(t->loop, 1);
    expect_readers(t, 1, 1);
    reads[1].go = reads[2].go = true;
    expect_readers(t, 0, 0);
    test_push_rounds(t);
    assert_true(reads[2].done);
}

static struct test_client *ask_health(struct test_push *t)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, STR("GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_push_rounds(t);
    return c;
}

static void expect_unwell(struct test_client *c, const char *code)
{
    test_client_expect(c, "503");
    test_client_expect(c, "{\"ok\":false,\"error\":");
    test_client_expect(c, code);
}

static void readers_that_do_not_come_back_are_unwell_until_they_do(void **state)
{
    struct test_push *t = *state;
    static struct stuck_read read;
    read = (struct stuck_read){.job = {.read = read_stuck, .done = stuck_done}};
    readers_submit(t->readers, &read.job);
    struct test_client *first = ask_health(t), *second = ask_health(t);
    test_client_expect_nothing(first);
    test_push_wait(t, PULSE_MS);
    expect_unwell(first, "\"busy\"");
    expect_unwell(second, "\"busy\"");
    test_client_free(second);
    struct test_client *third = ask_health(t);
    expect_unwell(third, "\"busy\"");
    read.go = true;
    expect_readers(t, 0, 0);
    test_push_pause(t);
    test_client_send(first, STR("GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_client_expect(first, "{\"ok\":true}");
    test_client_free(first);
    test_client_free(third);
}

static void who_asks_and_leaves_is_forgotten(void **state)
{
    struct test_push *t = *state;
    static struct stuck_read read;
    read = (struct stuck_read){.job = {.read = read_stuck, .done = stuck_done}};
    readers_submit(t->readers, &read.job);
    test_client_free(ask_health(t));
    test_push_rounds(t);
    read.go = true;
    expect_readers(t, 0, 0);
    test_push_pause(t);
    struct test_client *c = test_get(t, "/push/healthz", "", "200");
    test_client_expect(c, "{\"ok\":true}");
    test_client_free(c);
}

static void little_room_on_the_disk_is_unwell(void **state)
{
    struct test_push *t = *state;
    t->conf.min_free_bytes = INT64_MAX;
    struct test_client *c = ask_health(t);
    expect_unwell(c, "\"storage_full\"");
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
    assert_true(t->server.pending_bytes > 0);
    assert_int_equal(t->server.pending_bytes, msg_queue_bytes(conn->out));
    assert_int_equal(t->server.pending_conns, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(test_client_expect_frame(c, 0x81).n, 60000);
    test_client_frame(c, 0x81, STR("on it goes"));
    assert_true(str_eq(test_client_expect_frame(c, 0x81), STR("on it goes")));
    assert_int_equal(t->server.pending_bytes, 0);
    assert_int_equal(t->server.pending_conns, 0);
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
    test_push_rounds(*state);
    assert_int_equal(t->server.pending_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(health_is_told_to_everybody),
        TEST(a_head_request_has_the_head_alone),
        TEST(metrics_need_their_token),
        TEST(reads_that_wait_for_a_thread_are_counted),
        TEST(readers_that_do_not_come_back_are_unwell_until_they_do),
        TEST(who_asks_and_leaves_is_forgotten),
        TEST(little_room_on_the_disk_is_unwell),
        TEST(the_echo_is_there_for_tests_only),
        TEST(the_echo_sends_text_and_binary_back_and_says_nothing_itself),
        TEST(pongs_that_nobody_takes_stay_bounded),
        TEST(a_sender_that_does_not_read_is_made_to_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
