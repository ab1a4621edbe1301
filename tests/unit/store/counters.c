/* counters: made, changed, listed, deleted; histories kept short. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "lib/store/space.h"
#include "store/counters.h"

struct fixture {
    struct test_store store;
    struct space *sp; /* in a write transaction */
};

static int set_up(void **state)
{
    static struct fixture f;
    test_store_open(&f.store, test_store_options());
    assert_int_equal(space_create(f.store.store, SPACE_SHARED, STR("counters"), &f.sp), OK);
    assert_int_equal(space_begin_write(f.sp), OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    space_release(f->sp);
    test_store_close(&f->store);
    return 0;
}

static struct counter make(struct fixture *f, const char *name)
{
    struct counter c = {.name = str_from_c(name), .created_at = 1000, .updated_at = 1000};
    assert_int_equal(counters_create(f->sp, &c, 0), OK);
    return c;
}

static enum err get(struct fixture *f, const char *name, struct counter *c)
{
    return counters_get(f->sp, str_from_c(name), &f->store.mem, c);
}

static void add_one(struct fixture *f, struct counter *c, int64_t id)
{
    struct counter_entry entry = {
        .id = id,
        .operation = STR("increment(1)"),
        .previous = c->value,
        .value = c->value + 1,
        .at = 2000 + id,
    };
    c->value = entry.value;
    c->updated_at = entry.at;
    c->operation_count++;
    assert_int_equal(counters_update(f->sp, c, &entry), OK);
}

/* Entries as they come. */
struct seen {
    size_t count;
    struct counter_entry first, last; /* without their operations */
    bool falls;                       /* each id below the one before */
};

static void see(void *arg, const struct counter_entry *e)
{
    struct seen *s = arg;
    s->falls = s->count == 0 || (s->falls && e->id < s->last.id);
    s->last = *e;
    s->last.operation = STR_NULL;
    if (s->count++ == 0)
        s->first = s->last;
    assert_true(str_eq(e->operation, STR("increment(1)")));
}

static struct seen history(struct fixture *f, int64_t id, size_t limit)
{
    struct seen s = {.count = 0};
    assert_int_equal(counters_history(f->sp, id, limit, see, &s), OK);
    return s;
}

static void a_counter_comes_back_as_it_was_stored(void **state)
{
    struct counter made = make(*state, "a"), c;
    made.value = INT64_MAX - 1;
    add_one(*state, &made, 7);
    assert_int_equal(get(*state, "a", &c), OK);
    assert_true(str_eq(c.name, STR("a")));
    assert_int_equal(c.id, made.id);
    assert_true(c.value == INT64_MAX);
    assert_int_equal(c.created_at, 1000);
    assert_int_equal(c.updated_at, 2007);
    assert_int_equal(c.operation_count, 1);
    assert_int_equal(get(*state, "A", &c), ERR_NOT_FOUND);
}

static void a_name_is_taken_once_and_the_number_bounded(void **state)
{
    struct fixture *f = *state;
    struct counter c = {.name = STR("a")};
    make(f, "a");
    assert_int_equal(counters_create(f->sp, &c, 2), ERR_CONFLICT);
    make(f, "b");
    c.name = STR("c");
    assert_int_equal(counters_create(f->sp, &c, 2), ERR_QUOTA);
    assert_int_equal(counters_create(f->sp, &c, 3), OK);
}

static void a_history_is_newest_first_and_kept_short(void **state)
{
    struct fixture *f = *state;
    struct counter c = make(f, "a"), other = make(f, "b");
    add_one(f, &other, 1);
    for (int64_t id = 2; id <= 1000; id++)
        add_one(f, &c, id);
    struct seen s = history(f, c.id, 100);
    assert_int_equal(s.count, 100);
    assert_true(s.falls);
    assert_int_equal(s.first.id, 1000);
    assert_int_equal(s.first.value, 999);
    assert_int_equal(s.first.previous, 998);
    assert_int_equal(s.last.id, 901);
    assert_true(history(f, c.id, 1000).count < 2 * COUNTER_HISTORY_KEPT);
    assert_int_equal(history(f, c.id, 5).count, 5);
    assert_int_equal(history(f, other.id, 5).count, 1);
}

static void a_deleted_counter_takes_its_history_along(void **state)
{
    struct fixture *f = *state;
    struct counter c = make(f, "a"), again;
    add_one(f, &c, 1);
    assert_int_equal(counters_delete(f->sp, STR("a")), OK);
    assert_int_equal(counters_delete(f->sp, STR("a")), ERR_NOT_FOUND);
    assert_int_equal(get(f, "a", &again), ERR_NOT_FOUND);
    assert_int_equal(history(f, c.id, 5).count, 0);
    again = make(f, "a");
    assert_true(again.id > c.id);
}

static void append_name(void *arg, const struct counter *c)
{
    buf_append_str(arg, c->name);
    buf_append_ch(arg, ' ');
}

static void counters_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    struct buf names = BUF_INIT;
    make(f, "b");
    make(f, "a");
    make(f, "B");
    assert_int_equal(counters_list(f->sp, append_name, &names), OK);
    assert_string_equal(names.p, "B a b ");
    buf_release(&names);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_counter_comes_back_as_it_was_stored),
        TEST(a_name_is_taken_once_and_the_number_bounded),
        TEST(a_history_is_newest_first_and_kept_short),
        TEST(a_deleted_counter_takes_its_history_along),
        TEST(counters_are_listed_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
