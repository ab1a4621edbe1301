/* Patterns match as JSON Schema means them, and give up before they run away. */
#include "base/base.h"

#include "base/buf.h"
#include "lib/json_doc.h"
#include "wire/pattern.h"

static struct pattern *compiled(struct arena *mem, const char *text)
{
    struct pattern *p = NULL;
    struct str error = STR_NULL;
    if (pattern_compile(&p, guard_copy(str_from_c(text)), mem, &error) != OK)
        fail_msg("%s: %s", text, error.p);
    return p;
}

static void matches_anywhere_unless_anchored(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        struct str text;
        bool matches;
    } rows[] = {
        {"b", {"abc", 3}, true},
        {"^b", {"abc", 3}, false},
        {"c$", {"abc", 3}, true},
        {"c$", {"abc\n", 4}, false},
        {"", {NULL, 0}, true},
        {"^$", {NULL, 0}, true},
        {"^.$", {"\xf0\x9f\x98\x80", 4}, true},
        {"^\\w$", {"\xc3\xa9", 2}, true},
        {"^a.b$", {"a\0b", 3}, true},
        {"(?i)^ABC$", {"abc", 3}, true},
    };
    struct arena mem = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pattern *p = compiled(&mem, rows[i].pattern);
        assert_str(pattern_text(p), rows[i].pattern);
        if (pattern_matches(p, guard_copy(rows[i].text)) != rows[i].matches)
            fail_msg("%s", rows[i].pattern);
        pattern_free(p);
    }
    pattern_free(NULL);
    arena_release(&mem);
}

static void errors_say_where(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct pattern *p;
    struct str error = STR_NULL;
    assert_int_equal(ERR_INVALID, pattern_compile(&p, STR("a(b"), &mem, &error));
    assert_str(error, "missing closing parenthesis at character 4");
    assert_int_equal(ERR_INVALID, pattern_compile(&p, STR("\\C"), &mem, &error));
    arena_release(&mem);
}

/* Without limits these take from minutes to the age of the universe. */
static void gives_up_before_it_runs_away(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "^(a+)+$", "(a+)+$", "(a|aa)+$", "(?:a?){30}a{30}b", "a{0,300}a{0,300}[XY]", "^(?:a|a)*b",
    };
    struct arena mem = ARENA_INIT;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_append_ch(&text, 'a');
    buf_append_ch(&text, '!');
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct pattern *p = compiled(&mem, patterns[i]);
        assert_false(pattern_matches(p, buf_str(&text)));
        pattern_free(p);
    }
    buf_release(&text);
    arena_release(&mem);
}

static void looks_through_long_texts(void **state)
{
    (void)state;
    static const char *const patterns[] = {"!$", "^[a-z ]+!$", "^(?:[a-z]+ ?)+!$", "k[^x]*!"};
    struct arena mem = ARENA_INIT;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 10000; i++)
        buf_append_lit(&text, "some words ");
    buf_append_lit(&text, "ok!");
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        struct pattern *p = compiled(&mem, patterns[i]);
        if (!pattern_matches(p, buf_str(&text)))
            fail_msg("%s", patterns[i]);
        pattern_free(p);
    }
    buf_release(&text);
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_anywhere_unless_anchored),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(gives_up_before_it_runs_away),
        cmocka_unit_test(looks_through_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
