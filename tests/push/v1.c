/* cubby.v1 on /api/ws: changes, filters, resuming, and what is no message. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/v1.h"

#define PING 0x89
#define PONG 0x8a

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    t.conf.rooms = true;
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

/* The next event is this one, number seq of the log. */
static void expect_event(struct test_client *c, const char *name, const char *data, uint64_t seq)
{
    struct test_push *t = c->push;
    test_v1_expect(c, arena_printf(&t->mem,
                                   "{\"event\":\"%s\",\"data\":%s,\"timestamp\":%lld,"
                                   "\"id\":\"%s\"}",
                                   name, data, (long long)t->now_ms, test_event_id(t, seq))
                          .p);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void it_begins_with_connected_and_an_id_to_go_on_from(void **state)
{
    struct test_push *t = *state;
    test_event(t, "a", "{}");
    struct test_client *c = test_v1_open_session(t, "", "");
    struct str got = test_client_expect_frame(c, 0x81);
    struct str end = arena_printf(&t->mem, "\"seq\":1},\"timestamp\":1700000000000,\"id\":\"%s\"}",
                                  test_event_id(t, 1));
    assert_true(str_starts_with(got, STR("{\"event\":\"realtime:connected\",\"data\":{\"clientId\":"
                                         "\"")));
    assert_true(str_ends_with(got, end));
    test_client_free(c);
}

static void changes_arrive_as_the_log_has_them(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    test_change(t, "table:posts:create", "{\"id\":\"1\",\"n\":1e2}");
    test_change(t, "kv:set", "{\"key\":\"k\"}");
    expect_event(c, "table:posts:create", "{\"id\":\"1\",\"n\":1e2}", 1);
    expect_event(c, "kv:set", "{\"key\":\"k\"}", 2);
    test_client_free(c);
}

static void filters_choose_by_name_beginning_and_fields(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    test_v1_say(c, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"kv:*\"},7,{\"no\":\"type\"},"
                   "{\"type\":\"table:posts:create\",\"author\":\"ann\"}]}");
    test_change(t, "table:posts:create", "{\"author\":\"bob\"}");
    test_change(t, "table:posts:create", "{\"author\":\"ann\"}");
    test_change(t, "table:posts:update", "{\"author\":\"ann\"}");
    test_change(t, "kv:set", "{}");
    expect_event(c, "table:posts:create", "{\"author\":\"ann\"}", 2);
    expect_event(c, "kv:set", "{}", 4);
    test_v1_expect_silence(c);
    test_client_free(c);
}

static void without_its_last_filter_everything_comes_again(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    test_v1_say(c,
                "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"a\",\"x\":\"1\",\"y\":\"\"}]}");
    test_change(t, "b", "{}");
    test_v1_say(c, "{\"type\":\"unsubscribe\",\"filters\":[{\"y\":\"\",\"type\":\" a \",\"x\":"
                   "\"1\"}]}");
    test_change(t, "c", "{}");
    expect_event(c, "c", "{}", 2);
    test_client_free(c);
}

static void fifty_filters_of_a_message_are_read(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    struct buf text = BUF_INIT;
    buf_append_lit(&text, "{\"type\":\"subscribe\",\"filters\":[");
    for (int i = 0; i < 51; i++)
        buf_appendf(&text, "%s{\"type\":\"n%d\"}", i ? "," : "", i);
    buf_append_lit(&text, "]}");
    test_v1_say(c, text.p);
    test_change(t, "n50", "{}");
    test_change(t, "n49", "{}");
    expect_event(c, "n49", "{}", 2);
    buf_release(&text);
    test_client_free(c);
}

/* Published, not sent yet, when the filter changes. */
static void what_was_there_before_a_filter_is_not_lost_to_it(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    test_change(t, "b", "{}");
    test_v1_say(c, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"a\"}]}");
    test_change(t, "b", "{}");
    test_v1_say(c, "{\"type\":\"unsubscribe\",\"filters\":[{\"type\":\"a\"}]}");
    test_change(t, "b", "{}");
    expect_event(c, "b", "{}", 1);
    expect_event(c, "b", "{}", 3);
    test_v1_expect_silence(c);
    test_client_free(c);
}

/* --- resuming --------------------------------------------------------------------------------- */

static void resume(struct test_client *c, const char *id)
{
    test_v1_say(c, arena_printf(&c->push->mem,
                                "{\"type\":\"resume\",\"lastEventIds\":{\"self\":\"%s\"}}", id)
                       .p);
}

static void resuming_replays_what_was_missed_and_goes_on(void **state)
{
    struct test_push *t = *state;
    for (int i = 0; i < 5; i++)
        test_event(t, "old", "{}");
    struct test_client *c = test_v1_open_own(t);
    resume(c, test_event_id(t, 2));
    for (uint64_t seq = 3; seq <= 5; seq++)
        expect_event(c, "old", "{}", seq);
    test_change(t, "new", "{}");
    expect_event(c, "new", "{}", 6);
    test_v1_expect_silence(c);
    test_client_free(c);
}

static void changes_wait_for_the_first_message_so_that_resuming_repeats_none(void **state)
{
    struct test_push *t = *state;
    test_event(t, "missed", "{}");
    struct test_client *c = test_v1_open_fresh(t);
    test_change(t, "live", "{}");
    test_client_expect_nothing(c);
    resume(c, test_event_id(t, 0));
    expect_event(c, "missed", "{}", 1);
    expect_event(c, "live", "{}", 2);
    test_v1_expect_silence(c);
    test_client_free(c);
}

static void who_says_nothing_gets_them_a_moment_later(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_fresh(t), *speaking = test_v1_open_fresh(t);
    test_change(t, "a", "{}");
    test_change(t, "b", "{}");
    test_v1_say(speaking, "ping");
    test_v1_expect(speaking, "pong");
    expect_event(speaking, "a", "{}", 1);
    expect_event(speaking, "b", "{}", 2);
    test_client_expect_nothing(c);
    test_push_wait(t, 260);
    t->now_ms -= 260; /* when they were made */
    expect_event(c, "a", "{}", 1);
    expect_event(c, "b", "{}", 2);
    t->now_ms += 260;
    test_change(t, "c", "{}");
    expect_event(c, "c", "{}", 3);
    test_client_free(c);
    test_client_free(speaking);
    test_client_free(test_v1_open_fresh(t)); /* leaves without a word */
}

static void what_is_not_of_the_log_does_not_wait(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t), *fresh = test_v1_open_fresh(t);
    test_v1_say(c, "{\"type\":\"broadcast\",\"event\":\"app:x\",\"data\":{}}");
    test_v1_expect_begin(fresh, "{\"event\":\"app:x\"");
    test_client_free(c);
    test_client_free(fresh);
}

