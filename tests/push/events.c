/* GET /api/events: greeting, live events, replay, gaps, filters, the end of a sign-in. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

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

static bool contains(struct str s, const char *text)
{
    return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

/* A stream past its greeting. */
static struct test_client *open_stream(struct test_push *t, const char *target, const char *extra)
{
    struct test_client *c = test_get(t, target, extra, "200");
    test_client_expect(c, "realtime:connected");
    test_client_expect(c, "\n\n");
    return c;
}

static const char *last_id(struct test_push *t, uint64_t seq)
{
    return arena_printf(&t->mem, "Last-Event-ID: %s\r\n", test_event_id(t, seq)).p;
}

static void the_greeting_says_where_the_log_stands(void **state)
{
    struct test_push *t = *state;
    test_event(t, "kv:set", "{}");
    test_event(t, "kv:set", "{}");
    struct test_client *c = test_get(t, "/api/events", "", "200");
    struct str first = test_client_expect(c, "\n\n");
    assert_true(str_starts_with(first, STR("retry: ")));
    assert_true(contains(first, test_event_id(t, 2)));
    assert_true(contains(first,
                         "event: realtime:connected\ndata: {\"event\":\"realtime:connected\","
                         "\"data\":{\"clientId\":\""));
    assert_true(contains(first, "\"seq\":2}"));
    test_client_free(c);
}

static void the_head_lets_no_proxy_hold_events_back(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_client_new(t);
    test_client_send(c,
                     arena_printf(&t->mem, "GET /api/events?token=%s HTTP/1.1\r\nHost: a\r\n\r\n",
                                  test_token(t, 0)));
    struct str head = test_client_expect(c, "\r\n\r\n");
    assert_true(contains(head, "Content-Type: text/event-stream\r\n"));
    assert_true(contains(head, "Cache-Control: no-store\r\n"));
    assert_true(contains(head, "X-Accel-Buffering: no\r\n"));
    assert_false(contains(head, "Transfer-Encoding"));
    test_client_free(c);
}

static void changes_arrive_with_id_name_and_envelope(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_change(t, "table:posts:create", "{\"id\":\"1\",\n \"n\":1.50}");
    struct str e = test_client_expect(c, "\n\n");
    const char *expected = arena_printf(&t->mem,
                                        "id: %s\nevent: table:posts:create\n"
                                        "data: {\"event\":\"table:posts:create\",\"data\":{\"id\":"
                                        "\"1\",\ndata:  \"n\":1.50},\"timestamp\":%lld}\n\n",
                                        test_event_id(t, 1), (long long)TEST_NOW_MS)
                               .p;
    assert_string_equal(arena_dup(&t->mem, e).p, expected);
    test_client_free(c);
}

static void format_message_leaves_the_name_out(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events?format=message", "");
    test_change(t, "kv:set", "{}");
    struct str e = test_client_expect(c, "\n\n");
    assert_false(contains(e, "event: "));
    assert_true(contains(e, "data: {\"event\":\"kv:set\""));
    test_client_free(c);
}

static void a_filter_lets_through_what_it_names(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events?events=table:posts:*,kv:set", "");
    struct test_client *all = open_stream(t, "/api/events", "");
    test_change(t, "table:notes:create", "{}");
    test_change(t, "kv:set", "{\"k\":1}");
    test_change(t, "kv:delete", "{}");
    test_change(t, "table:posts:delete", "{\"k\":2}");
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"k\":1}"));
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"k\":2}"));
    test_client_expect_nothing(c);
    for (int i = 0; i < 4; i++)
        test_client_expect(all, "\n\n");
    test_client_free(c);
    test_client_free(all);
}

static void a_filter_that_cannot_be_read_is_refused(void **state)
{
    struct test_push *t = *state;
    test_client_free(test_get(t, "/api/events?events=a*b", "", "400"));
}

