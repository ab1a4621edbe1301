/* Organizations on streams: who follows one, who is in its room, and how a membership ends. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "conn.h"
#include "lib/push/team.h"

#define ROOM     "org:" TEST_TEAM
#define NOBODYS  "0ddba110ddba110ddba110ddba110dba"
#define JOIN     "{\"type\":\"join\",\"room\":\"" ROOM "\"}"
#define LEAVE    "{\"type\":\"leave\",\"room\":\"" ROOM "\"}"
#define PRESENCE "{\"type\":\"presence\",\"room\":\"" ROOM "\"}"
#define CAST     "{\"type\":\"broadcast\",\"room\":\"" ROOM "\",\"event\":\"app:x\",\"data\":{}}"
#define REMOVED  "{\"organizationId\":\"" TEST_TEAM "\",\"userId\":\"" TEST_ANN "\"}"

static int set_up(void **state)
{
    static struct test_push t;
    test_push_open(&t);
    t.conf.rooms = true;
    test_team_open(&t);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_push_close(*state);
    return 0;
}

/* --- GET /api/events?org= --------------------------------------------------------------------- */

static const char *token_of(struct test_push *t, const char *user_id)
{
    return test_v1_token(t, arena_printf(&t->mem, "{\"sub\":\"%s\"}", user_id).p);
}

/* The answer to a request for that stream. */
static struct test_client *ask(struct test_push *t, const char *token, const char *query,
                               const char *status)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "GET /api/events%s HTTP/1.1\r\nHost: push.test\r\n"
                                     "Authorization: Bearer %s\r\n\r\n",
                                     query, token));
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("not %s: %.*s", status, STR_ARG(head));
    return c;
}

static struct test_client *follow(struct test_push *t, const char *user_id)
{
    struct test_client *c = ask(t, token_of(t, user_id), "?org=" TEST_TEAM, "200");
    test_client_expect(c, "event: realtime:connected\n");
    test_client_expect(c, "\n\n");
    return c;
}

static void owner_and_members_follow_an_organization(void **state)
{
    struct test_push *t = *state;
    test_team_event(t, "table:tasks:create", "{\"n\":1}");
    struct test_client *c = ask(t, token_of(t, TEST_USER), "?org=" TEST_TEAM, "200"),
                       *ann = follow(t, TEST_ANN);
    test_client_expect(
        c, arena_printf(&t->mem, "\"epoch\":\"%.8s\",\"seq\":1}", test_team_event_id(t, 0)).p);
    test_client_expect(c, "\n\n");
    test_team_change(t, "table:tasks:create", "{\"n\":2}");
    struct test_client *all[] = {c, ann};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        test_client_expect(all[i], arena_printf(&t->mem,
                                                "id: %s\nevent: table:tasks:create\n"
                                                "data: {\"event\":\"table:tasks:create\","
                                                "\"data\":{\"n\":2},",
                                                test_team_event_id(t, 2))
                                       .p);
    test_change(t, "kv:set", "{}"); /* the user's own */
    test_client_expect(c, "\n\n");
    test_client_expect_nothing(c);
    test_client_free(c);
    test_client_free(ann);
}

static void what_was_missed_is_replayed_and_filtered(void **state)
{
    struct test_push *t = *state;
    test_team_event(t, "table:tasks:create", "{\"n\":1}");
    test_team_event(t, "table:notes:create", "{\"n\":2}");
    test_team_event(t, "table:tasks:update", "{\"n\":3}");
    struct test_client *c =
        ask(t, token_of(t, TEST_ANN),
            arena_printf(&t->mem, "?org=" TEST_TEAM "&events=table:tasks:*&lastEventId=%s",
                         test_team_event_id(t, 0))
                .p,
            "200");
    test_client_expect(c, "{\"n\":1}");
    struct str between = test_client_expect(c, "{\"n\":3}");
    assert_null(strstr(between.p, "{\"n\":2}"));
    test_client_free(c);
}

static void others_are_told_that_there_is_none(void **state)
{
    struct test_push *t = *state;
    const char *queries[] = {"?org=" TEST_TEAM, "?org=" NOBODYS,   "?org=",
                             "?org=..%2fx",     "?org=" TEST_USER, "?org=" NOBODYS NOBODYS NOBODYS};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct test_client *c = ask(t, token_of(t, TEST_BOB), queries[i], "404");
        test_client_expect(c, "\"code\":\"not_found\"");
        test_client_free(c);
    }
    struct test_client *c = ask(t, "x", "?org=" TEST_TEAM, "401");
    test_client_free(c);
    test_revoke(t);
    c = ask(t, test_token(t, 0), "?org=" TEST_TEAM, "401");
    test_client_free(c);
}

