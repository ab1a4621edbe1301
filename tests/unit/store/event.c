/* event: numbering, time, trimming, reading, resuming. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/store/space.h"
#include "store/event.h"

static int set_up(void **state)
{
    static struct test_store t;
    test_store_open(&t, test_store_options());
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    clock_set_for_test(-1);
    test_store_close(*state);
    return 0;
}

static struct event append(struct space *sp, struct str data)
{
    struct event e;
    assert_int_equal(event_append(sp, STR("n"), data, &e), OK);
    return e;
}

static void expect_bounds(struct space *sp, uint64_t oldest, uint64_t newest)
{
    uint64_t o, n;
    assert_int_equal(event_bounds(sp, &o, &n), OK);
    assert_int_equal(o, oldest);
    assert_int_equal(n, newest);
}

static void numbers_go_up_by_one_and_a_rollback_leaves_no_gap(void **state)
{
    struct space *sp = test_user_writing(*state);
    expect_bounds(sp, 0, 0);
    assert_int_equal(append(sp, STR("1")).seq, 1);
    assert_int_equal(append(sp, STR("2")).seq, 2);
    assert_int_equal(space_commit(sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(append(sp, STR("lost")).seq, 3);
    space_rollback(sp);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(append(sp, STR("3")).seq, 3);
    assert_int_equal(space_commit(sp), OK);
    expect_bounds(sp, 1, 3);
    space_release(sp);
}

static void the_next_number_and_time_are_those_the_event_gets(void **state)
{
    uint64_t seq;
    int64_t at;
    clock_set_for_test(5000);
    struct space *sp = test_user_writing(*state);
    assert_int_equal(event_next(sp, &seq, &at), OK);
    clock_set_for_test(6000);
    struct event e = append(sp, STR("x"));
    assert_int_equal(e.seq, seq);
    assert_int_equal(e.at, at);
    assert_int_equal(at, 5000);
    assert_int_equal(event_next(sp, &seq, &at), OK);
    assert_int_equal(seq, 2);
    space_release(sp);
}

static void time_never_goes_back_along_the_log(void **state)
{
    clock_set_for_test(9000);
    struct space *sp = test_user_writing(*state);
    append(sp, STR("x"));
    assert_int_equal(space_commit(sp), OK);
    clock_set_for_test(1000);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(append(sp, STR("y")).at, 9000);
    space_release(sp);
}

static void the_log_keeps_about_as_many_events_as_it_should(void **state)
{
    struct test_store *t = *state;
    struct store_options o = test_store_options();
    uint64_t oldest, newest;
    o.log_keep_events = 10;
    test_store_reopen(t, o);
    struct space *sp = test_user_writing(t);
    for (int i = 0; i < 1000; i++) {
        append(sp, STR("x"));
        assert_int_equal(event_bounds(sp, &oldest, &newest), OK);
        assert_true(newest - oldest + 1 <= 10 + 64);
        assert_true(newest < 10 || newest - oldest + 1 >= 10);
    }
    space_release(sp);
}

static enum err add_bytes(void *arg, const struct event *e)
{
    *(size_t *)arg += e->name.n + e->data.n;
    return OK;
}

static void the_log_keeps_about_as_many_bytes_as_it_should(void **state)
{
    struct test_store *t = *state;
    struct store_options o = test_store_options();
    char data[500];
    memset(data, 'x', sizeof data);
    o.log_keep_bytes = 8000;
    test_store_reopen(t, o);
    struct space *sp = test_user_writing(t);
    for (int i = 0; i < 200; i++) {
        size_t bytes = 0;
        append(sp, str_make(data, sizeof data));
        assert_int_equal(event_read(sp, 0, 1000, SIZE_MAX, add_bytes, &bytes), OK);
        assert_true(bytes <= 8000 + 1000 + sizeof data + 1);
        assert_true(i < 16 || bytes >= 7000);
    }
    space_release(sp);
}

static void the_newest_event_stays_however_large(void **state)
{
    struct test_store *t = *state;
    struct store_options o = test_store_options();
    static char data[100000];
    memset(data, 'x', sizeof data);
    o.log_keep_bytes = 1000;
    test_store_reopen(t, o);
    struct space *sp = test_user_writing(t);
    append(sp, str_make(data, sizeof data));
    expect_bounds(sp, 1, 1);
    append(sp, str_make(data, sizeof data));
    expect_bounds(sp, 2, 2);
    assert_int_equal(append(sp, STR("x")).seq, 3);
    space_release(sp);
}

struct seen {
    uint64_t last;
    size_t count, stop_at;
};

static enum err see(void *arg, const struct event *e)
{
    struct seen *s = arg;
    assert_true(s->last == 0 || e->seq == s->last + 1);
    s->last = e->seq;
    return ++s->count == s->stop_at ? ERR_MORE : OK;
}

static void reading_continues_where_it_stopped(void **state)
{
    struct space *sp = test_user_writing(*state);
    for (int i = 0; i < 10; i++)
        append(sp, STR("0123456789"));
    struct seen s = {0};
    assert_int_equal(event_read(sp, 0, 3, SIZE_MAX, see, &s), OK);
    assert_int_equal(s.last, 3);
    assert_int_equal(event_read(sp, s.last, 100, 25, see, &s), OK);
    assert_int_equal(s.last, 5);
    assert_int_equal(event_read(sp, s.last, 100, 1, see, &s), OK);
    assert_int_equal(s.last, 6);
    s.stop_at = s.count + 2;
    assert_int_equal(event_read(sp, s.last, 100, SIZE_MAX, see, &s), ERR_MORE);
    assert_int_equal(s.last, 8);
    assert_int_equal(event_read(sp, 10, 100, SIZE_MAX, see, &s), OK);
    assert_int_equal(event_read(sp, UINT64_MAX, 100, SIZE_MAX, see, &s), OK);
    assert_int_equal(s.last, 8);
    space_release(sp);
}

static void an_id_reads_back_and_nothing_else_does(void **state)
{
    struct buf out = BUF_INIT;
    struct str epoch;
    uint64_t seq;
    (void)state;
    event_id_append(&out, STR("00ff00ff"), 12345678901);
    assert_string_equal(out.p, "00ff00ff.12345678901");
    assert_true(event_id_parse(buf_str(&out), &epoch, &seq));
    assert_true(str_eq(epoch, STR("00ff00ff")));
    assert_int_equal(seq, 12345678901);
    static const struct str bad[] = {SQL(""),
                                     SQL("1"),
                                     SQL("00ff00ff"),
                                     SQL("00ff00ff."),
                                     SQL("00ff00ff.-1"),
                                     SQL("00ff00ff.1 "),
                                     SQL("0ff00ff.1"),
                                     SQL("00ff00ff0.1"),
                                     SQL("00ff00ff.1.2"),
                                     SQL("00ff00ff.9223372036854775808")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(event_id_parse(bad[i], &epoch, &seq));
    buf_release(&out);
}

static enum err resume(struct space *sp, uint64_t seq)
{
    struct buf id = BUF_INIT;
    uint64_t after;
    event_id_append(&id, str_make(sp->epoch, EPOCH_LEN), seq);
    enum err e = event_resume(sp, buf_str(&id), &after);
    if (!e)
        assert_int_equal(after, seq);
    buf_release(&id);
    return e;
}

static void a_reader_resumes_from_what_the_log_has_and_resyncs_otherwise(void **state)
{
    struct test_store *t = *state;
    struct store_options o = test_store_options();
    uint64_t after;
    o.log_keep_events = 10;
    test_store_reopen(t, o);
    struct space *sp = test_user_writing(t);
    assert_int_equal(resume(sp, 0), OK);
    assert_int_equal(resume(sp, 1), ERR_NOT_FOUND);
    for (int i = 0; i < 64; i++)
        append(sp, STR("x"));
    expect_bounds(sp, 55, 64);
    assert_int_equal(resume(sp, 64), OK);
    assert_int_equal(resume(sp, 55), OK);
    assert_int_equal(resume(sp, 54), OK);
    assert_int_equal(resume(sp, 53), ERR_NOT_FOUND);
    assert_int_equal(resume(sp, 65), ERR_NOT_FOUND);
    assert_int_equal(event_resume(sp, STR("gggggggg.64"), &after), ERR_NOT_FOUND);
    assert_int_equal(event_resume(sp, STR("junk"), &after), ERR_NOT_FOUND);
    space_release(sp);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_go_up_by_one_and_a_rollback_leaves_no_gap),
        TEST(the_next_number_and_time_are_those_the_event_gets),
        TEST(time_never_goes_back_along_the_log),
        TEST(the_log_keeps_about_as_many_events_as_it_should),
        TEST(the_log_keeps_about_as_many_bytes_as_it_should),
        TEST(the_newest_event_stays_however_large),
        TEST(reading_continues_where_it_stopped),
        TEST(an_id_reads_back_and_nothing_else_does),
        TEST(a_reader_resumes_from_what_the_log_has_and_resyncs_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
