/* GET /ws/counter/{name}: what those who watch a counter see. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/counter.h"
#include "lib/push/shared.h"

#define TEXT   0x81
#define BINARY 0x82
#define CLOSE  0x88

#define V1 "Sec-WebSocket-Protocol: other, cubby.v1\r\n"

/* What the app writes: the message as it is. */
#define CHANGE(op, value, before)                                                                  \
    "{\"type\":\"" op "\",\"value\":" #value ",\"previousValue\":" #before                         \
    ",\"metadata\":{},\"timestamp\":\"2026-01-01T00:00:00.000Z\"}"

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    test_shared_open(&t);
    *state = &t;
    return 0;
}

/* Before the app was ever started. */
static int set_up_bare(void **state)
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

static void expect_text(struct test_client *c, const char *text)
{
    struct str got = test_client_expect_frame(c, TEXT);
    assert_string_equal(arena_dup(&c->push->mem, got).p, text);
}

/* An upgrade by nobody who could be named. */
static struct test_client *visit(struct test_push *t, const char *target, const char *status)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "GET %s HTTP/1.1\r\nHost: push.test\r\n"
                                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                                     target));
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    return c;
}

static struct test_client *watch(struct test_push *t, const char *target)
{
    return test_upgrade(t, target, "");
}

static void changes_of_that_counter_arrive_as_they_were_written(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t, "/ws/counter/clicks");
    test_client_expect_nothing(c); /* no greeting */
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    test_shared_change(t, "counter:increment:other", CHANGE("increment", 1, 0));
    test_shared_change(t, "counter:reset:clicks", CHANGE("reset", 0, 1));
    expect_text(c, CHANGE("increment", 1, 0));
    expect_text(c, CHANGE("reset", 0, 1));
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void making_and_removing_a_counter_is_no_change_of_it(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t, "/ws/counter/clicks");
    test_shared_change(t, "counter:create:clicks", "{\"name\":\"clicks\"}");
    test_shared_change(t, "counter:delete:clicks", "{\"name\":\"clicks\"}");
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void hints_that_are_lost_lose_no_change(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t, "/ws/counter/clicks");
    test_shared_event(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    test_shared_event(t, "counter:increment:clicks", CHANGE("increment", 2, 1));
    test_client_expect_nothing(c);
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 3, 2));
    expect_text(c, CHANGE("increment", 1, 0));
    expect_text(c, CHANGE("increment", 2, 1));
    expect_text(c, CHANGE("increment", 3, 2));
    test_client_free(c);
}

static void types_choose_among_the_changes(void **state)
{
    struct test_push *t = *state;
    struct test_client *some = watch(t, "/ws/counter/clicks?types=increment,reset");
    struct test_client *one = watch(t, "/ws/counter/clicks?types=setValue");
    struct test_client *all = watch(t, "/ws/counter/clicks?types=");
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    test_shared_change(t, "counter:setValue:clicks", CHANGE("setValue", 9, 1));
    test_shared_change(t, "counter:decrement:clicks", CHANGE("decrement", 8, 9));
    test_shared_change(t, "counter:reset:clicks", CHANGE("reset", 0, 8));
    expect_text(some, CHANGE("increment", 1, 0));
    expect_text(some, CHANGE("reset", 0, 8));
    expect_text(one, CHANGE("setValue", 9, 1));
    expect_text(all, CHANGE("increment", 1, 0));
    expect_text(all, CHANGE("setValue", 9, 1));
    expect_text(all, CHANGE("decrement", 8, 9));
    expect_text(all, CHANGE("reset", 0, 8));
    test_client_expect_nothing(some);
    test_client_expect_nothing(one);
    test_client_free(some);
    test_client_free(one);
    test_client_free(all);
}

static void names_and_types_that_cannot_be_are_400(void **state)
{
    struct test_push *t = *state;
    struct str too_long = arena_printf(&t->mem, "/ws/counter/%0101d", 0);
    const char *const bad[] = {
        "/ws/counter/a%20b",
        "/ws/counter/a/b",
        "/ws/counter/%zz",
        "/ws/counter/caf%C3%A9",
        too_long.p,
        "/ws/counter/a?types=incr",
        "/ws/counter/a?types=increment,",
        "/ws/counter/a?types=,increment",
        "/ws/counter/a?types=create",
    };
    t->conf.counters_public = true;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        test_client_free(visit(t, bad[i], "400"));
    test_client_free(visit(t, "/ws/counter/%61-_Z9", "101"));
    test_client_free(visit(t, "/ws/counter/", "404"));
}

static void without_an_upgrade_it_is_426(void **state)
{
    struct test_push *t = *state;
    test_client_free(test_get(t, "/ws/counter/clicks", "", "426"));
}

static void visitors_watch_public_counters_only(void **state)
{
    struct test_push *t = *state;
    test_client_free(visit(t, "/ws/counter/clicks", "401"));
    t->conf.counters_public = true;
    struct test_client *c = visit(t, "/ws/counter/clicks", "101");
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    expect_text(c, CHANGE("increment", 1, 0));
    test_client_free(c);
}

static const char *pong_of(struct test_push *t)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(t->now_ms, iso);
    return arena_printf(&t->mem, "{\"type\":\"pong\",\"timestamp\":\"%s\"}", iso).p;
}

