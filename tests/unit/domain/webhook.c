/* Sending webhooks: what is sent, what is remembered, what is bounded; in runs, and by a thread. */
#include "base/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/webhook.h"
#include "lib/store/space.h"
#include "lib/website.h"
#include "store/event.h"
#include "store/folder.h"

#define OK_ANSWER   STR("HTTP/1.1 204 No Content\r\n\r\n")
#define FAIL_ANSWER STR("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")

struct fixture {
    struct test_store t;
    struct website *site;
    struct conf conf;
    int reports[WEBHOOK_SENDS + 1];
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.site = website_new()};
    struct store_options o = test_store_options();
    o.log_keep_events = 64;
    test_store_open(&f.t, o);
    f.conf = (struct conf){
        .data_dir = str_from_c(f.t.dir),
        .busy_timeout = 2000,
        .webhook_url = {.count = 1},
        .webhook_secret = {1, {STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}},
        .webhook_timeout = 5000,
        .webhook_concurrency = 4,
        .webhook_retry_first = 10,
        .webhook_retry_max = 1,
    };
    f.conf.webhook_url.item[0] = arena_printf(&f.t.mem, "%.*s/hook", STR_ARG(website_url(f.site)));
    website_say(f.site, "/hook", OK_ANSWER);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    test_store_close(&f->t);
    website_free(f->site);
    return 0;
}

static void on_report(void *arg, const struct webhook_report *r)
{
    struct fixture *f = arg;
    f->reports[r->event]++;
    assert_null(memmem(r->receiver.p ? r->receiver.p : "", r->receiver.n, "/hook", 5));
}

static struct webhook_stats run(struct fixture *f)
{
    struct webhook *w;
    webhook_new(&w, &f->conf, on_report, f);
    assert_int_equal(webhook_run(w), OK);
    struct webhook_stats s = webhook_stats(w);
    webhook_free(w);
    return s;
}

/* Events of a user of that number, each in a transaction of its own. */
static void append(struct fixture *f, int user, int count)
{
    char id[33];
    struct space *sp;
    struct event e;
    snprintf(id, sizeof id, "%02x%030x", user & 0xff, (unsigned)user);
    assert_int_equal(space_create(f->t.store, SPACE_USER, str_from_c(id), &sp), OK);
    for (int i = 0; i < count; i++) {
        assert_int_equal(space_begin_write(sp), OK);
        assert_int_equal(event_append(sp, STR("app:said"), STR("{\"n\":1}"), &e), OK);
        assert_int_equal(space_commit(sp), OK);
    }
    space_release(sp);
}

static bool last_has(struct fixture *f, const char *text)
{
    struct buf last = website_last(f->site);
    bool has = last.n && memmem(last.p, last.n, text, strlen(text)) != NULL;
    buf_release(&last);
    return has;
}

static void nothing_is_made_where_no_address_is_set(void **state)
{
    struct fixture *f = *state;
    struct webhook *w;
    f->conf.webhook_url.count = 0;
    webhook_new(&w, &f->conf, on_report, f);
    assert_null(w);
    webhook_start(w);
    webhook_hint(w, SPACE_USER, STR(TEST_USER));
    webhook_sweep(w);
    webhook_stop(w);
    webhook_free(w);
}

static void a_receiver_begins_with_now_and_gets_each_event_once(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 3);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(run(f).delivered, 0);
    append(f, 1, 2);
    append(f, 2, 1);
    assert_int_equal(run(f).delivered, 3);
    assert_int_equal(website_hits(f->site, "/hook"), 3);
    assert_true(last_has(f, "\r\nwebhook-signature: v1,"));
    assert_true(last_has(f, "{\"type\":\"app:said\","));
    assert_int_equal(run(f).delivered, 0);
}

static void what_fails_is_left_for_the_next_time(void **state)
{
    struct fixture *f = *state;
    run(f);
    append(f, 1, 3);
    website_say(f->site, "/hook", FAIL_ANSWER);
    struct webhook_stats s = run(f);
    assert_int_equal(s.delivered, 0);
    assert_int_equal(s.failed, 1);
    assert_int_equal(s.down, 1);
    assert_true(s.oldest_at > 0);
    assert_int_equal(f->reports[WEBHOOK_FAILED], 1);
    assert_true(last_has(f, "-1\r\n"));
    website_say(f->site, "/hook", OK_ANSWER);
    assert_int_equal(run(f).delivered, 3);
    assert_int_equal(f->reports[WEBHOOK_BACK], 1);
}