static void a_plain_websocket_follows_no_organization(void **state)
{
    struct test_push *t = *state;
    const char *lines = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    test_client_free(test_get(t, "/api/ws?org=" TEST_TEAM, lines, "404"));
    const char *v1 = arena_printf(&t->mem, "%sSec-WebSocket-Protocol: cubby.v1\r\n", lines).p;
    test_client_free(test_get(t, "/api/ws?org=" TEST_TEAM, v1, "404"));
}

static void a_removed_member_is_shown_the_door(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = follow(t, TEST_ANN), *owner = follow(t, TEST_USER);
    test_team_remove(t, TEST_ANN);
    test_team_change(t, "organization:member_removed", REMOVED);
    test_client_expect(ann, "event: realtime:error\n");
    test_client_expect(ann, "\"code\":\"not_found\"");
    test_client_expect_end(ann);
    test_client_expect(owner, "event: organization:member_removed\n");
    test_team_change(t, "table:tasks:create", "{\"n\":9}");
    test_client_expect(owner, "{\"n\":9}");
    test_client_free(ann);
    test_client_free(owner);
    test_client_free(ask(t, token_of(t, TEST_ANN), "?org=" TEST_TEAM, "404"));
}

static void a_removal_that_nobody_told_of_is_found_by_the_sweep(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = follow(t, TEST_ANN);
    test_team_remove(t, TEST_ANN);
    test_push_pause(t);
    test_client_receive(ann);
    assert_false(ann->is_closed);
    const struct bus_message gap = {.kind = BUS_GAP};
    feed_hint(t->server.feed, &gap);
    test_push_wait(t, 1000);
    test_client_expect_end(ann);
    test_client_free(ann);
}

static void a_deleted_organization_ends_its_streams(void **state)
{
    struct test_push *t = *state;
    struct test_client *owner = follow(t, TEST_USER);
    test_team_delete(t);
    test_team_hint_members(t);
    test_push_wait(t, 1000); /* a reader notices within moments that a file has gone */
    test_client_expect_end(owner);
    test_client_free(owner);
}

static void a_session_that_is_revoked_ends_its_organizations_too(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = ask(t, test_token(t, 0), "?org=" TEST_TEAM, "200");
    test_client_expect(c, "realtime:connected");
    test_revoke(t);
    test_client_expect(c, "\"code\":\"unauthorized\"");
    test_client_expect_end(c);
    test_client_free(c);
}

static void a_client_that_leaves_while_it_is_looked_up_is_forgotten(void **state)
{
    struct test_push *t = *state;
    const char *requests[] = {TEST_ANN, TEST_BOB};
    for (size_t i = 0; i < 20; i++) {
        const char *text = arena_printf(&t->mem,
                                        "GET /api/events?org=" TEST_TEAM " HTTP/1.1\r\n"
                                        "Host: push.test\r\nAuthorization: Bearer %s\r\n\r\n",
                                        token_of(t, requests[i % 2]))
                               .p;
        struct test_client *c = test_client_new_with(t, str_from_c(text));
        for (size_t n = 0; n < i; n++)
            loop_round(t->loop, 0);
        test_client_free(c);
    }
    test_push_pause(t);
    assert_int_equal(t->server.conns, 0);
}

/* --- cubby.v1 --------------------------------------------------------------------------------- */

static void expect_presence(struct test_client *c, const char *members, int count)
{
    test_v1_expect_begin(c, arena_printf(&c->push->mem,
                                         "{\"event\":\"presence\",\"data\":{\"room\":\"" ROOM
                                         "\",\"members\":[%s],\"count\":%d}",
                                         members, count)
                                .p);
}

static void expect_came(struct test_client *c, const char *event, const char *user_id)
{
    test_v1_expect_begin(c, arena_printf(&c->push->mem,
                                         "{\"event\":\"user:%s\",\"data\":{\"userId\":\"%s\","
                                         "\"room\":\"" ROOM "\"}",
                                         event, user_id)
                                .p);
}

static void expect_change(struct test_client *c, const char *name, const char *data, uint64_t seq)
{
    struct test_push *t = c->push;
    const char *text =
        arena_printf(&t->mem,
                     "{\"event\":\"%s\",\"data\":%s,\"timestamp\":%lld,\"id\":\"%s\","
                     "\"space\":\"" ROOM "\"}",
                     name, data, (long long)t->now_ms, test_team_event_id(t, seq))
            .p;
    test_v1_expect(c, text);
}

