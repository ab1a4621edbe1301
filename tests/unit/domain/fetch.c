/* Fetching: what may be asked, what is sent, what comes back, and when it ends. */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/fetch.h"
#include "lib/website.h"

struct fixture {
    struct website *site;
    struct arena mem;
    struct fetch_options options;
    struct fetch_answer answer;
    const char *why;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){
        .site = website_new(),
        .mem = ARENA_INIT,
        .options = {.timeout_ms = 5000, .max_body = 1000, .allow_loopback = true},
    };
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    website_free(f->site);
    arena_release(&f->mem);
    return 0;
}

static struct str url_of(struct fixture *f, const char *path)
{
    return arena_printf(&f->mem, "%.*s%s", STR_ARG(website_url(f->site)), path);
}

static enum err get(struct fixture *f, const char *path)
{
    const struct fetch_request q = {.url = url_of(f, path)};
    return fetch(&f->options, &q, &f->mem, &f->answer, &f->why);
}

static void only_https_may_be_asked(void **state)
{
    struct fixture *f = *state;
    static const char *const good[] = {"https://example.org", "https://example.org:8443/a?b=c",
                                       "HTTPS://[2001:db8::1]/"};
    static const char *const loopback[] = {"http://127.0.0.1:8080/a", "http://localhost/",
                                           "http://[::1]:1/"};
    static const char *const bad[] = {"",
                                      "example.org",
                                      "https://",
                                      "//example.org/",
                                      "http://example.org/",
                                      "http://127.0.0.1.example.org/",
                                      "http://127.0.0.2/",
                                      "file:///etc/passwd",
                                      "ftp://localhost/",
                                      "https://a:b@example.org/",
                                      "https://a@example.org/",
                                      "https://example.org/a b",
                                      "https://example.org/\n",
                                      "https://example.org/\xc3\xa9",
                                      "http://localhost@example.org/",
                                      "gopher://localhost/",
                                      "javascript:1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(fetch_is_allowed(&f->options, str_from_c(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
        assert_true(fetch_is_allowed(&f->options, str_from_c(loopback[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (fetch_is_allowed(&f->options, str_from_c(bad[i])))
            fail_msg("%s", bad[i]);
    f->options.allow_loopback = false;
    for (size_t i = 0; i < ARRAY_LEN(loopback); i++)
        assert_false(fetch_is_allowed(&f->options, str_from_c(loopback[i])));
    assert_false(fetch_is_allowed(&f->options, str_make("https://example.org/\0", 21)));
    assert_int_equal(get(f, "/"), ERR_INVALID);
    assert_int_equal(website_hits(f->site, "/"), 0);
}

static void long_addresses_are_not_asked(void **state)
{
    struct fixture *f = *state;
    char url[FETCH_URL_MAX + 2];
    memset(url, 'a', sizeof url);
    memcpy(url, "https://", 8);
    assert_true(fetch_is_allowed(&f->options, str_make(url, FETCH_URL_MAX)));
    assert_false(fetch_is_allowed(&f->options, str_make(url, FETCH_URL_MAX + 1)));
}

static void an_answer_comes_whole(void **state)
{
    struct fixture *f = *state;
    website_publish(f->site, "/a", "Cache-Control: public, max-age=600\r\n", STR("{\"a\":1}"));
    assert_int_equal(get(f, "/a?b"), OK);
    assert_int_equal(f->answer.status, 200);
    assert_string_equal(f->answer.body.p, "{\"a\":1}");
    assert_string_equal(f->answer.type.p, "application/json");
    assert_int_equal(f->answer.max_age_s, 600);
    assert_int_equal(get(f, "/b"), OK);
    assert_int_equal(f->answer.status, 404);
    assert_int_equal(f->answer.body.n, 0);
    assert_int_equal(f->answer.type.n, 0);
    assert_int_equal(f->answer.max_age_s, -1);
}

static void cache_lifetimes_are_read(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *lines;
        int64_t max_age;
    } cases[] = {
        {"Cache-Control: max-age=0\r\n", 0},
        {"CACHE-control:no-store\r\n", 0},
        {"Cache-Control: no-cache, max-age=60\r\n", 0},
        {"Cache-Control: max-age=60\r\nCache-Control: No-Store\r\n", 0},
        {"Cache-Control: MAX-AGE = 60 ,must-revalidate\r\n", 60},
        {"Cache-Control: max-age=60, max-age=30\r\n", 30},
        {"Cache-Control: max-age=99999999999999999999\r\n", INT32_MAX},
        {"Cache-Control: max-age=\"60\"\r\n", -1},
        {"Cache-Control: max-age=-1\r\n", -1},
        {"Cache-Control: ,,=,;\r\n", -1},
        {"X-Cache-Control: max-age=1\r\n", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        website_publish(f->site, "/", cases[i].lines, STR("{}"));
        assert_int_equal(get(f, "/"), OK);
        if (f->answer.max_age_s != cases[i].max_age)
            fail_msg("%s gives %lld", cases[i].lines, (long long)f->answer.max_age_s);
    }
}

static void assert_sent(struct fixture *f, const char *line, bool wanted)
{
    struct buf sent = website_last(f->site);
    if (!!strstr(sent.p, line) != wanted)
        fail_msg("%s in %s", line, sent.p);
    buf_release(&sent);
}

static void a_body_is_posted_with_what_proves_who_asks(void **state)
{
    struct fixture *f = *state;
    website_publish(f->site, "/t", "", STR("{}"));
    struct fetch_request q = {
        .url = url_of(f, "/t"),
        .body = STR("a=b&c"),
        .type = STR("application/x-www-form-urlencoded"),
        .user = STR("me"),
        .password = STR("a:b"),
    };
    assert_int_equal(fetch(&f->options, &q, &f->mem, &f->answer, &f->why), OK);
    assert_sent(f, "POST /t HTTP/1.1\r\n", true);
    assert_sent(f, "\r\nContent-Type: application/x-www-form-urlencoded\r\n", true);
    assert_sent(f, "\r\nAuthorization: Basic bWU6YTpi\r\n", true);
    assert_sent(f, "\r\nAccept: application/json\r\n", true);
    assert_sent(f, "\r\n\r\na=b&c", true);
    q = (struct fetch_request){.url = url_of(f, "/t"), .bearer = STR("abc")};
    assert_int_equal(fetch(&f->options, &q, &f->mem, &f->answer, &f->why), OK);
    assert_sent(f, "GET /t HTTP/1.1\r\n", true);
    assert_sent(f, "\r\nAuthorization: Bearer abc\r\n", true);
    assert_int_equal(get(f, "/t"), OK);
    assert_sent(f, "Authorization", false);
    q.bearer = STR("abc\r\nX: y");
    assert_int_equal(fetch(&f->options, &q, &f->mem, &f->answer, &f->why), ERR_INVALID);
}

static void an_answer_may_be_as_long_as_agreed(void **state)
{
    struct fixture *f = *state;
    char body[1001];
    memset(body, 'x', sizeof body);
    website_publish(f->site, "/", "", str_make(body, 1000));
    assert_int_equal(get(f, "/"), OK);
    assert_int_equal(f->answer.body.n, 1000);
    website_publish(f->site, "/", "", str_make(body, 1001));
    assert_int_equal(get(f, "/"), ERR_TOO_LARGE);
    struct str unsaid = arena_printf(&f->mem, "HTTP/1.1 200 OK\r\n\r\n%.*s", 1001, body);
    website_say(f->site, "/", unsaid); /* no length: until the connection ends */
    assert_int_equal(get(f, "/"), ERR_TOO_LARGE);
    website_say(f->site, "/", STR("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"));
    assert_int_equal(get(f, "/"), ERR_TOO_LARGE);
}

static void heads_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct buf head = BUF_INIT;
    buf_append_lit(&head, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; i++)
        buf_appendf(&head, "X-%d: %0100d\r\n", i, i);
    buf_append_lit(&head, "Content-Length: 0\r\n\r\n");
    website_say(f->site, "/", buf_str(&head));
    assert_int_equal(get(f, "/"), ERR_TOO_LARGE);
    buf_release(&head);
}

static void what_is_no_answer_is_a_failure(void **state)
{
    struct fixture *f = *state;
    static const char *const broken[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        website_say(f->site, "/", str_from_c(broken[i]));
        enum err e = get(f, "/");
        if (e != ERR_BUSY)
            fail_msg("%s", broken[i]);
        assert_true(strlen(f->why) > 3);
    }
}

static void redirects_are_answers(void **state)
{
    struct fixture *f = *state;
    website_publish(f->site, "/b", "", STR("{}"));
    website_say(f->site, "/a",
                STR("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(get(f, "/a"), OK);
    assert_int_equal(f->answer.status, 302);
    assert_int_equal(website_hits(f->site, "/b"), 0);
}

static void a_call_ends_in_time(void **state)
{
    struct fixture *f = *state;
    f->options.timeout_ms = 200;
    website_say(f->site, "/", STR_NULL);
    int64_t start = clock_mono_ms();
    assert_int_equal(get(f, "/"), ERR_BUSY);
    int64_t took = clock_mono_ms() - start;
    assert_true(took >= 190 && took < 3000);
}

static void *stop_soon(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void the_end_of_the_program_ends_a_call(void **state)
{
    struct fixture *f = *state;
    atomic_bool stop = false;
    pthread_t thread;
    f->options.timeout_ms = 20000;
    f->options.stop = &stop;
    website_say(f->site, "/", STR_NULL);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    int64_t start = clock_mono_ms();
    assert_int_equal(get(f, "/"), ERR_BUSY);
    assert_true(clock_mono_ms() - start < 5000);
    assert_int_equal(get(f, "/"), ERR_BUSY); /* nor does another one begin */
    assert_int_equal(website_hits(f->site, "/"), 1);
    pthread_join(thread, NULL);
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    const struct fetch_request q = {.url = STR("http://127.0.0.1:1/")};
    assert_int_equal(fetch(&f->options, &q, &f->mem, &f->answer, &f->why), ERR_BUSY);
    assert_true(strlen(f->why) > 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(only_https_may_be_asked),
        TEST(long_addresses_are_not_asked),
        TEST(an_answer_comes_whole),
        TEST(cache_lifetimes_are_read),
        TEST(a_body_is_posted_with_what_proves_who_asks),
        TEST(an_answer_may_be_as_long_as_agreed),
        TEST(heads_are_bounded),
        TEST(what_is_no_answer_is_a_failure),
        TEST(redirects_are_answers),
        TEST(a_call_ends_in_time),
        TEST(the_end_of_the_program_ends_a_call),
        TEST(nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
