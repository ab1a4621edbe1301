/* The scanner takes what RFC 8259 allows, nothing else, and never looks beyond the text. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/guard.h"
#include "wire/json.h"

/* Parse a copy that ends at an unreadable page. */
static enum err parse(struct str text, struct json_limits limits, size_t *error_at)
{
    struct arena mem = ARENA_INIT;
    struct json doc;
    enum err e = json_parse(&doc, guard_copy(text), limits, &mem);
    assert_true((e == OK) == (doc.error == NULL));
    assert_true(doc.error_at <= text.n);
    if (error_at)
        *error_at = doc.error_at;
    arena_release(&mem);
    return e;
}

static enum err parse_strictly(const char *text)
{
    return parse(str_from_c(text), JSON_STRICT, NULL);
}

#define assert_taken(text)   assert_int_equal(OK, parse_strictly(text))
#define assert_refused(text) assert_int_equal(ERR_INVALID_JSON, parse_strictly(text))

static const char *const documents[] = {
    "{}",
    "[]",
    "[[[]],{},[{}]]",
    "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"e\"}}",
    " \t\r\n[ 1 , 2 ]",
    "\"a string of more than eight bytes\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
    "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"",
    "[0,-0,0.0,-1.5,10,1e5,1E+5,1e-5,1.25e05,123456789012345678901234567890]",
    "{\"\":0,\" \":1}",
    "\"\x7f\"",
    "[-1]",
    "true",
    "false",
    "null",
};

static void takes_the_grammar(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        assert_taken(documents[i]);
    assert_taken("0");
    assert_taken("-12.5e-3");
    assert_taken(" 1 ");
}

static void refuses_every_beginning_of_a_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        struct str whole = str_from_c(documents[i]);
        for (size_t n = 0; n < whole.n; n++) {
            size_t at;
            assert_int_equal(ERR_INVALID_JSON, parse(str_make(whole.p, n), JSON_STRICT, &at));
        }
    }
}

static void says_where_it_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } wrong[] = {
        {"", 0},
        {" ", 1},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"{\"a\"}", 4},
        {"{\"a\":}", 5},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"{,}", 1},
        {"]", 0},
        {"}", 0},
        {"[}", 1},
        {"{]", 1},
        {"[1}", 2},
        {"{\"a\":1]", 6},
        {"1 1", 2},
        {"{}x", 2},
        {"[]]", 2},
        {"tru", 3},
        {"trve", 0},
        {"True", 0},
        {"nul", 3},
        {"truefalse", 4},
        {"NaN", 0},
        {"Infinity", 0},
        {"-Infinity", 1},
        {"+1", 0},
        {".5", 0},
        {"1.", 2},
        {"1.e5", 2},
        {"1e", 2},
        {"1e+", 3},
        {"1ex", 2},
        {"-", 1},
        {"--1", 1},
        {"01", 0},
        {"[0123]", 1},
        {"-01", 1},
        {"0x10", 1},
        {"1_000", 1},
        {"'a'", 0},
        {"\"a", 2},
        {"\"\\", 2},
        {"\"\\x\"", 1},
        {"\"\\u12\"", 3},
        {"\"\\u12g4\"", 3},
        {"// x\n1", 0},
        {"/**/1", 0},
        {"\xef\xbb\xbf{}", 0},
        {"\v1", 0},
        {"\xc2\xa0"
         "1",
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        size_t at;
        assert_int_equal(ERR_INVALID_JSON, parse(str_from_c(wrong[i].text), JSON_STRICT, &at));
        if (at != wrong[i].at)
            fail_msg("%s: at %zu", wrong[i].text, at);
    }
}

/* A string whose bytes are `bad` after `before` plain ones, with plain ones behind. */
static struct str string_with(char *out, size_t before, struct str bad)
{
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < before; i++)
        out[n++] = 'x';
    memcpy(out + n, bad.p, bad.n);
    n += bad.n;
    memcpy(out + n, "yyyyyyyyyy\"", 11);
    return str_make(out, n + 11);
}