static void missed_events_are_replayed_then_live_ones_follow(void **state)
{
    struct test_push *t = *state;
    for (int i = 0; i < 1300; i++) /* more than one read takes, more than the log keeps */
        test_event(t, "kv:set", arena_printf(&t->mem, "{\"n\":%d}", i).p);
    struct test_client *c = open_stream(t, "/api/events", last_id(t, 600));
    test_change(t, "kv:set", "{\"n\":1300}");
    for (int i = 600; i <= 1300; i++) {
        struct str e = test_client_expect(c, "\n\n");
        assert_true(contains(e, arena_printf(&t->mem, "{\"n\":%d}", i).p));
    }
    test_change(t, "kv:set", "{\"n\":1301}");
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"n\":1301}"));
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void a_replay_is_filtered_too(void **state)
{
    struct test_push *t = *state;
    test_event(t, "kv:set", "{\"n\":1}");
    test_event(t, "kv:delete", "{\"n\":2}");
    test_event(t, "kv:set", "{\"n\":3}");
    const char *target =
        arena_printf(&t->mem, "/api/events?events=kv:set&lastEventId=%s", test_event_id(t, 1)).p;
    struct test_client *c = open_stream(t, target, "");
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"n\":3}"));
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void the_header_wins_over_the_parameter(void **state)
{
    struct test_push *t = *state;
    test_event(t, "kv:set", "{\"n\":1}");
    test_event(t, "kv:set", "{\"n\":2}");
    const char *target = arena_printf(&t->mem, "/api/events?lastEventId=%s", test_event_id(t, 0)).p;
    struct test_client *c = open_stream(t, target, last_id(t, 1));
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"n\":2}"));
    test_client_free(c);
}

static void what_the_log_no_longer_has_is_one_resync(void **state)
{
    struct test_push *t = *state;
    for (int i = 0; i < 1300; i++)
        test_event(t, "kv:set", "{}");
    struct test_client *c = open_stream(t, "/api/events?events=kv:*", last_id(t, 3));
    struct str e = test_client_expect(c, "\n\n");
    assert_true(contains(e, "event: realtime:resync\n"));
    assert_true(contains(e, test_event_id(t, 1300)));
    test_client_expect_nothing(c);
    test_change(t, "kv:set", "{\"n\":1}");
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"n\":1}"));
    test_client_free(c);
}

static void an_id_of_another_epoch_or_none_at_all_is_a_resync(void **state)
{
    static const char *const ids[] = {"00000000.1", "nonsense", "99"};
    struct test_push *t = *state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const char *line = arena_printf(&t->mem, "Last-Event-ID: %s\r\n", ids[i]).p;
        struct test_client *c = open_stream(t, "/api/events", line);
        assert_true(contains(test_client_expect(c, "\n\n"), "event: realtime:resync\n"));
        test_client_expect_nothing(c);
        test_client_free(c);
    }
}

static void an_id_that_was_never_given_out_is_a_resync(void **state)
{
    struct test_push *t = *state;
    test_event(t, "kv:set", "{}");
    struct test_client *c = open_stream(t, "/api/events", last_id(t, 7));
    assert_true(contains(test_client_expect(c, "\n\n"), "event: realtime:resync\n"));
    test_client_free(c);
}

/* The answer to a write may overtake its hint: its X-As-Of is then ahead of what pushd knows. */
static void an_id_ahead_of_the_hints_misses_and_repeats_nothing(void **state)
{
    struct test_push *t = *state;
    struct test_client *first = open_stream(t, "/api/events", "");
    test_event(t, "kv:set", "{\"n\":1}");
    struct test_client *c = open_stream(t, "/api/events", last_id(t, 1));
    test_hint(t, 1, 1, true);
    test_change(t, "kv:set", "{\"n\":2}");
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"n\":2}"));
    assert_true(contains(test_client_expect(first, "\n\n"), "{\"n\":1}"));
    assert_true(contains(test_client_expect(first, "\n\n"), "{\"n\":2}"));
    test_client_expect_nothing(c);
    test_client_expect_nothing(first);
    test_client_free(first);
    test_client_free(c);
}

