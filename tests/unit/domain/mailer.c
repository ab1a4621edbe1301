/* The mailer: what is configured, what is sent, what is tried again and for how long. */
#include "base/base.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/mailer.h"
#include "lib/store/space.h"
#include "store/backlog.h"

#define START  INT64_C(1800000000000)
#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

struct fixture {
    struct test_store store;
    struct arena mem;
    struct conf conf;
    struct mailer *mailer;
    int reports;
    struct mailer_report last; /* template: a copy in mem */
};

static const char *path(struct fixture *f, const char *name)
{
    return arena_printf(&f->mem, "%s/%s", f->store.dir, name).p;
}

/* The program that takes mails becomes this shell line; $D is the store's folder. */
static void set_program(struct fixture *f, const char *line)
{
    const char *name = path(f, "sendmail");
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    fprintf(out, "#!/bin/sh\nD=%s\n%s\n", f->store.dir, line);
    fclose(out);
    chmod(name, 0700);
}

static enum err load(struct fixture *f, char *const settings[], struct mailer **out,
                     struct str *message)
{
    char *env[16] = {(char *)"CUBBY_JWT_SECRET=a secret of tests, thirty-two bytes"};
    size_t n = 1;
    while (*settings)
        env[n++] = *settings++;
    *message = STR_NULL;
    *out = NULL;
    enum err e = conf_load(&f->conf, NULL, env, &f->mem, message);
    return e ? e : mailer_new(out, &f->conf, &f->mem, message);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct store_options o = test_store_options();
    struct str message;
    f = (struct fixture){.mem = ARENA_INIT};
    test_store_open(&f.store, o);
    set_program(&f, "cat >>$D/out");
    char *settings[] = {
        (char *)"CUBBY_PUBLIC_URL=https://example.org", (char *)"CUBBY_BASE_PATH=/cubby",
        (char *)"CUBBY_MAIL_FROM=Cubby <cubby@example.org>",
        (char *)arena_printf(&f.mem, "CUBBY_MAIL_SENDMAIL=%s/sendmail", f.store.dir).p, NULL};
    if (load(&f, settings, &f.mailer, &message))
        fail_msg("%.*s", STR_ARG(message));
    o.mail = mailer_mailbox(f.mailer);
    test_store_reopen(&f.store, o);
    clock_set_for_test(START);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mailer_stop(f->mailer);
    test_store_close(&f->store);
    mailer_free(f->mailer);
    arena_release(&f->mem);
    clock_set_for_test(-1);
    return 0;
}

static void on_report(void *arg, const struct mailer_report *r)
{
    struct fixture *f = arg;
    f->last = *r;
    f->last.template = STR_NULL;
    f->reports++;
}

