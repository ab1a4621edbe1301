/* The relay: each event once and in order, wherever a process died. */
#include "base/base.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "domain/relay.h"
#include "lib/store/space.h"
#include "store/accounts.h"
#include "store/event.h"
#include "store/organizations.h"

#define ANN STR("a0000000000000000000000000000000")
#define BOB STR("b0000000000000000000000000000000")
#define ORG STR("c0000000000000000000000000000000")

static void make_user(struct test_store *t, struct str id)
{
    const struct account a = {.id = id, .email = id, .password_hash = STR("-")};
    struct space *sp;
    assert_int_equal(space_create(t->store, SPACE_USER, id, &sp), OK);
    space_release(sp);
    assert_int_equal(accounts_create(t->store, &a), OK);
}

static int set_up(void **state)
{
    static struct test_store t;
    struct store_options o = test_store_options();
    o.log_keep_events = 0; /* all are looked at */
    test_store_open(&t, o);
    make_user(&t, ANN);
    make_user(&t, BOB);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    return 0;
}

static struct relay_line line_of(struct store *s)
{
    return (struct relay_line){.store = s};
}

static struct space *main_writing(struct store *s)
{
    struct space *sp;
    assert_int_equal(space_acquire(s, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

static void add(struct store *s, enum space_kind kind, struct str id, const char *data)
{
    struct space *sp = main_writing(s);
    assert_int_equal(outbox_add(sp, kind, id, STR("organization:x"), str_from_c(data), 1), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static void found(struct test_store *t)
{
    const struct organization o = {ORG, STR("Birds"), ANN, 1};
    struct space *sp = main_writing(t->store);
    assert_int_equal(organizations_insert(sp, &o), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

static enum err append_data(void *arg, const struct event *e)
{
    buf_appendf(arg, "%.*s,", STR_ARG(e->data));
    return OK;
}

/* The data of a log, "1,2,". */
static const char *log_of(struct test_store *t, enum space_kind kind, struct str id)
{
    struct buf text = BUF_INIT;
    struct space *sp;
    assert_int_equal(space_acquire(t->store, kind, id, &sp), OK);
    assert_int_equal(event_read(sp, 0, SIZE_MAX, SIZE_MAX, append_data, &text), OK);
    space_release(sp);
    const char *copy = arena_dup(&t->mem, buf_str(&text)).p;
    buf_release(&text);
    return copy;
}

static size_t waiting(struct test_store *t)
{
    struct outbox_space list[8];
    struct space *sp;
    int64_t after = 0;
    size_t count;
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(outbox_spaces(sp, &after, ARRAY_LEN(list), &t->mem, list, &count), OK);
    space_release(sp);
    return count;
}

static void relay(struct test_store *t)
{
    struct relay_line l = line_of(t->store);
    assert_int_equal(relay_pending(&l, 0), OK);
}

static void every_space_gets_its_own_in_order(void **state)
{
    struct test_store *t = *state;
    add(t->store, SPACE_USER, ANN, "1");
    add(t->store, SPACE_USER, BOB, "2");
    add(t->store, SPACE_USER, ANN, "3");
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,3,");
    assert_string_equal(log_of(t, SPACE_USER, BOB), "2,");
    assert_int_equal(waiting(t), 0);
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,3,");
}

static void a_mark_says_where_one_space_is(void **state)
{
    struct test_store *t = *state;
    struct relay_line l = line_of(t->store);
    struct relay_mark mark;
    add(t->store, SPACE_USER, ANN, "1");
    add(t->store, SPACE_USER, BOB, "2");
    add(t->store, SPACE_USER, ANN, "3");
    assert_int_equal(relay_space(&l, SPACE_USER, ANN, &mark), OK);
    assert_int_equal(mark.seq, 2);
    assert_int_equal(strlen(mark.epoch), EPOCH_LEN);
    assert_string_equal(log_of(t, SPACE_USER, BOB), "");
    assert_int_equal(relay_space(&l, SPACE_USER, ANN, &mark), OK);
    assert_int_equal(mark.seq, 0);
    assert_int_equal(waiting(t), 1);
}

static void more_than_one_transaction_takes_arrive_too(void **state)
{
    struct test_store *t = *state;
    struct buf expected = BUF_INIT;
    for (int i = 0; i < 250; i++) {
        add(t->store, SPACE_USER, ANN, arena_printf(&t->mem, "%d", i).p);
        buf_appendf(&expected, "%d,", i);
    }
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), expected.p);
    assert_int_equal(waiting(t), 0);
    buf_release(&expected);
}

static void at_most_so_many_spaces_are_served_at_once(void **state)
{
    struct test_store *t = *state;
    struct relay_line l = line_of(t->store);
    add(t->store, SPACE_USER, BOB, "1");
    add(t->store, SPACE_USER, ANN, "2");
    assert_int_equal(relay_pending(&l, 1), OK);
    assert_string_equal(log_of(t, SPACE_USER, BOB), "1,");
    assert_string_equal(log_of(t, SPACE_USER, ANN), "");
}

/* --- crashes, by failing between the steps ---------------------------------------------------- */

static void after_a_crash_before_the_first_step_all_is_delivered(void **state)
{
    struct test_store *t = *state;
    add(t->store, SPACE_USER, ANN, "1");
    test_store_reopen(t, t->options);
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,");
}

/* The space has the events `first`.. of the outbox; whether that is committed is the caller's. */
static struct space *take_without_removing(struct test_store *t, struct str id)
{
    const struct outbox_space to = {SPACE_USER, id};
    struct outbox_event *list;
    struct space *sp, *main_db;
    struct event e;
    size_t count;
    assert_int_equal(space_acquire(t->store, SPACE_USER, id, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &main_db), OK);
    assert_int_equal(outbox_read(main_db, &to, 0, 9, &t->mem, &list, &count), OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(event_append(sp, list[i].name, list[i].data, &e), OK);
    assert_int_equal(outbox_set_position(sp, str_from_c(main_db->epoch), list[count - 1].id), OK);
    space_release(main_db);
    return sp;
}

static void after_a_crash_before_the_spaces_commit_all_is_delivered_once(void **state)
{
    struct test_store *t = *state;
    add(t->store, SPACE_USER, ANN, "1");
    space_release(take_without_removing(t, ANN));
    test_store_reopen(t, t->options);
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,");
}

static void after_a_crash_between_the_two_commits_nothing_comes_twice(void **state)
{
    struct test_store *t = *state;
    add(t->store, SPACE_USER, ANN, "1");
    add(t->store, SPACE_USER, ANN, "2");
    struct space *sp = take_without_removing(t, ANN);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    test_store_reopen(t, t->options);
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,2,");
    assert_int_equal(waiting(t), 0);
    add(t->store, SPACE_USER, ANN, "3");
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,2,3,");
}

static void what_came_behind_what_a_crash_left_comes_behind_it(void **state)
{
    struct test_store *t = *state;
    add(t->store, SPACE_USER, ANN, "1");
    struct space *sp = take_without_removing(t, ANN);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    add(t->store, SPACE_USER, ANN, "2");
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,2,");
}

/* --- crashes, by a killed process ------------------------------------------------------------- */

/* In a child: one event after the other, each relayed, until it is killed. */
static void go_on_for_ever(struct test_store *t, int from)
{
    struct store_options o = t->options;
    struct arena mem = ARENA_INIT;
    struct str message;
    struct store *s;
    o.data_dir = t->dir;
    if (store_open(&s, &o, &mem, &message) != OK)
        _exit(1);
    struct relay_line l = line_of(s);
    for (int i = from;; i++) {
        char data[16];
        snprintf(data, sizeof data, "%d", i);
        struct space *sp;
        if (space_acquire(s, SPACE_MAIN, STR_NULL, &sp) != OK || space_begin_write(sp) != OK ||
            outbox_add(sp, SPACE_USER, ANN, STR("x"), str_from_c(data), 1) != OK ||
            outbox_add(sp, SPACE_USER, BOB, STR("x"), str_from_c(data), 1) != OK ||
            space_commit(sp) != OK)
            _exit(1);
        space_release(sp);
        if (relay_pending(&l, 0) != OK)
            _exit(1);
    }
}

/* How many there are, which must be 0, 1, 2 … */
static int count_in_order(const char *log)
{
    int n = 0;
    for (char *end; *log; log = end + 1) {
        assert_int_equal(strtol(log, &end, 10), n++);
        assert_int_equal(*end, ',');
    }
    return n;
}

static void a_process_killed_anywhere_loses_and_repeats_nothing(void **state)
{
    struct test_store *t = *state;
    int from = 0;
    for (int round = 0; round < 12; round++) {
        store_close(t->store);
        pid_t child = fork();
        if (child == 0)
            go_on_for_ever(t, from);
        nanosleep(&(struct timespec){.tv_nsec = 15000000 + round * 1700000}, NULL);
        int status;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        struct str message;
        assert_int_equal(store_open(&t->store, &t->options, &t->mem, &message), OK);
        relay(t);
        from = count_in_order(log_of(t, SPACE_USER, ANN));
        assert_int_equal(count_in_order(log_of(t, SPACE_USER, BOB)), from);
        assert_int_equal(waiting(t), 0);
    }
    assert_true(from > 0);
}

/* --- organizations ---------------------------------------------------------------------------- */

static void the_file_of_an_organization_is_made_with_its_first_event(void **state)
{
    struct test_store *t = *state;
    found(t);
    add(t->store, SPACE_ORG, ORG, "1");
    relay(t);
    assert_string_equal(log_of(t, SPACE_ORG, ORG), "1,");
}

static void the_file_of_an_organization_that_is_no_more_is_deleted(void **state)
{
    struct test_store *t = *state;
    struct space *sp;
    found(t);
    add(t->store, SPACE_ORG, ORG, "1");
    relay(t);
    sp = main_writing(t->store);
    assert_int_equal(organizations_remove(sp, ORG), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    add(t->store, SPACE_ORG, ORG, "2");
    relay(t);
    assert_int_equal(space_acquire(t->store, SPACE_ORG, ORG, &sp), ERR_NOT_FOUND);
    assert_int_equal(waiting(t), 0);
    add(t->store, SPACE_ORG, ORG, "3"); /* it never comes back */
    relay(t);
    assert_int_equal(space_acquire(t->store, SPACE_ORG, ORG, &sp), ERR_NOT_FOUND);
}

static void what_waits_for_a_user_who_is_gone_is_dropped(void **state)
{
    struct test_store *t = *state;
    add(t->store, SPACE_USER, ANN, "1");
    add(t->store, SPACE_USER, BOB, "2");
    assert_int_equal(space_delete(t->store, SPACE_USER, ANN), OK);
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, BOB), "2,");
    assert_int_equal(waiting(t), 0);
}

static void a_space_that_is_busy_waits_and_keeps_no_other_waiting(void **state)
{
    struct test_store *t = *state;
    struct store_options o = t->options;
    struct relay_line l;
    o.busy_ms = 50;
    test_store_reopen(t, o);
    l = line_of(t->store);
    add(t->store, SPACE_USER, ANN, "1");
    add(t->store, SPACE_USER, BOB, "2");
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_USER, ANN, &sp), OK);
    assert_int_equal(relay_pending(&l, 0), ERR_BUSY);
    space_release(sp);
    assert_string_equal(log_of(t, SPACE_USER, BOB), "2,");
    assert_string_equal(log_of(t, SPACE_USER, ANN), "");
    relay(t);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,");
}

/* --- the thread ------------------------------------------------------------------------------- */

static void await_empty(struct test_store *t)
{
    for (int i = 0; i < 3000 && waiting(t) > 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(waiting(t), 0);
}

static void the_thread_does_what_was_left_and_what_it_is_told_of(void **state)
{
    struct test_store *t = *state;
    struct relay_line l = line_of(t->store);
    add(t->store, SPACE_USER, ANN, "1");
    struct relay *r = relay_start(&l);
    await_empty(t);
    add(t->store, SPACE_USER, ANN, "2");
    relay_poke(r);
    await_empty(t);
    relay_stop(r);
    assert_string_equal(log_of(t, SPACE_USER, ANN), "1,2,");
    relay_stop(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_space_gets_its_own_in_order),
        TEST(a_mark_says_where_one_space_is),
        TEST(more_than_one_transaction_takes_arrive_too),
        TEST(at_most_so_many_spaces_are_served_at_once),
        TEST(after_a_crash_before_the_first_step_all_is_delivered),
        TEST(after_a_crash_before_the_spaces_commit_all_is_delivered_once),
        TEST(after_a_crash_between_the_two_commits_nothing_comes_twice),
        TEST(what_came_behind_what_a_crash_left_comes_behind_it),
        TEST(a_process_killed_anywhere_loses_and_repeats_nothing),
        TEST(the_file_of_an_organization_is_made_with_its_first_event),
        TEST(the_file_of_an_organization_that_is_no_more_is_deleted),
        TEST(what_waits_for_a_user_who_is_gone_is_dropped),
        TEST(a_space_that_is_busy_waits_and_keeps_no_other_waiting),
        TEST(the_thread_does_what_was_left_and_what_it_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
