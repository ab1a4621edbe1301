/* Notes of TEST_USER, and clients of their stream. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/notes_ws.h"
#include "parts.h"
#include "store/rows.h"
#include "wire/json.h"

#define TEXT 0x81
#define PING 0x89
#define PONG 0x8a

static struct rows_table table = {.name = {"notes", 5}, .scope = SPACE_USER};

int test_notes_set_up(void **state)
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

int test_notes_tear_down(void **state)
{
    test_push_close(*state);
    rows_table_release(&table);
    return 0;
}

/* --- the other program --- */

const struct rows_table *test_notes_table(void)
{
    return &table;
}

struct str test_notes_id(struct test_push *t, int number)
{
    return arena_printf(&t->mem, "01890000-0000-7000-8000-%012d", number);
}

uint64_t test_notes_write(struct test_push *t, const char *operation, int number, const char *text)
{
    struct space *sp = test_user_writing(&t->store);
    struct row row = {.id = test_notes_id(t, number),
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

void test_notes_change(struct test_push *t, const char *operation, int number, const char *text)
{
    uint64_t seq = test_notes_write(t, operation, number, text);
    test_hint(t, seq, seq, true);
}

uint64_t test_notes_users(struct test_push *t)
{
    struct notes_stats stats = notes_stats(t->server.parts->notes);
    assert_true(stats.users > 0 || stats.pending_bytes == 0);
    return stats.users;
}

/* --- clients --- */

const char *test_notes_next(struct test_client *c)
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

void test_notes_expect_nothing(struct test_client *c)
{
    test_push_pause(c->push);
    test_client_receive(c);
    while (c->in.n > 0 && (uint8_t)c->in.p[0] == PING) {
        test_client_expect_frame(c, PING);
        test_client_frame(c, PONG, STR(""));
    }
    test_client_expect_nothing(c);
}

void test_notes_say(struct test_client *c, const char *text)
{
    test_client_frame(c, TEXT, str_from_c(text));
}

static struct json parse(struct test_client *c, const char *text)
{
    struct json doc;
    assert_int_equal(json_parse(&doc, str_from_c(text), JSON_STRICT, &c->push->mem), OK);
    return doc;
}

const char *test_notes_member(struct test_client *c, const char *message, const char *name)
{
    struct json doc = parse(c, message);
    struct json_value v = json_get(json_root(&doc), str_from_c(name));
    if (json_is_absent(v))
        return "";
    struct str text = json_is(v, JSON_STRING) ? json_string(v, &c->push->mem) : json_raw(v);
    return arena_dup(&c->push->mem, text).p;
}

size_t test_notes_count(struct test_client *c, const char *message)
{
    struct json doc = parse(c, message);
    return json_count(json_get(json_root(&doc), STR("notes")));
}

void test_notes_expect(struct test_client *c, const char *text)
{
    assert_string_equal(test_notes_next(c), text);
}

const char *test_notes_expect_update(struct test_client *c, const char *operation, size_t notes)
{
    const char *message = test_notes_next(c);
    assert_string_equal(test_notes_member(c, message, "type"), "update");
    assert_string_equal(test_notes_member(c, message, "operation"), operation);
    assert_string_equal(test_notes_member(c, message, "isRetry"), "");
    assert_int_equal(test_notes_count(c, message), notes);
    return test_notes_member(c, message, "updateId");
}

const char *test_notes_expect_retry(struct test_client *c, int attempt)
{
    const char *message = test_notes_next(c);
    char number[16];
    snprintf(number, sizeof(number), "%d", attempt);
    assert_string_equal(test_notes_member(c, message, "isRetry"), "true");
    assert_string_equal(test_notes_member(c, message, "attempt"), number);
    assert_string_equal(test_notes_member(c, message, "operation"), "");
    return test_notes_member(c, message, "updateId");
}

void test_notes_ack(struct test_client *c, const char *update_id)
{
    test_notes_say(
        c, arena_printf(&c->push->mem, "{\"type\":\"ack\",\"updateId\":\"%s\"}", update_id).p);
}

struct test_client *test_notes_connect(struct test_push *t, const char *client_id)
{
    const char *query = arena_printf(&t->mem, "/api/notes/ws?clientId=%s", client_id).p;
    struct test_client *c = test_upgrade(t, query, "");
    assert_string_equal(test_notes_member(c, test_notes_next(c), "type"), "connected");
    return c;
}

void test_notes_expect_initial(struct test_client *c, size_t notes)
{
    const char *message = test_notes_next(c);
    assert_string_equal(test_notes_member(c, message, "type"), "initialSync");
    assert_int_equal(test_notes_count(c, message), notes);
}

struct test_client *test_notes_open(struct test_push *t, const char *client_id, size_t notes)
{
    struct test_client *c = test_notes_connect(t, client_id);
    test_notes_expect_initial(c, notes);
    return c;
}

char *test_notes_long(struct test_push *t, size_t n)
{
    char *text = arena_alloc(&t->mem, n + 1);
    memset(text, 'x', n);
    text[n] = '\0';
    return text;
}
