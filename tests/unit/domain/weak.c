/* weak: what is on a list of common passwords. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "domain/weak.h"

static struct arena mem;

static int set_up(void **state)
{
    (void)state;
    mem = (struct arena)ARENA_INIT;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&mem);
    return 0;
}

static enum err load(struct weak_list *out, const char *text, struct str *message)
{
    char path[] = "/tmp/cubby-weak-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum err e = weak_load(out, path, &mem, message);
    unlink(path);
    return e;
}

static void what_is_on_the_list_is_found_in_any_case(void **state)
{
    static const char *const there[] = {"password1", "PassWord1",     "qwertyuiop",
                                        "iloveyou!", "trustno1trust", "käsekuchen"};
    static const char *const not_there[] = {
        "", "password", "password11", "qwertyuio", "#!comment: a list", "KÄSEKUCHEN", "zzzzzzzzz"};
    struct weak_list l;
    struct str message = STR_NULL;
    (void)state;
    assert_int_equal(load(&l,
                          "#!comment: a list\nqwertyuiop\nPassword1\r\n\nshort\niloveyou!\n"
                          "käsekuchen\ntrustno1trust",
                          &message),
                     OK);
    assert_int_equal(l.count, 5);
    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        assert_true(weak_has(&l, str_from_c(there[i])));
    for (size_t i = 0; i < ARRAY_LEN(not_there); i++)
        assert_false(weak_has(&l, str_from_c(not_there[i])));
}

static void no_list_has_nothing(void **state)
{
    (void)state;
    assert_false(weak_has(&(struct weak_list){.count = 0}, STR("password1")));
}

static void a_file_that_cannot_be_a_list_is_told(void **state)
{
    struct weak_list l;
    struct str message = STR_NULL;
    (void)state;
    assert_int_equal(load(&l, "a\nb\n", &message), ERR_INVALID);
    assert_non_null(strstr(message.p, "no line of 8 characters or more"));
    assert_int_equal(weak_load(&l, "/nowhere/list", &mem, &message), ERR_INVALID);
    assert_string_equal(message.p, "/nowhere/list: cannot be read: No such file or directory");
    assert_int_equal(weak_load(&l, "/tmp", &mem, &message), ERR_INVALID);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(what_is_on_the_list_is_found_in_any_case),
        TEST(no_list_has_nothing),
        TEST(a_file_that_cannot_be_a_list_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
