/* Clients of cubby.v1. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/v1.h"
#include "store/accounts.h"

#define TEXT 0x81

void test_v1_user(struct test_push *t, const char *id)
{
    struct space *sp;
    struct str user = str_from_c(id);
    struct account a = {
        user, arena_printf(&t->mem, "%s@example.org", id), STR("-"), TEST_NOW_MS, false, 0};
    assert_int_equal(space_create(t->store.store, SPACE_USER, user, &sp), OK);
    space_release(sp);
    assert_int_equal(accounts_create(t->store.store, &a), OK);
}

const char *test_v1_token(struct test_push *t, const char *claims)
{
    struct buf token = BUF_INIT;
    jwt_sign(&token, &t->server.keys.key[0], str_from_c(claims));
    const char *copy = arena_dup(&t->mem, buf_str(&token)).p;
    buf_release(&token);
    return copy;
}

static struct test_client *upgrade(struct test_push *t, const char *query, const char *token,
                                   const char *extra)
{
    struct test_client *c = test_client_new(t);
    test_client_send(c, arena_printf(&t->mem,
                                     "GET /api/ws%s HTTP/1.1\r\nHost: push.test\r\n"
                                     "Authorization: Bearer %s\r\n"
                                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                     "Sec-WebSocket-Protocol: other, cubby.v1\r\n%s\r\n",
                                     query, token, extra));
    struct str head = test_client_expect(c, "\r\n\r\n");
    assert_non_null(strstr(head.p, "\r\nSec-WebSocket-Protocol: cubby.v1\r\n"));
    return c;
}

struct test_client *test_v1_open(struct test_push *t, const char *user_id)
{
    const char *claims = arena_printf(&t->mem, "{\"sub\":\"%s\"}", user_id).p;
    struct test_client *c = upgrade(t, "", test_v1_token(t, claims), "");
    test_v1_expect_begin(c, "{\"event\":\"realtime:connected\"");
    test_v1_expect_silence(c);
    return c;
}

struct test_client *test_v1_open_session(struct test_push *t, const char *query, const char *extra)
{
    return upgrade(t, query, test_token(t, 0), extra);
}

struct test_client *test_v1_open_fresh(struct test_push *t)
{
    struct test_client *c = test_v1_open_session(t, "", "");
    test_v1_expect_begin(c, "{\"event\":\"realtime:connected\",");
    return c;
}

struct test_client *test_v1_open_own(struct test_push *t)
{
    struct test_client *c = test_v1_open_fresh(t);
    test_v1_expect_silence(c);
    return c;
}

void test_v1_say(struct test_client *c, const char *text)
{
    test_client_frame(c, TEXT, str_from_c(text));
}

static const char *next_text(struct test_client *c)
{
    return arena_dup(&c->push->mem, test_client_expect_frame(c, TEXT)).p;
}

void test_v1_expect(struct test_client *c, const char *text)
{
    assert_string_equal(next_text(c), text);
}

void test_v1_expect_begin(struct test_client *c, const char *text)
{
    const char *got = next_text(c);
    if (strncmp(got, text, strlen(text)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", got, text);
}

void test_v1_expect_silence(struct test_client *c)
{
    test_v1_say(c, "ping");
    test_v1_expect(c, "pong");
}

void test_v1_refused(struct test_client *c, const char *text, const char *code)
{
    test_v1_say(c, text);
    test_v1_expect_begin(c, arena_printf(&c->push->mem,
                                         "{\"event\":\"realtime:error\",\"data\":{\"code\":\"%s\","
                                         "\"message\":\"",
                                         code)
                                .p);
}
