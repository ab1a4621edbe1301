/* Settings: defaults, files, the environment, and what is said of wrong ones. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "domain/conf.h"

#define SECRET "0123456789abcdef0123456789abcdef"

struct fixture {
    char path[64];
    struct arena mem;
    struct conf conf;
    struct str message;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.path = "/tmp/cubby-conf-XXXXXX"};
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    close(fd);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    arena_release(&f->mem);
    return 0;
}

static enum err load(struct fixture *f, const char *text, const char *variable)
{
    char *env[] = {(char *)variable, NULL};
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return conf_load(&f->conf, f->path, env, &f->mem, &f->message);
}

/* The message names the file and line, and says the rest. */
static void assert_said(struct fixture *f, const char *text, const char *said)
{
    assert_int_equal(load(f, text, NULL), ERR_INVALID);
    struct str all = arena_printf(&f->mem, "%s:%s", f->path, said);
    if (!str_eq(f->message, all))
        fail_msg("expected %.*s, got %.*s", STR_ARG(all), STR_ARG(f->message));
}

static void defaults_are_those_of_the_documentation(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "jwt_secret = " SECRET "\n", NULL), OK);
    assert_null(f->message.p);
    assert_true(str_eq(f->conf.jwt_secret, STR(SECRET)));
    assert_int_equal(f->conf.max_body, 1024 * 1024);
    assert_int_equal(f->conf.limit_auth_per_address, 5);
    assert_int_equal(f->conf.limit_auth_per_ip, 20);
    assert_int_equal(f->conf.log_keep_events, 1000);
    assert_int_equal(f->conf.poll_workers, 32);
    assert_int_equal(f->conf.push_buffer, 256 * 1024);
    assert_true(f->conf.synchronous_full);
    assert_true(f->conf.counters_auto_create && f->conf.org_auto_accept);
    assert_false(f->conf.demo || f->conf.rooms || f->conf.live_public || f->conf.counters_public ||
                 f->conf.counters_public_write || f->conf.test_endpoints ||
                 f->conf.dev_show_reset_token);
    assert_true(str_eq(f->conf.bus_dir, STR("data/run/bus")));
}

static void each_kind_of_value_is_read(void **state)
{
    struct fixture *f = *state;
    const char *text = "; a comment\n"
                       "jwt_secret = " SECRET "\n"
                       "base_path = /cubby\n"
                       "max_body = 10\n"
                       "demo = on\n"
                       "synchronous = normal\n"
                       "trusted_proxies = 127.0.0.1, ::1 10.0.0.0/8\n"
                       "cors_origins = https://a.example,\n"
                       "    https://b.example:8443\n";
    assert_int_equal(load(f, text, NULL), OK);
    assert_true(str_eq(f->conf.base_path, STR("/cubby")));
    assert_int_equal(f->conf.max_body, 10);
    assert_true(f->conf.demo);
    assert_false(f->conf.synchronous_full);
    assert_int_equal(f->conf.trusted_proxies.count, 3);
    assert_true(str_eq(f->conf.trusted_proxies.item[2], STR("10.0.0.0/8")));
    assert_int_equal(f->conf.cors_origins.count, 2);
    assert_true(str_eq(f->conf.cors_origins.item[1], STR("https://b.example:8443")));
}

static void environment_wins(void **state)
{
    struct fixture *f = *state;
    const char *text = "jwt_secret = " SECRET "\nthreads = 7\ncors_origins = https://a.example\n";
    assert_int_equal(load(f, text, "CUBBY_THREADS=9"), OK);
    assert_int_equal(f->conf.threads, 9);
    assert_int_equal(load(f, text, "CUBBY_CORS_ORIGINS=https://b.example"), OK);
    assert_int_equal(f->conf.cors_origins.count, 1);
    assert_true(str_eq(f->conf.cors_origins.item[0], STR("https://b.example")));
    assert_int_equal(load(f, text, "CUBBY_THREADS_X=x"), OK);
    assert_int_equal(f->conf.threads, 7);
}

static void wrong_variables_are_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "jwt_secret = " SECRET "\n", "CUBBY_MAX_BODY=-1"), ERR_INVALID);
    assert_true(str_eq(f->message, STR("CUBBY_MAX_BODY: max_body = -1: expected a whole number "
                                       "from 0 to 1073741824")));
}

static void wrong_lines_are_named(void **state)
{
    struct fixture *f = *state;
    assert_said(f, "threads = 1\nthread = 2\n",
                "2: thread: no such setting; expected one of cubby.ini");
    assert_said(f, "[push]\nthreads = 2\n",
                "2: threads: no such setting in a [section]; expected one of cubby.ini");
    assert_said(f, "\n\nthreads = many\n",
                "3: threads = many: expected a whole number from 0 to 1024");
    assert_said(f, "demo = yes\n", "1: demo = yes: expected on or off");
    assert_said(f, "synchronous = off\n", "1: synchronous = off: expected full or normal");
    assert_said(f, "just words\n", "1: not a setting; expected name = value");
    assert_said(f, "base_path = cubby/\n",
                "1: base_path = cubby/: expected a path such as /cubby, without a final slash");
}

