/* collection: declarations loaded and refused, objects checked, effects rendered. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "domain/collection.h"

#define SCHEMA "\"schema\":{\"type\":\"object\"}"

struct fixture {
    char dir[64];
    const char *files[8];
    size_t file_count;
    struct arena mem;
    struct collections all;
    struct str message;
};

static int set_up(void **state)
{
    static struct fixture f;
    const char *tmp = getenv("TMPDIR");
    f = (struct fixture){.mem = ARENA_INIT};
    snprintf(f.dir, sizeof f.dir, "%s/cubby-collections-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f.dir));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->file_count; i++)
        unlink(f->files[i]);
    rmdir(f->dir);
    collections_release(&f->all);
    arena_release(&f->mem);
    return 0;
}

static void declare(struct fixture *f, const char *name, const char *text)
{
    const char *path = arena_printf(&f->mem, "%s/%s", f->dir, name).p;
    f->files[f->file_count++] = path;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

static enum err load(struct fixture *f)
{
    return collections_load(&f->all, f->dir, &f->mem, &f->message);
}

static void declarations_become_collections_sorted_by_name(void **state)
{
    struct fixture *f = *state;
    size_t count;
    declare(f, "b_c.json", "{\"name\":\"b_c\"," SCHEMA "}");
    declare(f, "b.json",
            "{\"name\":\"b\",\"scope\":\"org\"," SCHEMA
            ",\"indexes\":[\"createdAt\",\"a.b\"],\"search\":[\"t\"]}");
    declare(f, "notes.txt", "not a declaration");
    assert_int_equal(load(f), OK);
    const struct rows_table *tables = collections_tables(&f->all, &count);
    assert_int_equal(count, 2);
    assert_true(str_eq(tables[0].name, STR("b")));
    assert_int_equal(tables[0].scope, SPACE_ORG);
    assert_int_equal(tables[0].index_count, 2);
    assert_int_equal(tables[0].search_count, 1);
    const struct collection *c = collections_find(&f->all, STR("b_c"));
    assert_non_null(c);
    assert_true(str_eq(c->event_update, STR("table:b_c:update")));
    assert_int_equal(c->table.scope, SPACE_USER);
    assert_null(collections_find(&f->all, STR("b_")));
    assert_null(collections_find(&f->all, STR("")));
}

static void an_empty_folder_has_no_collections(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f), OK);
    assert_int_equal(f->all.count, 0);
    assert_null(collections_find(&f->all, STR("x")));
}

static void mistakes_are_told_with_file_and_place(void **state)
{
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"", "a.json: "},
        {"[]", "a.json: expected an object"},
        {"{\"name\":\"a\"}", "a.json: schema: "},
        {"{\"name\":\"b\"," SCHEMA "}", "a.json: name: "},
        {"{\"name\":\"A\"," SCHEMA "}", "a.json: name: "},
        {"{\"name\":5," SCHEMA "}", "a.json: name: "},
        {"{" SCHEMA "}", "a.json: name: "},
        {"{\"name\":\"a\",\"colour\":1," SCHEMA "}", "a.json: colour: unknown member"},
        {"{\"name\":\"a\",\"scope\":\"all\"," SCHEMA "}", "a.json: scope: "},
        {"{\"name\":\"a\",\"schema\":{\"minLenght\":1}}", "a.json: schema"},
        {"{\"name\":\"a\",\"indexes\":\"x\"," SCHEMA "}", "a.json: indexes: "},
        {"{\"name\":\"a\",\"indexes\":[\"x\",\"y'\"]," SCHEMA "}", "a.json: indexes[1]: "},
        {"{\"name\":\"a\",\"search\":[\"createdAt\"]," SCHEMA "}", "a.json: search[0]: "},
        {"{\"name\":\"a\",\"on\":[]," SCHEMA "}", "a.json: on: "},
        {"{\"name\":\"a\",\"on\":{\"read\":[]}," SCHEMA "}", "a.json: on: "},
        {"{\"name\":\"a\",\"on\":{\"create\":{}}," SCHEMA "}", "a.json: on.create: "},
        {"{\"name\":\"a\",\"on\":{\"create\":[{}]}," SCHEMA "}", "a.json: on.create[0].insert: "},
        {"{\"name\":\"a\",\"on\":{\"create\":[{\"insert\":\"b\"}]}," SCHEMA "}",
         "a.json: on.create[0].values: "},
        {"{\"name\":\"a\",\"on\":{\"create\":[{\"insert\":\"b\",\"values\":{}}]}," SCHEMA "}",
         "a.json: on.create: there is no collection \"b\""},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->file_count = 0;
        declare(f, "a.json", cases[i].text);
        assert_int_equal(load(f), ERR_INVALID);
        if (!str_starts_with(f->message, str_from_c(cases[i].place)))
            fail_msg("expected %s, got %.*s", cases[i].place, STR_ARG(f->message));
    }
}

static void fixed_paths_cannot_be_names(void **state)
{
    static const char *const names[] = {"me", "batch", "organizations", "events", "docs"};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        f->file_count = 0;
        declare(f, arena_printf(&f->mem, "%s.json", names[i]).p,
                arena_printf(&f->mem, "{\"name\":\"%s\"," SCHEMA "}", names[i]).p);
        assert_int_equal(load(f), ERR_INVALID);
        unlink(f->files[0]);
    }
}

static void an_effect_must_fit_its_target(void **state)
{
    struct fixture *f = *state;
    declare(f, "b.json",
            "{\"name\":\"b\",\"schema\":{\"properties\":{\"n\":{\"type\":\"number\"}}}}");
    declare(f, "a.json",
            "{\"name\":\"a\"," SCHEMA
            ",\"on\":{\"update\":[{\"insert\":\"b\",\"values\":{\"n\":\"{n}\"}}]}}");
    assert_int_equal(load(f), ERR_INVALID);
    assert_true(str_starts_with(f->message, STR("a.json: on.update: values.n: ")));
}

/* Check a client's object against a collection with a required t and a default d. */
static enum err validate(struct fixture *f, const char *text, struct str *data, size_t *problems)
{
    static struct problems found;
    struct json body;
    if (f->all.count == 0) {
        declare(f, "a.json",
                "{\"name\":\"a\",\"schema\":{\"required\":[\"t\"],\"properties\":{"
                "\"t\":{\"type\":\"string\"},\"d\":{\"default\":[1]}},"
                "\"additionalProperties\":false}}");
        assert_int_equal(load(f), OK);
    }
    found.count = 0;
    assert_int_equal(json_parse(&body, str_from_c(text), JSON_STRICT, &f->mem), OK);
    enum err e = collection_validate(&f->all.list[0], json_root(&body), &found, &f->mem, data);
    *problems = found.count;
    return e;
}

