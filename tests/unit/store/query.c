/* query: conditions, orders, pages, cursors and counts of list requests. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/query.h"
#include "wire/json.h"

static const struct str indexes[] = {{"createdAt", 9}, {"n", 1}, {"s", 1}};
static const struct str search[] = {{"s", 1}, {"o.deep", 6}};
static struct rows_table table = {
    .name = {"things", 6},
    .scope = SPACE_USER,
    .indexes = indexes,
    .index_count = ARRAY_LEN(indexes),
    .search = search,
    .search_count = ARRAY_LEN(search),
};
static const struct rows_table unsearchable = {.name = {"things", 6}, .scope = SPACE_USER};

/* Row k has the name "k", and was made at second k. */
static const char *const rows[] = {
    "{\"name\":\"0\"}",
    "{\"name\":\"1\",\"n\":1,\"s\":\"Apple pie\",\"b\":true,\"tags\":[\"x\",1,null]}",
    "{\"name\":\"2\",\"n\":1.0,\"s\":\"apple\",\"b\":false,\"o\":{\"deep\":\"Caf\xc3\xa9 noir\"}}",
    "{\"name\":\"3\",\"n\":\"1\",\"s\":\"100%_done\",\"b\":1,\"o\":{ \"a\" : [1, 2] }}",
    "{\"name\":\"4\",\"n\":-2.5,\"s\":\"\",\"b\":null,\"tags\":[\"xy\",{\"a\":1}]}",
    "{\"name\":\"5\",\"n\":12345678901234567,\"s\":\"apricot\",\"tags\":\"x\"}",
};

static void insert(struct space *sp, size_t k, struct str data)
{
    char id[UUID_LEN + 1];
    int64_t at = (int64_t)k * 1000;
    rand_uuid7(at, k, id);
    struct row row = {str_make(id, UUID_LEN), data, at, at, (int64_t)k + 1};
    assert_int_equal(rows_insert(sp, &table, &row), OK);
}

static int set_up(void **state)
{
    static struct test_store t;
    struct store_options o = test_store_options();
    rows_table_prepare(&table);
    o.table_count = 1;
    o.tables = &table;
    test_store_open(&t, o);
    struct space *sp = test_user_writing(&t);
    for (size_t k = 0; k < ARRAY_LEN(rows); k++)
        insert(sp, k, str_from_c(rows[k]));
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    rows_table_release(&table);
    return 0;
}

/* A request's parameters: name, value, name, value … NULL. */
static struct form form_of(struct test_store *t, const char *const *parts)
{
    struct form f = {arena_zalloc(&t->mem, 64, sizeof *f.fields), 0};
    for (; *parts; parts += 2)
        f.fields[f.count++] = (struct form_field){str_from_c(parts[0]), str_from_c(parts[1])};
    return f;
}

#define PARAMS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The names of the rows found, in order; *next is the cursor. */
static const char *found(struct test_store *t, const char *const *parts, struct str *next)
{
    struct form params = form_of(t, parts);
    struct query *q;
    struct query_result result;
    struct buf out = BUF_INIT, names = BUF_INIT;
    struct str message = STR_NULL;
    struct json doc;
    struct space *sp;
    if (query_parse(&q, &params, &table, &t->mem, &message) != OK)
        fail_msg("%s: %.*s", parts[1], STR_ARG(message));
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    buf_append_ch(&out, '[');
    assert_int_equal(query_list(sp, q, STR(TEST_USER), &out, &t->mem, &result), OK);
    buf_append_ch(&out, ']');
    assert_int_equal(json_parse(&doc, buf_str(&out), JSON_STRICT, &t->mem), OK);
    assert_int_equal(json_count(json_root(&doc)), result.rows);
    for (struct json_value v = json_first(json_root(&doc)); !json_is_absent(v);
         v = json_next(json_root(&doc), v))
        buf_append_str(&names, json_string(json_get(v, STR("name")), &t->mem));
    if (next)
        *next = result.next;
    space_release(sp);
    struct str text = arena_dup(&t->mem, buf_str(&names));
    buf_release(&names);
    buf_release(&out);
    return text.p;
}

static const char *where(struct test_store *t, const char *condition)
{
    return found(t, PARAMS("where", condition, "order", "id:asc"), NULL);
}