static void refuses_invalid_utf8_wherever_it_is(void **state)
{
    (void)state;
    static const struct str bad[] = {
        {"\x80", 1},             /* a continuation alone */
        {"\xc3", 1},             /* a lead alone */
        {"\xc0\x80", 2},         /* overlong */
        {"\xc1\xbf", 2},         /* overlong */
        {"\xe0\x80\x80", 3},     /* overlong */
        {"\xf0\x80\x80\x80", 4}, /* overlong */
        {"\xed\xa0\x80", 3},     /* a surrogate */
        {"\xed\xbf\xbf", 3},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4}, /* over U+10FFFF */
        {"\xf5\x80\x80\x80", 4}, /* over U+10FFFF */
        {"\xe2\x82", 2},         /* cut short */
        {"\xff", 1},
    };
    char text[64];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        for (size_t before = 0; before < 18; before++)
            assert_int_equal(ERR_INVALID_JSON,
                             parse(string_with(text, before, bad[i]), JSON_STRICT, NULL));
}

static void refuses_bare_control_characters_wherever_they_are(void **state)
{
    (void)state;
    char text[64];
    for (int c = 0; c < 0x20; c++) {
        for (size_t before = 0; before < 18; before++) {
            char byte = (char)c;
            size_t at;
            struct str s = string_with(text, before, str_make(&byte, 1));
            assert_int_equal(ERR_INVALID_JSON, parse(s, JSON_STRICT, &at));
            assert_int_equal(at, before + 1);
        }
    }
}

static void refuses_halves_of_surrogate_pairs(void **state)
{
    (void)state;
    assert_taken("\"\\ud800\\udc00\"");
    assert_taken("\"\\uDBFF\\uDFFF\"");
    assert_refused("\"\\ud800\"");
    assert_refused("\"\\udc00\"");
    assert_refused("\"\\ud800\\ud800\"");
    assert_refused("\"\\ud800x\"");
    assert_refused("\"\\ud800\\n\"");
    assert_refused("\"\\ud800\\u0041\"");
    assert_refused("{\"\\udfff\":1}");
}

static void takes_escaped_nul_only_in_values_and_only_where_allowed(void **state)
{
    (void)state;
    assert_refused("\"\\u0000\"");
    assert_int_equal(OK, parse(STR("[\"\\u0000\"]"), JSON_WITH_NUL, NULL));
    assert_int_equal(OK, parse(STR("{\"a\":\"\\u0000\"}"), JSON_WITH_NUL, NULL));
    assert_int_equal(ERR_INVALID_JSON, parse(STR("{\"\\u0000\":1}"), JSON_WITH_NUL, NULL));
    assert_int_equal(ERR_INVALID_JSON, parse(STR("\"\0\""), JSON_WITH_NUL, NULL));
}

static void refuses_nesting_over_the_limit(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
        buf_reset(&text);
        for (size_t i = 0; i < depth; i++)
            buf_append_lit(&text, "[");
        for (size_t i = 0; i < depth; i++)
            buf_append_lit(&text, "]");
        assert_int_equal(depth > JSON_DEPTH ? ERR_INVALID_JSON : OK,
                         parse(buf_str(&text), JSON_STRICT, NULL));
    }
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_append_lit(&text, "[");
    size_t at;
    assert_int_equal(ERR_INVALID_JSON, parse(buf_str(&text), JSON_STRICT, &at));
    assert_int_equal(at, JSON_DEPTH);
    buf_release(&text);
    assert_int_equal(ERR_INVALID_JSON, parse(STR("[]"), (struct json_limits){0, false}, NULL));
    assert_int_equal(OK, parse(STR("1"), (struct json_limits){0, false}, NULL));
}

static void refuses_a_name_that_appears_twice(void **state)
{
    (void)state;
    assert_refused("{\"a\":1,\"a\":2}");
    assert_refused("{\"a\":1,\"b\":{},\"c\":[1,2],\"a\":{}}");
    assert_refused("{\"a\":1,\"\\u0061\":2}");
    assert_refused("{\"\\u00e9\":1,\"\xc3\xa9\":2}");
    assert_refused("{\"\":1,\"\":2}");
    assert_refused("[{\"x\":{\"a\":1,\"a\":2}}]");
    assert_taken("{\"a\":1,\"A\":2,\"aa\":3,\"\":4}");
    assert_taken("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}");
}

