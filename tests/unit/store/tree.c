/* tree: which files of a data folder are whose. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/backup.h"
#include "store/folder.h"
#include "store/tree.h"

static struct arena mem;
static char root[32];

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/cubby-tree-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(OK, folder_remove(root));
    arena_release(&mem);
    return 0;
}

static void make(const char *below)
{
    assert_int_equal(OK, folder_make_parents(root, str_from_c(below)));
    test_file_write(arena_printf(&mem, "%s/%s", root, below).p, "");
}

/* "main.db 0 ;users/… 1 0123…;": the path, kind and id of spaces; "-" for the rest. */
static enum err note(void *arg, const struct tree_entry *t)
{
    struct buf *out = arg;
    assert_int_equal('\0', t->path.p[t->path.n]);
    if (t->is_space)
        buf_appendf(out, "%.*s %d %.4s;", STR_ARG(t->path), (int)t->kind, t->id.n ? t->id.p : "");
    else
        buf_appendf(out, "%.*s -;", STR_ARG(t->path));
    return OK;
}

static void assert_tree(const char *expected)
{
    struct buf out = BUF_INIT;
    buf_append_lit(&out, "");
    assert_int_equal(OK, tree_walk(root, note, &out));
    assert_string_equal(expected, out.p);
    buf_release(&out);
}

static void walks_over_spaces_main_first(void **state)
{
    (void)state;
    make("users/01/" TEST_ANN ".db");
    make("users/fe/" TEST_BOB ".db");
    make("orgs/01/" TEST_ANN ".db");
    make("shared/counters.db");
    make("main.db");
    assert_tree("main.db 0 ;users/01/" TEST_ANN ".db 1 0123;users/fe/" TEST_BOB ".db 1 fedc;"
                "orgs/01/" TEST_ANN ".db 2 0123;shared/counters.db 3 coun;");
}

static void passes_over_what_belongs_to_others_of_them(void **state)
{
    (void)state;
    make("main.db");
    make("main.db-wal");
    make("main.db-shm");
    make("locks");
    make("users/01/" TEST_ANN ".db-wal");
    make("replaced-x/main.db");
    assert_tree("main.db 0 ;");
}

static void tells_strangers_by_their_name_or_place(void **state)
{
    (void)state;
    make("jwt_secret");
    make("users/01/" TEST_BOB ".db"); /* not its folder */
    make("users/01/short.db");
    make("users/stray");
    make("shared/Counters.db");
    assert_tree("jwt_secret -;users/01/" TEST_BOB ".db -;users/01/short.db -;users/stray -;"
                "shared/Counters.db -;");
}

static enum err stop(void *arg, const struct tree_entry *t)
{
    (void)t;
    return ++*(int *)arg == 2 ? ERR_BUSY : OK;
}

static void ends_where_it_is_told_to(void **state)
{
    int calls = 0;
    (void)state;
    make("main.db");
    make("users/01/" TEST_ANN ".db");
    make("users/fe/" TEST_BOB ".db");
    assert_int_equal(ERR_BUSY, tree_walk(root, stop, &calls));
    assert_int_equal(2, calls);
    assert_int_equal(ERR_NOT_FOUND, tree_walk("/tmp/cubby-tree-none", stop, &calls));
}

static void paths_are_those_of_the_store(void **state)
{
    (void)state;
    assert_string_equal("main.db", tree_path(SPACE_MAIN, STR(""), &mem).p);
    assert_string_equal("users/01/" TEST_ANN ".db", tree_path(SPACE_USER, STR(TEST_ANN), &mem).p);
    assert_string_equal("orgs/fe/" TEST_BOB ".db", tree_path(SPACE_ORG, STR(TEST_BOB), &mem).p);
    assert_string_equal("shared/counters.db", tree_path(SPACE_SHARED, STR("counters"), &mem).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(walks_over_spaces_main_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passes_over_what_belongs_to_others_of_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tells_strangers_by_their_name_or_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_where_it_is_told_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_are_those_of_the_store, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
