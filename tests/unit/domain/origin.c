/* Where a request comes from: addresses, trusted proxies, own origin, the cross-site rule. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/origin.h"

static void addresses_are_read_and_written(void **state)
{
    static const char *const good[] = {"127.0.0.1", "192.0.2.255", "::1", "2001:db8::a:1"};
    static const char *const bad[] = {"",           "1.2.3", "1.2.3.4.5", "256.1.1.1", " 1.2.3.4",
                                      "1.2.3.4:80", "[::1]", "unix:",     "localhost", "::1%lo"};
    char text[ORIGIN_ADDRESS_MAX + 1];
    struct origin_address a;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(origin_address_parse(&a, str_from_c(good[i])));
        assert_true(str_eq(origin_address_text(&a, text), str_from_c(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(origin_address_parse(&a, str_from_c(bad[i])));
    assert_false(origin_address_parse(&a, str_make("1.2.3.4\0", 8)));
}

static void an_ipv4_address_is_the_same_in_both_families(void **state)
{
    struct origin_address a, b, c;
    static const uint8_t bytes[4] = {192, 0, 2, 1};
    (void)state;
    assert_true(origin_address_parse(&a, STR("192.0.2.1")));
    assert_true(origin_address_parse(&b, STR("::ffff:192.0.2.1")));
    c = origin_address_v4(bytes);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_equal(&a, &c, sizeof(a));
}

static void lists_hold_addresses_and_blocks(void **state)
{
    const struct conf_list list = {
        4, {STR("10.0.0.0/8"), STR("2001:db8::/33"), STR("192.0.2.1"), STR("unix:")}};
    static const char *const in[] = {"10.0.0.0",  "10.255.255.255",  "2001:db8:7fff::1",
                                     "192.0.2.1", "::ffff:10.1.2.3", "unix:"};
    static const char *const out[] = {"11.0.0.0", "9.255.255.255", "2001:db8:8000::1", "192.0.2.2",
                                      "",         "::10.0.0.1"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        assert_true(origin_is_in_list(&list, str_from_c(in[i])));
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        assert_false(origin_is_in_list(&list, str_from_c(out[i])));
}

static void expect_client(struct str peer, struct str forwarded_for, struct str client)
{
    static const struct conf conf = {
        .trusted_proxies = {2, {{"127.0.0.1", 9}, {"10.0.0.0/8", 10}}}};
    const struct origin_request r = {.peer = peer, .forwarded_for = forwarded_for};
    assert_true(str_eq(origin_client_address(&conf, &r), client));
}

static void only_trusted_proxies_speak_for_others(void **state)
{
    (void)state;
    expect_client(STR("192.0.2.1"), STR("198.51.100.1"), STR("192.0.2.1"));
    expect_client(STR("127.0.0.1"), STR("198.51.100.1"), STR("198.51.100.1"));
    expect_client(STR("127.0.0.1"), STR_NULL, STR("127.0.0.1"));
    expect_client(STR("127.0.0.1"), STR("6.6.6.6, 198.51.100.1"), STR("198.51.100.1"));
    expect_client(STR("127.0.0.1"), STR("6.6.6.6,198.51.100.1 , 10.1.1.1"), STR("198.51.100.1"));
    expect_client(STR("127.0.0.1"), STR("10.2.2.2,10.1.1.1"), STR("10.2.2.2"));
    expect_client(STR("127.0.0.1"), STR("198.51.100.1, nonsense"), STR("127.0.0.1"));
    expect_client(STR("127.0.0.1"), STR(",,"), STR("127.0.0.1"));
}

static void our_own_origin_is_scheme_and_host(void **state)
{
    const struct conf conf = {.cors_origins = {1, {STR("https://app.test")}},
                              .trusted_proxies = {1, {STR("127.0.0.1")}}};
    struct origin_request r = {.peer = STR("192.0.2.1"), .host = STR("Here.test:8080")};
    (void)state;
    const struct {
        struct str origin;
        bool known;
    } cases[] = {
        {STR("http://here.test:8080"), true},
        {STR("https://here.test:8080"), false},
        {STR("http://here.test"), false},
        {STR("https://app.test"), true},
        {STR("https://app.test:443"), true},
        {STR("http://app.test"), false},
        {STR("https://app.test.evil"), false},
        {STR("null"), false},
        {STR(""), false},
        {STR("http://here.test:8080/"), false},
        {STR("http://here.test:8080/\tx"), false},
        {STR("https://app.test/\x80\xff"), false},
        {STR("https://app.test\r\nX: y"), false},
        {STR("https:/app.test"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        r.origin = cases[i].origin;
        assert_int_equal(origin_is_known(&conf, &r), cases[i].known);
    }
    r.forwarded_proto = STR("https"); /* from somebody who is not trusted */
    r.origin = STR("https://here.test:8080");
    assert_false(origin_is_known(&conf, &r));
    r.peer = STR("127.0.0.1");
    assert_true(origin_is_known(&conf, &r));
    r.forwarded_host = STR("public.test");
    r.origin = STR("https://public.test");
    assert_true(origin_is_known(&conf, &r));
    r.forwarded_host = STR("public\t.test"); /* what a client sent, passed on by the proxy */
    r.origin = STR("https://public\t.test");
    assert_false(origin_is_known(&conf, &r));
}