static void members_share_a_room_and_its_changes(void **state)
{
    struct test_push *t = *state;
    struct test_client *owner = test_v1_open_own(t), *ann = test_v1_open(t, TEST_ANN);
    test_v1_say(owner, JOIN);
    expect_presence(owner, "\"" TEST_USER "\"", 1);
    test_v1_say(ann, JOIN);
    expect_presence(ann, "\"" TEST_USER "\",\"" TEST_ANN "\"", 2);
    expect_came(owner, "online", TEST_ANN);
    test_team_change(t, "table:tasks:create", "{\"n\":1}");
    expect_change(owner, "table:tasks:create", "{\"n\":1}", 1);
    expect_change(ann, "table:tasks:create", "{\"n\":1}", 1);
    test_v1_say(ann, CAST);
    test_v1_expect_begin(owner, "{\"event\":\"app:x\",\"data\":{\"userId\":\"" TEST_ANN
                                "\",\"room\":\"" ROOM "\"}");
    test_v1_say(ann, PRESENCE);
    expect_presence(ann, "\"" TEST_USER "\",\"" TEST_ANN "\"", 2);
    test_v1_say(ann, JOIN); /* once is enough */
    expect_presence(ann, "\"" TEST_USER "\",\"" TEST_ANN "\"", 2);
    test_v1_say(ann, LEAVE);
    test_v1_expect_silence(ann);
    test_team_change(t, "table:tasks:create", "{\"n\":2}");
    expect_change(owner, "table:tasks:create", "{\"n\":2}", 2);
    test_v1_expect_silence(ann);
    test_v1_refused(ann, CAST, "not_found");
    test_client_free(owner);
    test_client_free(ann);
}

