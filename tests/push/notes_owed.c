/* GET /api/notes/ws: what a client has not acknowledged, and how often it comes again. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "ledger.h"
#include "lib/push/notes_ws.h"

static void it_comes_again_every_5_s_until_it_is_acknowledged(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    const char *first = test_notes_next(c), *id = test_notes_member(c, first, "updateId");
    test_push_wait(t, 4990);
    test_notes_expect_nothing(c);
    test_push_wait(t, 20);
    test_notes_expect(c, arena_printf(&t->mem, "%.*s,\"isRetry\":true,\"attempt\":1}",
                                      (int)(strstr(first, ",\"operation\"") - first), first)
                             .p);
    test_push_wait(t, 5010);
    assert_string_equal(test_notes_expect_retry(c, 2), id);
    test_notes_ack(c, "00000000000000000000000000000000");
    test_notes_say(c, "{\"type\":\"ack\",\"updateId\":7}");
    test_notes_say(c, "{\"type\":\"ack\"}");
    test_push_wait(t, 5010);
    assert_string_equal(test_notes_expect_retry(c, 3), id);
    test_notes_ack(c, id);
    test_push_wait(t, 20000);
    test_notes_expect_nothing(c);
    test_client_free(c);
    assert_int_equal(test_notes_users(t), 0);
}

static void what_a_client_owes_comes_before_its_list_when_it_is_back(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    const char *id = test_notes_expect_update(c, "create", 1);
    test_client_free(c);
    test_push_wait(t, 60000);
    test_notes_write(t, "create", 2, "x");
    c = test_notes_connect(t, "a");
    assert_string_equal(test_notes_expect_retry(c, 1), id);
    test_notes_expect_initial(c, 2);
    test_push_wait(t, 5010);
    assert_string_equal(test_notes_expect_retry(c, 2), id);
    test_notes_ack(c, id);
    test_client_free(c);
    c = test_notes_open(t, "a", 2);
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void another_client_owes_nothing_of_it(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    test_notes_expect_update(c, "create", 1);
    test_client_free(c);
    c = test_notes_open(t, "b", 1);
    test_push_wait(t, 5010);
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void after_5_minutes_it_is_forgotten(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    test_notes_expect_update(c, "create", 1);
    for (int i = 1; i <= 59; i++) {
        test_push_wait(t, 5000);
        test_push_wait(t, 10);
        test_notes_expect_retry(c, i);
    }
    test_push_wait(t, 30000);
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void nothing_is_left_of_a_user_5_minutes_after(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    test_notes_expect_update(c, "create", 1);
    test_client_free(c);
    test_push_wait(t, 290000);
    assert_int_equal(test_notes_users(t), 1);
    test_push_wait(t, 11000);
    assert_int_equal(test_notes_users(t), 0);
    c = test_notes_open(t, "a", 1);
    test_notes_expect_nothing(c);
    test_client_free(c);
    assert_int_equal(test_notes_users(t), 0);
}

static void of_more_than_16_the_oldest_are_forgotten(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    const char *ids[18];
    for (int i = 0; i < 18; i++) {
        test_notes_change(t, "create", i, "x");
        ids[i] = test_notes_expect_update(c, "create", (size_t)i + 1);
        test_push_wait(t, 200);
    }
    test_client_free(c);
    c = test_notes_connect(t, "a");
    for (int i = 2; i < 18; i++)
        assert_string_equal(test_notes_expect_retry(c, 1), ids[i]);
    test_notes_expect_initial(c, 18);
    test_client_free(c);
}

static void two_sockets_of_one_client_need_one_acknowledgement(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = test_notes_open(t, "a", 0), *b = test_notes_open(t, "a", 0),
                       *other = test_notes_open(t, "o", 0);
    test_notes_change(t, "create", 1, "x");
    const char *id = test_notes_expect_update(a, "create", 1);
    assert_string_equal(test_notes_expect_update(b, "create", 1), id);
    assert_string_equal(test_notes_expect_update(other, "create", 1), id);
    test_push_wait(t, 5010);
    assert_string_equal(test_notes_expect_retry(a, 1), id);
    assert_string_equal(test_notes_expect_retry(b, 1), id);
    assert_string_equal(test_notes_expect_retry(other, 1), id);
    test_notes_ack(b, id);
    test_push_wait(t, 5010);
    assert_string_equal(test_notes_expect_retry(other, 2), id);
    test_notes_expect_nothing(a);
    test_notes_expect_nothing(b);
    test_client_free(a);
    test_client_free(b);
    test_client_free(other);
}

static void of_clients_who_left_32_are_remembered(void **state)
{
    struct test_push *t = *state;
    struct test_client *c[LEDGER_IDLE_MAX + 1];
    for (int i = 0; i <= LEDGER_IDLE_MAX; i++)
        c[i] = test_notes_open(t, arena_printf(&t->mem, "c%d", i).p, 0);
    test_notes_change(t, "create", 1, "x");
    for (int i = 0; i <= LEDGER_IDLE_MAX; i++) {
        test_notes_expect_update(c[i], "create", 1);
        test_client_free(c[i]);
    }
    struct test_client *first = test_notes_open(t, "c0", 1), *second = test_notes_connect(t, "c1");
    test_notes_expect_nothing(first);
    test_notes_expect_retry(second, 1);
    test_client_free(first);
    test_client_free(second);
}

static void who_identifies_as_another_gets_what_that_one_owes(void **state)
{
    struct test_push *t = *state;
    struct test_client *old = test_notes_open(t, "old", 0);
    test_notes_change(t, "create", 1, "x");
    const char *id = test_notes_expect_update(old, "create", 1);
    test_client_free(old);
    struct test_client *c = test_notes_open(t, "new", 1);
    test_notes_say(c, "{\"type\":\"identify\",\"clientId\":\"old\"}");
    test_notes_expect(c, "{\"type\":\"identityRecovered\",\"clientId\":\"old\"}");
    assert_string_equal(test_notes_expect_retry(c, 1), id);
    test_notes_ack(c, id);
    test_push_wait(t, 5010);
    test_notes_expect_nothing(c);
    test_notes_say(c, "{\"type\":\"identify\",\"clientId\":\"\"}");
    test_notes_expect(c, "{\"type\":\"identityRecovered\",\"clientId\":\"old\"}");
    test_client_free(c);
}

static void a_slow_reader_is_closed_and_gets_it_again_when_it_is_back(void **state)
{
    struct test_push *t = *state;
    struct test_client *slow = test_notes_open(t, "slow", 0),
                       *quick = test_notes_open(t, "quick", 0);
    const char *text = test_notes_long(t, 40000);
    for (int i = 0; i < 20; i++) {
        test_notes_change(t, "create", i, text);
        test_client_expect(quick, "\"affectedNoteId\"");
        test_push_wait(t, 250);
    }
    assert_int_equal(t->server.stats.slow, 1);
    test_client_expect_end(slow);
    assert_non_null(memmem(slow->in.p, slow->in.n, "\x88\x11\x11\x38", 4)); /* 4408 */
    test_client_free(slow);
    slow = test_notes_connect(t, "slow");
    test_client_expect(slow, "\"isRetry\":true,\"attempt\":1}");
    test_client_expect(slow, "initialSync");
    assert_int_equal(t->server.stats.slow, 1);
    assert_false(quick->is_closed);
    test_client_free(slow);
    test_client_free(quick);
}