static void refused(struct test_store *t, const char *name, const char *value)
{
    struct form params = form_of(t, PARAMS(name, value));
    struct query *q;
    struct str message = STR_NULL;
    if (query_parse(&q, &params, &table, &t->mem, &message) != ERR_INVALID_QUERY)
        fail_msg("accepted: %s=%s", name, value);
    assert_true(message.n > 10);
}

static void newest_first_without_an_order(void **state)
{
    assert_string_equal(found(*state, PARAMS("limit", "3"), NULL), "543");
}

static void equality_is_of_type_and_value(void **state)
{
    assert_string_equal(where(*state, "[\"n\",\"==\",1]"), "12");
    assert_string_equal(where(*state, "[\"n\",\"==\",1.00]"), "12");
    assert_string_equal(where(*state, "[\"n\",\"==\",\"1\"]"), "3");
    assert_string_equal(where(*state, "[\"n\",\"==\",12345678901234567]"), "5");
    assert_string_equal(where(*state, "[\"n\",\"==\",12345678901234568]"), "");
    assert_string_equal(where(*state, "[\"n\",\"==\",10e-1]"), "12");
    assert_string_equal(where(*state, "[\"s\",\"==\",\"apple\"]"), "2");
    assert_string_equal(where(*state, "[\"s\",\"==\",\"\"]"), "4");
    assert_string_equal(where(*state, "[\"b\",\"==\",true]"), "1");
    assert_string_equal(where(*state, "[\"b\",\"==\",false]"), "2");
    assert_string_equal(where(*state, "[\"b\",\"==\",1]"), "3");
    assert_string_equal(where(*state, "[\"b\",\"==\",null]"), "4");
    assert_string_equal(where(*state, "[\"o\",\"==\",{\"a\":[1,  2]}]"), "3");
    assert_string_equal(where(*state, "[\"tags\",\"==\",[\"x\",1,null]]"), "1");
    assert_string_equal(where(*state, "[\"o.deep\",\"==\",\"Caf\xc3\xa9 noir\"]"), "2");
    assert_string_equal(where(*state, "[\"o.a\",\"==\",[1,2]]"), "3");
}

static void inequality_takes_in_rows_without_the_field(void **state)
{
    assert_string_equal(where(*state, "[\"n\",\"!=\",1]"), "0345");
    assert_string_equal(where(*state, "[\"b\",\"!=\",null]"), "01235");
    assert_string_equal(where(*state, "[\"o.deep\",\"!=\",\"x\"]"), "012345");
}

static void order_exists_within_numbers_and_within_strings(void **state)
{
    assert_string_equal(where(*state, "[\"n\",\">\",0]"), "125");
    assert_string_equal(where(*state, "[\"n\",\">=\",1]"), "125");
    assert_string_equal(where(*state, "[\"n\",\"<\",1]"), "4");
    assert_string_equal(where(*state, "[\"n\",\"<=\",1]"), "124");
    assert_string_equal(where(*state, "[\"n\",\">\",\"0\"]"), "3");
    assert_string_equal(where(*state, "[\"s\",\">\",\"apple\"]"), "5");
    assert_string_equal(where(*state, "[\"b\",\"<\",5]"), "3");
}

static void includes_finds_parts_of_strings_and_members_of_arrays(void **state)
{
    assert_string_equal(where(*state, "[\"s\",\"includes\",\"pp\"]"), "12");
    assert_string_equal(where(*state, "[\"s\",\"includes\",\"Apple\"]"), "1");
    assert_string_equal(where(*state, "[\"s\",\"includes\",\"%_\"]"), "3");
    assert_string_equal(where(*state, "[\"s\",\"includes\",\"%\"]"), "3");
    assert_string_equal(where(*state, "[\"tags\",\"includes\",\"x\"]"), "15");
    assert_string_equal(where(*state, "[\"tags\",\"includes\",1]"), "1");
    assert_string_equal(where(*state, "[\"tags\",\"includes\",null]"), "1");
    assert_string_equal(where(*state, "[\"tags\",\"includes\",{ \"a\" : 1 }]"), "4");
}