static void what_is_stored_is_the_clients_text_completed(void **state)
{
    static const char *const cases[][2] = {
        {"{\"t\":\"x\"}", "{\"t\":\"x\",\"d\":[1]}"},
        {" { \"t\" : \"x\" , \"d\" : 1.50 } ", "{\"t\":\"x\",\"d\":1.50}"},
        {"{\"id\":1,\"createdAt\":2,\"updatedAt\":3,\"version\":4,\"userId\":5,\"t\":\"\",\"d\":0}",
         "{\"t\":\"\",\"d\":0}"},
    };
    struct fixture *f = *state;
    struct str data;
    size_t problems;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(validate(f, cases[i][0], &data, &problems), OK);
        if (!str_eq(data, str_from_c(cases[i][1])))
            fail_msg("expected %s, got %.*s", cases[i][1], STR_ARG(data));
    }
}

static void what_does_not_fit_is_refused_with_problems(void **state)
{
    static const char *const bad[] = {"{}", "{\"t\":1}", "{\"t\":\"\",\"x\":1}", "[]", "5"};
    struct str data;
    size_t problems;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(validate(*state, bad[i], &data, &problems), ERR_VALIDATION);
        assert_true(problems > 0);
    }
}

static void expect_rendered(struct fixture *f, const char *row, const char *expected)
{
    const struct collection *a = collections_find(&f->all, STR("a"));
    struct str text = effect_render(effect_at(a, ON_DELETE, 0), str_from_c(row), &f->mem);
    if (!str_eq(text, str_from_c(expected)))
        fail_msg("expected %s, got %.*s", expected, STR_ARG(text));
}

static void templates_are_filled_with_the_rows_members(void **state)
{
    struct fixture *f = *state;
    declare(f, "a.json",
            "{\"name\":\"a\"," SCHEMA ",\"on\":{\"delete\":[{\"insert\":\"b\",\"values\":"
            "{\"m\":\"<{t}> {x} {} {a b} {{t}\",\"l\":[\"{n}\",{\"k\":\"{o}\"}],\"f\":false}}]}}");
    declare(f, "b.json", "{\"name\":\"b\",\"schema\":{\"properties\":{\"d\":{\"default\":1}}}}");
    assert_int_equal(load(f), OK);
    assert_true(str_eq(effect_target(effect_at(&f->all.list[0], ON_DELETE, 0)), STR("b")));
    expect_rendered(f, "{\"t\":\"a\\\"\\n\xc3\xa9\",\"n\":1.50,\"o\":{\"p\":1}}",
                    "{\"m\":\"<a\\\"\\n\xc3\xa9>  {} {a b} {a\\\"\\n\xc3\xa9\",\"l\":[\"1.50\","
                    "{\"k\":\"{\\\"p\\\":1}\"}],\"f\":false,\"d\":1}");
    expect_rendered(
        f, "{\"t\":\"{n}\",\"n\":1}",
        "{\"m\":\"<{n}>  {} {a b} {{n}\",\"l\":[\"1\",{\"k\":\"\"}],\"f\":false,\"d\":1}");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(declarations_become_collections_sorted_by_name),
        TEST(an_empty_folder_has_no_collections),
        TEST(mistakes_are_told_with_file_and_place),
        TEST(fixed_paths_cannot_be_names),
        TEST(an_effect_must_fit_its_target),
        TEST(what_is_stored_is_the_clients_text_completed),
        TEST(what_does_not_fit_is_refused_with_problems),
        TEST(templates_are_filled_with_the_rows_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