static void names_that_are_not_wanted_are_passed_over(void **state)
{
    struct fixture *f = *state;
    f->conf.webhook_events = (struct conf_list){1, {STR("table:*")}};
    run(f);
    append(f, 1, 50);
    assert_int_equal(run(f).delivered, 0);
    f->conf.webhook_events.item[0] = STR("app:*");
    assert_int_equal(run(f).delivered, 0);
    append(f, 1, 1);
    assert_int_equal(run(f).delivered, 1);
}

static void what_the_log_has_lost_is_told(void **state)
{
    struct fixture *f = *state;
    run(f);
    append(f, 1, 1);
    assert_int_equal(run(f).delivered, 1);
    append(f, 1, 200);
    struct webhook_stats s = run(f);
    assert_int_equal(s.gaps, 1);
    assert_int_equal(f->reports[WEBHOOK_GAP_TOLD], 1);
    assert_true(s.delivered >= 65 && s.delivered < 130);
    assert_int_equal(run(f).delivered, 0);
    append(f, 2, 200);
    assert_int_equal(run(f).gaps, 1); /* of a space that was never sent */
}

/* A further user whose log is that of user 0. */
static void copy_user(struct fixture *f, int user)
{
    struct str name = arena_printf(&f->t.mem, "users/%02x/%02x%030x.db", (unsigned)user & 0xff,
                                   (unsigned)user & 0xff, (unsigned)user);
    struct str from = arena_printf(&f->t.mem, "users/00/%032x.db", 0);
    assert_int_equal(folder_make_parents(f->t.dir, name), OK);
    assert_int_equal(
        folder_copy_file(test_store_path(&f->t, from.p), test_store_path(&f->t, name.p)), OK);
}

static void more_spaces_than_are_looked_after_are_all_sent(void **state)
{
    struct fixture *f = *state;
    const int users = WEBHOOK_LANES_MAX / 2 + 40;
    run(f);
    append(f, 0, 1);
    test_store_reopen(&f->t, f->t.options); /* all of it is in the file */
    for (int i = 1; i < users; i++)
        copy_user(f, i);
    website_say(f->site, "/hook", FAIL_ANSWER);
    struct webhook_stats s = run(f);
    assert_true(s.failed >= 3 && s.failed < 3 + 4);
    assert_true(s.spaces <= WEBHOOK_LANES_MAX);
    website_say(f->site, "/hook", OK_ANSWER);
    assert_int_equal(run(f).delivered, users);
}

static void age_files(struct fixture *f, int64_t seconds)
{
    static const char *const names[] = {"", "-wal"};
    const struct timespec t = {.tv_sec = clock_wall_ms() / 1000 - seconds};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str below =
            arena_printf(&f->t.mem, "users/01/01000000000000000000000000000001.db%s", names[i]);
        assert_int_equal(utimensat(AT_FDCWD, test_store_path(&f->t, below.p),
                                   (const struct timespec[]){t, t}, 0),
                         0);
    }
}

static void a_file_that_did_not_change_since_is_not_opened(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    run(f);
    append(f, 1, 1);
    age_files(f, 2 * 3600);
    assert_int_equal(run(f).delivered, 0);
    age_files(f, 300); /* clocks are not trusted so far */
    assert_int_equal(run(f).delivered, 1);
    append(f, 1, 1);
    website_say(f->site, "/hook", FAIL_ANSWER);
    run(f); /* what it did not get is not forgotten */
    age_files(f, 300);
    website_say(f->site, "/hook", OK_ANSWER);
    assert_int_equal(run(f).delivered, 1);
}

static void one_receiver_does_not_hold_up_another(void **state)
{
    struct fixture *f = *state;
    struct conf_list *urls = &f->conf.webhook_url;
    urls->item[urls->count++] =
        arena_printf(&f->t.mem, "%.*s/other", STR_ARG(website_url(f->site)));
    urls->item[urls->count++] = urls->item[0]; /* twice is once */
    website_say(f->site, "/other", FAIL_ANSWER);
    run(f);
    append(f, 1, 3);
    struct webhook_stats s = run(f);
    assert_int_equal(s.urls, 2);
    assert_int_equal(s.delivered, 3);
    assert_int_equal(s.failed, 1);
    assert_int_equal(website_hits(f->site, "/hook"), 3);
    website_say(f->site, "/other", OK_ANSWER);
    assert_int_equal(run(f).delivered, 3);
    assert_int_equal(website_hits(f->site, "/hook"), 3);
}