static void in_is_equality_with_one_of_many(void **state)
{
    assert_string_equal(where(*state, "[\"n\",\"in\",[1,\"1\"]]"), "123");
    assert_string_equal(where(*state, "[\"n\",\"in\",[]]"), "");
    assert_string_equal(where(*state, "[\"b\",\"in\",[true,null]]"), "14");
    assert_string_equal(where(*state, "[\"b\",\"in\",[1]]"), "3");
    assert_string_equal(where(*state, "[\"b\",\"in\",[null,1]]"), "34");
    assert_string_equal(where(*state, "[\"n\",\"in\",[null,1,{}]]"), "12");
    assert_string_equal(where(*state, "[\"o\",\"in\",[ {\"a\":[1, 2]} ]]"), "3");
    assert_string_equal(where(*state, "[\"s\",\"in\",[\"apple\",\"\"]]"), "24");
}

static void starts_with_is_exact(void **state)
{
    assert_string_equal(where(*state, "[\"s\",\"startsWith\",\"ap\"]"), "25");
    assert_string_equal(where(*state, "[\"s\",\"startsWith\",\"100%\"]"), "3");
    assert_string_equal(where(*state, "[\"s\",\"startsWith\",\"\"]"), "12345");
    assert_string_equal(where(*state, "[\"o.deep\",\"startsWith\",\"Caf\xc3\xa9\"]"), "2");
}

static void the_servers_members_are_fields_too(void **state)
{
    assert_string_equal(where(*state, "[\"createdAt\",\">\",\"1970-01-01T00:00:03.000Z\"]"), "45");
    assert_string_equal(where(*state, "[\"createdAt\",\"==\",\"1970-01-01T01:00:03+01:00\"]"), "3");
    assert_string_equal(where(*state, "[\"createdAt\",\"!=\",\"1970-01-01T00:00:03Z\"]"), "01245");
    assert_string_equal(where(*state, "[\"createdAt\",\"startsWith\",\"1970-01-01T00:00:04\"]"),
                        "4");
    assert_string_equal(where(*state, "[\"updatedAt\",\"includes\",\"05.000Z\"]"), "5");
    assert_string_equal(where(*state, "[\"createdAt\",\"in\",[\"1970-01-01T00:00:01Z\"]]"), "1");
    assert_string_equal(where(*state, "[\"version\",\"<\",3]"), "01");
    assert_string_equal(where(*state, "[\"userId\",\"==\",\"" TEST_USER "\"]"), "012345");
    assert_string_equal(where(*state, "[\"userId\",\"!=\",\"" TEST_USER "\"]"), "");
    assert_string_equal(where(*state, "[\"userId\",\"==\",null]"), "");
    assert_string_equal(where(*state, "[\"id\",\">\",\"\"]"), "012345");
}

static void all_conditions_hold_together(void **state)
{
    assert_string_equal(
        found(*state, PARAMS("where", "[\"n\",\">\",0]", "where", "[\"s\",\"includes\",\"a\"]"),
              NULL),
        "52");
}

static void orders_sort_by_value_then_id(void **state)
{
    assert_string_equal(found(*state, PARAMS("order", "s:asc"), NULL), "043125");
    assert_string_equal(found(*state, PARAMS("order", "s:desc"), NULL), "521340");
    assert_string_equal(found(*state, PARAMS("order", "n:asc"), NULL), "041253");
    assert_string_equal(found(*state, PARAMS("order", "n:desc", "order", "name:asc"), NULL),
                        "351240");
    assert_string_equal(found(*state, PARAMS("order", "createdAt:asc"), NULL), "012345");
    assert_string_equal(found(*state, PARAMS("order", "userId:asc"), NULL), "543210");
    assert_string_equal(found(*state, PARAMS("order", "version:desc"), NULL), "543210");
}

/* All pages of a list, joined. */
static const char *paged(struct test_store *t, const char *order, const char *limit)
{
    struct str next, all = STR("");
    const char *page = found(t, PARAMS("order", order, "limit", limit), &next);
    for (;;) {
        all = arena_printf(&t->mem, "%s%s", all.p, page);
        if (!next.p)
            return all.p;
        page = found(t, PARAMS("order", order, "limit", limit, "cursor", next.p), &next);
    }
}

