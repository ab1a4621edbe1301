/* /api/admin/events: what administrators see of what happens, for as long as they are signed in. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/push.h"
#include "parts.h"
#include "store/admins.h"
#include "watch.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void sign_in(struct test_push *t)
{
    const struct admin a = {.id = STR("a"),
                            .email = STR("a@example.org"),
                            .password_hash = STR("h"),
                            .totp_secret = STR("s"),
                            .created_at = t->now_ms};
    struct space *sp;
    assert_int_equal(space_enter(t->store.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(admins_create_within(sp, &a), OK);
    assert_int_equal(admins_sign_in_within(sp, &a, 1, STR(HASH), t->now_ms), OK);
    assert_int_equal(space_leave(sp, OK), OK);
}

static void sign_out(struct test_push *t)
{
    struct space *sp;
    assert_int_equal(space_enter(t->store.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(admins_end_session_within(sp, STR(HASH)), OK);
    assert_int_equal(space_leave(sp, OK), OK);
}

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    t.conf.admin = true;
    t.conf.admin_from = (struct conf_list){1, {STR("unix:")}};
    sign_in(&t);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

/* Ask with a ticket of that session. */
static struct test_client *ask(struct test_push *t, const char *hash, const char *status)
{
    const struct who_once ticket = {
        .type = WHO_ADMIN, .user_id = STR("a"), .value = str_from_c(hash)};
    struct buf b = BUF_INIT;
    who_sign_once(&b, &t->server.keys, &ticket, t->now_ms / 1000, TICKET_S);
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "GET /api/admin/events?ticket=%.*s HTTP/1.1\r\n"
                                     "Host: a\r\n\r\n",
                                     STR_ARG(buf_str(&b))));
    buf_release(&b);
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    return c;
}

/* One who watches already. */
static struct test_client *watch(struct test_push *t)
{
    struct test_client *c = ask(t, HASH, "200");
    test_client_expect(c, "event: status\n");
    test_client_expect(c, "\n\n");
    return c;
}

static void happen(struct test_push *t, struct str name, size_t count)
{
    const struct event e = {
        .seq = 7, .at = TEST_NOW_MS, .name = name, .data = STR("{\"secret\":1}")};
    const struct bus_message m = {.kind = BUS_EVENTS,
                                  .space_kind = SPACE_ORG,
                                  .space_id = STR(TEST_USER),
                                  .first = 7,
                                  .last = 7,
                                  .event_count = 1,
                                  .events = &e};
    for (size_t i = 0; i < count; i++)
        watch_hint(t->server.parts->watch, &m);
}

static void a_watcher_sees_that_something_happens_but_not_what(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t);
    happen(t, STR("table:x:create"), 1);
    struct str told = test_client_expect(c, "\n\n");
    assert_true(str_eq(told, STR("event: event\ndata: {\"at\":\"2023-11-14T22:13:20.000Z\","
                                 "\"space\":\"org\",\"id\":\"" TEST_USER
                                 "\",\"seq\":7,\"name\":\"table:x:create\",\"bytes\":12}\n\n")));
    const struct bus_message large = {.kind = BUS_EVENTS,
                                      .space_kind = SPACE_USER,
                                      .space_id = STR(TEST_USER),
                                      .first = 3,
                                      .last = 5};
    watch_hint(t->server.parts->watch, &large);
    test_client_expect(c, "\"seq\":5,\"name\":null,\"bytes\":null,\"events\":3}\n\n");
    watch_hint(t->server.parts->watch, &(struct bus_message){.kind = BUS_GAP});
    test_client_expect(c, "event: gap\n");
    test_client_free(c);
}

static void a_session_that_is_none_sees_nothing(void **state)
{
    struct test_push *t = *state;
    char other[] = HASH;
    other[0] = 'f';
    struct test_client *c = ask(t, other, "200");
    happen(t, STR("x"), 1);
    test_client_expect_end(c);
    assert_null(c->in.n ? strstr(c->in.p, "event:") : NULL);
    test_client_free(c);
}

static void a_stream_ends_with_its_session(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t);
    sign_out(t);
    test_push_wait(t, WATCH_TICK_MS);
    test_client_expect_end(c);
    assert_int_equal(t->server.stats.revoked, 1);
    test_client_free(c);
}

static void a_stream_ends_when_the_session_was_idle_too_long(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t);
    t->conf.stream_max_age = 0;
    for (int64_t at = 0; at < ADMIN_IDLE_MS; at += 60000) {
        assert_int_equal(t->server.stats.revoked, 0);
        test_push_wait(t, 60000);
        test_client_receive(c);
    }
    test_client_expect_end(c);
    assert_int_equal(t->server.stats.revoked, 1);
    test_client_free(c);
}

static void watchers_are_few(void **state)
{
    struct test_push *t = *state;
    struct test_client *c[WATCH_MAX];
    for (size_t i = 0; i < WATCH_MAX; i++)
        c[i] = ask(t, HASH, "200");
    test_client_free(ask(t, HASH, "503"));
    for (size_t i = 0; i < WATCH_MAX; i++)
        test_client_free(c[i]);
    test_push_pause(t);
    test_client_free(watch(t));
}

static void what_is_too_much_for_a_second_is_counted(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = watch(t);
    happen(t, STR("x"), WATCH_RATE + 5);
    for (size_t i = 0; i < WATCH_RATE; i++)
        test_client_expect(c, "event: event\n");
    test_push_wait(t, WATCH_TICK_MS);
    test_client_expect(c, "\"skipped\":5}");
    happen(t, STR("x"), 1);
    test_client_expect(c, "event: event\n");
    test_client_free(c);
}

static void a_slow_watcher_is_cut(void **state)
{
    struct test_push *t = *state;
    t->conf.push_buffer = 4096;
    struct test_client *c = watch(t);
    struct buf name = BUF_INIT;
    for (int i = 0; i < 4096; i++)
        buf_append_ch(&name, 'x');
    for (int i = 0; i < 20 && !t->server.stats.slow; i++) {
        happen(t, buf_str(&name), 100);
        test_push_rounds(t);
        test_push_wait(t, 1000);
    }
    assert_int_equal(t->server.stats.slow, 1);
    buf_release(&name);
    test_client_free(c);
}

static void where_it_is_off_or_elsewhere_it_is_not(void **state)
{
    struct test_push *t = *state;
    t->conf.admin_from = (struct conf_list){1, {STR("192.0.2.0/24")}};
    test_client_free(ask(t, HASH, "404"));
    t->conf.admin_from = (struct conf_list){1, {STR("unix:")}};
    t->conf.admin = false;
    test_client_free(ask(t, HASH, "404"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_watcher_sees_that_something_happens_but_not_what),
        TEST(a_session_that_is_none_sees_nothing),
        TEST(a_stream_ends_with_its_session),
        TEST(a_stream_ends_when_the_session_was_idle_too_long),
        TEST(watchers_are_few),
        TEST(what_is_too_much_for_a_second_is_counted),
        TEST(a_slow_watcher_is_cut),
        TEST(where_it_is_off_or_elsewhere_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
