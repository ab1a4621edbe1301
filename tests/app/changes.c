/* GET /api/changes: the log by long poll. */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"
#include "store/event.h"

#define LOG_KEEPS 1000 /* events, in the tests' store */

static struct test_reply poll(struct test_app *t, const char *query, bool may_wait)
{
    return test_call(t,
                     (struct test_call){.target = arena_printf(&t->mem, "/api/changes?%s", query).p,
                                        .token = t->token,
                                        .may_wait = may_wait});
}

static void set(struct test_app *t, const char *key)
{
    const char *body = arena_printf(&t->mem, "{\"key\":\"%s\",\"value\":[1]}", key).p;
    struct test_reply r =
        test_call(t, (struct test_call){.target = "/data", .body = body, .token = t->token});
    assert_int_equal(r.status, 200);
}

static const char *head(struct test_app *t)
{
    struct test_reply r = poll(t, "", false);
    assert_int_equal(r.status, 200);
    return test_string(t, &r, "next");
}

/* "since=<id>&more" */
static const char *since(struct test_app *t, const char *id, const char *more)
{
    return arena_printf(&t->mem, "since=%s%s", id, more).p;
}

static size_t event_count(const struct test_reply *r)
{
    assert_int_equal(r->status, 200);
    return json_count(json_get(json_root(&r->json), STR("events")));
}

static void events_come_as_they_were_logged(void **state)
{
    struct test_app *t = *state;
    const char *from = head(t);
    set(t, "k");
    struct test_reply r = poll(t, since(t, from, ""), false);
    const char *next = test_string(t, &r, "next");
    struct json_value events = json_get(json_root(&r.json), STR("events"));
    struct json_value data = json_get(json_first(events), STR("data"));
    int64_t at = 0;
    assert_true(json_to_i64(json_get(json_first(events), STR("timestamp")), &at));
    assert_true(clock_wall_ms() - at < 10000);
    const char *user = arena_dup(&t->mem, json_string(json_get(data, STR("userId")), &t->mem)).p;
    const char *expected =
        arena_printf(
            &t->mem,
            "{\"ok\":true,\"events\":[{\"id\":\"%s\",\"event\":\"kv:set\",\"data\":{\"key\":"
            "\"k\",\"value\":[1],\"userId\":\"%s\"},\"timestamp\":%lld}],"
            "\"next\":\"%s\"}",
            next, user, (long long)at, next)
            .p;
    assert_string_equal(r.body.p, expected);
    r = poll(t, since(t, next, ""), false);
    assert_int_equal(event_count(&r), 0);
    assert_string_equal(test_string(t, &r, "next"), next);
}

static void a_filter_leaves_events_out_but_goes_on(void **state)
{
    struct test_app *t = *state;
    const char *from = head(t);
    set(t, "k");
    struct test_reply r = poll(t, since(t, from, "&events=table:*"), false);
    assert_int_equal(event_count(&r), 0);
    assert_string_not_equal(test_string(t, &r, "next"), from);
    r = poll(t, since(t, from, "&events=table:*,kv:*"), false);
    assert_int_equal(event_count(&r), 1);
    r = poll(t, "events=a*b", false);
    test_expect_error(&r, 400, "invalid_query");
}

static void what_is_no_longer_in_the_log_is_a_resync(void **state)
{
    static const char *const ids[] = {"00000000.0", "x", "", "00000000.", "ffffffff.99"};
    struct test_app *t = *state;
    set(t, "k");
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        int64_t start = clock_mono_ms();
        struct test_reply r = poll(t, since(t, ids[i], "&wait=20"), true);
        assert_int_equal(event_count(&r), 0);
        assert_true(json_is(json_get(json_root(&r.json), STR("resync")), JSON_TRUE));
        assert_string_equal(test_string(t, &r, "next"), head(t));
        assert_true(clock_mono_ms() - start < 5000);
    }
}

static void waiting_ends_with_its_time(void **state)
{
    struct test_app *t = *state;
    int64_t start = clock_mono_ms();
    struct test_reply r = poll(t, since(t, head(t), "&wait=1"), true);
    assert_int_equal(event_count(&r), 0);
    assert_true(clock_mono_ms() - start >= 1000);
}

static void without_a_thread_to_wait_on_the_answer_comes_at_once(void **state)
{
    struct test_app *t = *state;
    int64_t start = clock_mono_ms();
    struct test_reply r = poll(t, since(t, head(t), "&wait=20"), false);
    assert_int_equal(event_count(&r), 0);
    assert_non_null(test_header(&r, "Retry-After", 0).p);
    assert_true(clock_mono_ms() - start < 5000);
}

/* A poll that waits while `write` runs elsewhere. */
static struct test_reply poll_during(struct test_app *t, const char *query, void *write(void *))
{
    pthread_t writer;
    struct test_app other = *t; /* the writer's own memory: arenas are for one thread */
    other.mem = ARENA_INIT;
    assert_int_equal(pthread_create(&writer, NULL, write, &other), 0);
    struct test_reply r = poll(t, query, true);
    pthread_join(writer, NULL);
    arena_release(&other.mem);
    return r;
}

