/* ?ticket=: opens one stream, once; the stream lives with the one who asked for it. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/push.h"

static int set_up(void **state)
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

static const struct who session = {
    .kind = WHO_ACCESS, .user_id = {TEST_USER, 32}, .sid = {TEST_SID, 32}};

static int64_t now_s(const struct test_push *t)
{
    return t->now_ms / 1000;
}

/* A ticket that was made so many seconds ago. */
static const char *ticket_of(struct test_push *t, const struct who *w, int64_t age_s)
{
    struct buf b = BUF_INIT;
    who_sign_ticket(&b, &t->server.keys, w, now_s(t) - age_s);
    const char *text = arena_dup(&t->mem, buf_str(&b)).p;
    buf_release(&b);
    return text;
}

/* Ask for a stream with what the format makes of token; its head must have this status. */
static struct test_client *ask(struct test_push *t, const char *format, const char *token,
                               const char *status)
{
    struct test_client *c = test_client_new(t);
    struct str line = STR_NULL, rest = str_from_c(format), part;
    while (str_next(&rest, '$', &part))
        line = line.p ? arena_printf(&t->mem, "%.*s%s%.*s", STR_ARG(line), token, STR_ARG(part))
                      : part;
    test_client_send(c, arena_printf(&t->mem, "GET %.*sHost: a\r\n\r\n", STR_ARG(line)));
    struct str head = test_client_expect(c, "\r\n\r\n");
    if (!str_starts_with(str_from(head, 9), str_from_c(status)))
        fail_msg("%.*s: not %s: %.*s", STR_ARG(line), status, STR_ARG(head));
    return c;
}

static void expect(struct test_push *t, const char *format, const char *token, const char *status)
{
    test_client_free(ask(t, format, token, status));
}

#define EVENTS "/api/events?ticket=$ HTTP/1.1\r\n"
#define SOCKET                                                                                     \
    "/api/ws?ticket=$ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                   \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                 \
    "Origin: http://elsewhere.test\r\n"

static void a_ticket_opens_one_stream_of_any_kind_once(void **state)
{
    struct test_push *t = *state;
    const char *a = ticket_of(t, &session, 0), *b = ticket_of(t, &session, 0);
    struct test_client *stream = ask(t, EVENTS, a, "200");
    test_client_expect(stream, "realtime:connected");
    expect(t, EVENTS, a, "401");
    expect(t, SOCKET, a, "401");
    expect(t, SOCKET, b, "101");
    expect(t, SOCKET, b, "401");
    test_client_free(stream);
    expect(t, EVENTS, a, "401");
}

static void a_ticket_is_good_for_thirty_seconds(void **state)
{
    struct test_push *t = *state;
    const char *late = ticket_of(t, &session, 0), *in_time = ticket_of(t, &session, 0);
    test_push_wait(t, 29000);
    expect(t, EVENTS, in_time, "200");
    test_push_wait(t, 1000);
    expect(t, EVENTS, late, "401");
    expect(t, EVENTS, in_time, "401");
}

static void only_a_ticket_is_a_ticket(void **state)
{
    struct test_push *t = *state;
    const char *access = test_token(t, 0), *ticket = ticket_of(t, &session, 0);
    expect(t, EVENTS, access, "401");
    expect(t, EVENTS, "", "401");
    expect(t, EVENTS, "x.y.z", "401");
    expect(t, "/api/events?token=$ HTTP/1.1\r\n", ticket, "401");
    expect(t, "/api/events HTTP/1.1\r\nAuthorization: Bearer $\r\n", ticket, "401");
    expect(t, "/api/events HTTP/1.1\r\nCookie: token=$\r\n", ticket, "401");
    expect(t, "/api/events HTTP/1.1\r\nCookie: refreshToken=$\r\n", ticket, "401");
    expect(t, EVENTS, ticket, "200");
}

static void a_bad_ticket_is_not_rescued_by_a_good_cookie(void **state)
{
    struct test_push *t = *state;
    const char *format = "/api/events?ticket=x HTTP/1.1\r\nCookie: token=$\r\n";
    expect(t, format, test_token(t, 0), "401");
}

