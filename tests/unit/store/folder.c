/* folder: files copied, read, listed, removed; the system's failures as errors. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/backup.h"
#include "store/folder.h"

static struct arena mem;
static char root[32];

static const char *path(const char *below)
{
    return arena_printf(&mem, "%s/%s", root, below).p;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/cubby-folder-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(OK, folder_remove(root));
    assert_int_equal(OK, folder_remove(root)); /* not there: as it should be */
    arena_release(&mem);
    return 0;
}

static void assert_file(const char *file, const char *text)
{
    struct stat st;
    struct buf b = BUF_INIT;
    buf_append_lit(&b, "");
    assert_int_equal(OK, folder_read_file(file, 1000000, &b));
    assert_string_equal(text, b.p);
    assert_true(stat(file, &st) == 0);
    assert_int_equal(0600, st.st_mode & 0777);
    buf_release(&b);
}

static void copies_into_new_files_of_its_owner_alone(void **state)
{
    (void)state;
    test_file_write(path("from"), "what is in it");
    assert_int_equal(OK, folder_copy_file(path("from"), path("to")));
    assert_file(path("to"), "what is in it");
    assert_int_equal(OK, folder_write_file(path("made"), STR("bytes")));
    assert_file(path("made"), "bytes");
    assert_int_equal(OK, folder_write_file(path("empty"), STR("")));
    assert_file(path("empty"), "");
}

static void replaces_nothing(void **state)
{
    (void)state;
    test_file_write(path("from"), "new");
    assert_int_equal(OK, folder_write_file(path("there"), STR("old")));
    assert_int_equal(ERR_CONFLICT, folder_copy_file(path("from"), path("there")));
    assert_int_equal(ERR_CONFLICT, folder_write_file(path("there"), STR("new")));
    assert_file(path("there"), "old");
    assert_int_equal(0, symlink("nowhere", path("link")));
    assert_int_equal(ERR_CONFLICT, folder_write_file(path("link"), STR("new")));
}

static void says_why_not(void **state)
{
    struct buf b = BUF_INIT;
    (void)state;
    assert_int_equal(ERR_NOT_FOUND, folder_copy_file(path("none"), path("to")));
    assert_true(access(path("to"), F_OK) < 0);
    assert_int_equal(ERR_NOT_FOUND, folder_write_file(path("none/to"), STR("")));
    assert_int_equal(ERR_NOT_FOUND, folder_read_file(path("none"), 1, &b));
    assert_int_equal(ERR_NOT_FOUND, folder_sync(path("none")));
    assert_int_equal(ERR_FULL, folder_errno(ENOSPC));
    assert_int_equal(ERR_FULL, folder_errno(EDQUOT));
    assert_int_equal(ERR_FORBIDDEN, folder_errno(EROFS));
    assert_int_equal(ERR_BUSY, folder_errno(EMFILE));
    assert_int_equal(ERR_INTERNAL, folder_errno(EIO));
    buf_release(&b);
}

static void reads_no_more_than_it_may(void **state)
{
    struct buf b = BUF_INIT;
    (void)state;
    test_file_write(path("from"), "12345");
    assert_int_equal(OK, folder_read_file(path("from"), 5, &b));
    assert_int_equal(ERR_TOO_LARGE, folder_read_file(path("from"), 4, &b));
    buf_release(&b);
}

static void a_disk_that_is_full_leaves_no_part(void **state)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(full >= 0);
    assert_int_equal(ERR_FULL, folder_write(full, STR("x")));
    close(full);
}

static void lists_by_name_and_removes_with_all_within(void **state)
{
    struct folder_names names;
    (void)state;
    assert_int_equal(OK, folder_make_parents(root, STR("a/b/file")));
    assert_int_equal(OK, folder_make_parents(root, STR("a/b/other")));
    test_file_write(path("a/2"), "");
    test_file_write(path("a/1"), "");
    assert_int_equal(OK, folder_read(path("a"), &mem, &names));
    assert_int_equal(3, names.count);
    assert_string_equal("1", names.list[0].p);
    assert_string_equal("2", names.list[1].p);
    assert_string_equal("b", names.list[2].p);
    assert_int_equal(OK, folder_sync(root));
    assert_int_equal(OK, folder_remove(path("a")));
    assert_true(access(path("a"), F_OK) < 0);
    assert_int_equal(ERR_NOT_FOUND, folder_read(path("a"), &mem, &names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copies_into_new_files_of_its_owner_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(replaces_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_why_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_no_more_than_it_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_is_full_leaves_no_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_by_name_and_removes_with_all_within, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
