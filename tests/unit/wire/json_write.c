/* Writing and splicing: what goes out is valid and keeps the bytes of what came in. */
#include "base/base.h"

#include "lib/json_doc.h"

static void strings_are_escaped_where_they_must_be(void **state)
{
    (void)state;
    static const struct {
        struct str s;
        const char *text;
    } strings[] = {
        {{NULL, 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"\"\\/\b\f\n\r\t", 8}, "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {{"a\0\x1f\x7f", 4}, "\"a\\u0000\\u001f\x7f\""},
        {{"\xc3\xa9<&\xe2\x80\xa8", 7}, "\"\xc3\xa9<&\xe2\x80\xa8\""},
    };
    struct arena mem = ARENA_INIT;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        struct buf out = BUF_INIT;
        json_append_string(&out, strings[i].s);
        assert_str(buf_str(&out), strings[i].text);
        struct str back = json_string(json_doc(&mem, strings[i].text), &mem);
        assert_true(str_eq(back, strings[i].s));
        buf_release(&out);
    }
    arena_release(&mem);
}

static void the_canonical_form_is_sorted_and_bare(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    json_append_canonical(&out, json_doc(&mem, "{ \"b\" : [10, 1.50] , \"\\u0061\" : null }"));
    assert_str(buf_str(&out), "{\"a\":null,\"b\":[1e1,15e-1,]}");
    buf_release(&out);
    arena_release(&mem);
}

static void members_can_be_left_out_and_names_lose_needless_escapes(void **state)
{
    (void)state;
    static const struct str drop[] = {{"id", 2}, {"userId", 6}};
    static const struct {
        const char *from, *to;
    } objects[] = {
        {"{}", "{}"},
        {"{\"id\":1}", "{}"},
        {"{ \"a\" : 1.0 , \"id\":2, \"b\": [ 3 ] }", "{\"a\":1.0,\"b\":[ 3 ]}"},
        {"{\"\\u0069d\":1,\"ID\":2,\"userId\":{},\"\\u0061\":\"\\u0061\"}",
         "{\"ID\":2,\"a\":\"\\u0061\"}"},
        {"{\"x\":[{\"\\u0069\\n\":{\"\\/\":1.50}}, \"\\u0061\"]}",
         "{\"x\":[{\"i\\n\":{\"/\":1.50}},\"\\u0061\"]}"},
    };
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        buf_reset(&out);
        json_append_without(&out, json_doc(&mem, objects[i].from), drop, ARRAY_LEN(drop));
        assert_str(buf_str(&out), objects[i].to);
    }
    buf_release(&out);
    arena_release(&mem);
}

static void merging_replaces_and_adds_one_level_deep(void **state)
{
    (void)state;
    static const struct {
        const char *target, *patch, *result;
    } merges[] = {
        {"{}", "{}", "{}"},
        {"{\"a\":1}", "{}", "{\"a\":1}"},
        {"{}", "{\"a\":1}", "{\"a\":1}"},
        {"{\"a\":1,\"b\":2}", "{\"b\":null,\"c\":3}", "{\"a\":1,\"b\":null,\"c\":3}"},
        {"{\"a\":{\"x\":1}}", "{\"\\u0061\":{\"y\":2.0}}", "{\"a\":{\"y\":2.0}}"},
    };
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(merges); i++) {
        buf_reset(&out);
        json_append_merged(&out, json_doc(&mem, merges[i].target), json_doc(&mem, merges[i].patch));
        assert_str(buf_str(&out), merges[i].result);
    }
    buf_release(&out);
    arena_release(&mem);
}

static void merge_patch_does_as_in_rfc_7396(void **state)
{
    (void)state;
    static const struct {
        const char *target, *patch, *result;
    } patches[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };
    struct arena mem = ARENA_INIT;
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(patches); i++) {
        buf_reset(&out);
        json_append_merge_patch(&out, json_doc(&mem, patches[i].target),
                                json_doc(&mem, patches[i].patch));
        assert_str(buf_str(&out), patches[i].result);
    }
    buf_release(&out);
    arena_release(&mem);
}

/* {"<first>":0,"<first+1>":0,…} */
static struct json_value many_members(struct arena *mem, struct json *doc, int first, int count)
{
    struct buf text = BUF_INIT;
    for (int i = 0; i < count; i++)
        buf_appendf(&text, "%c\"%d\":%d", i ? ',' : '{', first + i, first);
    buf_append_ch(&text, '}');
    assert_int_equal(OK, json_parse(doc, arena_dup(mem, buf_str(&text)), JSON_STRICT, mem));
    buf_release(&text);
    return json_root(doc);
}

static void objects_of_many_members_are_merged_too(void **state)
{
    (void)state;
    const int count = 50000;
    struct arena mem = ARENA_INIT;
    struct json a, b, merged;
    struct json_value target = many_members(&mem, &a, 0, count);
    struct json_value patch = many_members(&mem, &b, count / 2, count);
    struct buf out = BUF_INIT, patched = BUF_INIT;
    json_append_merged(&out, target, patch);
    json_append_merge_patch(&patched, target, patch);
    assert_true(str_eq(buf_str(&out), buf_str(&patched)));
    assert_int_equal(OK, json_parse(&merged, buf_str(&out), JSON_STRICT, &mem));
    struct json_value v = json_root(&merged);
    assert_int_equal(json_count(v), count + count / 2);
    assert_str(json_raw(json_get(v, STR("24999"))), "0");
    assert_str(json_raw(json_get(v, STR("25000"))), "25000");
    assert_str(json_raw(json_get(v, STR("74999"))), "25000");
    buf_release(&out);
    buf_release(&patched);
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped_where_they_must_be),
        cmocka_unit_test(the_canonical_form_is_sorted_and_bare),
        cmocka_unit_test(members_can_be_left_out_and_names_lose_needless_escapes),
        cmocka_unit_test(merging_replaces_and_adds_one_level_deep),
        cmocka_unit_test(merge_patch_does_as_in_rfc_7396),
        cmocka_unit_test(objects_of_many_members_are_merged_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