static void resuming_keeps_to_the_filters(void **state)
{
    struct test_push *t = *state;
    test_event(t, "a", "{}");
    test_event(t, "b", "{}");
    struct test_client *c = test_v1_open_own(t);
    test_v1_say(c, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"b\"}]}");
    resume(c, test_event_id(t, 0));
    expect_event(c, "b", "{}", 2);
    test_v1_expect_silence(c);
    test_client_free(c);
}

static void the_address_may_say_where_to_go_on(void **state)
{
    struct test_push *t = *state;
    test_event(t, "a", "{}");
    test_event(t, "b", "{}");
    const char *query = arena_printf(&t->mem, "?lastEventId=%s", test_event_id(t, 1)).p;
    struct test_client *c = test_v1_open_session(t, query, "");
    test_v1_expect_begin(c, "{\"event\":\"realtime:connected\",");
    expect_event(c, "b", "{}", 2);
    test_v1_expect_silence(c);
    test_client_free(c);
}

static void an_id_that_was_never_given_out_is_a_resync(void **state)
{
    struct test_push *t = *state;
    static const char *const ids[] = {"x", "", "nothing.1", "-1", "1."};
    test_event(t, "a", "{}");
    struct test_client *c = test_v1_open_own(t);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        resume(c, ids[i]);
        test_v1_expect_begin(c, "{\"event\":\"realtime:resync\",\"data\":{\"epoch\":\"");
    }
    resume(c, test_event_id(t, 99));
    test_v1_expect_begin(c, "{\"event\":\"realtime:resync\",\"data\":{\"epoch\":\"");
    test_change(t, "b", "{}");
    expect_event(c, "b", "{}", 2);
    test_client_free(c);
}

