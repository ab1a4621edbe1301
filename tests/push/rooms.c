/* Rooms of cubby.v1: who is there, who hears what. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "conn.h"
#include "lib/push/v1.h"
#include "parts.h"
#include "rooms.h"
#include "source.h"

#define JOIN(room)     "{\"type\":\"join\",\"room\":\"" room "\"}"
#define LEAVE(room)    "{\"type\":\"leave\",\"room\":\"" room "\"}"
#define PRESENCE(room) "{\"type\":\"presence\",\"room\":\"" room "\"}"
#define CAST(room, name, data)                                                                     \
    "{\"type\":\"broadcast\",\"room\":\"" room "\",\"event\":\"" name "\",\"data\":" data "}"
#define NOW "\"timestamp\":1700000000000}"

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    t.conf.rooms = true;
    test_v1_user(&t, TEST_ANN);
    test_v1_user(&t, TEST_BOB);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

static struct test_client *open_in(struct test_push *t, const char *user_id)
{
    struct test_client *c = test_v1_open(t, user_id);
    test_v1_say(c, JOIN("room:r"));
    test_v1_expect_begin(c, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":[");
    return c;
}

static void expect_came(struct test_client *c, const char *event, const char *user_id)
{
    test_v1_expect_begin(c, arena_printf(&c->push->mem,
                                         "{\"event\":\"user:%s\",\"data\":{\"userId\":\"%s\","
                                         "\"room\":\"room:r\"},\"timestamp\":17",
                                         event, user_id)
                                .p);
}

/* --- presence --------------------------------------------------------------------------------- */

static void joining_tells_who_is_there_and_tells_the_others(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = test_v1_open(t, TEST_ANN), *bob = test_v1_open(t, TEST_BOB);
    test_v1_say(ann, JOIN("room:r"));
    test_v1_expect(ann, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":"
                        "[\"" TEST_ANN "\"],\"count\":1}," NOW);
    test_v1_say(bob, JOIN("room:r"));
    test_v1_expect(bob, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":"
                        "[\"" TEST_ANN "\",\"" TEST_BOB "\"],\"count\":2}," NOW);
    test_v1_expect(ann, "{\"event\":\"user:online\",\"data\":{\"userId\":\"" TEST_BOB
                        "\",\"room\":\"room:r\"}," NOW);
    test_v1_expect_silence(ann);
    test_v1_expect_silence(bob);
    test_client_free(ann);
    test_client_free(bob);
}

static void a_user_is_there_once_whatever_the_tabs(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN), *bob = open_in(t, TEST_BOB);
    expect_came(ann, "online", TEST_BOB);
    struct test_client *tab = open_in(t, TEST_BOB);
    test_v1_say(tab, JOIN("room:r")); /* again: only the list */
    test_v1_expect_begin(tab, "{\"event\":\"presence\"");
    test_client_free(bob);
    test_push_wait(t, 10000);
    test_v1_expect_silence(ann);
    test_v1_say(tab, PRESENCE("room:r"));
    test_v1_expect_begin(tab, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":"
                              "[\"" TEST_ANN "\",\"" TEST_BOB "\"],\"count\":2}");
    test_client_free(ann);
    test_client_free(tab);
}

static void who_left_is_offline_after_five_seconds(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN), *bob = open_in(t, TEST_BOB);
    expect_came(ann, "online", TEST_BOB);
    test_v1_say(bob, LEAVE("room:r"));
    test_push_wait(t, 4900);
    test_v1_expect_silence(ann);
    test_push_wait(t, 200);
    expect_came(ann, "offline", TEST_BOB);
    test_v1_expect_silence(bob);
    test_v1_say(bob, JOIN("room:r"));
    expect_came(ann, "online", TEST_BOB);
    test_v1_expect_begin(bob, "{\"event\":\"presence\"");
    test_client_free(bob);
    test_push_wait(t, 5100);
    expect_came(ann, "offline", TEST_BOB);
    test_v1_say(ann, PRESENCE("room:r"));
    test_v1_expect_begin(ann, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":"
                              "[\"" TEST_ANN "\"],\"count\":1}");
    test_client_free(ann);
}

