/* What webhooks say: ids, bodies, signatures; what their settings may be; how long they wait. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/webhook_message.h"

#define ID    STR("0123456789abcdef0123456789abcdef")
#define EPOCH STR("0a1b2c3d")

static void assert_says(struct buf *b, const char *wanted)
{
    assert_int_equal(b->n, strlen(wanted));
    assert_memory_equal(b->p, wanted, b->n);
    buf_release(b);
}

/* The vector that the libraries of Standard Webhooks are tested with. */
static void a_signature_is_that_of_the_published_vector(void **state)
{
    struct webhook_key keys[2];
    struct buf b = BUF_INIT;
    (void)state;
    assert_true(webhook_secret_parse(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &keys[0]));
    assert_int_equal(keys[0].n, 24);
    webhook_append_signature(&b, keys, 1, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                             STR("{\"test\": 2432232314}"));
    assert_says(&b, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void each_key_signs(void **state)
{
    struct webhook_key keys[2];
    struct buf b = BUF_INIT;
    (void)state;
    const struct str secret = STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_true(webhook_secret_parse(secret, &keys[0]) && webhook_secret_parse(secret, &keys[1]));
    webhook_append_signature(&b, keys, 2, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                             STR("{\"test\": 2432232314}"));
    assert_says(&b, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void secrets_are_24_to_64_bytes_of_base64(void **state)
{
    static const char *const good[] = {
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAA=="),
    };
    static const char *const bad[] = {
        "",
        "whsec_",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "whsec_-_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA====",
        "whsec_AAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAA",
        ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAA"),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(webhook_secret_is_valid(str_from_c(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(webhook_secret_is_valid(str_from_c(bad[i])));
}

static void addresses_are_https_or_loopback(void **state)
{
    static const char *const good[] = {"https://example.org", "https://example.org:8443/a?b=c",
                                       "http://127.0.0.1:8080/hook", "http://localhost/",
                                       "http://[::1]:1/"};
    static const char *const bad[] = {"",
                                      "example.org",
                                      "https://",
                                      "https://:80/",
                                      "http://example.org/",
                                      "http://localhost.example.org/",
                                      "http://127.0.0.1.example.org/",
                                      "http://127.0.0.2/",
                                      "https://a:b@example.org/",
                                      "http://localhost@example.org/",
                                      "https://example.org/#a",
                                      "https://example.org/a b",
                                      "http://localhost\\@example.org/",
                                      "ftp://localhost/"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(webhook_url_is_valid(str_from_c(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(webhook_url_is_valid(str_from_c(bad[i])));
    struct str label = webhook_url_label(STR("https://example.org:8443/secret?key=a"));
    assert_true(str_eq(label, STR("https://example.org:8443")));
}

static void patterns_are_names_or_beginnings(void **state)
{
    (void)state;
    assert_true(webhook_pattern_is_valid(STR("table:todos:*")));
    assert_true(webhook_pattern_is_valid(STR("*")));
    assert_false(webhook_pattern_is_valid(STR("")));
    assert_false(webhook_pattern_is_valid(STR("*:create")));
    assert_true(webhook_pattern_matches(STR("kv:set"), STR("kv:set")));
    assert_false(webhook_pattern_matches(STR("kv:set"), STR("kv:set2")));
    assert_true(webhook_pattern_matches(STR("kv:*"), STR("kv:set")));
    assert_true(webhook_pattern_matches(STR("*"), STR("")));
    assert_false(webhook_pattern_matches(STR("kv:*"), STR("kv")));
}

static void an_event_is_one_body(void **state)
{
    struct buf b = BUF_INIT;
    const struct event e = {17, 1767225600000, STR("a\"b"), STR("{\"x\":1}")};
    const struct event bare = {18, 0, STR("c"), STR("")};
    (void)state;
    webhook_append_event(&b, SPACE_USER, ID, EPOCH, &e);
    assert_says(&b, "{\"type\":\"a\\\"b\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"space\":"
                    "{\"kind\":\"user\",\"id\":\"0123456789abcdef0123456789abcdef\"},"
                    "\"id\":\"0a1b2c3d.17\",\"data\":{\"x\":1}}");
    webhook_append_event(&b, SPACE_SHARED, STR("counters"), EPOCH, &bare);
    assert_says(&b, "{\"type\":\"c\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"space\":"
                    "{\"kind\":\"shared\",\"id\":\"counters\"},\"id\":\"0a1b2c3d.18\","
                    "\"data\":null}");
    webhook_append_id(&b, SPACE_ORG, ID, EPOCH, 5, "-gap");
    assert_says(&b, "org-0123456789abcdef0123456789abcdef-0a1b2c3d-5-gap");
}

static void a_gap_says_from_where_to_where(void **state)
{
    struct buf b = BUF_INIT;
    const struct webhook_span trimmed = {WEBHOOK_TRIMMED, EPOCH, EPOCH, 3, 9};
    const struct webhook_span deleted = {WEBHOOK_DELETED, EPOCH, STR(""), 3, 3};
    (void)state;
    webhook_append_gap(&b, SPACE_USER, STR("a"), 0, &trimmed);
    assert_says(&b, "{\"type\":\"webhook:gap\",\"timestamp\":\"1970-01-01T00:00:00.000Z\","
                    "\"space\":{\"kind\":\"user\",\"id\":\"a\"},\"data\":{\"reason\":\"trimmed\","
                    "\"after\":\"0a1b2c3d.3\",\"until\":\"0a1b2c3d.9\"}}");
    webhook_append_gap(&b, SPACE_USER, STR("a"), 0, &deleted);
    assert_says(&b, "{\"type\":\"webhook:gap\",\"timestamp\":\"1970-01-01T00:00:00.000Z\","
                    "\"space\":{\"kind\":\"user\",\"id\":\"a\"},\"data\":{\"reason\":\"deleted\","
                    "\"after\":\"0a1b2c3d.3\",\"until\":null}}");
}

static void waits_double_up_to_a_bound_and_differ(void **state)
{
    (void)state;
    for (int64_t failures = 1; failures < 100; failures++) {
        int64_t most = failures < 10 ? INT64_C(1000) << (failures - 1) : 300000;
        if (most > 300000)
            most = 300000;
        int64_t wait = webhook_backoff_ms(failures, 1000, 300000);
        assert_true(wait >= most / 2 && wait <= most);
    }
    bool differ = false;
    for (int i = 0; i < 20 && !differ; i++)
        differ = webhook_backoff_ms(5, 1000, 300000) != webhook_backoff_ms(5, 1000, 300000);
    assert_true(differ);
    assert_true(webhook_backoff_ms(1, 5000, 1000) <= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_that_of_the_published_vector),
        cmocka_unit_test(each_key_signs),
        cmocka_unit_test(secrets_are_24_to_64_bytes_of_base64),
        cmocka_unit_test(addresses_are_https_or_loopback),
        cmocka_unit_test(patterns_are_names_or_beginnings),
        cmocka_unit_test(an_event_is_one_body),
        cmocka_unit_test(a_gap_says_from_where_to_where),
        cmocka_unit_test(waits_double_up_to_a_bound_and_differ),
    };
    return cmocka_run_group_tests_name("webhook_message", tests, NULL, NULL);
}