static void enqueue(struct fixture *f, const char *template)
{
    const struct mail_field fields[] = {{STR("code"), STR("123456")},
                                        {STR("link"), STR("/?reset=t")}};
    struct mail m = {.to = STR("a@example.org"),
                     .template = str_from_c(template),
                     .fields = fields,
                     .count = ARRAY_LEN(fields)};
    struct space *sp;
    assert_int_equal(space_acquire(f->store.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(mail_enqueue(sp, &m), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static enum err step(struct fixture *f)
{
    return mailer_step(f->mailer, f->store.store, on_report, f);
}

static int64_t waiting(struct fixture *f)
{
    struct backlog queues[BACKLOGS];
    assert_int_equal(backlog_read(f->store.store, queues), OK);
    return queues[BACKLOG_MAIL].count;
}

/* What the program wrote, "" at first. */
static struct str written(struct fixture *f)
{
    char text[8192];
    FILE *in = fopen(path(f, "out"), "r");
    size_t n = in ? fread(text, 1, sizeof text, in) : 0;
    if (in)
        fclose(in);
    return arena_dup(&f->mem, str_make(text, n));
}

static bool has(struct str text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void a_mail_is_sent_and_leaves_the_queue(void **state)
{
    struct fixture *f = *state;
    enqueue(f, "reset_password");
    assert_int_equal(step(f), OK);
    assert_int_equal(f->last.event, MAILER_SENT);
    assert_int_equal(f->last.attempts, 1);
    assert_int_equal(waiting(f), 0);
    assert_true(has(written(f), "From: \"Cubby\"\n <cubby@example.org>\nTo: <a@example.org>\n"));
    assert_true(has(written(f), "Message-ID: <cubby.1800000000000.1@example.org>\n"));
    assert_true(has(written(f), "\nhttps://example.org/cubby/?reset=3Dt\n"));
    assert_true(has(written(f), "href=3D\"https://example.org/cubby/?reset=3Dt\""));
    assert_int_equal(step(f), ERR_NOT_FOUND);
}

static void a_failure_is_tried_again_with_growing_waits_for_two_days(void **state)
{
    struct fixture *f = *state;
    static const int64_t minutes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360};
    int64_t now = START;
    set_program(f, "exit 75");
    enqueue(f, "login_code");
    for (size_t i = 0; i < ARRAY_LEN(minutes); i++) {
        clock_set_for_test(now);
        assert_int_equal(step(f), OK);
        assert_int_equal(f->last.event, MAILER_DEFERRED);
        assert_int_equal(f->last.code, 75);
        assert_int_equal(f->last.attempts, i + 1);
        clock_set_for_test(now + minutes[i] * MINUTE - 1);
        assert_int_equal(step(f), ERR_NOT_FOUND);
        now += minutes[i] * MINUTE;
    }
    for (int i = 0; waiting(f) && i < 20; i++) {
        clock_set_for_test(now);
        assert_int_equal(step(f), OK);
        now += 6 * HOUR;
    }
    assert_int_equal(f->last.event, MAILER_DROPPED);
    assert_true(now - START <= 54 * HOUR && now - START > 42 * HOUR);
}

static void what_failed_is_sent_when_the_server_is_back(void **state)
{
    struct fixture *f = *state;
    set_program(f, "exit 75");
    enqueue(f, "login_code");
    assert_int_equal(step(f), OK);
    set_program(f, "cat >>$D/out");
    clock_set_for_test(START + MINUTE);
    assert_int_equal(step(f), OK);
    assert_int_equal(f->last.event, MAILER_SENT);
    assert_int_equal(f->last.attempts, 2);
    assert_true(has(written(f), "Subject: 123456 is your code to sign in\n"));
}

static void a_mail_that_is_refused_is_dropped(void **state)
{
    struct fixture *f = *state;
    set_program(f, "exit 67");
    enqueue(f, "login_code");
    assert_int_equal(step(f), OK);
    assert_int_equal(f->last.event, MAILER_DROPPED);
    assert_int_equal(f->last.code, 67);
    assert_int_equal(waiting(f), 0);
}

static void a_mail_that_cannot_be_written_is_dropped(void **state)
{
    struct fixture *f = *state;
    enqueue(f, "no_such_template");
    enqueue(f, "invitation"); /* its fields are missing */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(step(f), OK);
        assert_int_equal(f->last.event, MAILER_DROPPED);
    }
    assert_int_equal(waiting(f), 0);
    assert_int_equal(written(f).n, 0);
}

static void await_empty(struct fixture *f)
{
    for (int i = 0; waiting(f) && i < 500; i++)
        poll(NULL, 0, 10);
    assert_int_equal(waiting(f), 0);
}

static void the_thread_sends_at_once_what_is_queued(void **state)
{
    struct fixture *f = *state;
    clock_set_for_test(-1);
    mailer_start(f->mailer, f->store.store, on_report, f);
    for (int i = 0; i < 3; i++) {
        int64_t start = clock_mono_ms();
        enqueue(f, "login_code");
        await_empty(f);
        assert_true(clock_mono_ms() - start < 3000);
    }
    mailer_stop(f->mailer);
    assert_int_equal(f->reports, 3);
}

static void a_mail_on_its_way_is_given_back_at_the_end(void **state)
{
    struct fixture *f = *state;
    clock_set_for_test(-1);
    set_program(f, "echo >$D/started; exec sleep 60");
    mailer_start(f->mailer, f->store.store, on_report, f);
    enqueue(f, "login_code");
    for (int i = 0; access(path(f, "started"), F_OK) && i < 500; i++)
        poll(NULL, 0, 10);
    int64_t start = clock_mono_ms();
    mailer_stop(f->mailer);
    assert_true(clock_mono_ms() - start < 5000);
    assert_int_equal(f->reports, 0);
    struct mail_claim c;
    assert_int_equal(mailbox_claim(f->store.store, clock_wall_ms(), 1000, &f->mem, &c), OK);
    assert_int_equal(c.attempts, 0);
}

static void assert_refused(struct fixture *f, char *const settings[], const char *expected)
{
    struct mailer *m;
    struct str message;
    assert_int_equal(load(f, settings, &m, &message), ERR_INVALID);
    assert_string_equal(message.p, expected);
    assert_null(m);
}

#define SETTINGS(...)                                                                              \
    (char *[])                                                                                     \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void settings_that_cannot_work_stop_the_start(void **state)
{
    struct fixture *f = *state;
    char smtp[] = "CUBBY_MAIL_SMTP=smtp://127.0.0.1", from[] = "CUBBY_MAIL_FROM=a@example.org",
         url[] = "CUBBY_PUBLIC_URL=https://example.org", both[] = "CUBBY_MAIL_SENDMAIL=/bin/true",
         none[] = "CUBBY_MAIL_SENDMAIL=/no/such/program", lost[] = "CUBBY_MAIL_TEMPLATES=/nowhere",
         secret[] = "CUBBY_MAIL_SMTP=smtp://a:b@mail.example.org",
         header[] = "CUBBY_MAIL_FROM=a@example.org\r\nBcc: b@example.org";
    assert_refused(f, SETTINGS(smtp, from),
                   "mails are to be sent; expected public_url: their links are made of it and "
                   "never of a request");
    assert_refused(f, SETTINGS(smtp, url),
                   "mails are to be sent; expected mail_from, who they come from");
    assert_refused(f, SETTINGS(smtp, url, from, both),
                   "mail_smtp and mail_sendmail are set; expected one of them");
    assert_refused(f, SETTINGS(none, url, from),
                   "mail_sendmail: expected a program that can be run");
    assert_refused(f, SETTINGS(smtp, url, from, lost), "/nowhere: not a folder that can be read");
    assert_refused(f, SETTINGS(secret),
                   "CUBBY_MAIL_SMTP: mail_smtp = smtp://a:b@mail.example.org: expected "
                   "smtp://host[:port] or smtps://host[:port]");
    assert_refused(f, SETTINGS(header),
                   "CUBBY_MAIL_FROM: mail_from = a@example.org\r\nBcc: b@example.org: expected an "
                   "address such as cubby@example.org or Cubby <cubby@example.org>");
}

static void without_settings_there_is_no_mailer(void **state)
{
    struct fixture *f = *state;
    struct mailer *m;
    struct str message;
    assert_int_equal(load(f, (char *[]){NULL}, &m, &message), OK);
    assert_null(m);
    assert_null(mailer_mailbox(m));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_mail_is_sent_and_leaves_the_queue),
        T(a_failure_is_tried_again_with_growing_waits_for_two_days),
        T(what_failed_is_sent_when_the_server_is_back),
        T(a_mail_that_is_refused_is_dropped),
        T(a_mail_that_cannot_be_written_is_dropped),
        T(the_thread_sends_at_once_what_is_queued),
        T(a_mail_on_its_way_is_given_back_at_the_end),
        T(settings_that_cannot_work_stop_the_start),
        T(without_settings_there_is_no_mailer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