static void who_comes_back_within_them_was_never_away(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN), *bob = open_in(t, TEST_BOB);
    expect_came(ann, "online", TEST_BOB);
    for (int i = 0; i < 3; i++) {
        test_client_free(bob);
        test_push_wait(t, 4000);
        bob = open_in(t, TEST_BOB);
    }
    test_push_wait(t, 6000);
    test_v1_expect_silence(ann);
    test_client_free(ann);
    test_client_free(bob);
}

static void a_room_that_everybody_left_begins_anew(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN);
    test_client_free(ann);
    test_push_wait(t, 5100);
    struct test_client *bob = test_v1_open(t, TEST_BOB);
    test_v1_say(bob, JOIN("room:r"));
    test_v1_expect_begin(bob, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":"
                              "[\"" TEST_BOB "\"],\"count\":1}");
    test_client_free(bob);
}

/* --- names and limits ------------------------------------------------------------------------- */

static void rooms_have_names(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open(t, TEST_ANN);
    static const char *const names[] = {"",
                                        "room:",
                                        "r",
                                        "Room:r",
                                        "room:a b",
                                        "room:a/b",
                                        "room:\\u0000",
                                        "room:\xc3\xa4",
                                        ("user:" TEST_BOB),
                                        TEST_BOB};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        test_v1_refused(c, arena_printf(&t->mem, "{\"type\":\"join\",\"room\":\"%s\"}", names[i]).p,
                        "invalid");
    test_v1_refused(c, "{\"type\":\"join\",\"room\":7}", "invalid");
    test_v1_refused(c, JOIN("org:1"), "not_found");
    test_v1_refused(c, PRESENCE("org:1"), "not_found");
    test_v1_refused(c, LEAVE("org:1"), "not_found");
    test_v1_refused(c, CAST("org:1", "app:x", "{}"), "not_found");
    char *longest = arena_alloc(&t->mem, 107);
    memset(longest, 'x', 106);
    memcpy(longest, "room:", 5);
    longest[106] = '\0';
    const char *form = "{\"type\":\"join\",\"room\":\"%s\"}";
    test_v1_refused(c, arena_printf(&t->mem, form, longest).p, "invalid");
    longest[105] = '\0';
    test_v1_say(c, arena_printf(&t->mem, form, longest).p);
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_v1_say(c, JOIN("room:aZ0_.:-"));
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_client_free(c);
}

static void rooms_may_be_off(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open(t, TEST_ANN);
    t->conf.rooms = false;
    test_v1_refused(c, JOIN("room:r"), "forbidden");
    test_client_free(c);
}

static void a_connection_is_in_so_many_rooms_at_most(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open(t, TEST_ANN);
    t->conf.push_max_rooms_per_connection = 2;
    test_v1_say(c, JOIN("room:1"));
    test_v1_say(c, JOIN("room:2"));
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_v1_refused(c, JOIN("room:3"), "rate_limited");
    test_v1_say(c, JOIN("room:1"));
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_v1_say(c, LEAVE("room:1"));
    test_v1_say(c, JOIN("room:3"));
    test_v1_expect_begin(c, "{\"event\":\"presence\",\"data\":{\"room\":\"room:3\"");
    test_client_free(c);
}