static void outsiders_get_nowhere(void **state)
{
    struct test_push *t = *state;
    struct test_client *bob = test_v1_open(t, TEST_BOB);
    const char *refused[] = {JOIN,
                             PRESENCE,
                             CAST,
                             "{\"type\":\"join\",\"room\":\"org:" NOBODYS "\"}",
                             "{\"type\":\"join\",\"room\":\"org:\"}",
                             "{\"type\":\"join\",\"room\":\"org:" NOBODYS NOBODYS "\"}",
                             "{\"type\":\"resume\",\"lastEventIds\":{\"org:x\":\"a.1\"}}"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        test_v1_refused(bob, refused[i], "not_found");
    test_v1_say(bob, "{\"type\":\"resume\",\"lastEventIds\":{\"" ROOM "\":\"a.1\"}}");
    test_v1_expect_silence(bob);
    test_v1_refused(bob, JOIN, "not_found");
    test_team_change(t, "table:tasks:create", "{\"n\":1}");
    test_v1_expect_silence(bob);
    test_client_free(bob);
}

static void changes_go_on_where_a_client_says_before_or_after_it_joins(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = test_v1_open(t, TEST_ANN);
    test_team_event(t, "table:tasks:create", "{\"n\":1}");
    test_team_event(t, "table:tasks:create", "{\"n\":2}");
    const char *resume =
        arena_printf(&t->mem, "{\"type\":\"resume\",\"lastEventIds\":{\"" ROOM "\":\"%s\"}}",
                     test_team_event_id(t, 1))
            .p;
    test_v1_say(ann, resume);
    test_v1_say(ann, JOIN);
    expect_presence(ann, "\"" TEST_ANN "\"", 1);
    expect_change(ann, "table:tasks:create", "{\"n\":2}", 2);
    test_v1_say(ann, resume);
    expect_change(ann, "table:tasks:create", "{\"n\":2}", 2);
    test_v1_say(ann, "{\"type\":\"resume\",\"lastEventIds\":{\"" ROOM "\":\"00000000.1\"}}");
    test_v1_expect_begin(ann, "{\"event\":\"realtime:resync\",\"data\":{\"epoch\":");
    test_v1_expect_silence(ann);
    test_team_change(t, "table:tasks:create", "{\"n\":3}");
    expect_change(ann, "table:tasks:create", "{\"n\":3}", 3);
    test_client_free(ann);
}

static void filters_hold_for_all_changes(void **state)
{
    struct test_push *t = *state;
    struct test_client *ann = test_v1_open(t, TEST_ANN);
    test_v1_say(ann, JOIN);
    expect_presence(ann, "\"" TEST_ANN "\"", 1);
    test_v1_say(ann, "{\"type\":\"subscribe\",\"filters\":[{\"type\":\"table:tasks:delete\"}]}");
    test_v1_expect_silence(ann);
    test_team_change(t, "table:tasks:create", "{\"n\":1}");
    test_team_change(t, "table:tasks:delete", "{\"n\":2}");
    expect_change(ann, "table:tasks:delete", "{\"n\":2}", 2);
    test_v1_say(ann, "{\"type\":\"unsubscribe\",\"filters\":[{\"type\":\"table:tasks:delete\"}]}");
    test_v1_expect_silence(ann);
    test_team_change(t, "table:tasks:create", "{\"n\":3}");
    expect_change(ann, "table:tasks:create", "{\"n\":3}", 3);
    test_client_free(ann);
}

static void a_removed_member_is_out_of_the_room_at_once_on_all_connections(void **state)
{
    struct test_push *t = *state;
    struct test_client *owner = test_v1_open_own(t);
    struct test_client *ann[] = {test_v1_open(t, TEST_ANN), test_v1_open(t, TEST_ANN)};
    test_v1_say(owner, JOIN);
    expect_presence(owner, "\"" TEST_USER "\"", 1);
    for (size_t i = 0; i < ARRAY_LEN(ann); i++) {
        test_v1_say(ann[i], JOIN);
        expect_presence(ann[i], "\"" TEST_USER "\",\"" TEST_ANN "\"", 2);
    }
    expect_came(owner, "online", TEST_ANN);
    test_team_remove(t, TEST_ANN);
    test_team_change(t, "organization:member_removed", REMOVED);
    expect_change(owner, "organization:member_removed", REMOVED, 1);
    expect_came(owner, "offline", TEST_ANN);
    for (size_t i = 0; i < ARRAY_LEN(ann); i++) {
        /* The event itself may come before, or not any more. */
        test_client_expect(ann[i], "{\"code\":\"not_found\",\"message\":\"You are no longer a "
                                   "member of org:" TEST_TEAM "\"},\"timestamp\":1700000000000}");
    }
    test_team_change(t, "table:tasks:create", "{\"n\":1}");
    test_v1_say(owner, CAST);
    expect_change(owner, "table:tasks:create", "{\"n\":1}", 2);
    for (size_t i = 0; i < ARRAY_LEN(ann); i++) {
        test_v1_expect_silence(ann[i]);
        test_v1_refused(ann[i], JOIN, "not_found");
        test_client_free(ann[i]);
    }
    test_client_free(owner);
}

static void joins_count_as_rooms(void **state)
{
    struct test_push *t = *state;
    t->conf.push_max_rooms_per_connection = 1;
    struct test_client *ann = test_v1_open(t, TEST_ANN);
    test_v1_say(ann, JOIN);
    expect_presence(ann, "\"" TEST_ANN "\"", 1);
    test_v1_refused(ann, "{\"type\":\"join\",\"room\":\"room:r\"}", "rate_limited");
    test_v1_refused(ann, "{\"type\":\"resume\",\"lastEventIds\":{\"org:" NOBODYS "\":\"a.1\"}}",
                    "rate_limited");
    test_v1_say(ann, LEAVE);
    test_v1_say(ann, "{\"type\":\"join\",\"room\":\"room:r\"}");
    test_v1_expect_begin(ann, "{\"event\":\"presence\"");
    test_client_free(ann);
}

static void a_connection_that_ends_while_it_joins_is_forgotten(void **state)
{
    struct test_push *t = *state;
    for (int rounds = 0; rounds < 6; rounds++) {
        struct test_client *ann = test_v1_open(t, TEST_ANN);
        test_v1_say(ann, JOIN);
        for (int i = 0; i < rounds; i++)
            loop_round(t->loop, 0);
        test_client_free(ann);
    }
    test_push_pause(t);
    assert_int_equal(t->server.conns, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(owner_and_members_follow_an_organization),
        TEST(what_was_missed_is_replayed_and_filtered),
        TEST(others_are_told_that_there_is_none),
        TEST(a_plain_websocket_follows_no_organization),
        TEST(a_removed_member_is_shown_the_door),
        TEST(a_removal_that_nobody_told_of_is_found_by_the_sweep),
        TEST(a_deleted_organization_ends_its_streams),
        TEST(a_session_that_is_revoked_ends_its_organizations_too),
        TEST(a_client_that_leaves_while_it_is_looked_up_is_forgotten),
        TEST(members_share_a_room_and_its_changes),
        TEST(outsiders_get_nowhere),
        TEST(changes_go_on_where_a_client_says_before_or_after_it_joins),
        TEST(filters_hold_for_all_changes),
        TEST(a_removed_member_is_out_of_the_room_at_once_on_all_connections),
        TEST(joins_count_as_rooms),
        TEST(a_connection_that_ends_while_it_joins_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
