/* Accounts and their backups. */
#include "base/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/store/backup.h"
#include "store/accounts.h"
#include "store/event.h"
#include "store/kv.h"

void test_account_set(struct test_store *t, const char *id, const char *value)
{
    struct str data = arena_printf(&t->mem, "{\"key\":\"k\",\"value\":%s}", value);
    struct space *sp;
    struct event event;
    assert_int_equal(OK, space_create(t->store, SPACE_USER, str_from_c(id), &sp));
    assert_int_equal(OK, space_begin_write(sp));
    assert_int_equal(OK, kv_set(sp, STR("k"), str_from_c(value), 1));
    assert_int_equal(OK, event_append(sp, STR("kv:set"), data, &event));
    assert_int_equal(OK, space_commit(sp));
    space_release(sp);
}

void test_account_make(struct test_store *t, const char *id, const char *name)
{
    const struct account a = {.id = str_from_c(id),
                              .email = arena_printf(&t->mem, "%s@example.org", name),
                              .password_hash = STR("x"),
                              .created_at = 1};
    test_account_set(t, id, "1");
    assert_int_equal(OK, accounts_create(t->store, &a));
}

struct str test_account_get(struct test_store *t, const char *id)
{
    struct str value;
    struct space *sp;
    assert_int_equal(OK, space_acquire(t->store, SPACE_USER, str_from_c(id), &sp));
    assert_int_equal(OK, kv_get(sp, STR("k"), &t->mem, &value));
    space_release(sp);
    return value;
}

enum err test_backup_try(struct test_store *t, bool full, struct backup_result *out,
                         struct str *message)
{
    const struct backup_order o = {
        .data_dir = t->dir, .to = test_store_path(t, "backups"), .full = full, .busy_ms = 1000};
    return backup_make(&o, &t->mem, out, message);
}

const char *test_backup_make(struct test_store *t)
{
    struct backup_result result;
    struct str message = STR("");
    if (test_backup_try(t, false, &result, &message) != OK)
        fail_msg("%.*s", STR_ARG(message));
    return arena_dup(&t->mem, result.path).p;
}

void test_file_damage(const char *path)
{
    struct stat st;
    char byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    assert_int_equal(1, pread(fd, &byte, 1, st.st_size / 2));
    byte ^= 0x55;
    assert_int_equal(1, pwrite(fd, &byte, 1, st.st_size / 2));
    close(fd);
}

void test_file_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

int test_accounts_set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    test_account_make(&t, TEST_ANN, "ann");
    test_account_make(&t, TEST_BOB, "bob");
    *state = &t;
    return 0;
}

int test_accounts_tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}