/* On all connections together; who left a moment ago is there yet. */
static void a_user_is_in_so_many_rooms_at_most(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = test_v1_open(t, TEST_ANN), *tab = test_v1_open(t, TEST_ANN);
    struct test_client *bob = test_v1_open(t, TEST_BOB);
    t->conf.push_max_rooms_per_user = 2;
    test_v1_say(c, JOIN("room:1"));
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_v1_say(tab, JOIN("room:2"));
    test_v1_expect_begin(tab, "{\"event\":\"presence\"");
    test_v1_refused(c, JOIN("room:3"), "rate_limited");
    test_v1_refused(tab, JOIN("room:3"), "rate_limited");
    test_v1_say(c, JOIN("room:2"));
    test_v1_expect_begin(c, "{\"event\":\"presence\"");
    test_v1_say(bob, JOIN("room:3"));
    test_v1_expect_begin(bob, "{\"event\":\"presence\"");
    test_v1_say(c, LEAVE("room:1"));
    test_v1_refused(c, JOIN("room:3"), "rate_limited");
    test_push_wait(t, ROOMS_GRACE_MS + 10);
    test_v1_say(c, JOIN("room:3"));
    test_v1_expect_begin(c, "{\"event\":\"presence\",\"data\":{\"room\":\"room:3\"");
    test_client_free(c);
    test_client_free(tab);
    test_client_free(bob);
}

/* Connections that take nothing, of as many users. */
static void a_thousand_users_are_listed_and_told_of(void **state)
{
    enum { USERS = 1002 };
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN);
    static struct conn conns[USERS];
    static struct guest guests[USERS];
    static struct login logins[USERS];
    static const struct format none = {.is_message = true};
    struct seat *s;
    for (int i = 0; i < USERS; i++) {
        char key[24];
        snprintf(key, sizeof(key), "0f%d", i);
        guests[i] = (struct guest){0};
        logins[i] =
            (struct login){.source = source_new((struct feed *)t->server.feed, str_from_c(key))};
        conns[i] = (struct conn){.server = &t->server, .login = &logins[i]};
        assert_int_equal(rooms_join(&guests[i], &conns[i], STR("room:r"), &none, &s), OK);
        rooms_leave_all(&guests[i]);
        source_free(logins[i].source);
        test_client_receive(ann);
    }
    for (int i = 0; i < 999; i++)
        test_v1_expect_begin(ann, "{\"event\":\"user:online\"");
    test_v1_say(ann, PRESENCE("room:r"));
    struct str got = test_client_expect(ann, "\"count\":1003}");
    size_t listed = 0;
    for (size_t i = 0; i < got.n; i++)
        listed += got.p[i] == ',';
    assert_int_equal(listed, 2 + 999 + 1); /* before, between 1,000 users, behind */
    test_client_expect(ann, "}");
    test_client_free(ann);
}

/* --- broadcasts ------------------------------------------------------------------------------- */

static void a_broadcast_reaches_the_room_but_for_who_sent_it(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN), *tab = open_in(t, TEST_ANN);
    struct test_client *bob = open_in(t, TEST_BOB), *outside = test_v1_open(t, TEST_BOB);
    expect_came(ann, "online", TEST_BOB);
    expect_came(tab, "online", TEST_BOB);
    test_v1_say(bob, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"kv:*\"}]}");
    test_v1_say(ann, CAST("room:r", "app:x",
                          "{\"n\":1,\"userId\":\"" TEST_BOB "\",\"room\":\"room:other\"}"));
    const char *said = "{\"event\":\"app:x\",\"data\":{\"n\":1,\"userId\":\"" TEST_ANN
                       "\",\"room\":\"room:r\"}," NOW;
    test_v1_expect(tab, said);
    test_v1_expect(bob, said);
    test_v1_say(bob, CAST("room:r", "user:waves", "{}"));
    test_v1_expect_begin(ann, "{\"event\":\"user:waves\",\"data\":{\"userId\":\"" TEST_BOB "\"");
    test_v1_expect_begin(tab, "{\"event\":\"user:waves\"");
    test_v1_expect_silence(ann);
    test_v1_expect_silence(bob);
    test_v1_expect_silence(outside);
    test_client_free(ann);
    test_client_free(tab);
    test_client_free(bob);
    test_client_free(outside);
}

