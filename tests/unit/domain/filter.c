/* filter: lists of event names with a final '*', and sets of objects. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "domain/filter.h"

static bool matches(const char *patterns, const char *name)
{
    struct filter *f = NULL;
    assert_int_equal(filter_parse(&f, str_from_c(patterns)), OK);
    struct filter_event e = {.name = str_from_c(name)};
    bool match = filter_matches(f, &e);
    filter_free(f);
    return match;
}

static void a_name_matches_itself_alone(void **state)
{
    (void)state;
    assert_true(matches("kv:set", "kv:set"));
    assert_false(matches("kv:set", "kv:set2"));
    assert_false(matches("kv:set", "kv:se"));
    assert_false(matches("kv:set", "KV:SET"));
}

static void a_final_star_matches_any_rest(void **state)
{
    (void)state;
    assert_true(matches("table:posts:*", "table:posts:create"));
    assert_true(matches("table:posts:*", "table:posts:"));
    assert_false(matches("table:posts:*", "table:post"));
    assert_true(matches("*", "anything"));
    assert_true(matches("*", ""));
}

static void one_of_the_list_is_enough(void **state)
{
    (void)state;
    assert_true(matches("table:posts:*,kv:*", "kv:delete"));
    assert_true(matches(" kv:set , table:* ", "table:x:create"));
    assert_false(matches("a,b,c", "d"));
}

static void no_filter_matches_everything(void **state)
{
    (void)state;
    struct filter_event e = {.name = STR("x")};
    assert_true(filter_matches(NULL, &e));
    filter_free(NULL);
}

static void what_is_no_list_of_patterns_is_refused(void **state)
{
    static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", "*a", "a*b", "**", "a*,*b", " "};
    struct filter *f;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(filter_parse(&f, str_from_c(bad[i])), ERR_INVALID);
}

/* n patterns "a,a,…" */
static enum err parse_many(size_t n)
{
    struct buf b = BUF_INIT;
    struct filter *f = NULL;
    for (size_t i = 0; i < n; i++)
        buf_append_str(&b, i ? STR(",a") : STR("a"));
    enum err e = filter_parse(&f, buf_str(&b));
    if (!e)
        filter_free(f);
    buf_release(&b);
    return e;
}

static void patterns_and_bytes_are_bounded(void **state)
{
    struct buf b = BUF_INIT;
    struct filter *f;
    (void)state;
    assert_int_equal(parse_many(FILTER_PATTERNS_MAX), OK);
    assert_int_equal(parse_many(FILTER_PATTERNS_MAX + 1), ERR_INVALID);
    while (b.n <= FILTER_BYTES_MAX)
        buf_append_ch(&b, 'x');
    assert_int_equal(filter_parse(&f, buf_str(&b)), ERR_INVALID);
    buf_release(&b);
}

/* --- objects --- */

struct set {
    struct filter *f;
    struct arena mem;
};

static struct json_value object(struct set *s, const char *text)
{
    struct json *doc = arena_zalloc(&s->mem, 1, sizeof *doc);
    assert_int_equal(json_parse(doc, str_from_c(text), JSON_STRICT, &s->mem), OK);
    return json_root(doc);
}

static bool add(struct set *s, const char *text)
{
    return filter_add(&s->f, object(s, text), FILTER_PATTERN, &s->mem);
}

static bool finds(struct set *s, const char *name, const char *data)
{
    struct filter_event e = {str_from_c(name), str_from_c(data), .mem = &s->mem};
    return filter_matches(s->f, &e);
}

static void release(struct set *s)
{
    filter_free(s->f);
    arena_release(&s->mem);
}

static void every_field_of_an_object_must_be_in_the_data(void **state)
{
    struct set s = {0};
    (void)state;
    assert_true(add(&s, "{\"type\":\" order \",\"city\":\"Köln\",\"a\\u0062\":\"1\"}"));
    assert_true(filter_reads_data(s.f));
    assert_true(finds(&s, "order", "{\"ab\":\"1\",\"city\":\"K\\u00f6ln\",\"more\":2}"));
    assert_false(finds(&s, "order", "{\"ab\":1,\"city\":\"Köln\"}"));
    assert_false(finds(&s, "order", "{\"city\":\"Köln\"}"));
    assert_false(finds(&s, "order", "null"));
    assert_false(finds(&s, "order", ""));
    assert_false(finds(&s, "orders", "{\"ab\":\"1\",\"city\":\"Köln\"}"));
    release(&s);
}

