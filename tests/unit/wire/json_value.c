/* Reading a parsed document: members, strings, walking, equality. */
#include "base/base.h"

#include "lib/json_doc.h"

static void finds_members_by_their_exact_name(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct json_value v =
        json_doc(&mem, "{\"a\":1,\"A\":2,\"\\u0062\":[3],\"\":4,\"ab\":{\"a\":5}}");
    assert_str(json_raw(json_get(v, STR("a"))), "1");
    assert_str(json_raw(json_get(v, STR("A"))), "2");
    assert_str(json_raw(json_get(v, STR("b"))), "[3]");
    assert_str(json_raw(json_get(v, STR(""))), "4");
    assert_str(json_raw(json_get(json_get(v, STR("ab")), STR("a"))), "5");
    assert_true(json_is_absent(json_get(v, STR("c"))));
    assert_true(json_is_absent(json_get(v, STR("bb"))));
    assert_true(json_is_absent(json_get(json_get(v, STR("b")), STR("a"))));
    assert_true(json_is_absent(json_get(JSON_ABSENT, STR("a"))));
    arena_release(&mem);
}

static void walks_children_in_order(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf seen = BUF_INIT;
    struct json_value v = json_doc(&mem, "{\"a\":[[1],{\"x\":2},3],\"b\":{},\"\\n\":null}");
    for (struct json_value m = json_first(v); !json_is_absent(m); m = json_next(v, m)) {
        buf_append_str(&seen, json_raw(json_key(m)));
        buf_append_str(&seen, json_raw(m));
    }
    struct json_value a = json_get(v, STR("a"));
    for (struct json_value e = json_first(a); !json_is_absent(e); e = json_next(a, e))
        buf_append_str(&seen, json_raw(e));
    assert_str(buf_str(&seen), "\"a\"[[1],{\"x\":2},3]\"b\"{}\"\\n\"null[1]{\"x\":2}3");
    assert_true(json_is_absent(json_first(json_doc(&mem, "[]"))));
    assert_true(json_is_absent(json_first(json_doc(&mem, "{}"))));
    assert_true(json_is_absent(json_first(json_doc(&mem, "\"a\""))));
    buf_release(&seen);
    arena_release(&mem);
}

static void unescapes_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct str characters;
    } strings[] = {
        {"\"\"", {"", 0}},
        {"\"plain\"", {"plain", 5}},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", {"\"\\/\b\f\n\r\t", 8}},
        {"\"a\\u0000b\"", {"a\0b", 3}},
        {"\"\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
         {"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 11}},
        {"\"\\ud800\\udc00\\uDBFF\\uDFFF\"", {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8}},
        {"\"\xc3\xa9\\u00E9\"", {"\xc3\xa9\xc3\xa9", 4}},
    };
    struct arena mem = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        struct str s = json_string(json_doc(&mem, strings[i].text), &mem);
        assert_true(str_eq(s, strings[i].characters));
    }
    arena_release(&mem);
}

static bool canonically_equal(struct json_value a, struct json_value b)
{
    struct buf x = BUF_INIT, y = BUF_INIT;
    json_append_canonical(&x, a);
    json_append_canonical(&y, b);
    bool equal = str_eq(buf_str(&x), buf_str(&y));
    buf_release(&x);
    buf_release(&y);
    return equal;
}

static void equal_means_the_same_value_not_the_same_text(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } pairs[] = {
        {"null", "null", true},
        {"null", "false", false},
        {"true", "false", false},
        {"0", "false", false},
        {"1", "\"1\"", false},
        {"1", "1.0", true},
        {"-0.0e7", "0", true},
        {"100", "1e2", true},
        {"1.50e1", "15", true},
        {"0.001", "1e-3", true},
        {"9007199254740993", "9007199254740992", false},
        {"9007199254740993.000", "9007199254740993", true},
        {"0.1000000000000000000000000000000001", "0.1", false},
        {"1e400", "10e399", true},
        {"1e400", "1e401", false},
        {"-1", "1", false},
        {"12", "1.2", false},
        {"1e99999999999999999999", "1e99999999999999999999", true},
        {"1e99999999999999999999", "1e-99999999999999999999", false},
        {"0e99999999999999999999", "0", true},
        {"\"a\"", "\"\\u0061\"", true},
        {"\"\\u20ac\"", "\"\xe2\x82\xac\"", true},
        {"\"\\u20ac\\n\"", "\"\xe2\x82\xac\\u000a\"", true},
        {"\"\\n\"", "\"n\"", false},
        {"\"\\u0061b\"", "\"a\\u0062c\"", false},
        {"[1,2]", "[1,2]", true},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"[]", "{}", false},
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}", true},
        {"{\"a\":1,\"b\":2}", "{\"\\u0062\":2,\"\\u0061\":1}", true},
        {"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", false},
        {"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":2,\"x\":1}}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
        {"[\"a,\",\"b\"]", "[\"a\",\",b\"]", false},
    };
    struct arena mem = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct json_value a = json_doc(&mem, pairs[i].a), b = json_doc(&mem, pairs[i].b);
        if (json_equal(a, b) != pairs[i].equal || json_equal(b, a) != pairs[i].equal ||
            canonically_equal(a, b) != pairs[i].equal)
            fail_msg("%s and %s", pairs[i].a, pairs[i].b);
        assert_true(json_equal(a, a));
    }
    arena_release(&mem);
}

static void objects_of_many_members_compare_in_any_order(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf up = BUF_INIT, down = BUF_INIT;
    const int count = 50000;
    for (int i = 0; i < count; i++) {
        buf_appendf(&up, "%c\"name%d\":%d", i ? ',' : '{', i, i);
        buf_appendf(&down, "%c\"name%d\":%d.0", i ? ',' : '{', count - 1 - i, count - 1 - i);
    }
    buf_append_ch(&up, '}');
    buf_append_ch(&down, '}');
    struct json a, b;
    assert_int_equal(OK, json_parse(&a, buf_str(&up), JSON_STRICT, &mem));
    assert_int_equal(OK, json_parse(&b, buf_str(&down), JSON_STRICT, &mem));
    assert_true(json_equal(json_root(&a), json_root(&b)));
    buf_release(&up);
    buf_release(&down);
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_members_by_their_exact_name),
        cmocka_unit_test(walks_children_in_order),
        cmocka_unit_test(unescapes_strings),
        cmocka_unit_test(equal_means_the_same_value_not_the_same_text),
        cmocka_unit_test(objects_of_many_members_compare_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