static void only_who_is_in_a_room_hears_sees_and_speaks_there(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN), *bob = test_v1_open(t, TEST_BOB);
    test_v1_refused(bob, CAST("room:r", "app:x", "{}"), "forbidden");
    test_v1_refused(bob, CAST("room:none", "app:x", "{}"), "forbidden");
    test_v1_refused(bob, CAST("", "app:x", "{}"), "invalid");
    test_v1_refused(bob, "{\"type\":\"broadcast\",\"room\":null,\"event\":\"app:x\",\"data\":{}}",
                    "invalid");
    test_v1_refused(bob, PRESENCE("room:r"), "forbidden");
    test_v1_say(bob, LEAVE("room:r"));
    test_v1_say(ann, CAST("room:r", "app:x", "{}"));
    test_v1_expect_silence(bob);
    test_v1_say(ann, LEAVE("room:r"));
    test_v1_refused(ann, CAST("room:r", "app:x", "{}"), "forbidden");
    test_client_free(ann);
    test_client_free(bob);
}

static void data_over_64_kib_is_refused(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = open_in(t, TEST_ANN);
    char *text = arena_alloc(&t->mem, 65530);
    memset(text, 'x', 65529);
    text[65529] = '\0';
    struct str said = arena_printf(
        &t->mem, "{\"type\":\"broadcast\",\"event\":\"app:x\",\"data\":{\"text\":\"%s\"}}", text);
    struct buf frames = BUF_INIT; /* in two fragments */
    buf_append_lit(&frames, "\x01\xfe\xea\x60\0\0\0\0");
    buf_append(&frames, said.p, 60000);
    buf_append_lit(&frames, "\x80\xfe");
    buf_append_ch(&frames, (char)((said.n - 60000) >> 8));
    buf_append_ch(&frames, (char)(said.n - 60000));
    buf_append_lit(&frames, "\0\0\0\0");
    buf_append(&frames, said.p + 60000, said.n - 60000);
    test_client_send(c, buf_str(&frames));
    test_v1_expect_begin(c, "{\"event\":\"realtime:error\",\"data\":{\"code\":\"too_large\"");
    buf_release(&frames);
    test_client_free(c);
}

/* What is ephemeral is lost to it; then it is told anew who is there. */
static void a_slow_reader_misses_some_and_comes_back(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = open_in(t, TEST_ANN), *bob = open_in(t, TEST_BOB);
    char *text = arena_alloc(&t->mem, 8001);
    memset(text, 'x', 8000);
    text[8000] = '\0';
    const char *said = arena_printf(&t->mem, CAST("room:r", "app:x", "{\"text\":\"%s\"}"), text).p;
    expect_came(ann, "online", TEST_BOB);
    for (int i = 0; i < 400; i++)
        test_v1_say(bob, said);
    test_v1_expect_silence(bob);
    assert_int_equal(t->server.streams, 2);
    assert_int_equal(t->server.stats.slow, 0);
    test_client_expect(ann, "{\"event\":\"presence\",\"data\":{\"room\":\"room:r\",\"members\":[");
    test_client_expect(ann, NOW);
    test_v1_say(bob, CAST("room:r", "app:y", "{}"));
    test_v1_expect_begin(ann, "{\"event\":\"app:y\"");
    test_client_free(ann);
    test_client_free(bob);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(joining_tells_who_is_there_and_tells_the_others),
        TEST(a_user_is_there_once_whatever_the_tabs),
        TEST(who_left_is_offline_after_five_seconds),
        TEST(who_comes_back_within_them_was_never_away),
        TEST(a_room_that_everybody_left_begins_anew),
        TEST(rooms_have_names),
        TEST(rooms_may_be_off),
        TEST(a_connection_is_in_so_many_rooms_at_most),
        TEST(a_user_is_in_so_many_rooms_at_most),
        TEST(a_thousand_users_are_listed_and_told_of),
        TEST(a_broadcast_reaches_the_room_but_for_who_sent_it),
        TEST(only_who_is_in_a_room_hears_sees_and_speaks_there),
        TEST(data_over_64_kib_is_refused),
        TEST(a_slow_reader_misses_some_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