static void a_star_is_a_pattern_only_where_it_may_be_one(void **state)
{
    struct set s = {0};
    (void)state;
    assert_true(add(&s, "{\"type\":\"table:*\"}"));
    assert_true(finds(&s, "table:x:create", "{}"));
    filter_remove(&s.f, object(&s, "{\"type\":\"table:*\"}"), FILTER_PATTERN, &s.mem);
    assert_null(s.f);
    assert_true(filter_add(&s.f, object(&s, "{\"type\":\"table:*\"}"), FILTER_NAME, &s.mem));
    assert_false(finds(&s, "table:x:create", "{}"));
    assert_true(finds(&s, "table:*", "{}"));
    release(&s);
}

static void equal_objects_count_once_and_go_at_once(void **state)
{
    struct set s = {0};
    (void)state;
    assert_true(add(&s, "{\"type\":\"a\",\"x\":\"1\",\"y\":\"2\"}"));
    assert_true(add(&s, "{\"y\":\"2\",\"type\":\"a\",\"x\":\"1\"}"));
    assert_true(add(&s, "{\"type\":\"b\"}"));
    filter_remove(&s.f, object(&s, "{\"x\":\"1\",\"y\":\"2\",\"type\":\"a \"}"), FILTER_PATTERN,
                  &s.mem);
    assert_false(finds(&s, "a", "{\"x\":\"1\",\"y\":\"2\"}"));
    assert_true(finds(&s, "b", "{}"));
    filter_remove(&s.f, object(&s, "{\"type\":\"c\"}"), FILTER_PATTERN, &s.mem);
    filter_remove(&s.f, object(&s, "{\"type\":\"b\"}"), FILTER_PATTERN, &s.mem);
    assert_null(s.f);
    release(&s);
}

static void what_is_no_object_of_strings_is_not_added(void **state)
{
    static const char *const bad[] = {
        "{}",    "{\"type\":\" \"}", "{\"type\":1}", "[]", "null", "{\"type\":\"a\",\"b\":null}",
        "\"a\"", "{\"b\":\"a\"}"};
    struct set s = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(add(&s, bad[i]));
    assert_null(s.f);
    release(&s);
}

static void a_set_has_room_for_a_thousand(void **state)
{
    struct set s = {0};
    (void)state;
    for (int i = 0; i < FILTER_ENTRIES_MAX; i++)
        assert_true(add(&s, arena_printf(&s.mem, "{\"type\":\"n%d\"}", i).p));
    assert_true(add(&s, "{\"type\":\"n7\"}"));
    assert_false(add(&s, "{\"type\":\"one more\"}"));
    assert_true(finds(&s, "n999", "{}"));
    assert_true(filter_size(s.f) > FILTER_ENTRIES_MAX && filter_size(s.f) <= FILTER_MEMORY_MAX);
    release(&s);
    assert_int_equal(filter_size(NULL), 0);
}

static char *many_members(struct set *s, size_t count, size_t *n)
{
    char *text = arena_alloc(&s->mem, count * 16 + 32), *at = text;
    *at++ = '{';
    for (size_t i = 0; i < count; i++)
        at += snprintf(at, 16, "\"m%zu\":\"\\n\",", i);
    at += snprintf(at, 16, "\"last\":\"1\"}");
    *n = (size_t)(at - text);
    return text;
}

/* A thousand entries that each ask for another member must not each read all members. */
static void many_entries_read_the_data_once(void **state)
{
    struct set s = {0};
    size_t n;
    (void)state;
    const char *data = many_members(&s, 50000, &n);
    for (int i = 0; i < FILTER_ENTRIES_MAX - 1; i++)
        assert_true(add(&s, arena_printf(&s.mem, "{\"type\":\"t\",\"x%d\":\"%d\"}", i, i).p));
    assert_true(add(&s, "{\"type\":\"t\",\"last\":\"1\"}"));
    struct filter_event e = {.name = STR("t"), .data = str_make(data, n), .mem = &s.mem};
    clock_t begin = clock();
    for (int i = 0; i < 100; i++)
        assert_true(filter_matches(s.f, &e));
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
    release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_matches_itself_alone),
        cmocka_unit_test(a_final_star_matches_any_rest),
        cmocka_unit_test(one_of_the_list_is_enough),
        cmocka_unit_test(no_filter_matches_everything),
        cmocka_unit_test(every_field_of_an_object_must_be_in_the_data),
        cmocka_unit_test(a_star_is_a_pattern_only_where_it_may_be_one),
        cmocka_unit_test(equal_objects_count_once_and_go_at_once),
        cmocka_unit_test(what_is_no_object_of_strings_is_not_added),
        cmocka_unit_test(a_set_has_room_for_a_thousand),
        cmocka_unit_test(many_entries_read_the_data_once),
        cmocka_unit_test(what_is_no_list_of_patterns_is_refused),
        cmocka_unit_test(patterns_and_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