static void other_spaces_are_not_found(void **state)
{
    struct test_push *t = *state;
    test_event(t, "a", "{}");
    struct test_client *c = test_v1_open_own(t);
    test_v1_refused(c, "{\"type\":\"resume\",\"lastEventIds\":{\"org:1\":\"e.1\"}}", "not_found");
    test_v1_refused(c, "{\"type\":\"resume\",\"lastEventIds\":{\"" TEST_ANN "\":\"e.1\"}}",
                    "invalid");
    test_v1_refused(c, "{\"type\":\"resume\",\"lastEventIds\":{\"self\":1}}", "invalid");
    test_v1_refused(c, "{\"type\":\"resume\",\"lastEventIds\":\"self\"}", "invalid");
    test_v1_refused(c, "{\"type\":\"resume\"}", "invalid");
    test_v1_expect_silence(c);
    test_client_free(c);
}

static void a_slow_reader_goes_on_from_the_log(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    char *data = arena_alloc(&t->mem, 8002);
    memset(data, 'x', 8000);
    data[0] = data[7999] = '"';
    data[8000] = '\0';
    for (int i = 0; i < 400; i++) {
        test_change(t, "demo:long", data);
        test_push_rounds(t);
    }
    assert_int_equal(t->server.streams, 1);
    for (uint64_t seq = 1; seq <= 400; seq++)
        expect_event(c, "demo:long", data, seq);
    test_v1_expect_silence(c);
    test_client_free(c);
}

/* --- messages --------------------------------------------------------------------------------- */

static void both_pings_are_answered(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    test_v1_say(c, "ping");
    test_v1_say(c, "{\"type\":\"ping\"}");
    test_client_frame(c, PING, STR("x"));
    test_v1_expect(c, "pong");
    test_v1_expect(c, "{\"type\":\"pong\",\"timestamp\":\"2023-11-14T22:13:20.000Z\"}");
    assert_true(str_eq(test_client_expect_frame(c, PONG), STR("x")));
    test_client_free(c);
}

static void nonsense_is_answered_and_changes_nothing(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open_own(t);
    static const char *const texts[] = {"[]",
                                        "1",
                                        "null",
                                        "\"ping\"",
                                        "{}",
                                        "{\"type\":null}",
                                        "{\"type\":\"\"}",
                                        "{\"type\":\"Ping\"}",
                                        "{\"type\":\"subscribe\"}",
                                        "{\"type\":\"subscribe\",\"filters\":{\"type\":\"a\"}}",
                                        "{\"type\":\"unsubscribe\"}",
                                        "{\"type\":\"ack\"}",
                                        "{\"type\":\"ack\",\"envelopeId\":7}",
                                        "{\"type\":\"join\"}",
                                        "{\"type\":\"broadcast\"}",
                                        "{\"type\":\"presence\"}",
                                        "{\"type\":\"leave\"}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        test_v1_refused(c, texts[i], "invalid");
    test_v1_refused(c, "{", "invalid_json");
    test_v1_refused(c, "", "invalid_json");
    test_v1_refused(c, "PING", "invalid_json");
    test_v1_refused(c, "{\"type\":\"ping\",\"type\":\"ping\"}", "invalid_json");
    test_client_frame(c, 0x82, STR("{\"type\":\"ping\"}"));
    test_v1_expect_begin(c, "{\"event\":\"realtime:error\",\"data\":{\"code\":\"invalid_json\"");
    test_v1_say(c, "{\"type\":\"ack\",\"envelopeId\":\"unknown\"}");
    test_change(t, "a", "{}");
    expect_event(c, "a", "{}", 1);
    test_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_begins_with_connected_and_an_id_to_go_on_from),
        TEST(changes_arrive_as_the_log_has_them),
        TEST(filters_choose_by_name_beginning_and_fields),
        TEST(without_its_last_filter_everything_comes_again),
        TEST(fifty_filters_of_a_message_are_read),
        TEST(what_was_there_before_a_filter_is_not_lost_to_it),
        TEST(resuming_replays_what_was_missed_and_goes_on),
        TEST(changes_wait_for_the_first_message_so_that_resuming_repeats_none),
        TEST(who_says_nothing_gets_them_a_moment_later),
        TEST(what_is_not_of_the_log_does_not_wait),
        TEST(resuming_keeps_to_the_filters),
        TEST(the_address_may_say_where_to_go_on),
        TEST(an_id_that_was_never_given_out_is_a_resync),
        TEST(other_spaces_are_not_found),
        TEST(a_slow_reader_goes_on_from_the_log),
        TEST(both_pings_are_answered),
        TEST(nonsense_is_answered_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