static void texts_are_checked(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "base_path = /",
        "base_path = /a//b",
        "base_path = /a/../b",
        "base_path = /a b",
        "public_url = example.org",
        "public_url = https://example.org/app",
        "public_url = https://",
        "cors_origins = *",
        "trusted_proxies = 10.0.0.0/33",
        "trusted_proxies = proxy.example.org",
        "push_listen = 8090",
        "push_listen = localhost:8090",
        "push_listen = 127.0.0.1:70000",
        "push_listen = unix:",
        "push_listen = unix:run/push.sock",
        "push_tls_listen = 127.0.0.1",
        "log_level = loud",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (load(f, bad[i], NULL) != ERR_INVALID || !str_starts_with(f->message, STR("/tmp/")))
            fail_msg("accepted: %s", bad[i]);
}

static void secrets_are_long_and_never_repeated(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "", NULL), ERR_INVALID);
    assert_int_equal(load(f, "", "CUBBY_JWT_SECRET="), ERR_INVALID);
    assert_int_equal(load(f, "jwt_secret = hunter2\n", NULL), ERR_INVALID);
    assert_null(strstr(f->message.p, "hunter2"));
    assert_int_equal(load(f, "", "CUBBY_JWT_SECRET=hunter2"), ERR_INVALID);
    assert_null(strstr(f->message.p, "hunter2"));
}

static void tls_needs_a_certificate_and_its_key(void **state)
{
    struct fixture *f = *state;
    const char *env = "CUBBY_JWT_SECRET=" SECRET;
    const char *whole = "push_tls_listen = 127.0.0.1:8443\npush_tls_cert = a.pem\npush_tls_key = b";
    assert_int_equal(load(f, "push_tls_listen = 127.0.0.1:8443", env), ERR_INVALID);
    assert_int_equal(load(f, "push_tls_listen = 127.0.0.1:8443\npush_tls_key = b", env),
                     ERR_INVALID);
    assert_int_equal(load(f, whole, env), OK);
}

static void what_a_running_program_cannot_change_stays(void **state)
{
    struct fixture *f = *state;
    const char *env = "CUBBY_JWT_SECRET=" SECRET;
    assert_int_equal(load(f, "data_dir = /a\npush_listen = unix:/a.sock\nrooms = on", env), OK);
    struct conf old = f->conf;
    assert_int_equal(
        load(f, "data_dir = /b\npush_listen = unix:/a.sock\npush_reader_threads = 5", env), OK);
    struct str names = conf_keep_fixed(&f->conf, &old, &f->mem);
    assert_string_equal("data_dir,bus_dir,push_reader_threads", names.p);
    assert_true(str_eq(f->conf.data_dir, STR("/a")));
    assert_true(str_eq(f->conf.bus_dir, STR("/a/run/bus")));
    assert_int_equal(f->conf.push_reader_threads, old.push_reader_threads);
    assert_false(f->conf.rooms);
    assert_null(conf_keep_fixed(&f->conf, &old, &f->mem).p);
}

static void webhooks_need_a_good_address_and_a_key(void **state)
{
    struct fixture *f = *state;
    const char *env = "CUBBY_JWT_SECRET=" SECRET;
    const char *key = "webhook_secret = whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"
                      "webhook_url = https://example.org/a?b=c, http://localhost:1/";
    assert_int_equal(load(f, "webhook_url = https://example.org/", env), ERR_INVALID);
    assert_int_equal(load(f, "webhook_url = http://example.org/", env), ERR_INVALID);
    assert_int_equal(load(f, "webhook_secret = whsec_hunter2=", env), ERR_INVALID);
    assert_null(strstr(f->message.p, "hunter2"));
    assert_int_equal(load(f, "webhook_events = *:create", env), ERR_INVALID);
    assert_int_equal(load(f, key, env), OK);
    assert_int_equal(f->conf.webhook_url.count, 2);
    struct conf old = f->conf;
    assert_int_equal(load(f, "", env), OK);
    struct str names = conf_keep_fixed(&f->conf, &old, &f->mem);
    assert_string_equal("webhook_url,webhook_secret", names.p);
    assert_int_equal(f->conf.webhook_url.count, 2);
    assert_true(str_eq(f->conf.webhook_url.item[1], STR("http://localhost:1/")));
}

static void missing_files_are_refused_and_no_file_is_fine(void **state)
{
    struct fixture *f = *state;
    char *env[] = {(char *)"CUBBY_JWT_SECRET=" SECRET, NULL};
    assert_int_equal(conf_load(&f->conf, "/nonexistent", env, &f->mem, &f->message), ERR_INVALID);
    assert_int_equal(conf_load(&f->conf, NULL, env, &f->mem, &f->message), OK);
}

static void lines_may_be_long(void **state)
{
    struct fixture *f = *state;
    struct buf text = BUF_INIT;
    buf_appendf(&text, "jwt_secret = " SECRET "\ncors_origins =");
    for (int i = 0; i < CONF_LIST_MAX; i++)
        buf_appendf(&text, " https://a-rather-long-name-%d.example.org", i);
    assert_int_equal(load(f, text.p, NULL), OK);
    assert_int_equal(f->conf.cors_origins.count, CONF_LIST_MAX);
    buf_appendf(&text, " https://one.too.many");
    assert_int_equal(load(f, text.p, NULL), ERR_INVALID);
    buf_release(&text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_of_the_documentation),
        TEST(each_kind_of_value_is_read),
        TEST(environment_wins),
        TEST(wrong_variables_are_named),
        TEST(wrong_lines_are_named),
        TEST(texts_are_checked),
        TEST(secrets_are_long_and_never_repeated),
        TEST(tls_needs_a_certificate_and_its_key),
        TEST(what_a_running_program_cannot_change_stays),
        TEST(webhooks_need_a_good_address_and_a_key),
        TEST(missing_files_are_refused_and_no_file_is_fine),
        TEST(lines_may_be_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