static void pings_of_both_forms_are_answered(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t, "/ws/counter/clicks");
    test_client_frame(c, TEXT, STR("ping"));
    expect_text(c, "pong");
    const char *pong = pong_of(t);
    test_client_frame(c, TEXT, STR("{\"type\":\"ping\"}"));
    expect_text(c, pong);
    test_client_frame(c, BINARY, STR("{\"type\":\"ping\"}"));
    expect_text(c, pong);
    test_client_free(c);
}

static void what_is_no_json_is_told_and_what_means_nothing_ignored(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t, "/ws/counter/clicks");
    test_client_frame(c, TEXT, STR("{\"type\":"));
    expect_text(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    test_client_frame(c, TEXT, STR(""));
    expect_text(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    test_client_frame(c, BINARY, STR("\xff\xfe"));
    expect_text(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    test_client_frame(c, TEXT, STR("{\"type\":\"increment\"}"));
    test_client_frame(c, TEXT, STR("{\"type\":7}"));
    test_client_frame(c, TEXT, STR("[\"type\"]"));
    test_client_frame(c, TEXT, STR("null"));
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void cubby_v1_tells_how_many_watch(void **state)
{
    struct test_push *t = *state;
    struct test_client *plain = watch(t, "/ws/counter/clicks");
    struct test_client *first = test_upgrade(t, "/ws/counter/clicks", V1);
    expect_text(first, "{\"type\":\"viewers\",\"count\":2}");
    test_push_wait(t, 110);
    struct test_client *second = test_upgrade(t, "/ws/counter/clicks?types=reset", V1);
    expect_text(second, "{\"type\":\"viewers\",\"count\":3}");
    expect_text(first, "{\"type\":\"viewers\",\"count\":3}");
    test_push_wait(t, 110);
    test_client_free(plain);
    expect_text(first, "{\"type\":\"viewers\",\"count\":2}");
    expect_text(second, "{\"type\":\"viewers\",\"count\":2}");
    test_client_expect_nothing(second);
    test_client_free(first);
    test_client_free(second);
}

static void the_number_of_viewers_is_told_ten_times_a_second_at_most(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_upgrade(t, "/ws/counter/clicks", V1);
    struct test_client *others[20];
    expect_text(c, "{\"type\":\"viewers\",\"count\":1}");
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        others[i] = watch(t, "/ws/counter/clicks");
    test_client_expect_nothing(c);
    test_push_wait(t, 110);
    expect_text(c, "{\"type\":\"viewers\",\"count\":21}");
    test_push_wait(t, 1000);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        test_client_free(others[i]);
    expect_text(c, "{\"type\":\"viewers\",\"count\":20}");
    test_push_wait(t, 110);
    expect_text(c, "{\"type\":\"viewers\",\"count\":1}");
    test_client_expect_nothing(c);
    test_client_free(c);
}

static void other_counters_have_viewers_of_their_own(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = test_upgrade(t, "/ws/counter/a", V1);
    struct test_client *b = test_upgrade(t, "/ws/counter/b", V1);
    expect_text(a, "{\"type\":\"viewers\",\"count\":1}");
    expect_text(b, "{\"type\":\"viewers\",\"count\":1}");
    test_push_wait(t, 1000);
    test_client_expect_nothing(a);
    test_client_free(a);
    test_client_free(b);
}

static void a_counters_file_that_was_replaced_ends_its_streams(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t, "/ws/counter/clicks");
    test_shared_event(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    test_shared_replace(t);
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    struct str close = test_client_expect_frame(c, CLOSE);
    assert_int_equal((uint8_t)close.p[0] << 8 | (uint8_t)close.p[1], 1013);
    test_client_free(c);
}

static void before_the_log_is_known_it_is_503(void **state)
{
    struct test_push *t = *state;
    t->conf.counters_public = true;
    struct test_client *c = test_client_new_with(
        t, STR("GET /ws/counter/a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    test_client_expect(c, "HTTP/1.1 503 ");
    test_client_expect(c, "Retry-After: ");
    test_client_free(c);
}

static void watching_may_begin_before_there_is_any_counter(void **state)
{
    struct test_push *t = *state;
    test_push_pause(t); /* it is looked for in vain */
    struct test_client *c = watch(t, "/ws/counter/clicks");
    assert_int_equal(counter_prepare(t->store.store), OK);
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 1, 0));
    test_shared_change(t, "counter:increment:clicks", CHANGE("increment", 2, 1));
    expect_text(c, CHANGE("increment", 1, 0));
    expect_text(c, CHANGE("increment", 2, 1));
    test_client_free(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(changes_of_that_counter_arrive_as_they_were_written),
        T(making_and_removing_a_counter_is_no_change_of_it),
        T(hints_that_are_lost_lose_no_change),
        T(types_choose_among_the_changes),
        T(names_and_types_that_cannot_be_are_400),
        T(without_an_upgrade_it_is_426),
        T(visitors_watch_public_counters_only),
        T(pings_of_both_forms_are_answered),
        T(what_is_no_json_is_told_and_what_means_nothing_ignored),
        T(cubby_v1_tells_how_many_watch),
        T(the_number_of_viewers_is_told_ten_times_a_second_at_most),
        T(other_counters_have_viewers_of_their_own),
        T(a_counters_file_that_was_replaced_ends_its_streams),
        cmocka_unit_test_setup_teardown(before_the_log_is_known_it_is_503, set_up_bare, tear_down),
        cmocka_unit_test_setup_teardown(watching_may_begin_before_there_is_any_counter, set_up_bare,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
