/* The counters' space, for tests. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/counter.h"
#include "lib/push/shared.h"
#include "live.h"
#include "parts.h"

static struct space *writing(struct test_push *t)
{
    struct space *sp;
    assert_int_equal(counter_space(t->store.store, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

void test_shared_open(struct test_push *t)
{
    assert_int_equal(counter_prepare(t->store.store), OK);
    test_push_pause(t);
    test_push_wait(t, 1000); /* a look that failed is repeated after a while */
    test_push_pause(t);
    assert_true(live_counters_are_ready(t->server.parts->live));
}

uint64_t test_shared_event(struct test_push *t, const char *name, const char *data)
{
    struct event e;
    struct space *sp = writing(t);
    assert_int_equal(event_append(sp, str_from_c(name), str_from_c(data), &e), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    return e.seq;
}

static void hint(struct test_push *t, uint64_t first, uint64_t last, struct event *e)
{
    struct space *sp;
    assert_int_equal(counter_space(t->store.store, &sp), OK);
    struct bus_message m = {.kind = BUS_EVENTS,
                            .space_kind = SPACE_SHARED,
                            .space_id = COUNTER_SPACE,
                            .epoch = arena_dup(&t->mem, str_from_c(sp->epoch)),
                            .first = first,
                            .last = last,
                            .events = e,
                            .event_count = e ? 1 : 0};
    space_release(sp);
    feed_hint(t->server.feed, &m);
}

void test_shared_hint(struct test_push *t, uint64_t first, uint64_t last)
{
    hint(t, first, last, NULL);
}

void test_shared_change(struct test_push *t, const char *name, const char *data)
{
    uint64_t seq = test_shared_event(t, name, data);
    struct event e = {seq, t->now_ms, str_from_c(name), str_from_c(data)};
    hint(t, seq, seq, &e);
}

void test_shared_replace(struct test_push *t)
{
    assert_int_equal(space_delete(t->store.store, SPACE_SHARED, COUNTER_SPACE), OK);
    assert_int_equal(counter_prepare(t->store.store), OK);
}
