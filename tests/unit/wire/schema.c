/* Schemas: what compiles, what fits, and what is said about what does not. */
#include "base/base.h"

#include "lib/json_doc.h"
#include "wire/schema.h"

static enum err compile(struct schema **out, const char *text, struct arena *mem, struct str *error)
{
    struct tree *t;
    enum err e = tree_parse(&t, str_from_c(text), mem, error);
    if (e != OK)
        fail_msg("%s: %s", text, error->p);
    e = schema_compile(out, t, mem, error);
    tree_free(t);
    return e;
}

static struct schema *compiled(struct arena *mem, const char *text)
{
    struct schema *s = NULL;
    struct str error = STR_NULL;
    if (compile(&s, text, mem, &error) != OK)
        fail_msg("%s: %s", text, error.p);
    return s;
}

/* "path message; path message" of a value, "" when it fits. */
static struct str verdict(const struct schema *s, struct json_value v, struct arena *mem)
{
    struct problems problems = {.mem = mem};
    struct buf text = BUF_INIT;
    bool fits = schema_validate(s, v, &problems);
    assert_true(fits == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++) {
        buf_appendf(&text, "%s%.*s ", i ? "; " : "", STR_ARG(problems.list[i].path));
        buf_append_str(&text, problems.list[i].message);
    }
    struct str all = arena_dup(mem, buf_str(&text));
    buf_release(&text);
    return all;
}

struct row {
    const char *schema, *value, *verdict;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena mem = ARENA_INIT;
        struct schema *s = compiled(&mem, rows[i].schema);
        struct str got = verdict(s, json_doc(&mem, rows[i].value), &mem);
        if (!str_eq(got, str_from_c(rows[i].verdict)))
            fail_msg("%s with %s: got %s", rows[i].schema, rows[i].value, got.p);
        schema_free(s);
        arena_release(&mem);
    }
}

#define ROWS(...)                                                                                  \
    static const struct row rows[] = {__VA_ARGS__};                                                \
    (void)state;                                                                                   \
    assert_rows(rows, ARRAY_LEN(rows))

static void types_and_values(void **state)
{
    ROWS({"true", "1", ""}, {"{}", "[null]", ""}, {"false", "1", "$ is not allowed"},
         {"{\"type\":\"string\"}", "\"a\"", ""},
         {"{\"type\":\"string\"}", "1", "$ must be a string"},
         {"{\"type\":[\"string\",\"null\"]}", "1", "$ must be a string or null"},
         {"{\"type\":[\"string\",\"null\"]}", "null", ""}, {"{\"type\":\"boolean\"}", "false", ""},
         {"{\"type\":\"boolean\"}", "true", ""},
         {"{\"type\":\"boolean\"}", "0", "$ must be true or false"},
         {"{\"type\":\"integer\"}", "1.0", ""}, {"{\"type\":\"integer\"}", "1e30", ""},
         {"{\"type\":\"integer\"}", "1.5", "$ must be a whole number"},
         {"{\"type\":\"number\"}", "1.5", ""},
         {"{\"type\":\"number\"}", "\"1\"", "$ must be a number"},
         {"{\"type\":\"array\"}", "{}", "$ must be a list"},
         {"{\"type\":\"object\"}", "[]", "$ must be an object"},
         {"{\"type\":\"null\"}", "false", "$ must be null"},
         {"{\"enum\":[1,\"a\",{\"x\":[1]}]}", "{\"x\":[1.0]}", ""},
         {"{\"enum\":[\"info\",\"error\"]}", "\"warn\"", "$ must be one of \"info\", \"error\""},
         {"{\"const\":0.1}", "1e-1", ""}, {"{\"const\":\"a\"}", "\"\\u0061\"", ""},
         {"{\"const\":null}", "0", "$ must be null"});
}

