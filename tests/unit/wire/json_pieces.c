/* Documents taken apart: the same pieces however the text comes in. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/guard.h"
#include "wire/json_pieces.h"

struct reading {
    struct json_pieces p;
    struct str rest; /* not given to it yet */
    struct str whole;
    struct buf out;
};

/* One byte more; a guard page behind it. */
static bool give_more(struct reading *r)
{
    if (r->p.at_end)
        return false;
    size_t left = r->p.text.n;
    if (r->rest.n) {
        r->rest = str_from(r->rest, 1);
        left++;
    }
    size_t given = r->whole.n - r->rest.n;
    r->p.text = guard_copy(str_make(r->whole.p + given - left, left));
    r->p.at_end = !r->rest.n;
    return true;
}

#define WHOLE(call)                                                                                \
    do                                                                                             \
        e = (call);                                                                                \
    while (e == ERR_MORE && give_more(r))

/* Enters whatever is called "in", writes all else between bars. */
static enum err take(struct reading *r, char bracket)
{
    bool first = true, end = false;
    enum err e;
    WHOLE(json_pieces_enter(&r->p, bracket));
    while (!e) {
        struct str name = STR(""), value = STR("");
        WHOLE(json_pieces_next(&r->p, bracket, &first, &end));
        if (e || end)
            break;
        if (bracket == '{') {
            WHOLE(json_pieces_name(&r->p, &name));
            if (e)
                break;
            buf_append_str(&r->out, name);
        }
        if (str_eq(name, STR("\"in\""))) {
            e = take(r, '[');
            continue;
        }
        WHOLE(json_pieces_value(&r->p, &value));
        if (!e)
            buf_appendf(&r->out, "|%.*s|", STR_ARG(value));
    }
    return e;
}

static enum err read_all(struct str text, bool at_once, struct buf *out)
{
    struct reading reading = {.rest = text, .whole = text}, *r = &reading;
    if (at_once)
        reading = (struct reading){.p = {guard_copy(text), true}, .whole = text};
    buf_append_lit(&reading.out, "");
    enum err e = take(r, '{');
    if (!e)
        WHOLE(json_pieces_finish(&r->p));
    *out = reading.out;
    return e;
}

static void assert_pieces(const char *text, const char *expected)
{
    for (int at_once = 0; at_once <= 1; at_once++) {
        struct buf out;
        assert_int_equal(OK, read_all(str_from_c(text), at_once, &out));
        assert_string_equal(expected, out.p);
        buf_release(&out);
    }
}

static void assert_refused(const char *text)
{
    for (int at_once = 0; at_once <= 1; at_once++) {
        struct buf out;
        assert_int_equal(ERR_INVALID_JSON, read_all(str_from_c(text), at_once, &out));
        buf_release(&out);
    }
}

static void gives_members_and_elements(void **state)
{
    (void)state;
    assert_pieces("{}", "");
    assert_pieces(" { \"a\" : 1 , \"b\":\"x\"}\n", "\"a\"|1|\"b\"|\"x\"|");
    assert_pieces("{\"in\":[1,[2,{}],\"]\",{\"a\":\"}\"}],\"b\":null}",
                  "\"in\"|1||[2,{}]||\"]\"||{\"a\":\"}\"}|\"b\"|null|");
    assert_pieces("{\"in\":[ ]}", "\"in\"");
}

static void is_not_misled_by_what_is_in_strings(void **state)
{
    (void)state;
    assert_pieces("{\"a\\\"}\":\"\\\\\",\"b\":[\"\\\"]\",\"{\"]}",
                  "\"a\\\"}\"|\"\\\\\"|\"b\"|[\"\\\"]\",\"{\"]|");
}

static void refuses_what_is_cut_or_goes_on(void **state)
{
    static const char *const texts[] = {"",           "{",          "[1]",
                                        "{\"a\"",     "{\"a\":",    "{\"a\":1",
                                        "{\"a\":[1}", "{\"a\":\"",  "{\"a\":1 2}",
                                        "{\"a\":}",   "{a:1}",      "{\"a\" 1}",
                                        "{} {}",      "{\"in\":1}", "{\"in\":[1 2]}",
                                        "{\"in\":[1", "{\"a\":1,"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_refused(texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_members_and_elements),
        cmocka_unit_test(is_not_misled_by_what_is_in_strings),
        cmocka_unit_test(refuses_what_is_cut_or_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