/* A read that began before the id was given out knows nothing of it, and says nothing about it. */
static void an_id_newer_than_the_read_in_flight_is_no_resync(void **state)
{
    struct test_push *t = *state;
    struct test_client *first = open_stream(t, "/api/events", "");
    test_event(t, "kv:set", "{\"n\":1}");
    test_hint(t, 1, 1, false);
    usleep(50000); /* the reader thread has read as far as 1; its answer waits for the next round */
    test_event(t, "kv:set", "{\"n\":2}");
    test_event(t, "kv:set", "{\"n\":3}");
    test_hint(t, 1, 3, true);
    const char *request = arena_printf(&t->mem,
                                       "GET /api/events HTTP/1.1\r\nHost: a\r\n"
                                       "Authorization: Bearer %s\r\n%s\r\n",
                                       test_token(t, 0), last_id(t, 2))
                              .p;
    struct test_client *c = test_client_new_with(t, str_from_c(request));
    test_client_expect(c, "realtime:connected");
    test_client_expect(c, "\n\n");
    assert_true(contains(test_client_expect(c, "\n\n"), "{\"n\":3}"));
    test_client_expect_nothing(c);
    test_client_free(first);
    test_client_free(c);
}

static void a_lost_hint_is_made_up_for_by_the_next(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_event(t, "kv:set", "{\"n\":1}");
    test_event(t, "kv:set", "{\"n\":2}");
    test_change(t, "kv:set", "{\"n\":3}");
    for (int i = 1; i <= 3; i++) {
        struct str e = test_client_expect(c, "\n\n");
        assert_true(contains(e, arena_printf(&t->mem, "{\"n\":%d}", i).p));
    }
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void a_hint_without_events_and_a_late_one_are_read_once(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_event(t, "kv:set", "{\"n\":1}");
    test_event(t, "kv:set", "{\"n\":2}");
    test_hint(t, 1, 2, false);
    test_hint(t, 1, 2, true);
    test_client_expect(c, "{\"n\":1}");
    test_client_expect(c, "{\"n\":2}");
    test_client_expect(c, "\n\n");
    test_hint(t, 1, 2, true);
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void a_gap_of_the_bus_finds_what_no_hint_told(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_event(t, "kv:set", "{\"n\":1}");
    const struct bus_message gap = {.kind = BUS_GAP};
    feed_hint(t->server.feed, &gap);
    test_push_wait(t, 100);
    test_client_expect(c, "{\"n\":1}");
    test_client_free(c);
}

static void a_revoked_session_ends_its_streams(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_revoke(t);
    struct str e = test_client_expect(c, "\n\n");
    assert_true(contains(e, "event: realtime:error\n"));
    assert_true(contains(e, "\"data\":{\"code\":\"unauthorized\""));
    test_client_expect_end(c);
    assert_int_equal(c->in.n, 0);
    test_client_free(c);
    test_client_free(test_get(t, "/api/events", "", "401"));
}

static void a_revocation_no_hint_told_of_is_found_by_the_sweep(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    int64_t removed;
    struct space *sp = test_user_writing(&t->store);
    assert_int_equal(sessions_revoke(sp, STR(TEST_SID), &removed), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    const struct bus_message gap = {.kind = BUS_GAP};
    feed_hint(t->server.feed, &gap);
    test_push_wait(t, 100);
    test_client_expect(c, "realtime:error");
    test_client_expect_end(c);
    test_client_free(c);
}

static void a_token_warns_a_minute_before_it_ends_the_stream(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_push_wait(t, (ACCESS_TOKEN_S - 61) * 1000);
    test_client_receive(c);
    assert_false(contains(buf_str(&c->in), "event: "));
    buf_reset(&c->in);
    test_push_wait(t, 2000);
    test_client_expect(c, "event: realtime:token_expiring\n");
    buf_reset(&c->in);
    test_push_wait(t, 61000);
    test_client_expect(c, "event: realtime:error\n");
    test_client_expect_end(c);
    test_client_free(c);
}

static void a_silent_stream_has_a_comment_every_25_seconds(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    for (int i = 0; i < 3; i++) {
        test_push_wait(t, 25100);
        test_client_expect(c, ":\n\n");
        assert_int_equal(c->in.n, 0);
    }
    test_client_free(c);
}

static void a_stream_ends_cleanly_at_its_age(void **state)
{
    struct test_push *t = *state;
    t->conf.stream_max_age = 100;
    struct test_client *c = open_stream(t, "/api/events", "");
    test_push_wait(t, 89000);
    test_client_receive(c);
    assert_false(c->is_closed);
    test_push_wait(t, 22000);
    test_client_expect_end(c);
    assert_false(contains(buf_str(&c->in), "event: "));
    test_client_free(c);
}

/* Fill the stream of a client that reads nothing, then let it read. */
static void a_slow_reader_loses_nothing(void **state)
{
    struct test_push *t = *state;
    char *data = arena_alloc(&t->mem, 8002);
    memset(data, 'x', 8000);
    data[0] = data[7999] = '"';
    data[8000] = '\0';
    struct test_client *c = open_stream(t, "/api/events", "");
    for (int i = 0; i < 400; i++) {
        test_change(t, "kv:set", data);
        test_push_rounds(t);
    }
    for (int i = 1; i <= 400; i++) {
        struct str e = test_client_expect(c, "\n\n");
        assert_true(
            str_starts_with(e, arena_printf(&t->mem, "id: %s\n", test_event_id(t, (uint64_t)i))));
    }
    test_change(t, "kv:set", "{\"n\":1}");
    test_client_expect(c, "{\"n\":1}");
    assert_int_equal(t->server.stats.slow, 0);
    test_client_free(c);
}

static void an_ephemeral_event_has_no_id(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    const struct event e = {0, TEST_NOW_MS, STR("demo:broadcast"), STR("{\"m\":1}")};
    const struct bus_message m = {.kind = BUS_EPHEMERAL, .event_count = 1, .events = &e};
    feed_hint(t->server.feed, &m);
    struct str got = test_client_expect(c, "\n\n");
    assert_true(str_starts_with(got, STR("event: demo:broadcast\n")));
    test_client_free(c);
}

static void a_file_that_was_restored_is_a_resync(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_stream(t, "/api/events", "");
    const struct bus_message m = {.kind = BUS_EVENTS,
                                  .space_kind = SPACE_USER,
                                  .space_id = STR(TEST_USER),
                                  .epoch = STR("ffffffff"),
                                  .first = 1,
                                  .last = 1};
    feed_hint(t->server.feed, &m); /* of another epoch: the file is looked at, and is the same */
    test_client_expect_nothing(c);
    test_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_greeting_says_where_the_log_stands),
        TEST(the_head_lets_no_proxy_hold_events_back),
        TEST(changes_arrive_with_id_name_and_envelope),
        TEST(format_message_leaves_the_name_out),
        TEST(a_filter_lets_through_what_it_names),
        TEST(a_filter_that_cannot_be_read_is_refused),
        TEST(missed_events_are_replayed_then_live_ones_follow),
        TEST(a_replay_is_filtered_too),
        TEST(the_header_wins_over_the_parameter),
        TEST(what_the_log_no_longer_has_is_one_resync),
        TEST(an_id_of_another_epoch_or_none_at_all_is_a_resync),
        TEST(an_id_that_was_never_given_out_is_a_resync),
        TEST(an_id_ahead_of_the_hints_misses_and_repeats_nothing),
        TEST(an_id_newer_than_the_read_in_flight_is_no_resync),
        TEST(a_lost_hint_is_made_up_for_by_the_next),
        TEST(a_hint_without_events_and_a_late_one_are_read_once),
        TEST(a_gap_of_the_bus_finds_what_no_hint_told),
        TEST(a_revoked_session_ends_its_streams),
        TEST(a_revocation_no_hint_told_of_is_found_by_the_sweep),
        TEST(a_token_warns_a_minute_before_it_ends_the_stream),
        TEST(a_silent_stream_has_a_comment_every_25_seconds),
        TEST(a_stream_ends_cleanly_at_its_age),
        TEST(a_slow_reader_loses_nothing),
        TEST(an_ephemeral_event_has_no_id),
        TEST(a_file_that_was_restored_is_a_resync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
