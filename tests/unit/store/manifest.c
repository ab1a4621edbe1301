/* manifest: written and read the same, refused when it is not whole, leads out of no folder. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/backup.h"
#include "store/folder.h"
#include "store/manifest.h"

static struct arena mem;
static char root[32];

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/cubby-manifest-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(OK, folder_remove(root));
    arena_release(&mem);
    return 0;
}

static const char *list_path(void)
{
    return arena_printf(&mem, "%s/" MANIFEST_NAME, root).p;
}

static void add(struct manifest *m, const char *path, int64_t size)
{
    struct manifest_file *f = manifest_add(m, str_from_c(path), STR("s"), &mem);
    manifest_digest_of(str_from_c(path), f->sha256);
    f->size = size;
}

static void write_list(void)
{
    struct manifest m = MANIFEST_INIT;
    m.created_at = 42;
    add(&m, "main.db", 7);
    add(&m, "users/ab/gone.db", 1);
    manifest_find(&m, STR("users/ab/gone.db"))->dropped = true;
    add(&m, "users/ab/x.db", 9);
    assert_int_equal(OK, manifest_write(&m, root));
    manifest_release(&m);
}

static enum err read_list(struct manifest *m)
{
    struct str message = STR_NULL;
    enum err e = manifest_read(m, root, &mem, &message);
    assert_true(e == OK || message.n > 0);
    return e;
}

/* A list of this line, with the right sum at its end. */
static enum err outcome_of(const char *line)
{
    char sum[2 * SHA256_LEN + 1];
    struct manifest m = MANIFEST_INIT;
    struct str text = arena_printf(&mem, "cubby-backup 1\ncreated 1\n%s\n", line);
    manifest_digest_of(text, sum);
    unlink(list_path());
    test_file_write(list_path(), arena_printf(&mem, "%.*send %s\n", STR_ARG(text), sum).p);
    enum err e = read_list(&m);
    manifest_release(&m);
    return e;
}

static void is_read_as_it_was_written(void **state)
{
    struct manifest m = MANIFEST_INIT;
    (void)state;
    write_list();
    assert_int_equal(OK, read_list(&m));
    assert_int_equal(42, m.created_at);
    assert_int_equal(2, m.count);
    const struct manifest_file *f = manifest_find(&m, STR("users/ab/x.db"));
    assert_int_equal(9, f->size);
    assert_string_equal("s", f->stamp.p);
    assert_int_equal(2 * SHA256_LEN, strlen(f->sha256));
    assert_null(manifest_find(&m, STR("users/ab/gone.db")));
    manifest_release(&m);
}

static void is_not_written_over_another(void **state)
{
    struct manifest m = MANIFEST_INIT;
    (void)state;
    write_list();
    assert_int_equal(ERR_CONFLICT, manifest_write(&m, root));
    manifest_release(&m);
}

static void is_refused_where_any_of_it_is_missing_or_changed(void **state)
{
    struct buf text = BUF_INIT;
    (void)state;
    write_list();
    assert_int_equal(OK, folder_read_file(list_path(), 10000, &text));
    for (size_t n = 0; n < text.n; n++) {
        struct manifest m = MANIFEST_INIT;
        unlink(list_path());
        assert_int_equal(OK, folder_write_file(list_path(), str_make(text.p, n)));
        assert_int_equal(ERR_CORRUPT, read_list(&m));
        manifest_release(&m);
    }
    for (size_t n = 0; n < text.n; n++) {
        struct manifest m = MANIFEST_INIT;
        text.p[n] ^= 1;
        unlink(list_path());
        assert_int_equal(OK, folder_write_file(list_path(), buf_str(&text)));
        assert_int_not_equal(OK, read_list(&m));
        text.p[n] ^= 1;
        manifest_release(&m);
    }
    buf_release(&text);
}

static void paths_lead_nowhere_else(void **state)
{
    static const char *const paths[] = {"/etc/passwd", "../main.db", "users/../x", "users//x",
                                        ".hidden",     "",           "a b",        "a\x01"};
    static const char sum[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    (void)state;
    assert_int_equal(OK, outcome_of(arena_printf(&mem, "file %s 1 - main.db", sum).p));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_int_equal(ERR_CORRUPT,
                         outcome_of(arena_printf(&mem, "file %s 1 - %s", sum, paths[i]).p));
}

static void lines_are_as_they_should_be(void **state)
{
    static const char sum[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    (void)state;
    assert_int_equal(ERR_CORRUPT, outcome_of(arena_printf(&mem, "file %s -1 - a", sum).p));
    assert_int_equal(ERR_CORRUPT, outcome_of(arena_printf(&mem, "file %.10s 1 - a", sum).p));
    assert_int_equal(ERR_CORRUPT,
                     outcome_of(arena_printf(&mem, "file %s 1 - a\nfile %s 1 - a", sum, sum).p));
    assert_int_equal(ERR_CORRUPT, outcome_of("folder a"));
    assert_int_equal(ERR_CORRUPT, outcome_of("created x"));
}

static void a_newer_one_is_told_from_a_damaged_one(void **state)
{
    static const char text[] = "cubby-backup 2\nwhatever 1\n";
    char sum[2 * SHA256_LEN + 1];
    struct manifest m = MANIFEST_INIT;
    (void)state;
    manifest_digest_of(str_from_c(text), sum);
    test_file_write(list_path(), arena_printf(&mem, "%send %s\n", text, sum).p);
    assert_int_equal(ERR_TOO_NEW, read_list(&m));
    unlink(list_path());
    assert_int_equal(ERR_NOT_FOUND, read_list(&m));
    manifest_release(&m);
}

static void digests_files(void **state)
{
    char of_file[2 * SHA256_LEN + 1], of_bytes[2 * SHA256_LEN + 1];
    int64_t size = -1;
    const char *file = arena_printf(&mem, "%s/file", root).p;
    (void)state;
    assert_int_equal(ERR_NOT_FOUND, manifest_digest(file, of_file, &size));
    for (int i = 0; i < 2; i++) {
        const char *text = i ? "abc" : "";
        test_file_write(file, text);
        assert_int_equal(OK, manifest_digest(file, of_file, &size));
        manifest_digest_of(str_from_c(text), of_bytes);
        assert_string_equal(of_bytes, of_file);
        assert_int_equal(strlen(text), size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_read_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_not_written_over_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(is_refused_where_any_of_it_is_missing_or_changed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(paths_lead_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_as_they_should_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_one_is_told_from_a_damaged_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(digests_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
