/* lib/domain/bus_wire.c: bytes and back, and nothing else accepted. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/bus_wire.h"

static const struct event two_events[] = {
    {7, 1000, STR("kv:set"), STR("{\"key\":\"a\"}")},
    {8, 1001, STR("table:posts:create"), STR("{}")},
};

static struct bus_message sample(void)
{
    return (struct bus_message){.kind = BUS_EVENTS,
                                .space_kind = SPACE_USER,
                                .space_id = STR("0123456789abcdef0123456789abcdef"),
                                .epoch = STR("00c0ffee"),
                                .request_id = STR("4bf92f35-1"),
                                .first = 7,
                                .last = 8,
                                .event_count = 2,
                                .events = two_events};
}

static void a_message_survives_the_way_there_and_back(void **state)
{
    struct bus_message in = sample(), out;
    struct bus_sender from = {42, 99}, who;
    struct event events[BUS_EVENTS_MAX];
    struct buf b = BUF_INIT;
    (void)state;
    bus_wire_encode(&b, &from, &in);
    assert_int_equal(bus_wire_decode(buf_str(&b), &who, &out, events), OK);
    assert_int_equal(who.publisher, 42);
    assert_int_equal(who.counter, 99);
    assert_true(str_eq(out.space_id, in.space_id));
    assert_true(str_eq(out.epoch, in.epoch));
    assert_true(str_eq(out.request_id, in.request_id));
    assert_int_equal(out.event_count, 2);
    assert_int_equal(out.events[1].seq, 8);
    assert_int_equal(out.events[1].at, 1001);
    assert_true(str_eq(out.events[1].name, in.events[1].name));
    assert_true(str_eq(out.events[0].data, in.events[0].data));
    buf_release(&b);
}

static void every_truncation_is_refused(void **state)
{
    struct bus_message in = sample(), out;
    struct bus_sender from = {1, 1};
    struct event events[BUS_EVENTS_MAX];
    struct buf b = BUF_INIT;
    (void)state;
    bus_wire_encode(&b, &from, &in);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(bus_wire_decode(str_make(b.p, n), &from, &out, events), ERR_INVALID);
    buf_append_ch(&b, 'x');
    assert_int_equal(bus_wire_decode(buf_str(&b), &from, &out, events), ERR_INVALID);
    buf_release(&b);
}

static void a_large_event_travels_as_a_hint(void **state)
{
    static char large[BUS_INLINE_MAX + 1];
    struct event e = {7, 0, STR("kv:set"), {large, sizeof large}};
    struct bus_message in = sample(), out;
    struct bus_sender from = {1, 1};
    struct event events[BUS_EVENTS_MAX];
    struct buf b = BUF_INIT;
    (void)state;
    in.events = &e;
    in.event_count = 1;
    in.last = 7;
    bus_wire_encode(&b, &from, &in);
    assert_true(b.n < 256);
    assert_int_equal(bus_wire_decode(buf_str(&b), &from, &out, events), OK);
    assert_int_equal(out.event_count, 0);
    assert_int_equal(out.last, 7);
    buf_release(&b);
}

static void a_count_that_does_not_fit_its_numbers_is_refused(void **state)
{
    struct bus_message in = sample(), out;
    struct bus_sender from = {1, 1};
    struct event events[BUS_EVENTS_MAX];
    struct buf b = BUF_INIT;
    (void)state;
    in.last = 9;
    bus_wire_encode(&b, &from, &in);
    assert_int_equal(bus_wire_decode(buf_str(&b), &from, &out, events), ERR_INVALID);
    buf_release(&b);
}

static void a_request_id_that_could_forge_a_line_is_refused(void **state)
{
    struct bus_message in = sample(), out;
    struct bus_sender from = {1, 1};
    struct event events[BUS_EVENTS_MAX];
    struct buf b = BUF_INIT;
    (void)state;
    in.request_id = STR("1 level=error");
    bus_wire_encode(&b, &from, &in);
    assert_int_equal(bus_wire_decode(buf_str(&b), &from, &out, events), ERR_INVALID);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_survives_the_way_there_and_back),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(a_large_event_travels_as_a_hint),
        cmocka_unit_test(a_request_id_that_could_forge_a_line_is_refused),
        cmocka_unit_test(a_count_that_does_not_fit_its_numbers_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