static void numbers(void **state)
{
    ROWS({"{\"minimum\":5,\"maximum\":7}", "5.0", ""},
         {"{\"minimum\":5}", "4.99", "$ must be at least 5"},
         {"{\"maximum\":7}", "7.0000000000000000000001", "$ must be at most 7"},
         {"{\"exclusiveMinimum\":0}", "0", "$ must be more than 0"},
         {"{\"exclusiveMinimum\":0}", "1e-400", ""},
         {"{\"exclusiveMaximum\":0.1}", "0.10", "$ must be less than 0.1"},
         {"{\"maximum\":9007199254740992}", "9007199254740993",
          "$ must be at most 9007199254740992"},
         {"{\"maximum\":1}", "-1e99999999999999999999", ""}, {"{\"multipleOf\":0.01}", "19.99", ""},
         {"{\"multipleOf\":0.01}", "19.999", "$ must be a multiple of 0.01"},
         {"{\"multipleOf\":3}", "9007199254740993", ""},
         {"{\"multipleOf\":2}", "9007199254740993", "$ must be a multiple of 2"},
         {"{\"minimum\":5,\"minLength\":3}", "\"abc\"", ""});
}

static void strings(void **state)
{
    ROWS({"{\"minLength\":1}", "\"\"", "$ must be at least 1 character long"},
         {"{\"minLength\":2}", "\"\xf0\x9f\x98\x80\"", "$ must be at least 2 characters long"},
         {"{\"maxLength\":2}", "\"\\ud83d\\ude00\xc3\xa9\"", ""},
         {"{\"maxLength\":2}", "\"abc\"", "$ must be at most 2 characters long"},
         {"{\"minLength\":1}", "5", ""}, {"{\"pattern\":\"b+\"}", "\"abbc\"", ""},
         {"{\"pattern\":\"^b+$\"}", "\"bb\\n\"", "$ must match the pattern ^b+$"},
         {"{\"pattern\":\"^\\\\p{L}.$\"}", "\"\xc3\xa9\xe2\x82\xac\"", ""},
         {"{\"pattern\":\"^a\"}", "\"\\u0061\"", ""},
         {"{\"format\":\"date\"}", "\"2026-02-30\"", "$ must be a date such as 2026-01-31"},
         {"{\"format\":\"email\"}", "\"jo@example.com\"", ""}, {"{\"format\":\"email\"}", "1", ""});
}

static void arrays(void **state)
{
    ROWS({"{\"items\":{\"type\":\"integer\"}}", "[1,\"a\",2.5]",
          "$[1] must be a whole number; $[2] must be a whole number"},
         {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"null\"}}",
          "[\"a\",null,1]", "$[2] must be null"},
         {"{\"prefixItems\":[true,true],\"items\":false}", "[1]", ""},
         {"{\"prefixItems\":[true],\"items\":false}", "[1,2]", "$[1] is not allowed"},
         {"{\"contains\":{\"const\":1}}", "[0,1]", ""},
         {"{\"contains\":{\"const\":1}}", "[]", "$ must contain an item of the required form"},
         {"{\"minItems\":1}", "[]", "$ must have at least 1 item"},
         {"{\"maxItems\":2}", "[1,2,3]", "$ must have at most 2 items"},
         {"{\"uniqueItems\":true}", "[1,\"1\",[1],{\"a\":1},{\"a\":2},true,null,false,0]", ""},
         {"{\"uniqueItems\":true}", "[1,2,1.0]", "$[2] is the same as an earlier item"},
         {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]",
          "$[1] is the same as an earlier item"},
         {"{\"uniqueItems\":false}", "[1,1]", ""}, {"{\"minItems\":1}", "{}", ""});
}

static void objects(void **state)
{
    ROWS({"{\"required\":[\"a\",\"b\"],\"properties\":{\"b\":true}}", "{\"c\":1}",
          "$.a is required; $.b is required"},
         {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"items\":{\"minLength\":1}}}}}}",
          "{\"a\":{\"b\":[\"x\",\"\"]}}", "$.a.b[1] must be at least 1 character long"},
         {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}",
          "{\"a\":1,\"b\":2,\"a b\":3}",
          "$.b is not an allowed property; $[\"a b\"] is not an allowed property"},
         {"{\"required\":[\"a\"],\"additionalProperties\":false}", "{\"a\":1}",
          "$.a is not an allowed property"},
         {"{\"patternProperties\":{\"^x-\":{\"type\":\"string\"}},\"additionalProperties\":false}",
          "{\"x-a\":1,\"x-b\":\"\"}", "$.x-a must be a string"},
         {"{\"properties\":{\"aa\":{\"minLength\":2}},\"patternProperties\":{\"a\":{\"maxLength\":"
          "0}}}",
          "{\"aa\":\"x\"}",
          "$.aa must be at least 2 characters long; $.aa must be at most 0 characters long"},
         {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a\":null,\"b\":1}",
          "$.b must be null"},
         {"{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
          "$.abc has a name that must be at most 2 characters long"},
         {"{\"minProperties\":1}", "{}", "$ must have at least 1 property"},
         {"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", "$ must have at most 1 property"},
         {"{\"dependentRequired\":{\"a\":[\"b\",\"c\"]}}", "{\"a\":1,\"c\":2}",
          "$.b is required when a is given"},
         {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"c\":1}", ""},
         {"{\"properties\":{\"\\u00e9\":{\"type\":\"null\"}}}", "{\"\\u00e9\":1}",
          "$[\"\xc3\xa9\"] must be null"},
         {"{\"required\":[\"a\"]}", "[]", ""});
}