static void public_url_replaces_what_the_request_says(void **state)
{
    const struct conf conf = {.public_url = STR("https://example.org")};
    struct origin_request r = {.host = STR("inner:8080"), .origin = STR("https://example.org")};
    (void)state;
    assert_true(origin_is_https(&conf, &r));
    assert_true(origin_is_known(&conf, &r));
    r.origin = STR("http://inner:8080");
    assert_false(origin_is_known(&conf, &r));
}

static void our_own_origin_can_be_written(void **state)
{
    static const struct {
        struct str public_url, host, forwarded_host;
        bool https;
        const char *expected;
    } cases[] = {
        {{"https://example.org", 19}, {"inner:8080", 10}, {NULL, 0}, false, "https://example.org"},
        {{"", 0}, {"a:8080", 6}, {NULL, 0}, false, "http://a:8080"},
        {{"", 0}, {"[::1]", 5}, {NULL, 0}, true, "https://[::1]"},
        {{"", 0}, {"a", 1}, {"x, b.test", 9}, true, "https://b.test"},
        {{"", 0}, {"a/b", 3}, {NULL, 0}, false, NULL},
        {{"", 0}, {"a b", 3}, {NULL, 0}, false, NULL},
        {{"", 0}, {"", 0}, {NULL, 0}, false, NULL},
        {{"", 0}, {NULL, 0}, {NULL, 0}, false, NULL},
    };
    struct arena mem = ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct conf conf = {.public_url = cases[i].public_url,
                                  .trusted_proxies = {1, {STR("10.0.0.1")}}};
        const struct origin_request r = {.peer = STR("10.0.0.1"),
                                         .https = cases[i].https,
                                         .host = cases[i].host,
                                         .forwarded_host = cases[i].forwarded_host};
        struct str own = origin_own(&conf, &r, &mem);
        assert_true(cases[i].expected ? str_eq(own, str_from_c(cases[i].expected)) : !own.p);
    }
    const struct conf strict = {.public_url = STR("")};
    const struct origin_request r = {
        .peer = STR("10.0.0.1"), .host = STR("a"), .forwarded_host = STR("b")};
    assert_true(str_eq(origin_own(&strict, &r, &mem), STR("http://a")));
    arena_release(&mem);
}

static void the_cross_site_rule_asks_origin_first(void **state)
{
    const struct conf conf = {0};
    const struct {
        struct str origin, fetch_site;
        bool allowed;
    } cases[] = {
        {STR("http://a"), STR_NULL, true},
        {STR("http://a"), STR("cross-site"), true},
        {STR("http://b"), STR("same-origin"), false},
        {STR("null"), STR_NULL, false},
        {STR(""), STR_NULL, false},
        {STR_NULL, STR("same-origin"), true},
        {STR_NULL, STR("none"), true},
        {STR_NULL, STR("same-site"), false},
        {STR_NULL, STR("cross-site"), false},
        {STR_NULL, STR_NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct origin_request r = {
            .host = STR("a"), .origin = cases[i].origin, .sec_fetch_site = cases[i].fetch_site};
        assert_int_equal(origin_is_allowed(&conf, &r), cases[i].allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(an_ipv4_address_is_the_same_in_both_families),
        cmocka_unit_test(lists_hold_addresses_and_blocks),
        cmocka_unit_test(only_trusted_proxies_speak_for_others),
        cmocka_unit_test(our_own_origin_is_scheme_and_host),
        cmocka_unit_test(public_url_replaces_what_the_request_says),
        cmocka_unit_test(our_own_origin_can_be_written),
        cmocka_unit_test(the_cross_site_rule_asks_origin_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