static void *write_later(void *arg)
{
    usleep(100 * 1000);
    set(arg, "later");
    return NULL;
}

static void a_commit_ends_the_waiting(void **state)
{
    struct test_app *t = *state;
    int64_t start = clock_mono_ms();
    struct test_reply r = poll_during(t, since(t, head(t), "&wait=20"), write_later);
    int64_t took = clock_mono_ms() - start;
    assert_int_equal(event_count(&r), 1);
    assert_true(took >= 100 && took < 5000);
}

static struct who whoami(struct test_app *t)
{
    struct who who;
    int64_t now = clock_wall_ms() / 1000;
    assert_int_equal(who_verify(&who, str_from_c(t->token), &t->app.keys, now, &t->mem), OK);
    return who;
}

/* So many events at once, as another process writes them: nobody is woken. */
static void write_elsewhere(struct test_app *t, const char *name, int count)
{
    struct space *sp;
    struct event out;
    assert_int_equal(space_acquire(t->store.store, SPACE_USER, whoami(t).user_id, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    for (int i = 0; i < count; i++)
        assert_int_equal(event_append(sp, str_from_c(name), STR("{}"), &out), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static void *write_elsewhere_later(void *arg)
{
    usleep(100 * 1000);
    write_elsewhere(arg, "kv:set", 2);
    return NULL;
}

static void *write_too_many_later(void *arg)
{
    usleep(100 * 1000);
    write_elsewhere(arg, "kv:set", LOG_KEEPS * 2);
    return NULL;
}

static void a_commit_of_another_process_ends_the_waiting_too(void **state)
{
    struct test_app *t = *state;
    int64_t start = clock_mono_ms();
    struct test_reply r = poll_during(t, since(t, head(t), "&wait=20"), write_elsewhere_later);
    assert_int_equal(event_count(&r), 2);
    assert_true(clock_mono_ms() - start < 5000);
}

static void what_the_log_loses_while_a_poll_waits_is_a_resync(void **state)
{
    struct test_app *t = *state;
    struct test_reply r = poll_during(t, since(t, head(t), "&wait=20"), write_too_many_later);
    assert_int_equal(event_count(&r), 0);
    assert_true(json_is(json_get(json_root(&r.json), STR("resync")), JSON_TRUE));
    assert_string_equal(test_string(t, &r, "next"), head(t));
}

static void an_event_behind_many_others_is_found_at_once(void **state)
{
    struct test_app *t = *state;
    const char *from = head(t);
    write_elsewhere(t, "kv:set", LOG_KEEPS - 10);
    write_elsewhere(t, "table:posts:create", 1);
    struct test_reply r = poll(t, since(t, from, "&events=table:*"), false);
    assert_int_equal(event_count(&r), 1);
    assert_string_equal(test_string(t, &r, "next"), head(t));
}

/* Our own token again, with one second left to live. */
static struct str dying_token(struct test_app *t)
{
    struct who who = whoami(t);
    struct buf text = BUF_INIT;
    int64_t now = clock_wall_ms() / 1000;
    who_sign_access(&text, &t->app.keys, who.user_id, who.email, who.sid, now + 1 - ACCESS_TOKEN_S);
    struct str copy = arena_dup(&t->mem, buf_str(&text));
    buf_release(&text);
    return copy;
}

static void a_poll_by_cookie_outlives_its_token_and_by_bearer_does_not(void **state)
{
    struct test_app *t = *state;
    struct test_call c = {
        .target = arena_printf(&t->mem, "/api/changes?%s", since(t, head(t), "&wait=2")).p,
        .may_wait = true};
    c.cookie = arena_printf(&t->mem, "token=%.*s", STR_ARG(dying_token(t))).p;
    assert_int_equal(test_call(t, c).status, 200);
    c.cookie = NULL;
    c.token = dying_token(t).p;
    struct test_reply r = test_call(t, c);
    test_expect_error(&r, 401, "unauthorized");
}

static void bad_parameters_are_refused(void **state)
{
    static const char *const bad[] = {"wait=x", "wait=-1", "wait=1.5", "wait=", "events="};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = poll(*state, bad[i], false);
        test_expect_error(&r, 400, "invalid_query");
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, test_app_set_up_user, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_come_as_they_were_logged),
        TEST(a_filter_leaves_events_out_but_goes_on),
        TEST(what_is_no_longer_in_the_log_is_a_resync),
        TEST(waiting_ends_with_its_time),
        TEST(without_a_thread_to_wait_on_the_answer_comes_at_once),
        TEST(a_commit_ends_the_waiting),
        TEST(a_commit_of_another_process_ends_the_waiting_too),
        TEST(what_the_log_loses_while_a_poll_waits_is_a_resync),
        TEST(an_event_behind_many_others_is_found_at_once),
        TEST(a_poll_by_cookie_outlives_its_token_and_by_bearer_does_not),
        TEST(bad_parameters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