static void schemas_of_schemas(void **state)
{
    ROWS({"{\"allOf\":[{\"minLength\":2},{\"maxLength\":3}]}", "\"a\"",
          "$ must be at least 2 characters long"},
         {"{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":2}]}", "1",
          "$ must have one of the allowed forms"},
         {"{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":2}]}", "null", ""},
         {"{\"oneOf\":[{\"minimum\":2},{\"maximum\":2}]}", "2",
          "$ must have exactly one of the allowed forms"},
         {"{\"oneOf\":[{\"minimum\":2},{\"maximum\":2}]}", "1", ""},
         {"{\"not\":{\"type\":\"null\"}}", "null", "$ has a form that is not allowed"},
         {"{\"not\":{\"not\":{\"type\":\"null\"}}}", "null", ""},
         {"{\"if\":{\"minimum\":10},\"then\":{\"multipleOf\":10},\"else\":{\"multipleOf\":2}}",
          "15", "$ must be a multiple of 10"},
         {"{\"if\":{\"minimum\":10},\"then\":{\"multipleOf\":10},\"else\":{\"multipleOf\":2}}", "4",
          ""},
         {"{\"if\":{\"minimum\":10},\"else\":false}", "4", "$ is not allowed"},
         {"{\"then\":false}", "4", ""});
}

static void references(void **state)
{
    ROWS({"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"null\"}}}", "1", "$ must be null"},
         {"{\"$ref\":\"#/$defs/a\",\"minimum\":2,\"$defs\":{\"a\":{\"maximum\":0}}}", "1",
          "$ must be at least 2; $ must be at most 0"},
         {"{\"properties\":{\"next\":{\"$ref\":\"#\"},\"v\":{\"type\":\"null\"}}}",
          "{\"next\":{\"next\":{\"v\":1}}}", "$.next.next.v must be null"},
         {"{\"$defs\":{\"a/b\":{\"const\":1},\"c~d\":{\"const\":2},\"e%f\":{\"const\":3}},"
          "\"items\":{\"anyOf\":[{\"$ref\":\"#/$defs/a~1b\"},{\"$ref\":\"#/$defs/c~0d\"},"
          "{\"$ref\":\"#/$defs/e%25f\"}]}}",
          "[1,2,3]", ""},
         {"{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"$ref\":\"#/properties/a\"}}}",
          "{\"b\":1}", "$.b must be null"},
         {"{\"allOf\":[{\"type\":\"null\"}],\"properties\":{\"b\":{\"$ref\":\"#/allOf/0\"}}}",
          "null", ""});
}

