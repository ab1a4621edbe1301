/* tables: what a file has follows the declarations, without ever dropping rows. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/tables.h"

static const struct str by_time[] = {SQL("createdAt"), SQL("a.b")};
static const struct str by_title[] = {SQL("title")};
static const struct str words[] = {SQL("title"), SQL("content")};

static const struct rows_table plain = {.name = SQL("posts"), .scope = SPACE_USER};
static const struct rows_table indexed = {
    .name = SQL("posts"), .scope = SPACE_USER, .index_count = 2, .indexes = by_time};
static const struct rows_table otherwise_indexed = {
    .name = SQL("posts"), .scope = SPACE_USER, .index_count = 1, .indexes = by_title};
static const struct rows_table searched = {
    .name = SQL("posts"), .scope = SPACE_USER, .search_count = 2, .search = words};
static const struct rows_table searched_less = {
    .name = SQL("posts"), .scope = SPACE_USER, .search_count = 1, .search = words};

static int set_up(void **state)
{
    static struct test_store t;
    struct store_options o = test_store_options();
    o.table_count = 1;
    o.tables = &plain;
    test_store_open(&t, o);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

static void declare(struct test_store *t, const struct rows_table *table, int64_t quota_rows)
{
    struct store_options o = t->options;
    o.table_count = table ? 1 : 0;
    o.tables = table;
    o.quota_rows = quota_rows;
    test_store_reopen(t, o);
}

static int64_t ask(struct test_store *t, struct str sql)
{
    struct space *sp = test_user_writing(t);
    struct stmt *s;
    bool row;
    assert_int_equal(db_stmt(sp->db, sql, &s), OK);
    assert_int_equal(stmt_step(s, &row), OK);
    int64_t v = row ? stmt_i64(s, 0) : -1;
    space_release(sp);
    return v;
}

static void insert(struct test_store *t, const char *id, const char *data)
{
    char sql[200];
    struct space *sp = test_user_writing(t);
    snprintf(sql, sizeof sql, "INSERT INTO c_posts VALUES(NULL, '%s', '%s', 1, 1, 1)", id, data);
    assert_int_equal(db_exec(sp->db, sql), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static int64_t indexes(struct test_store *t)
{
    return ask(t, STR("SELECT count(*) FROM sqlite_schema WHERE type='index' AND name LIKE 'i\\_%'"
                      " ESCAPE '\\'"));
}

static int64_t matches(struct test_store *t, const char *word)
{
    char sql[100];
    int n =
        snprintf(sql, sizeof sql, "SELECT count(*) FROM s_posts WHERE s_posts MATCH '%s'", word);
    return ask(t, str_make(sql, (size_t)n));
}

static void indexes_come_and_go_with_their_declaration(void **state)
{
    struct test_store *t = *state;
    insert(t, "1", "{\"title\":\"x\"}");
    assert_int_equal(indexes(t), 0);
    declare(t, &indexed, 0);
    assert_int_equal(indexes(t), 2);
    declare(t, &otherwise_indexed, 0);
    assert_int_equal(indexes(t), 1);
    declare(t, &plain, 0);
    assert_int_equal(indexes(t), 0);
    assert_int_equal(ask(t, STR("SELECT count(*) FROM c_posts")), 1);
}

static void an_unchanged_declaration_changes_nothing(void **state)
{
    struct test_store *t = *state;
    declare(t, &indexed, 0);
    int64_t version = ask(t, STR("PRAGMA schema_version"));
    test_store_reopen(t, t->options);
    assert_int_equal(ask(t, STR("PRAGMA schema_version")), version);
}

static void rows_of_a_collection_no_longer_declared_stay(void **state)
{
    struct test_store *t = *state;
    insert(t, "1", "{}");
    declare(t, NULL, 0);
    assert_int_equal(ask(t, STR("SELECT count(*) FROM c_posts")), 1);
    declare(t, &plain, 0);
    assert_int_equal(ask(t, STR("SELECT count(*) FROM c_posts")), 1);
}

static void full_text_is_made_of_the_rows_there_are_and_follows_them(void **state)
{
    struct test_store *t = *state;
    insert(t, "1", "{\"title\":\"old\",\"content\":\"hidden\"}");
    declare(t, &searched, 0);
    insert(t, "2", "{\"title\":\"new\",\"content\":\"hidden\"}");
    assert_int_equal(matches(t, "old"), 1);
    assert_int_equal(matches(t, "hidden"), 2);
    declare(t, &searched_less, 0);
    assert_int_equal(matches(t, "new"), 1);
    assert_int_equal(matches(t, "hidden"), 0);
    declare(t, &plain, 0);
    assert_int_equal(ask(t, STR("SELECT count(*) FROM sqlite_schema WHERE name = 's_posts'")), 0);
    insert(t, "3", "{}");
}

static void the_counter_counts_what_was_there_and_goes_with_its_setting(void **state)
{
    struct test_store *t = *state;
    struct str rows = STR("SELECT value FROM meta WHERE name = 'rows'");
    insert(t, "1", "{}");
    assert_int_equal(ask(t, rows), -1);
    declare(t, &plain, 100);
    assert_int_equal(ask(t, rows), 1);
    insert(t, "2", "{}");
    assert_int_equal(ask(t, rows), 2);
    declare(t, &plain, 0);
    assert_int_equal(ask(t, rows), -1);
    insert(t, "3", "{}");
    declare(t, &plain, 4);
    assert_int_equal(ask(t, rows), 3);
    struct space *sp = test_user_writing(t);
    assert_int_equal(tables_room(sp), OK);
    space_release(sp);
    insert(t, "4", "{}");
    sp = test_user_writing(t);
    assert_int_equal(tables_room(sp), ERR_QUOTA);
    space_release(sp);
}

static void the_hash_follows_what_is_declared_for_the_kind_of_space(void **state)
{
    char a[17], b[17], c[17];
    struct store_options o = test_store_options();
    (void)state;
    o.table_count = 1;
    o.tables = &indexed;
    tables_hash(&o, SPACE_USER, a);
    tables_hash(&o, SPACE_ORG, b);
    o.tables = &searched;
    tables_hash(&o, SPACE_USER, c);
    assert_string_not_equal(a, c);
    tables_hash(&o, SPACE_ORG, c);
    assert_string_equal(b, c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(indexes_come_and_go_with_their_declaration),
        TEST(an_unchanged_declaration_changes_nothing),
        TEST(rows_of_a_collection_no_longer_declared_stay),
        TEST(full_text_is_made_of_the_rows_there_are_and_follows_them),
        TEST(the_counter_counts_what_was_there_and_goes_with_its_setting),
        TEST(the_hash_follows_what_is_declared_for_the_kind_of_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