static void pages_follow_each_other_without_gap_or_repeat(void **state)
{
    static const char *const orders[] = {"id:asc",         "id:desc", "createdAt:asc", "n:asc",
                                         "n:desc",         "s:asc",   "s:desc",        "b:asc",
                                         "updatedAt:desc", "b:desc",  "o:asc",         "tags:desc"};
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        const char *whole = found(*state, PARAMS("order", orders[i]), NULL);
        assert_string_equal(paged(*state, orders[i], "1"), whole);
        assert_string_equal(paged(*state, orders[i], "2"), whole);
        assert_string_equal(paged(*state, orders[i], "5"), whole);
    }
}

static void numbers_beyond_a_double_page_too(void **state)
{
    static const char *const more[] = {
        "{\"name\":\"6\",\"n\":1e400}",
        "{\"name\":\"7\",\"n\":-1e400}",
        "{\"name\":\"8\",\"n\":0.1}",
        "{\"name\":\"9\",\"n\":9223372036854775808}",
    };
    struct test_store *t = *state;
    struct space *sp = test_user_writing(t);
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        insert(sp, 6 + i, str_from_c(more[i]));
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_string_equal(where(t, "[\"n\",\"==\",9.2233720368547758e18]"), "9");
    assert_string_equal(where(t, "[\"n\",\"==\",1e400]"), "6");
    assert_string_equal(paged(t, "n:asc", "1"), "0748125963");
    assert_string_equal(paged(t, "n:desc", "1"), "3695218470");
}

static void a_cursor_survives_rows_inserted_before_it(void **state)
{
    struct test_store *t = *state;
    struct str next;
    assert_string_equal(found(t, PARAMS("limit", "3"), &next), "543");
    struct space *sp = test_user_writing(t);
    insert(sp, 9, STR("{\"name\":\"9\"}"));
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_string_equal(found(t, PARAMS("cursor", next.p), &next), "210");
    assert_null(next.p);
}

static void values_too_long_to_travel_page_by_offset(void **state)
{
    struct test_store *t = *state;
    char data[2000];
    struct space *sp = test_user_writing(t);
    for (size_t k = 6; k < 9; k++) {
        int n = snprintf(data, sizeof data, "{\"name\":\"%zu\",\"long\":\"%01500zu\"}", k, k);
        insert(sp, k, str_make(data, (size_t)n));
    }
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_string_equal(paged(t, "long:desc", "1"), "876543210");
}

static void a_page_of_large_rows_ends_early_with_a_cursor(void **state)
{
    struct test_store *t = *state;
    struct str next;
    size_t n = QUERY_PAGE_BYTES / 2;
    char *data = arena_alloc(&t->mem, n);
    struct space *sp = test_user_writing(t);
    memset(data, 'x', n);
    memcpy(data, "{\"name\":\"L\",\"x\":\"", 17);
    memcpy(data + n - 2, "\"}", 2);
    for (size_t k = 6; k < 10; k++)
        insert(sp, k, str_make(data, n));
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_string_equal(found(t, PARAMS("limit", "4"), &next), "LL");
    assert_string_equal(found(t, PARAMS("cursor", next.p, "limit", "3"), NULL), "LL");
}

static void offset_and_limit_cut(void **state)
{
    struct str next;
    assert_string_equal(found(*state, PARAMS("offset", "4"), &next), "10");
    assert_null(next.p);
    assert_string_equal(found(*state, PARAMS("offset", "1", "limit", "2"), &next), "43");
    assert_non_null(next.p);
    assert_string_equal(found(*state, PARAMS("limit", "99999999999999999999999"), NULL), "543210");
    assert_string_equal(found(*state, PARAMS("offset", "99999999999999999999999"), NULL), "");
}

static void counts_ignore_pages(void **state)
{
    struct test_store *t = *state;
    struct form params = form_of(
        t, PARAMS("where", "[\"n\",\">\",0]", "limit", "1", "count", "1", "order", "n:asc"));
    struct query *q;
    struct query_result result;
    struct str message;
    struct buf out = BUF_INIT;
    struct space *sp;
    int64_t count;
    assert_int_equal(query_parse(&q, &params, &table, &t->mem, &message), OK);
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    assert_int_equal(query_list(sp, q, STR(TEST_USER), &out, &t->mem, &result), OK);
    assert_true(result.has_total);
    assert_int_equal(result.total, 3);
    assert_int_equal(result.rows, 1);
    assert_int_equal(query_count(sp, q, &count), OK);
    assert_int_equal(count, 3);
    space_release(sp);
    buf_release(&out);
}