static void errors_name_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *error;
    } wrong[] = {
        {"1", "schema: must be a schema: an object, true or false"},
        {"{\"properties\":{\"title\":{\"minLenght\":1}}}",
         "schema.properties.title.minLenght: unknown keyword"},
        {"{\"minContains\":1}", "schema.minContains: unknown keyword"},
        {"{\"allOf\":[true,{\"type\":\"text\"}]}",
         "schema.allOf[1].type: must be null, boolean, integer, number, string, array or object"},
        {"{\"type\":[\"null\",\"null\"]}", "schema.type: must be a list of different types"},
        {"{\"type\":[]}",
         "schema.type: must be null, boolean, integer, number, string, array or object"},
        {"{\"minLength\":-1}", "schema.minLength: must be a whole number, 0 or more"},
        {"{\"minLength\":1.5}", "schema.minLength: must be a whole number, 0 or more"},
        {"{\"minimum\":\"1\"}", "schema.minimum: must be a number"},
        {"{\"multipleOf\":0}", "schema.multipleOf: must be a number above 0"},
        {"{\"uniqueItems\":1}", "schema.uniqueItems: must be true or false"},
        {"{\"items\":[]}", "schema.items: must be a schema: an object, true or false"},
        {"{\"prefixItems\":{}}", "schema.prefixItems: must be a list of schemas"},
        {"{\"anyOf\":[]}", "schema.anyOf: must be a list of schemas"},
        {"{\"enum\":[]}", "schema.enum: must be a list of values"},
        {"{\"required\":[\"a\",\"a\"]}", "schema.required: must not hold a name twice"},
        {"{\"required\":\"a\"}", "schema.required: must be a list of names"},
        {"{\"required\":[1]}", "schema.required: must be a list of names"},
        {"{\"dependentRequired\":{\"a\":1}}",
         "schema.dependentRequired.a: must be a list of names"},
        {"{\"properties\":[]}", "schema.properties: must be an object of schemas"},
        {"{\"$defs\":{\"a\":{\"x\":1}}}", "schema.$defs.a.x: unknown keyword"},
        {"{\"pattern\":\"(\"}",
         "schema.pattern: invalid pattern: missing closing parenthesis at character 2"},
        {"{\"patternProperties\":{\"[\":true}}",
         "schema.patternProperties[\"[\"]: invalid pattern: missing terminating ] for character "
         "class at character 2"},
        {"{\"format\":\"hostname\"}",
         "schema.format: must be date-time, date, time, email, uri, uuid, ipv4 or ipv6"},
        {"{\"$ref\":1}", "schema.$ref: must be a reference in quotes"},
        {"{\"$ref\":\"#/$defs/x\"}", "schema.$ref: leads to no schema in this file"},
        {"{\"$ref\":\"other.json\"}", "schema.$ref: leads to no schema in this file"},
        {"{\"$ref\":\"#/required\",\"required\":[]}",
         "schema.$ref: leads to no schema in this file"},
        {"{\"$ref\":\"#/%00\"}", "schema.$ref: leads to no schema in this file"},
        {"{\"$ref\":\"#\"}", "schema.$ref: leads back to itself, or too far"},
        {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"not\":{\"$ref\":\"#/$defs/b\"}},"
         "\"b\":{\"$ref\":\"#/$defs/a\"}}}",
         "schema.$defs.b.$ref: leads back to itself, or too far"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct arena mem = ARENA_INIT;
        struct schema *s;
        struct str error = STR_NULL;
        assert_int_equal(ERR_INVALID, compile(&s, wrong[i].schema, &mem, &error));
        if (!str_eq(error, str_from_c(wrong[i].error)))
            fail_msg("%s: %s", wrong[i].schema, error.p);
        arena_release(&mem);
    }
}

static void annotations_are_allowed(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    schema_free(compiled(&mem,
                         "{\"$schema\":\"x\",\"$id\":\"x\",\"$comment\":\"x\",\"title\":\"x\","
                         "\"description\":\"x\",\"examples\":[1],\"deprecated\":true,"
                         "\"readOnly\":true,\"writeOnly\":false}"));
    arena_release(&mem);
}

static void defaults_are_added_where_members_lack(void **state)
{
    (void)state;
    static const struct {
        const char *value, *defaults;
    } rows[] = {
        {"{}", "\"type\":\"info\",\"read\":false,\"a\\\"b\":[1,{}]"},
        {"{\"read\":true}", "\"type\":\"info\",\"a\\\"b\":[1,{}]"},
        {"{\"type\":1,\"read\":null,\"a\\u0022b\":0}", ""},
    };
    struct arena mem = ARENA_INIT;
    struct schema *s = compiled(
        &mem, "{\"properties\":{\"type\":{\"default\":\"info\"},\"read\":{\"default\":false},"
              "\"message\":{\"type\":\"string\"},\"a\\\"b\":{\"default\":[1,{}]}}}");
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        schema_append_defaults(s, json_doc(&mem, rows[i].value), &out);
        assert_str(buf_str(&out), rows[i].defaults);
    }
    buf_release(&out);
    schema_free(s);
    arena_release(&mem);
}