static void who_takes_nothing_is_not_sent_it_again(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    const char *text = test_notes_long(t, 200000);
    for (int i = 0; i < 4; i++)
        test_notes_write(t, "create", i, text);
    test_notes_change(t, "create", 4, text);
    test_push_pause(t);
    assert_int_equal(t->server.streams, 1);
    test_push_wait(t, 20000);
    uint64_t before = t->server.stats.sent_bytes;
    test_push_wait(t, 20000);
    assert_int_equal(t->server.stats.sent_bytes, before);
    test_client_expect(c, "\"affectedNoteId\"");
    test_client_expect(c, "\"isRetry\":true,\"attempt\":1}");
    test_push_wait(t, 5010);
    test_client_expect(c, "\"isRetry\":true,\"attempt\":2}");
    test_client_free(c);
}

static void of_8_MiB_the_oldest_updates_are_forgotten(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    const char *text = test_notes_long(t, 250000);
    for (int i = 0; i < 8; i++)
        test_notes_write(t, "create", i, text);
    for (int i = 8; i < 12; i++) {
        test_notes_change(t, "create", i, text);
        test_client_expect(c, "\"affectedNoteId\"");
        test_client_expect(c, "}");
        test_push_wait(t, 250);
    }
    test_client_free(c);
    c = test_notes_connect(t, "a");
    for (int i = 0; i < 3; i++)
        test_client_expect(c, "\"isRetry\":true,\"attempt\":1}");
    struct str rest = test_client_expect(c, "initialSync");
    assert_null(memmem(rest.p, rest.n, "isRetry", 7));
    test_client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_notes_set_up, test_notes_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_comes_again_every_5_s_until_it_is_acknowledged),
        TEST(what_a_client_owes_comes_before_its_list_when_it_is_back),
        TEST(another_client_owes_nothing_of_it),
        TEST(after_5_minutes_it_is_forgotten),
        TEST(nothing_is_left_of_a_user_5_minutes_after),
        TEST(of_more_than_16_the_oldest_are_forgotten),
        TEST(two_sockets_of_one_client_need_one_acknowledgement),
        TEST(of_clients_who_left_32_are_remembered),
        TEST(who_identifies_as_another_gets_what_that_one_owes),
        TEST(a_slow_reader_is_closed_and_gets_it_again_when_it_is_back),
        TEST(who_takes_nothing_is_not_sent_it_again),
        TEST(of_8_MiB_the_oldest_updates_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
