/* GET /api/notes/ws: the lists, and when they come. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/notes_ws.h"
#include "store/rows.h"

#define BINARY 0x82

/* --- opening --- */

static void it_begins_with_who_it_is_and_the_list(void **state)
{
    struct test_push *t = *state;
    test_notes_write(t, "create", 1, "first");
    struct test_client *c = test_upgrade(t, "/api/notes/ws?clientId=tab%20%221%22", "");
    test_notes_expect(c, "{\"type\":\"connected\",\"clientId\":\"tab \\\"1\\\"\"}");
    test_notes_expect(c, "{\"type\":\"initialSync\",\"notes\":[{\"id\":"
                         "\"01890000-0000-7000-8000-000000000001\",\"text\":\"first\",\"userId\":"
                         "\"" TEST_USER "\",\"created\":\"1970-01-01T00:00:00.000Z\",\"updated\":"
                         "\"1970-01-01T00:00:00.000Z\"}],\"timestamp\":1700000000000}");
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void who_names_no_client_gets_a_name(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = test_upgrade(t, "/api/notes-ws/ws", "");
    struct test_client *b = test_upgrade(t, "/api/notes/ws", "");
    const char *one = test_notes_member(a, test_notes_next(a), "clientId"),
               *other = test_notes_member(b, test_notes_next(b), "clientId");
    assert_int_equal(strlen(one), 32);
    assert_string_not_equal(one, other);
    test_notes_expect(a, "{\"type\":\"initialSync\",\"notes\":[],\"timestamp\":1700000000000}");
    test_client_free(a);
    test_client_free(b);
}

static void client_ids_have_1_to_128_characters(void **state)
{
    struct test_push *t = *state;
    char id[129 * 6 + 1] = "";
    for (int i = 0; i < 128; i++)
        memcpy(id + 6 * i, "%C3%A9", 7);
    struct test_client *c = test_notes_open(t, id, 0);
    test_client_free(c);
    memcpy(id + 6 * 128, "%C3%A9", 7);
    const char *long_id = arena_printf(&t->mem, "/api/notes/ws?clientId=%s", id).p;
    const char *upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    test_client_free(test_get(t, long_id, upgrade, "400"));
    test_client_free(test_get(t, "/api/notes/ws?clientId=", upgrade, "400"));
    test_client_free(test_get(t, "/api/notes/ws?clientId=%ff", upgrade, "400"));
    test_client_free(test_get(t, "/api/notes/ws?clientId=%00", upgrade, "400"));
    test_client_free(test_get(t, "/api/notes/ws", "", "426"));
}

/* --- updates --- */

static void a_change_goes_out_at_once_to_all_with_one_id(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = test_notes_open(t, "a", 0), *b = test_notes_open(t, "b", 0);
    test_notes_change(t, "create", 7, "x");
    const char *text = test_notes_next(a), *id = test_notes_member(a, text, "updateId");
    assert_string_equal(
        text, arena_printf(&t->mem,
                           "{\"type\":\"update\",\"notes\":[{\"id\":\"%.*s\",\"text\":\"x\","
                           "\"userId\":\"" TEST_USER "\",\"created\":\"1970-01-01T00:00:00.000Z\","
                           "\"updated\":\"1970-01-01T00:00:00.000Z\"}],\"updateId\":\"%s\","
                           "\"timestamp\":1700000000000,\"operation\":\"create\","
                           "\"affectedNoteId\":\"%.*s\"}",
                           STR_ARG(test_notes_id(t, 7)), id, STR_ARG(test_notes_id(t, 7)))
                  .p);
    test_notes_expect(b, text);
    test_notes_expect_nothing(a);
    test_client_free(a);
    test_client_free(b);
}

static void other_collections_are_no_concern(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_change(t, "table:posts:create", "{\"id\":\"1\"}");
    test_change(t, "kv:set", "{\"key\":\"notes\"}");
    test_change(t, "table:notesx:create", "{\"id\":\"1\"}");
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void changes_in_quick_succession_share_a_window(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    test_notes_expect_update(c, "create", 1);
    test_push_wait(t, 190);
    test_notes_change(t, "create", 2, "x");
    test_push_wait(t, 100);
    test_notes_change(t, "update", 1, "y");
    test_push_wait(t, 40);
    test_notes_expect_nothing(c);
    test_push_wait(t, 20);
    const char *message = test_notes_next(c);
    assert_string_equal(test_notes_member(c, message, "operation"), "update");
    assert_true(
        str_eq(str_from_c(test_notes_member(c, message, "affectedNoteId")), test_notes_id(t, 1)));
    assert_int_equal(test_notes_count(c, message), 2);
    test_push_wait(t, 1000);
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void after_200_ms_the_next_goes_out_at_once(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    test_notes_expect_update(c, "create", 1);
    test_push_wait(t, 200);
    test_notes_change(t, "create", 2, "x");
    test_notes_expect_update(c, "create", 2);
    test_client_free(c);
}

static void a_delete_goes_out_at_once_and_ends_the_window(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_change(t, "create", 1, "x");
    test_notes_expect_update(c, "create", 1);
    test_notes_change(t, "create", 2, "x");
    test_notes_change(t, "create", 3, "x");
    test_notes_expect_nothing(c);
    test_notes_change(t, "delete", 1, "");
    const char *message = test_notes_next(c);
    assert_string_equal(test_notes_member(c, message, "operation"), "delete");
    assert_true(
        str_eq(str_from_c(test_notes_member(c, message, "affectedNoteId")), test_notes_id(t, 1)));
    assert_int_equal(test_notes_count(c, message), 2);
    test_push_wait(t, 1000);
    test_notes_expect_nothing(c);
    test_client_free(c);
}

static void changes_that_no_hint_told_of_are_found(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_notes_write(t, "create", 1, "x");
    struct bus_message gap = {.kind = BUS_GAP};
    feed_hint(t->server.feed, &gap);
    test_push_wait(t, 1000);
    test_notes_expect_update(c, "create", 1);
    test_client_free(c);
}

/* The newer events of the log are all that is left of it. */
static void a_gap_in_the_log_is_an_update_of_nobody_knows_what(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    struct store_options o = t->store.options;
    o.log_keep_events = 2;
    test_store_reopen(&t->store, o);
    test_notes_write(t, "create", 1, "x");
    uint64_t last = 0;
    for (int i = 0; i < 200; i++)
        last = test_event(t, "demo:x", "{}");
    test_hint(t, last, last, true);
    const char *message = test_notes_next(c);
    assert_string_equal(test_notes_member(c, message, "operation"), "update");
    assert_string_equal(test_notes_member(c, message, "affectedNoteId"), "null");
    assert_int_equal(test_notes_count(c, message), 1);
    test_client_free(c);
}

/* Its data is no JSON object: the list cannot be read until that is mended. */
static void spoil(struct test_push *t, struct str data)
{
    struct space *sp = test_user_writing(&t->store);
    struct row row = {.id = test_notes_id(t, 0), .data = data, .version = 1};
    assert_int_equal(rows_update(sp, test_notes_table(), &row), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static void a_read_that_failed_is_tried_again(void **state)
{
    struct test_push *t = *state;
    test_notes_write(t, "create", 0, "x");
    struct test_client *a = test_notes_open(t, "a", 1);
    spoil(t, STR("[]"));
    struct test_client *b = test_notes_connect(t, "b");
    test_notes_change(t, "create", 1, "y");
    test_notes_expect_nothing(a);
    test_notes_expect_nothing(b);
    spoil(t, STR("{\"text\":\"z\"}"));
    test_push_wait(t, 510);
    test_notes_expect_update(a, "create", 2);
    test_notes_expect_initial(b, 2);
    test_notes_expect_nothing(a);
    test_notes_expect_nothing(b);
    test_client_free(a);
    test_client_free(b);
}

/* --- what clients say --- */

static void each_message_has_its_answer(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "me", 0);
    test_notes_say(c, "{\"type\":\"ping\"}");
    test_notes_expect(c, "{\"type\":\"pong\"}");
    test_notes_say(c, "{\"type\":\"subscribe\"}");
    test_notes_expect(c, "{\"type\":\"subscribed\",\"notes\":[]}");
    test_notes_say(c, "{\"type\":\"refresh\"}");
    test_notes_expect(c, "{\"type\":\"update\",\"notes\":[]}");
    test_notes_say(c, "{\"type\":\"identify\"}");
    test_notes_expect(c, "{\"type\":\"identityRecovered\",\"clientId\":\"me\"}");
    test_client_frame(c, BINARY, STR("{\"type\":\"ping\"}"));
    test_notes_expect(c, "{\"type\":\"pong\"}");
    static const char *const unknown[] = {
        "{}", "[]", "7", "{\"type\":\"Ping\"}", "{\"type\":7}", "{\"type\":\"\"}"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        test_notes_say(c, unknown[i]);
        test_notes_expect(c, "{\"type\":\"error\",\"message\":\"Unknown message type\"}");
    }
    static const char *const bad[] = {"ping", "", "{\"type\":\"ping\"", "{\"type\":\"ping\"}}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        test_notes_say(c, bad[i]);
        test_notes_expect(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    }
    test_client_frame(c, BINARY, STR("{\"type\":\"\xff\"}"));
    test_notes_expect(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    test_client_free(c);
}

static void every_question_is_answered_in_order_up_to_32(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "me", 0);
    struct buf many = BUF_INIT;
    for (int i = 0; i < 20; i++) {
        buf_append_lit(&many, "\x81\x94\0\0\0\0{\"type\":\"subscribe\"}");
        buf_append_lit(&many, "\x81\x92\0\0\0\0{\"type\":\"refresh\"}");
    }
    test_client_send(c, buf_str(&many));
    for (int i = 0; i < 16; i++) {
        test_notes_expect(c, "{\"type\":\"subscribed\",\"notes\":[]}");
        test_notes_expect(c, "{\"type\":\"update\",\"notes\":[]}");
    }
    test_notes_say(c, "{\"type\":\"ping\"}");
    while (strcmp(test_notes_next(c), "{\"type\":\"pong\"}") != 0)
        ; /* those beyond may have come when some were answered already */
    buf_release(&many);
    test_client_free(c);
}

/* --- gone --- */

static void a_session_that_is_revoked_ends_the_stream(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_notes_open(t, "a", 0);
    test_revoke(t);
    test_client_expect(c, "\x11\x31"); /* 4401 */
    test_client_expect_end(c);
    test_client_free(c);
}

static void who_leaves_while_its_list_is_read_is_not_missed(void **state)
{
    struct test_push *t = *state;
    for (int i = 0; i < 20; i++) {
        struct test_client *c = test_notes_connect(t, "a");
        test_client_free(c);
    }
    test_push_pause(t);
    assert_int_equal(test_notes_users(t), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_notes_set_up, test_notes_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_begins_with_who_it_is_and_the_list),
        TEST(who_names_no_client_gets_a_name),
        TEST(client_ids_have_1_to_128_characters),
        TEST(a_change_goes_out_at_once_to_all_with_one_id),
        TEST(other_collections_are_no_concern),
        TEST(changes_in_quick_succession_share_a_window),
        TEST(after_200_ms_the_next_goes_out_at_once),
        TEST(a_delete_goes_out_at_once_and_ends_the_window),
        TEST(changes_that_no_hint_told_of_are_found),
        TEST(a_gap_in_the_log_is_an_update_of_nobody_knows_what),
        TEST(a_read_that_failed_is_tried_again),
        TEST(each_message_has_its_answer),
        TEST(every_question_is_answered_in_order_up_to_32),
        TEST(a_session_that_is_revoked_ends_the_stream),
        TEST(who_leaves_while_its_list_is_read_is_not_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