static void problems_are_counted_up_to_a_limit(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct schema *s = compiled(&mem, "{\"items\":{\"type\":\"null\"}}");
    struct problems problems = {.mem = &mem};
    struct json_value v =
        json_doc(&mem, "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]");
    assert_false(schema_validate(s, v, &problems));
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_false(schema_validate(s, v, &problems));
    assert_int_equal(problems.count, PROBLEMS_MAX);
    schema_free(s);
    arena_release(&mem);
}

static void a_long_name_is_cut_in_a_path(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct schema *s = compiled(&mem, "{\"additionalProperties\":false}");
    struct buf text = BUF_INIT;
    struct json doc;
    buf_append_lit(&text, "{\"x");
    for (int i = 0; i < 10000; i++)
        buf_append_lit(&text, "\xc3\xa9");
    buf_append_lit(&text, "\":1}");
    assert_int_equal(OK, json_parse(&doc, buf_str(&text), JSON_STRICT, &mem));
    struct problems problems = {.mem = &mem};
    assert_false(schema_validate(s, json_root(&doc), &problems));
    assert_int_equal(problems.list[0].path.n, strlen("$[\"") + 79 + strlen("...\"]"));
    buf_release(&text);
    schema_free(s);
    arena_release(&mem);
}

/* Nested arrays, `depth` of them. */
static struct json_value nested(struct arena *mem, int depth)
{
    struct buf text = BUF_INIT;
    for (int i = 0; i < depth; i++)
        buf_append_ch(&text, '[');
    for (int i = 0; i < depth; i++)
        buf_append_ch(&text, ']');
    struct json_value v = json_doc(mem, buf_str(&text).p);
    buf_release(&text);
    return v;
}

static void work_that_would_explode_is_given_up(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct schema *twice =
        compiled(&mem, "{\"allOf\":[{\"items\":{\"$ref\":\"#\"}},{\"items\":{\"$ref\":\"#\"}}]}");
    assert_str(verdict(twice, nested(&mem, 3), &mem), "");
    assert_str(verdict(twice, nested(&mem, 60), &mem), "$ is too deeply nested to be checked");
    struct schema *negated = compiled(
        &mem,
        "{\"not\":{\"allOf\":[{\"items\":{\"$ref\":\"#\"}},{\"items\":{\"$ref\":\"#\"}},false]}}");
    assert_str(verdict(negated, nested(&mem, 60), &mem), "$ is too deeply nested to be checked");
    schema_free(twice);
    schema_free(negated);
    arena_release(&mem);
}

static void a_pattern_that_runs_away_does_not_match(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct schema *s = compiled(&mem, "{\"pattern\":\"^(a+)+$\"}");
    assert_str(
        verdict(s, json_doc(&mem, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""), &mem),
        "$ must match the pattern ^(a+)+$");
    schema_free(s);
    arena_release(&mem);
}

static void many_different_items_are_compared_in_time(void **state)
{
    (void)state;
    struct arena mem = ARENA_INIT;
    struct schema *s = compiled(&mem, "{\"uniqueItems\":true}");
    struct buf text = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_appendf(&text, "%c%d", i ? ',' : '[', i);
    buf_append_lit(&text, ",99999.0]");
    struct json doc;
    assert_int_equal(OK, json_parse(&doc, buf_str(&text), JSON_STRICT, &mem));
    assert_str(verdict(s, json_root(&doc), &mem), "$[100000] is the same as an earlier item");
    buf_release(&text);
    schema_free(s);
    arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_and_values),
        cmocka_unit_test(numbers),
        cmocka_unit_test(strings),
        cmocka_unit_test(arrays),
        cmocka_unit_test(objects),
        cmocka_unit_test(schemas_of_schemas),
        cmocka_unit_test(references),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(annotations_are_allowed),
        cmocka_unit_test(defaults_are_added_where_members_lack),
        cmocka_unit_test(problems_are_counted_up_to_a_limit),
        cmocka_unit_test(a_long_name_is_cut_in_a_path),
        cmocka_unit_test(work_that_would_explode_is_given_up),
        cmocka_unit_test(a_pattern_that_runs_away_does_not_match),
        cmocka_unit_test(many_different_items_are_compared_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