static void a_token_goes_before_a_ticket(void **state)
{
    struct test_push *t = *state;
    const char *ticket = ticket_of(t, &session, 0);
    expect(t, "/api/events?token=x&ticket=$ HTTP/1.1\r\n", ticket, "401");
    expect(t, EVENTS, ticket, "200"); /* which did not use it up */
}

static void a_stream_by_ticket_lives_with_its_session(void **state)
{
    struct test_push *t = *state;
    struct test_client *c = ask(t, EVENTS, ticket_of(t, &session, 0), "200");
    test_client_expect(c, "realtime:connected");
    test_push_wait(t, (ACCESS_TOKEN_S + 60) * 1000);
    test_client_receive(c);
    assert_false(c->is_closed);
    test_revoke(t);
    test_client_expect(c, "realtime:error");
    test_client_expect_end(c);
    test_client_free(c);
}

static void a_ticket_of_a_revoked_session_opens_nothing(void **state)
{
    struct test_push *t = *state;
    const char *ticket = ticket_of(t, &session, 0);
    test_revoke(t);
    test_push_pause(t);
    expect(t, EVENTS, ticket, "401");
}

static void a_stream_by_a_backends_ticket_lives_as_long_as_its_token(void **state)
{
    struct test_push *t = *state;
    struct who backend = {.kind = WHO_BACKEND, .user_id = STR(TEST_USER), .exp = now_s(t) + 100};
    struct test_client *c = ask(t, EVENTS, ticket_of(t, &backend, 0), "200");
    test_client_expect(c, "realtime:connected");
    test_push_wait(t, 99000);
    test_client_receive(c);
    assert_false(c->is_closed);
    test_push_wait(t, 2000);
    test_client_expect(c, "realtime:error");
    test_client_expect_end(c);
    test_client_free(c);
}

static void a_ticket_from_before_this_process_may_have_been_used(void **state)
{
    struct test_push *t = *state;
    expect(t, EVENTS, ticket_of(t, &session, 1), "401");
}

/* Of this number, and the newest there can be at now. */
static struct who_ticket numbered(struct test_push *t, int number, int64_t now)
{
    return (struct who_ticket){
        .jti = arena_printf(&t->mem, "%032d", number), .iat = now, .exp = now + TICKET_S};
}

static void no_more_are_remembered_than_there_is_room_for(void **state)
{
    struct test_push *t = *state;
    struct tickets *all = &t->server.tickets;
    int64_t now = now_s(t);
    for (int i = 0; i < TICKETS_MAX; i++) {
        struct who_ticket one = numbered(t, i, now);
        assert_int_equal(tickets_use(all, &one, now), OK);
    }
    struct who_ticket first = numbered(t, 0, now), more = numbered(t, TICKETS_MAX, now);
    assert_int_equal(tickets_use(all, &first, now), ERR_UNAUTHORIZED);
    assert_int_equal(tickets_use(all, &more, now), ERR_BUSY);
    expect(t, EVENTS, ticket_of(t, &session, 0), "503");
    more = numbered(t, TICKETS_MAX, now + TICKET_S);
    assert_int_equal(tickets_use(all, &more, now + TICKET_S), OK);
    assert_int_equal(all->used.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_ticket_opens_one_stream_of_any_kind_once),
        TEST(a_ticket_is_good_for_thirty_seconds),
        TEST(only_a_ticket_is_a_ticket),
        TEST(a_bad_ticket_is_not_rescued_by_a_good_cookie),
        TEST(a_token_goes_before_a_ticket),
        TEST(a_stream_by_ticket_lives_with_its_session),
        TEST(a_ticket_of_a_revoked_session_opens_nothing),
        TEST(a_stream_by_a_backends_ticket_lives_as_long_as_its_token),
        TEST(a_ticket_from_before_this_process_may_have_been_used),
        TEST(no_more_are_remembered_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