/* An object of `count` members, the one at `twice` named as the last is, if there is one. */
static void append_object(struct buf *out, int count, int twice)
{
    buf_reset(out);
    buf_append_ch(out, '{');
    for (int i = 0; i < count; i++)
        buf_appendf(out, "%s\"%s%d\":%d", i ? "," : "", i % 2 ? "\\u006b" : "k",
                    i == twice ? count - 1 : i, i);
    buf_append_ch(out, '}');
}

static void finds_repeated_names_among_any_number(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int count = 2; count < 80; count++) {
        append_object(&text, count, -1);
        assert_int_equal(OK, parse(buf_str(&text), JSON_STRICT, NULL));
        append_object(&text, count, count / 2 - 1);
        assert_int_equal(ERR_INVALID_JSON, parse(buf_str(&text), JSON_STRICT, NULL));
    }
    struct arena mem = ARENA_INIT;
    struct json doc;
    append_object(&text, 100000, -1);
    assert_int_equal(OK, json_parse(&doc, buf_str(&text), JSON_STRICT, &mem));
    assert_int_equal(json_count(json_root(&doc)), 100000);
    append_object(&text, 100000, 0);
    assert_int_equal(ERR_INVALID_JSON, json_parse(&doc, buf_str(&text), JSON_STRICT, &mem));
    arena_release(&mem);
    buf_release(&text);
}

static void indexes_a_million_bytes_of_small_values(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    struct arena mem = ARENA_INIT;
    struct json doc;
    buf_append_lit(&text, "[1");
    for (int i = 1; i < 500000; i++)
        buf_append_lit(&text, ",1");
    buf_append_lit(&text, "]");
    assert_int_equal(OK, json_parse(&doc, buf_str(&text), JSON_STRICT, &mem));
    assert_int_equal(json_count(json_root(&doc)), 500000);
    assert_int_equal(doc.count, 500001);
    assert_int_equal(doc.tokens[doc.count - 1].end, text.n - 1);
    arena_release(&mem);
    buf_release(&text);
}

static void tokens_say_where_values_are(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct json doc;
    struct str text = STR(" {\"a\" : [1, \"\\n\"], \"b\":{}} ");
    assert_int_equal(OK, json_parse(&doc, text, JSON_STRICT, &mem));
    static const struct json_token expected[] = {
        {1, 26, 7, JSON_OBJECT, 0, 2},  {2, 5, 2, JSON_STRING, 0, 0},
        {8, 17, 5, JSON_ARRAY, 0, 2},   {9, 10, 4, JSON_NUMBER, 0, 0},
        {12, 16, 5, JSON_STRING, 1, 0}, {19, 22, 6, JSON_STRING, 0, 0},
        {23, 25, 7, JSON_OBJECT, 0, 0},
    };
    assert_int_equal(doc.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(doc.tokens[i].start, expected[i].start);
        assert_int_equal(doc.tokens[i].end, expected[i].end);
        assert_int_equal(doc.tokens[i].next, expected[i].next);
        assert_int_equal(doc.tokens[i].type, expected[i].type);
        assert_int_equal(doc.tokens[i].escaped, expected[i].escaped);
        assert_int_equal(doc.tokens[i].count, expected[i].count);
    }
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_grammar),
        cmocka_unit_test(refuses_every_beginning_of_a_text),
        cmocka_unit_test(says_where_it_is_wrong),
        cmocka_unit_test(refuses_invalid_utf8_wherever_it_is),
        cmocka_unit_test(refuses_bare_control_characters_wherever_they_are),
        cmocka_unit_test(refuses_halves_of_surrogate_pairs),
        cmocka_unit_test(takes_escaped_nul_only_in_values_and_only_where_allowed),
        cmocka_unit_test(refuses_nesting_over_the_limit),
        cmocka_unit_test(refuses_a_name_that_appears_twice),
        cmocka_unit_test(finds_repeated_names_among_any_number),
        cmocka_unit_test(indexes_a_million_bytes_of_small_values),
        cmocka_unit_test(tokens_say_where_values_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