static void words_are_found_where_search_is_declared(void **state)
{
    struct test_store *t = *state;
    struct form params = form_of(t, PARAMS("q", "x"));
    struct query *q;
    struct str message;
    assert_string_equal(found(t, PARAMS("q", "APPLE"), NULL), "21");
    assert_string_equal(found(t, PARAMS("q", "pie apple"), NULL), "1");
    assert_string_equal(found(t, PARAMS("q", "cafe"), NULL), "2");
    assert_string_equal(found(t, PARAMS("q", "ap*"), NULL), "521");
    assert_string_equal(found(t, PARAMS("q", "apple", "where", "[\"b\",\"==\",true]"), NULL), "1");
    assert_string_equal(found(t, PARAMS("q", "nothing"), NULL), "");
    assert_int_equal(query_parse(&q, &params, &unsearchable, &t->mem, &message), ERR_INVALID_QUERY);
}

static void anything_else_is_refused(void **state)
{
    static const char *const conditions[] = {
        "",
        "x",
        "{}",
        "[]",
        "[\"a\",\"==\"]",
        "[\"a\",\"==\",1,2]",
        "[1,\"==\",1]",
        "[\"a\",1,1]",
        "[\"a\",\"=\",1]",
        "[\"a\",\"LIKE\",\"x\"]",
        "[\"\",\"==\",1]",
        "[\".a\",\"==\",1]",
        "[\"a.\",\"==\",1]",
        "[\"a..b\",\"==\",1]",
        "[\"a b\",\"==\",1]",
        "[\"a'\",\"==\",1]",
        "[\"a[0]\",\"==\",1]",
        "[\"$\",\"==\",1]",
        "[\"\xc3\xa9\",\"==\",1]",
        "[\"a\",\">\",true]",
        "[\"a\",\"<\",null]",
        "[\"a\",\">=\",[1]]",
        "[\"a\",\"in\",1]",
        "[\"a\",\"startsWith\",1]",
        "[\"a\",\"==\",\"\\u0000\"]",
        "[\"createdAt\",\">\",5]",
        "[\"createdAt\",\"==\",\"yesterday\"]",
        "[\"updatedAt\",\"in\",[\"2026-01-01\",1]]",
        "[\"a\",\"==\",1] x",
    };
    static const char *const others[][2] = {
        {"limit", "0"},       {"limit", "-1"},
        {"limit", "1.5"},     {"limit", ""},
        {"limit", "x"},       {"limit", " 5"},
        {"offset", "-1"},     {"offset", "1e3"},
        {"order", "a"},       {"order", "a:up"},
        {"order", "a:ASC"},   {"order", ":asc"},
        {"order", "a;b:asc"}, {"order", "a:asc,b"},
        {"order", ""},        {"count", "2"},
        {"count", "yes"},     {"q", ""},
        {"q", " \t "},        {"q", "\"\""},
        {"cursor", ""},       {"cursor", "x"},
        {"cursor", "W10"},    {"cursor", "e30"},
        {"cursor", "!!"},     {"cursor", "WyJpZDpkZXNjIiwxLDJd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
        refused(*state, "where", conditions[i]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        refused(*state, others[i][0], others[i][1]);
}

static void a_cursor_of_another_order_is_refused(void **state)
{
    struct test_store *t = *state;
    struct str next, message;
    struct query *q;
    found(t, PARAMS("order", "n:asc", "limit", "1"), &next);
    struct form params = form_of(t, PARAMS("order", "s:asc", "cursor", next.p));
    assert_int_equal(query_parse(&q, &params, &table, &t->mem, &message), ERR_INVALID_QUERY);
    params = form_of(t, PARAMS("order", "n:asc", "offset", "1", "cursor", next.p));
    assert_int_equal(query_parse(&q, &params, &table, &t->mem, &message), ERR_INVALID_QUERY);
}

/* SQLite's plan for a list, its lines joined. */
static const char *plan(struct test_store *t, const char *const *parts)
{
    struct form params = form_of(t, parts);
    struct query *q;
    struct str message;
    struct stmt *s;
    struct space *sp;
    struct buf lines = BUF_INIT;
    bool row;
    assert_int_equal(query_parse(&q, &params, &table, &t->mem, &message), OK);
    struct str sql = arena_printf(&t->mem, "EXPLAIN QUERY PLAN %.*s", STR_ARG(query_sql(q)));
    assert_int_equal(space_acquire(t->store, SPACE_USER, STR(TEST_USER), &sp), OK);
    assert_int_equal(db_stmt(sp->db, sql, &s), OK);
    while (stmt_step(s, &row) == OK && row) {
        buf_append_str(&lines, stmt_str(s, 3));
        buf_append_ch(&lines, '\n');
    }
    space_release(sp);
    struct str text = arena_dup(&t->mem, buf_str(&lines));
    buf_release(&lines);
    return text.p;
}

static void uses(const char *text, const char *index, bool seek)
{
    if (!strstr(text, index) || strstr(text, "TEMP B-TREE") ||
        (strstr(text, "SEARCH") != NULL) != seek)
        fail_msg("%s", text);
}

static void declared_indexes_serve_orders_and_conditions(void **state)
{
    struct test_store *t = *state;
    struct str by_id, by_n;
    found(t, PARAMS("limit", "1"), &by_id);
    found(t, PARAMS("limit", "4", "order", "n:asc"), &by_n);
    uses(plan(t, PARAMS("limit", "50")), "sqlite_autoindex", false);
    uses(plan(t, PARAMS("order", "createdAt:desc")), "sqlite_autoindex", false);
    uses(plan(t, PARAMS("cursor", by_id.p)), "sqlite_autoindex", true);
    uses(plan(t, PARAMS("order", "n:desc")), "i_things:n", false);
    uses(plan(t, PARAMS("order", "s:asc")), "i_things:s", false);
    uses(plan(t, PARAMS("order", "n:asc", "cursor", by_n.p)), "i_things:n", true);
    uses(plan(t, PARAMS("where", "[\"s\",\"==\",\"x\"]")), "i_things:s", true);
    uses(plan(t, PARAMS("where", "[\"s\",\"startsWith\",\"x\"]", "order", "s:asc")), "i_things:s",
         true);
    assert_non_null(strstr(plan(t, PARAMS("where", "[\"n\",\"in\",[1,2]]")), "i_things:n"));
}

static void the_values_of_in_are_taken_apart_once(void **state)
{
    static const char *const lists[] = {"[1,\"x\",true,[1]]", "[null,2]"};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct test_store *t = *state;
        const char *where = arena_printf(&t->mem, "[\"n\",\"in\",%s]", lists[i]).p;
        assert_null(strstr(plan(t, PARAMS("where", where)), "CORRELATED"));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(newest_first_without_an_order),
        TEST(equality_is_of_type_and_value),
        TEST(inequality_takes_in_rows_without_the_field),
        TEST(order_exists_within_numbers_and_within_strings),
        TEST(includes_finds_parts_of_strings_and_members_of_arrays),
        TEST(in_is_equality_with_one_of_many),
        TEST(starts_with_is_exact),
        TEST(the_servers_members_are_fields_too),
        TEST(all_conditions_hold_together),
        TEST(orders_sort_by_value_then_id),
        TEST(pages_follow_each_other_without_gap_or_repeat),
        TEST(numbers_beyond_a_double_page_too),
        TEST(a_cursor_survives_rows_inserted_before_it),
        TEST(values_too_long_to_travel_page_by_offset),
        TEST(a_page_of_large_rows_ends_early_with_a_cursor),
        TEST(offset_and_limit_cut),
        TEST(counts_ignore_pages),
        TEST(words_are_found_where_search_is_declared),
        TEST(anything_else_is_refused),
        TEST(a_cursor_of_another_order_is_refused),
        TEST(declared_indexes_serve_orders_and_conditions),
        TEST(the_values_of_in_are_taken_apart_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
