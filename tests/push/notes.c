/* GET /api/notes/ws: the lists, when they come, and how often without an acknowledgement. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "conn.h"
#include "ledger.h"
#include "lib/push/push.h"
#include "parts.h"
#include "store/rows.h"
#include "wire/json.h"

#define TEXT   0x81
#define BINARY 0x82
#define CLOSE  0x88
#define PING   0x89
#define PONG   0x8a

static struct rows_table table = {.name = {"notes", 5}, .scope = SPACE_USER};

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    rows_table_prepare(&table);
    struct store_options o = test_store_options();
    o.table_count = 1;
    o.tables = &table;
    test_store_reopen(&t.store, o);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    rows_table_release(&table);
    return 0;
}

/* --- the other program --- */

static struct str note_id(struct test_push *t, int number)
{
    return arena_printf(&t->mem, "01890000-0000-7000-8000-%012d", number);
}

/* Write the note, with its event: `operation` is create, update or delete. Returns its number. */
static uint64_t write_note(struct test_push *t, const char *operation, int number, const char *text)
{
    struct space *sp = test_user_writing(&t->store);
    struct row row = {.id = note_id(t, number),
                      .data = arena_printf(&t->mem, "{\"text\":\"%s\"}", text),
                      .version = 1};
    bool existed;
    struct event e;
    if (operation[0] == 'c')
        assert_int_equal(rows_insert(sp, &table, &row), OK);
    else if (operation[0] == 'u')
        assert_int_equal(rows_update(sp, &table, &row), OK);
    else
        assert_int_equal(rows_delete(sp, &table, row.id, &existed), OK);
    struct str name = arena_printf(&t->mem, "table:notes:%s", operation);
    struct str data = arena_printf(&t->mem, "{\"id\":\"%.*s\"}", STR_ARG(row.id));
    assert_int_equal(event_append(sp, name, data, &e), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    return e.seq;
}

static void change(struct test_push *t, const char *operation, int number, const char *text)
{
    uint64_t seq = write_note(t, operation, number, text);
    test_hint(t, seq, seq, true);
}

static uint64_t users_known(struct test_push *t)
{
    struct notes_stats stats = notes_stats(t->server.parts->notes);
    assert_true(stats.users > 0 || stats.pending_bytes == 0);
    return stats.users;
}

/* --- clients --- */

/* The next message; pings on the way are answered. */
static const char *next(struct test_client *c)
{
    for (;;) {
        for (int i = 0; i < 3000 && c->in.n == 0; i++) {
            loop_round(c->push->loop, 1);
            test_client_receive(c);
        }
        assert_true(c->in.n > 0);
        if ((uint8_t)c->in.p[0] != PING)
            return arena_dup(&c->push->mem, test_client_expect_frame(c, TEXT)).p;
        test_client_expect_frame(c, PING);
        test_client_frame(c, PONG, STR(""));
    }
}

static void expect_no_message(struct test_client *c)
{
    test_push_pause(c->push);
    test_client_receive(c);
    while (c->in.n > 0 && (uint8_t)c->in.p[0] == PING) {
        test_client_expect_frame(c, PING);
        test_client_frame(c, PONG, STR(""));
    }
    test_client_expect_nothing(c);
}

static void say(struct test_client *c, const char *text)
{
    test_client_frame(c, TEXT, str_from_c(text));
}

static struct json parse(struct test_client *c, const char *text)
{
    struct json doc;
    assert_int_equal(json_parse(&doc, str_from_c(text), JSON_STRICT, &c->push->mem), OK);
    return doc;
}

/* A member's text; strings without their quotes; "" when there is none. */
static const char *member(struct test_client *c, const char *message, const char *name)
{
    struct json doc = parse(c, message);
    struct json_value v = json_get(json_root(&doc), str_from_c(name));
    if (json_is_absent(v))
        return "";
    struct str text = json_is(v, JSON_STRING) ? json_string(v, &c->push->mem) : json_raw(v);
    return arena_dup(&c->push->mem, text).p;
}

static size_t notes_in(struct test_client *c, const char *message)
{
    struct json doc = parse(c, message);
    return json_count(json_get(json_root(&doc), STR("notes")));
}

static void expect_text(struct test_client *c, const char *text)
{
    assert_string_equal(next(c), text);
}

/* The next message is an update of that operation with so many notes; its id. */
static const char *expect_update(struct test_client *c, const char *operation, size_t notes)
{
    const char *message = next(c);
    assert_string_equal(member(c, message, "type"), "update");
    assert_string_equal(member(c, message, "operation"), operation);
    assert_string_equal(member(c, message, "isRetry"), "");
    assert_int_equal(notes_in(c, message), notes);
    return member(c, message, "updateId");
}

static const char *expect_retry(struct test_client *c, int attempt)
{
    const char *message = next(c);
    char number[16];
    snprintf(number, sizeof(number), "%d", attempt);
    assert_string_equal(member(c, message, "isRetry"), "true");
    assert_string_equal(member(c, message, "attempt"), number);
    assert_string_equal(member(c, message, "operation"), "");
    return member(c, message, "updateId");
}

static void ack(struct test_client *c, const char *update_id)
{
    say(c, arena_printf(&c->push->mem, "{\"type\":\"ack\",\"updateId\":\"%s\"}", update_id).p);
}

static struct test_client *connect_as(struct test_push *t, const char *client_id)
{
    const char *query = arena_printf(&t->mem, "/api/notes/ws?clientId=%s", client_id).p;
    struct test_client *c = test_upgrade(t, query, "");
    assert_string_equal(member(c, next(c), "type"), "connected");
    return c;
}

static void expect_initial(struct test_client *c, size_t notes)
{
    const char *message = next(c);
    assert_string_equal(member(c, message, "type"), "initialSync");
    assert_int_equal(notes_in(c, message), notes);
}

/* Past its initialSync. */
static struct test_client *open_as(struct test_push *t, const char *client_id, size_t notes)
{
    struct test_client *c = connect_as(t, client_id);
    expect_initial(c, notes);
    return c;
}

/* --- opening --- */

static void it_begins_with_who_it_is_and_the_list(void **state)
{
    struct test_push *t = *state;
    write_note(t, "create", 1, "first");
    struct test_client *c = test_upgrade(t, "/api/notes/ws?clientId=tab%20%221%22", "");
    expect_text(c, "{\"type\":\"connected\",\"clientId\":\"tab \\\"1\\\"\"}");
    expect_text(c, "{\"type\":\"initialSync\",\"notes\":[{\"id\":"
                   "\"01890000-0000-7000-8000-000000000001\",\"text\":\"first\",\"userId\":"
                   "\"" TEST_USER "\",\"created\":\"1970-01-01T00:00:00.000Z\",\"updated\":"
                   "\"1970-01-01T00:00:00.000Z\"}],\"timestamp\":1700000000000}");
    expect_no_message(c);
    test_client_free(c);
}

static void who_names_no_client_gets_a_name(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = test_upgrade(t, "/api/notes-ws/ws", "");
    struct test_client *b = test_upgrade(t, "/api/notes/ws", "");
    const char *one = member(a, next(a), "clientId"), *other = member(b, next(b), "clientId");
    assert_int_equal(strlen(one), 32);
    assert_string_not_equal(one, other);
    expect_text(a, "{\"type\":\"initialSync\",\"notes\":[],\"timestamp\":1700000000000}");
    test_client_free(a);
    test_client_free(b);
}

static void client_ids_have_1_to_128_characters(void **state)
{
    struct test_push *t = *state;
    char id[129 * 6 + 1] = "";
    for (int i = 0; i < 128; i++)
        memcpy(id + 6 * i, "%C3%A9", 7);
    struct test_client *c = open_as(t, id, 0);
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
    struct test_client *a = open_as(t, "a", 0), *b = open_as(t, "b", 0);
    change(t, "create", 7, "x");
    const char *text = next(a), *id = member(a, text, "updateId");
    assert_string_equal(
        text, arena_printf(&t->mem,
                           "{\"type\":\"update\",\"notes\":[{\"id\":\"%.*s\",\"text\":\"x\","
                           "\"userId\":\"" TEST_USER "\",\"created\":\"1970-01-01T00:00:00.000Z\","
                           "\"updated\":\"1970-01-01T00:00:00.000Z\"}],\"updateId\":\"%s\","
                           "\"timestamp\":1700000000000,\"operation\":\"create\","
                           "\"affectedNoteId\":\"%.*s\"}",
                           STR_ARG(note_id(t, 7)), id, STR_ARG(note_id(t, 7)))
                  .p);
    expect_text(b, text);
    expect_no_message(a);
    test_client_free(a);
    test_client_free(b);
}

static void other_collections_are_no_concern(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    test_change(t, "table:posts:create", "{\"id\":\"1\"}");
    test_change(t, "kv:set", "{\"key\":\"notes\"}");
    test_change(t, "table:notesx:create", "{\"id\":\"1\"}");
    expect_no_message(c);
    test_client_free(c);
}

static void changes_in_quick_succession_share_a_window(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    expect_update(c, "create", 1);
    test_push_wait(t, 190);
    change(t, "create", 2, "x");
    test_push_wait(t, 100);
    change(t, "update", 1, "y");
    test_push_wait(t, 40);
    expect_no_message(c);
    test_push_wait(t, 20);
    const char *message = next(c);
    assert_string_equal(member(c, message, "operation"), "update");
    assert_true(str_eq(str_from_c(member(c, message, "affectedNoteId")), note_id(t, 1)));
    assert_int_equal(notes_in(c, message), 2);
    test_push_wait(t, 1000);
    expect_no_message(c);
    test_client_free(c);
}

static void after_200_ms_the_next_goes_out_at_once(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    expect_update(c, "create", 1);
    test_push_wait(t, 200);
    change(t, "create", 2, "x");
    expect_update(c, "create", 2);
    test_client_free(c);
}

static void a_delete_goes_out_at_once_and_ends_the_window(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    expect_update(c, "create", 1);
    change(t, "create", 2, "x");
    change(t, "create", 3, "x");
    expect_no_message(c);
    change(t, "delete", 1, "");
    const char *message = next(c);
    assert_string_equal(member(c, message, "operation"), "delete");
    assert_true(str_eq(str_from_c(member(c, message, "affectedNoteId")), note_id(t, 1)));
    assert_int_equal(notes_in(c, message), 2);
    test_push_wait(t, 1000);
    expect_no_message(c);
    test_client_free(c);
}

static void changes_that_no_hint_told_of_are_found(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    write_note(t, "create", 1, "x");
    struct bus_message gap = {.kind = BUS_GAP};
    feed_hint(t->server.feed, &gap);
    test_push_wait(t, 1000);
    expect_update(c, "create", 1);
    test_client_free(c);
}

/* The newer events of the log are all that is left of it. */
static void a_gap_in_the_log_is_an_update_of_nobody_knows_what(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    struct store_options o = t->store.options;
    o.log_keep_events = 2;
    test_store_reopen(&t->store, o);
    write_note(t, "create", 1, "x");
    uint64_t last = 0;
    for (int i = 0; i < 200; i++)
        last = test_event(t, "demo:x", "{}");
    test_hint(t, last, last, true);
    const char *message = next(c);
    assert_string_equal(member(c, message, "operation"), "update");
    assert_string_equal(member(c, message, "affectedNoteId"), "null");
    assert_int_equal(notes_in(c, message), 1);
    test_client_free(c);
}

/* Its data is no JSON object: the list cannot be read until that is mended. */
static void spoil(struct test_push *t, struct str data)
{
    struct space *sp = test_user_writing(&t->store);
    struct row row = {.id = note_id(t, 0), .data = data, .version = 1};
    assert_int_equal(rows_update(sp, &table, &row), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static void a_read_that_failed_is_tried_again(void **state)
{
    struct test_push *t = *state;
    write_note(t, "create", 0, "x");
    struct test_client *a = open_as(t, "a", 1);
    spoil(t, STR("[]"));
    struct test_client *b = connect_as(t, "b");
    change(t, "create", 1, "y");
    expect_no_message(a);
    expect_no_message(b);
    spoil(t, STR("{\"text\":\"z\"}"));
    test_push_wait(t, 510);
    expect_update(a, "create", 2);
    expect_initial(b, 2);
    expect_no_message(a);
    expect_no_message(b);
    test_client_free(a);
    test_client_free(b);
}

/* --- acknowledgements --- */

static void it_comes_again_every_5_s_until_it_is_acknowledged(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    const char *first = next(c), *id = member(c, first, "updateId");
    test_push_wait(t, 4990);
    expect_no_message(c);
    test_push_wait(t, 20);
    expect_text(c, arena_printf(&t->mem, "%.*s,\"isRetry\":true,\"attempt\":1}",
                                (int)(strstr(first, ",\"operation\"") - first), first)
                       .p);
    test_push_wait(t, 5010);
    assert_string_equal(expect_retry(c, 2), id);
    ack(c, "00000000000000000000000000000000");
    say(c, "{\"type\":\"ack\",\"updateId\":7}");
    say(c, "{\"type\":\"ack\"}");
    test_push_wait(t, 5010);
    assert_string_equal(expect_retry(c, 3), id);
    ack(c, id);
    test_push_wait(t, 20000);
    expect_no_message(c);
    test_client_free(c);
    assert_int_equal(users_known(t), 0);
}

static void what_a_client_owes_comes_before_its_list_when_it_is_back(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    const char *id = expect_update(c, "create", 1);
    test_client_free(c);
    test_push_wait(t, 60000);
    write_note(t, "create", 2, "x");
    c = connect_as(t, "a");
    assert_string_equal(expect_retry(c, 1), id);
    expect_initial(c, 2);
    test_push_wait(t, 5010);
    assert_string_equal(expect_retry(c, 2), id);
    ack(c, id);
    test_client_free(c);
    c = open_as(t, "a", 2);
    expect_no_message(c);
    test_client_free(c);
}

static void another_client_owes_nothing_of_it(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    expect_update(c, "create", 1);
    test_client_free(c);
    c = open_as(t, "b", 1);
    test_push_wait(t, 5010);
    expect_no_message(c);
    test_client_free(c);
}

static void after_5_minutes_it_is_forgotten(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    expect_update(c, "create", 1);
    for (int i = 1; i <= 59; i++) {
        test_push_wait(t, 5000);
        test_push_wait(t, 10);
        expect_retry(c, i);
    }
    test_push_wait(t, 30000);
    expect_no_message(c);
    test_client_free(c);
}

static void nothing_is_left_of_a_user_5_minutes_after(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    change(t, "create", 1, "x");
    expect_update(c, "create", 1);
    test_client_free(c);
    test_push_wait(t, 290000);
    assert_int_equal(users_known(t), 1);
    test_push_wait(t, 11000);
    assert_int_equal(users_known(t), 0);
    c = open_as(t, "a", 1);
    expect_no_message(c);
    test_client_free(c);
    assert_int_equal(users_known(t), 0);
}

static void of_more_than_16_the_oldest_are_forgotten(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    const char *ids[18];
    for (int i = 0; i < 18; i++) {
        change(t, "create", i, "x");
        ids[i] = expect_update(c, "create", (size_t)i + 1);
        test_push_wait(t, 200);
    }
    test_client_free(c);
    c = connect_as(t, "a");
    for (int i = 2; i < 18; i++)
        assert_string_equal(expect_retry(c, 1), ids[i]);
    expect_initial(c, 18);
    test_client_free(c);
}

static void two_sockets_of_one_client_need_one_acknowledgement(void **state)
{
    struct test_push *t = *state;
    struct test_client *a = open_as(t, "a", 0), *b = open_as(t, "a", 0),
                       *other = open_as(t, "o", 0);
    change(t, "create", 1, "x");
    const char *id = expect_update(a, "create", 1);
    assert_string_equal(expect_update(b, "create", 1), id);
    assert_string_equal(expect_update(other, "create", 1), id);
    test_push_wait(t, 5010);
    assert_string_equal(expect_retry(a, 1), id);
    assert_string_equal(expect_retry(b, 1), id);
    assert_string_equal(expect_retry(other, 1), id);
    ack(b, id);
    test_push_wait(t, 5010);
    assert_string_equal(expect_retry(other, 2), id);
    expect_no_message(a);
    expect_no_message(b);
    test_client_free(a);
    test_client_free(b);
    test_client_free(other);
}

static void of_clients_who_left_32_are_remembered(void **state)
{
    struct test_push *t = *state;
    struct test_client *c[LEDGER_IDLE_MAX + 1];
    for (int i = 0; i <= LEDGER_IDLE_MAX; i++)
        c[i] = open_as(t, arena_printf(&t->mem, "c%d", i).p, 0);
    change(t, "create", 1, "x");
    for (int i = 0; i <= LEDGER_IDLE_MAX; i++) {
        expect_update(c[i], "create", 1);
        test_client_free(c[i]);
    }
    struct test_client *first = open_as(t, "c0", 1), *second = connect_as(t, "c1");
    expect_no_message(first);
    expect_retry(second, 1);
    test_client_free(first);
    test_client_free(second);
}

/* --- what clients say --- */

static void each_message_has_its_answer(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "me", 0);
    say(c, "{\"type\":\"ping\"}");
    expect_text(c, "{\"type\":\"pong\"}");
    say(c, "{\"type\":\"subscribe\"}");
    expect_text(c, "{\"type\":\"subscribed\",\"notes\":[]}");
    say(c, "{\"type\":\"refresh\"}");
    expect_text(c, "{\"type\":\"update\",\"notes\":[]}");
    say(c, "{\"type\":\"identify\"}");
    expect_text(c, "{\"type\":\"identityRecovered\",\"clientId\":\"me\"}");
    test_client_frame(c, BINARY, STR("{\"type\":\"ping\"}"));
    expect_text(c, "{\"type\":\"pong\"}");
    static const char *const unknown[] = {
        "{}", "[]", "7", "{\"type\":\"Ping\"}", "{\"type\":7}", "{\"type\":\"\"}"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        say(c, unknown[i]);
        expect_text(c, "{\"type\":\"error\",\"message\":\"Unknown message type\"}");
    }
    static const char *const bad[] = {"ping", "", "{\"type\":\"ping\"", "{\"type\":\"ping\"}}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        say(c, bad[i]);
        expect_text(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    }
    test_client_frame(c, BINARY, STR("{\"type\":\"\xff\"}"));
    expect_text(c, "{\"type\":\"error\",\"message\":\"Invalid message format\"}");
    test_client_free(c);
}

static void every_question_is_answered_in_order_up_to_32(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "me", 0);
    struct buf many = BUF_INIT;
    for (int i = 0; i < 20; i++) {
        buf_append_lit(&many, "\x81\x94\0\0\0\0{\"type\":\"subscribe\"}");
        buf_append_lit(&many, "\x81\x92\0\0\0\0{\"type\":\"refresh\"}");
    }
    test_client_send(c, buf_str(&many));
    for (int i = 0; i < 16; i++) {
        expect_text(c, "{\"type\":\"subscribed\",\"notes\":[]}");
        expect_text(c, "{\"type\":\"update\",\"notes\":[]}");
    }
    say(c, "{\"type\":\"ping\"}");
    while (strcmp(next(c), "{\"type\":\"pong\"}") != 0)
        ; /* those beyond may have come when some were answered already */
    buf_release(&many);
    test_client_free(c);
}

static void who_identifies_as_another_gets_what_that_one_owes(void **state)
{
    struct test_push *t = *state;
    struct test_client *old = open_as(t, "old", 0);
    change(t, "create", 1, "x");
    const char *id = expect_update(old, "create", 1);
    test_client_free(old);
    struct test_client *c = open_as(t, "new", 1);
    say(c, "{\"type\":\"identify\",\"clientId\":\"old\"}");
    expect_text(c, "{\"type\":\"identityRecovered\",\"clientId\":\"old\"}");
    assert_string_equal(expect_retry(c, 1), id);
    ack(c, id);
    test_push_wait(t, 5010);
    expect_no_message(c);
    say(c, "{\"type\":\"identify\",\"clientId\":\"\"}");
    expect_text(c, "{\"type\":\"identityRecovered\",\"clientId\":\"old\"}");
    test_client_free(c);
}

/* --- slow, gone --- */

static char *long_text(struct test_push *t, size_t n)
{
    char *text = arena_alloc(&t->mem, n + 1);
    memset(text, 'x', n);
    text[n] = '\0';
    return text;
}

static void a_slow_reader_is_closed_and_gets_it_again_when_it_is_back(void **state)
{
    struct test_push *t = *state;
    struct test_client *slow = open_as(t, "slow", 0), *quick = open_as(t, "quick", 0);
    const char *text = long_text(t, 40000);
    for (int i = 0; i < 20; i++) {
        change(t, "create", i, text);
        test_client_expect(quick, "\"affectedNoteId\"");
        test_push_wait(t, 250);
    }
    assert_int_equal(t->server.stats.slow, 1);
    test_client_expect_end(slow);
    assert_non_null(memmem(slow->in.p, slow->in.n, "\x88\x11\x11\x38", 4)); /* 4408 */
    test_client_free(slow);
    slow = connect_as(t, "slow");
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
    struct test_client *c = open_as(t, "a", 0);
    const char *text = long_text(t, 200000);
    for (int i = 0; i < 4; i++)
        write_note(t, "create", i, text);
    change(t, "create", 4, text);
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
    struct test_client *c = open_as(t, "a", 0);
    const char *text = long_text(t, 250000);
    for (int i = 0; i < 8; i++)
        write_note(t, "create", i, text);
    for (int i = 8; i < 12; i++) {
        change(t, "create", i, text);
        test_client_expect(c, "\"affectedNoteId\"");
        test_client_expect(c, "}");
        test_push_wait(t, 250);
    }
    test_client_free(c);
    c = connect_as(t, "a");
    for (int i = 0; i < 3; i++)
        test_client_expect(c, "\"isRetry\":true,\"attempt\":1}");
    struct str rest = test_client_expect(c, "initialSync");
    assert_null(memmem(rest.p, rest.n, "isRetry", 7));
    test_client_free(c);
}

static void a_session_that_is_revoked_ends_the_stream(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_as(t, "a", 0);
    test_revoke(t);
    test_client_expect(c, "\x11\x31"); /* 4401 */
    test_client_expect_end(c);
    test_client_free(c);
}

static void who_leaves_while_its_list_is_read_is_not_missed(void **state)
{
    struct test_push *t = *state;
    for (int i = 0; i < 20; i++) {
        struct test_client *c = connect_as(t, "a");
        test_client_free(c);
    }
    test_push_pause(t);
    assert_int_equal(users_known(t), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(it_comes_again_every_5_s_until_it_is_acknowledged),
        TEST(what_a_client_owes_comes_before_its_list_when_it_is_back),
        TEST(another_client_owes_nothing_of_it),
        TEST(after_5_minutes_it_is_forgotten),
        TEST(nothing_is_left_of_a_user_5_minutes_after),
        TEST(of_more_than_16_the_oldest_are_forgotten),
        TEST(two_sockets_of_one_client_need_one_acknowledgement),
        TEST(of_clients_who_left_32_are_remembered),
        TEST(each_message_has_its_answer),
        TEST(every_question_is_answered_in_order_up_to_32),
        TEST(who_identifies_as_another_gets_what_that_one_owes),
        TEST(a_slow_reader_is_closed_and_gets_it_again_when_it_is_back),
        TEST(who_takes_nothing_is_not_sent_it_again),
        TEST(of_8_MiB_the_oldest_updates_are_forgotten),
        TEST(a_session_that_is_revoked_ends_the_stream),
        TEST(who_leaves_while_its_list_is_read_is_not_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
