/* counter: what a change does to value, log and page; whose names are good. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/counter.h"
#include "lib/store/space.h"
#include "store/event.h"

#define NOW INT64_C(1800000000000)
#define ISO "2027-01-15T08:00:00.000Z"

static const struct counter_rules rules = {.auto_create = true};

struct fixture {
    struct test_store store;
    struct space *sp; /* in a write transaction */
    struct change c;
};

static int set_up(void **state)
{
    static struct fixture f;
    clock_set_for_test(NOW);
    test_store_open(&f.store, test_store_options());
    assert_int_equal(counter_prepare(f.store.store), OK);
    assert_int_equal(counter_space(f.store.store, &f.sp), OK);
    assert_int_equal(change_begin(&f.c, f.sp, NULL, NULL, &f.store.mem), OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    space_release(f->sp);
    test_store_close(&f->store);
    clock_set_for_test(-1);
    return 0;
}

static enum err apply(struct fixture *f, enum counter_op op, const char *name, int64_t number,
                      int64_t *value)
{
    struct counter after = {.value = 0};
    struct counter_entry entry;
    enum err e = counter_change(&f->c, &rules, op, str_from_c(name), number, &after, &entry);
    *value = after.value;
    if (!e)
        assert_int_equal(entry.value, after.value);
    return e;
}

static void names_are_letters_digits_underscores_and_hyphens(void **state)
{
    char name[COUNTER_NAME_MAX + 1];
    (void)state;
    memset(name, 'x', sizeof name);
    assert_true(counter_name_is_valid(STR("aZ09_-")));
    assert_true(counter_name_is_valid(str_make(name, COUNTER_NAME_MAX)));
    assert_false(counter_name_is_valid(str_make(name, sizeof name)));
    assert_false(counter_name_is_valid(STR_NULL));
    for (int c = 1; c < 256; c++) {
        bool good = strchr("_-", c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                    (c >= 'A' && c <= 'Z');
        assert_int_equal(counter_name_is_valid(str_make((char[]){(char)c}, 1)), good);
    }
}

static void sums_beyond_64_bits_are_refused(void **state)
{
    static const struct {
        enum counter_op op;
        int64_t from, number;
        enum err e;
        int64_t to;
    } cases[] = {
        {COUNTER_INCREMENT, INT64_MAX - 1, 1, OK, INT64_MAX},
        {COUNTER_INCREMENT, INT64_MAX, 1, ERR_INVALID, INT64_MAX},
        {COUNTER_INCREMENT, INT64_MIN, INT64_MAX, OK, -1},
        {COUNTER_DECREMENT, INT64_MIN + 1, 1, OK, INT64_MIN},
        {COUNTER_DECREMENT, INT64_MIN, 1, ERR_INVALID, INT64_MIN},
        {COUNTER_DECREMENT, -2, INT64_MAX, ERR_INVALID, -2},
        {COUNTER_RESET, INT64_MIN, 0, OK, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value;
        assert_int_equal(apply(*state, COUNTER_SET_VALUE, "a", cases[i].from, &value), OK);
        assert_int_equal(apply(*state, cases[i].op, "a", cases[i].number, &value), cases[i].e);
        assert_true(value == cases[i].to);
    }
}

static enum err append_event(void *arg, const struct event *e)
{
    buf_appendf(arg, "%.*s %.*s\n", STR_ARG(e->name), STR_ARG(e->data));
    return OK;
}

static void events_are_what_streams_pass_on(void **state)
{
    struct fixture *f = *state;
    struct buf log = BUF_INIT;
    int64_t value;
    assert_int_equal(apply(f, COUNTER_SET_VALUE, "a", -3, &value), OK);
    assert_int_equal(apply(f, COUNTER_RESET, "global-counter", 0, &value), OK);
    assert_int_equal(counter_create(&f->c, &rules, STR("b")), OK);
    assert_int_equal(counter_delete(&f->c, STR("b")), OK);
    assert_int_equal(event_read(f->sp, 0, 100, 100000, append_event, &log), OK);
    assert_string_equal(
        log.p,
        "counter:setValue:a {\"type\":\"setValue\",\"value\":-3,\"previousValue\":0,"
        "\"metadata\":{\"id\":2,\"name\":\"a\",\"value\":-3,\"createdAt\":\"" ISO
        "\",\"updatedAt\":\"" ISO "\",\"operationCount\":1},\"timestamp\":\"" ISO "\"}\n"
        "counter:reset:global-counter {\"type\":\"reset\",\"value\":0,\"previousValue\":0,"
        "\"metadata\":{\"id\":1,\"name\":\"global-counter\",\"value\":0,\"createdAt\":\"" ISO
        "\",\"updatedAt\":\"" ISO "\",\"operationCount\":1},\"timestamp\":\"" ISO "\"}\n"
        "render {\"key\":\"/counter\",\"html\":\"<output class=\\\"value\\\" data-live="
        "\\\"value\\\">0</output>\\n<p data-live=\\\"changed\\\">Changes: 1, the latest on <time "
        "datetime=\\\"" ISO "\\\">2027-01-15 08:00:00 UTC</time></p>\\n\"}\n"
        "counter:create:b {\"name\":\"b\"}\n"
        "counter:delete:b {\"name\":\"b\"}\n");
    buf_release(&log);
}

static void the_space_is_made_again_where_it_has_gone(void **state)
{
    struct fixture *f = *state;
    struct counter c;
    int64_t value;
    assert_int_equal(apply(f, COUNTER_INCREMENT, "global-counter", 1, &value), OK);
    assert_int_equal(change_commit(&f->c), OK);
    space_release(f->sp);
    assert_int_equal(space_delete(f->store.store, SPACE_SHARED, COUNTER_SPACE), OK);
    assert_int_equal(counter_space(f->store.store, &f->sp), OK);
    assert_int_equal(counters_get(f->sp, COUNTER_GLOBAL, &f->store.mem, &c), OK);
    assert_int_equal(c.value, 0);
}

static void preparing_again_leaves_the_global_counter_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct counter c;
    int64_t value;
    assert_int_equal(apply(f, COUNTER_INCREMENT, "global-counter", 7, &value), OK);
    assert_int_equal(change_commit(&f->c), OK);
    space_release(f->sp);
    assert_int_equal(counter_prepare(f->store.store), OK);
    assert_int_equal(counter_space(f->store.store, &f->sp), OK);
    assert_int_equal(counters_get(f->sp, COUNTER_GLOBAL, &f->store.mem, &c), OK);
    assert_int_equal(c.value, 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_are_letters_digits_underscores_and_hyphens),
        TEST(sums_beyond_64_bits_are_refused),
        TEST(events_are_what_streams_pass_on),
        TEST(the_space_is_made_again_where_it_has_gone),
        TEST(preparing_again_leaves_the_global_counter_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
