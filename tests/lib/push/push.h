/*
 * cubby-pushd in process: a loop, the core, a temporary store with its reader threads, and clients
 * on socket pairs. Time stands still but for what a test lets pass.
 */
#ifndef TESTS_LIB_PUSH_PUSH_H
#define TESTS_LIB_PUSH_PUSH_H

#include "feed.h"
#include "lib/store/space.h"
#include "readers.h"
#include "server.h"

#define TEST_SID "fedcba9876543210fedcba9876543210"
/* Where the clock stands at first, in unix and monotonic milliseconds. */
#define TEST_NOW_MS INT64_C(1700000000000)

struct test_push {
    struct test_store store;  /* the writer's */
    struct store *read_store; /* pushd's */
    struct conf conf;         /* tests may change settings between requests */
    struct loop *loop;
    struct readers *readers;
    struct server server;
    int64_t now_ms;
    struct arena mem;
};

/* TEST_USER has a file, an account, and the session TEST_SID. */
void test_push_open(struct test_push *t);
void test_push_close(struct test_push *t);

/* Let the loop take in what is ready now. */
void test_push_rounds(struct test_push *t);

/* Rounds of 1 ms of real time each: what reader threads have begun comes back. */
void test_push_pause(struct test_push *t);

/* Let time pass, in steps that no timer can tell from a clock that runs. */
void test_push_wait(struct test_push *t, int64_t ms);

/* --- what the other program does --- */

/* Append an event to TEST_USER's log; the hint is sent by test_hint. Returns its number. */
uint64_t test_event(struct test_push *t, const char *name, const char *data);

/* Hint at the events first..last; inline_too: their names and data travel along. */
void test_hint(struct test_push *t, uint64_t first, uint64_t last, bool inline_too);

/* An event with its inline hint, as the app does it. */
void test_change(struct test_push *t, const char *name, const char *data);

/* Revoke TEST_SID, and hint at it. */
void test_revoke(struct test_push *t);

/* "<epoch>.<seq>" of TEST_USER's file. */
const char *test_event_id(struct test_push *t, uint64_t seq);

/* --- clients --- */

struct test_client {
    struct test_push *push;
    int fd;
    struct buf in;  /* what was received and not looked at */
    bool is_closed; /* the server's end */
};

struct test_client *test_client_new(struct test_push *t);
/* One whose first bytes are there when it is accepted: they are served before the next round. */
struct test_client *test_client_new_with(struct test_push *t, struct str bytes);
void test_client_free(struct test_client *c);

void test_client_send(struct test_client *c, struct str bytes);

/* Receive what there is now. */
void test_client_receive(struct test_client *c);

/* Rounds until `text` was received (up to 3 s of real time): what came up to its end, which is
 * taken off c->in. Fails the test otherwise. */
struct str test_client_expect(struct test_client *c, const char *text);

/* Rounds until the server closed the connection; fails the test otherwise. */
void test_client_expect_end(struct test_client *c);

/* Fails the test if anything comes that was not looked at. */
void test_client_expect_nothing(struct test_client *c);

/* An access token of TEST_SID, good for so many seconds (0: the usual). */
const char *test_token(struct test_push *t, int64_t seconds);

/* Open a stream with TEST_SID's token: sends the request, expects a head with this status. `extra`:
 * more header lines, each with its CRLF. */
struct test_client *test_get(struct test_push *t, const char *target, const char *extra,
                             const char *status);

/* The same for a WebSocket. */
struct test_client *test_upgrade(struct test_push *t, const char *target, const char *extra);

/* Send one masked frame: first byte as given. */
void test_client_frame(struct test_client *c, uint8_t first, struct str payload);

/* Expect one short unmasked frame; its payload, valid until the next call. */
struct str test_client_expect_frame(struct test_client *c, uint8_t first);

#endif