static void one_of_two_sends(void **state)
{
    struct fixture *f = *state;
    struct webhooks *other;
    struct webhook *w;
    assert_int_equal(webhooks_open(&other, f->t.dir, false, 1000), OK);
    webhook_new(&w, &f->conf, on_report, f);
    assert_int_equal(webhook_run(w), ERR_BUSY);
    webhook_free(w);
    webhooks_close(other);
    run(f);
}

static void await(struct fixture *f, struct webhook *w, uint64_t delivered)
{
    (void)f;
    for (int i = 0; i < 1000 && webhook_stats(w).delivered < delivered; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(webhook_stats(w).delivered, delivered);
}

static void a_thread_sends_what_it_is_hinted_at_and_what_it_is_not(void **state)
{
    struct fixture *f = *state;
    struct webhook *w;
    run(f);
    append(f, 1, 2);
    webhook_new(&w, &f->conf, on_report, f);
    webhook_start(w);
    await(f, w, 2);
    append(f, 2, 1);
    webhook_hint(w, SPACE_USER, STR("02000000000000000000000000000002"));
    await(f, w, 3);
    for (int i = 0; i < 2000; i++) /* more than wait, and of spaces that are not there */
        webhook_hint(w, SPACE_USER, STR("ff0000000000000000000000000000ff"));
    append(f, 3, 1);
    webhook_sweep(w);
    await(f, w, 4);
    int64_t begun = clock_mono_ms();
    website_say(f->site, "/hook", STR_NULL); /* hangs */
    append(f, 1, 1);
    webhook_hint(w, SPACE_USER, STR("01000000000000000000000000000001"));
    for (int i = 0; i < 500 && website_hits(f->site, "/hook") < 5; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    webhook_stop(w);
    assert_true(clock_mono_ms() - begun < 5000);
    webhook_free(w);
    website_say(f->site, "/hook", OK_ANSWER);
    assert_int_equal(run(f).delivered, 1);
}

static void how_far_a_receiver_is_behind_is_counted(void **state)
{
    struct fixture *f = *state;
    struct webhook_lag lag;
    struct webhooks_url url;
    struct webhooks *cursors;
    run(f);
    append(f, 1, 3);
    append(f, 2, 2);
    assert_int_equal(webhooks_open(&cursors, f->t.dir, true, 1000), OK);
    assert_int_equal(webhooks_find(cursors, f->conf.webhook_url.item[0], 0, &url), OK);
    assert_int_equal(webhook_lag(f->t.store, cursors, &url, &lag), OK);
    assert_int_equal(lag.spaces, 2);
    assert_int_equal(lag.events, 5);
    assert_int_equal(lag.gaps, 0);
    assert_true(lag.oldest_at > 0);
    webhooks_close(cursors);
}

static void a_test_event_says_how_it_went(void **state)
{
    struct fixture *f = *state;
    const char *why;
    struct str url = f->conf.webhook_url.item[0];
    assert_int_equal(webhook_test(&f->conf, url, &why), 204);
    assert_true(last_has(f, "\"type\":\"webhook:test\""));
    website_say(f->site, "/hook", FAIL_ANSWER);
    assert_int_equal(webhook_test(&f->conf, url, &why), 500);
    assert_int_equal(webhook_test(&f->conf, STR("http://127.0.0.1:1/"), &why), 0);
    assert_non_null(why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(nothing_is_made_where_no_address_is_set),
        T(a_receiver_begins_with_now_and_gets_each_event_once),
        T(what_fails_is_left_for_the_next_time),
        T(names_that_are_not_wanted_are_passed_over),
        T(what_the_log_has_lost_is_told),
        T(more_spaces_than_are_looked_after_are_all_sent),
        T(a_file_that_did_not_change_since_is_not_opened),
        T(one_receiver_does_not_hold_up_another),
        T(one_of_two_sends),
        T(a_thread_sends_what_it_is_hinted_at_and_what_it_is_not),
        T(how_far_a_receiver_is_behind_is_counted),
        T(a_test_event_says_how_it_went),
#undef T
    };
    return cmocka_run_group_tests_name("webhook", tests, NULL, NULL);
}
