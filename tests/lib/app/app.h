/* The application in process: a temporary store, the shipped collections, and requests through
 * dispatch() without a socket. */
#ifndef TESTS_LIB_APP_APP_H
#define TESTS_LIB_APP_APP_H

#include "app.h"
#include "lib/store/space.h"
#include "req.h"

#define TEST_PASSWORD "correct horse"

struct test_app {
    struct app app;
    struct conf conf; /* tests may change settings between calls */
    struct collections collections;
    struct test_store store;
    struct arena mem;  /* owns every reply, until the end */
    const char *token; /* the user's, where the fixture signed one up */
};

/*
 * Fixtures for cmocka: *state becomes the struct test_app. The second signs a@example.org up. A
 * test that stops the clock does so before; it goes on afterwards.
 */
int test_app_set_up(void **state);
int test_app_set_up_user(void **state);
int test_app_tear_down(void **state);

/* One request. The method defaults to GET, or to POST where there is a body. */
struct test_call {
    enum method method;
    const char *target; /* path and query */
    const char *body;   /* JSON, unless headers.content_type says otherwise */
    const char *token;  /* sent as Authorization: Bearer */
    const char *cookie;
    struct req_headers headers;
    const char *from; /* client address; 192.0.2.1 */
    bool body_too_large, body_broken, local_metrics;
    bool may_wait; /* as on a thread for long polls */
};

struct test_reply {
    int status;
    struct str head; /* header lines, without the status */
    struct str body;
    struct json json; /* of body, where that is JSON */
};

struct test_reply test_call(struct test_app *t, struct test_call c);

/* A header's value, STR_NULL when there is none. `nth` counts from 0. */
struct str test_header(const struct test_reply *r, const char *name, int nth);

/* A string of the reply's JSON, by names joined with dots: "user.id". Fails the test without one.
 */
const char *test_string(struct test_app *t, const struct test_reply *r, const char *path);

/* The value of a cookie that the reply sets, NULL when it sets none. "" when it clears it. */
const char *test_cookie(struct test_app *t, const struct test_reply *r, const char *name);

/* Fails the test unless the reply has this status and this code. */
void test_expect_error(const struct test_reply *r, int status, const char *code);

/*
 * What stands behind the '#' of the link in the newest queued mail of this kind to this address,
 * NULL when there is none; for a mail without a link any text. Empties the queue.
 */
const char *test_mailed_token(struct test_app *t, const char *to, const char *template);

/* A field (NULL: "") of the newest queued mail of this kind to this address, NULL when there is
 * none. Empties the queue. */
const char *test_mailed(struct test_app *t, const char *to, const char *template,
                        const char *field);

/* The address is its account's verified one, as if a link had been followed. */
void test_verify(struct test_app *t, const char *email);

/* Sign somebody up; his access token. */
const char *test_sign_up(struct test_app *t, const char *email);

#endif
