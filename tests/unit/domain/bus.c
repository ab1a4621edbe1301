/* lib/domain/bus.c: real sockets, several processes; what is lost must show. */
#include "base/base.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/bus.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/cubby-bus-XXXXXX", sizeof "/tmp/cubby-bus-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    (void)state;
    while (d && (e = readdir(d)))
        unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    return rmdir(dir);
}

/* Next message within ms; false after that. */
static bool next_within(struct bus_sub *s, int ms, struct bus_message *m)
{
    int64_t end = clock_mono_ms() + ms;
    for (;;) {
        if (bus_sub_next(s, m))
            return true;
        int64_t left = end - clock_mono_ms();
        struct pollfd p = {bus_sub_fd(s), POLLIN, 0};
        if (left <= 0)
            return false;
        poll(&p, 1, (int)left);
    }
}

static void publish(struct bus_pub *p, uint64_t seq)
{
    struct event e = {seq, 5, STR("kv:set"), STR("{}")};
    bus_publish(p, &(struct bus_message){.kind = BUS_EVENTS,
                                         .space_kind = SPACE_USER,
                                         .space_id = STR("ab"),
                                         .epoch = STR("00000001"),
                                         .first = seq,
                                         .last = seq,
                                         .event_count = 1,
                                         .events = &e});
}

static void a_message_arrives_with_its_events(void **state)
{
    struct bus_sub *s;
    struct bus_pub *p;
    struct bus_message m;
    (void)state;
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
    publish(p, 3);
    assert_true(next_within(s, 2000, &m));
    assert_int_equal(m.kind, BUS_EVENTS);
    assert_int_equal(m.last, 3);
    assert_true(str_eq(m.events[0].name, STR("kv:set")));
    bus_pub_close(p);
    assert_false(next_within(s, 300, &m)); /* it took its leave: nothing to check */
    bus_sub_close(s);
}

static void a_subscriber_that_comes_later_is_found_and_told_of_what_it_missed(void **state)
{
    struct bus_sub *s;
    struct bus_pub *p;
    struct bus_message m;
    (void)state;
    assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
    publish(p, 1);
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    assert_true(next_within(s, 2000, &m));
    assert_int_equal(m.kind, BUS_GAP);
    publish(p, 2);
    assert_true(next_within(s, 2000, &m));
    assert_int_equal(m.last, 2);
    bus_pub_close(p);
    bus_sub_close(s);
}

static void each_end_counts_what_it_has_seen(void **state)
{
    struct bus_sub *s;
    struct bus_pub *p;
    struct bus_message m;
    (void)state;
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
    publish(p, 1);
    assert_true(next_within(s, 2000, &m));
    struct bus_pub_stats told = bus_pub_stats(p);
    assert_int_equal(told.published, 1);
    assert_int_equal(told.unsent, 0);
    assert_int_equal(told.connects - told.disconnects, 1);
    assert_int_equal(bus_sub_stats(s).publishers, 1);
    bus_sub_close(s);
    for (int i = 0; i < 200 && bus_pub_stats(p).disconnects == 0; i++)
        poll(NULL, 0, 10);
    assert_int_equal(bus_pub_stats(p).disconnects, 1);
    bus_pub_close(p);
}

static void a_publisher_that_is_killed_leaves_a_gap(void **state)
{
    struct bus_sub *s;
    struct bus_message m;
    int ready[2];
    char c;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork(); /* before nng is opened here: it must not be carried over a fork */
    if (child == 0) {
        struct bus_pub *p;
        if (read(ready[0], &c, 1) != 1 || bus_pub_open(&p, str_from_c(dir)) != OK)
            _exit(1);
        publish(p, 1);
        pause();
        _exit(0);
    }
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    assert_int_equal(write(ready[1], "x", 1), 1);
    assert_true(next_within(s, 3000, &m));
    assert_int_equal(m.kind, BUS_EVENTS);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(next_within(s, 2000, &m));
    assert_int_equal(m.kind, BUS_GAP);
    assert_int_equal(bus_sub_stats(s).vanished, 1);
    assert_int_equal(bus_sub_stats(s).publishers, 0);
    bus_sub_close(s);
    close(ready[0]);
    close(ready[1]);
}

static void one_message_of_a_short_lived_publisher_is_not_lost(void **state)
{
    struct bus_sub *s;
    struct bus_message m;
    (void)state;
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    for (uint64_t i = 1; i <= 20; i++) {
        struct bus_pub *p;
        assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
        publish(p, i);
        bus_pub_close(p);
        assert_true(next_within(s, 2000, &m));
        assert_int_equal(m.kind, BUS_EVENTS);
        assert_int_equal(m.last, i);
    }
    assert_int_equal(bus_sub_stats(s).lost, 0);
    bus_sub_close(s);
}

/* Far more than the buffers hold, at once: either every message came, or a gap was said. */
static void a_flood_is_whole_or_says_that_it_is_not(void **state)
{
    struct bus_sub *s;
    struct bus_pub *p;
    struct bus_message m;
    uint64_t seen = 0;
    bool gap = false;
    (void)state;
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
    for (uint64_t i = 1; i <= 60000; i++)
        publish(p, i);
    while (next_within(s, 700, &m)) {
        seen += m.kind == BUS_EVENTS;
        gap |= m.kind == BUS_GAP;
    }
    assert_true(gap || seen == 60000);
    assert_int_equal(seen + bus_sub_stats(s).lost, 60000);
    bus_pub_close(p);
    bus_sub_close(s);
}

static void a_stale_socket_is_removed_and_does_not_disturb(void **state)
{
    struct bus_sub *s;
    struct bus_pub *p;
    struct bus_message m;
    char path[128];
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        if (bus_sub_open(&s, str_from_c(dir)) != OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    snprintf(path, sizeof path, "%s/%d-", dir, (int)child);
    DIR *d = opendir(dir);
    struct dirent *e;
    size_t sockets = 0;
    while ((e = readdir(d)))
        sockets += e->d_name[0] != '.';
    closedir(d);
    assert_int_equal(sockets, 1);
    assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
    publish(p, 1);
    assert_true(next_within(s, 2000, &m));
    bus_pub_close(p);
    bus_sub_close(s);
}

/* Slow enough for nng to pass it all on, so that it piles up behind a reader that does not read. */
static void what_nobody_reads_in_time_is_dropped_and_counted(void **state)
{
    struct bus_sub *s;
    struct bus_pub *p;
    struct bus_message m;
    (void)state;
    assert_int_equal(bus_sub_open(&s, str_from_c(dir)), OK);
    assert_int_equal(bus_pub_open(&p, str_from_c(dir)), OK);
    for (int round = 0; round < 20 && bus_sub_stats(s).dropped == 0; round++) {
        for (uint64_t i = 1; i <= 20000; i++) {
            publish(p, i);
            if (i % 500 == 0)
                poll(NULL, 0, 3);
        }
        while (next_within(s, 50, &m))
            ;
    }
    while (next_within(s, 700, &m))
        ;
    assert_true(bus_sub_stats(s).dropped > 0);
    assert_true(bus_sub_stats(s).dropped <= bus_sub_stats(s).lost);
    bus_pub_close(p);
    bus_sub_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* The forking ones first: nng's threads must not exist before a fork. */
        cmocka_unit_test_setup_teardown(a_publisher_that_is_killed_leaves_a_gap, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_message_arrives_with_its_events, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(each_end_counts_what_it_has_seen, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(
            a_subscriber_that_comes_later_is_found_and_told_of_what_it_missed, make_dir,
            remove_dir),
        cmocka_unit_test_setup_teardown(one_message_of_a_short_lived_publisher_is_not_lost,
                                        make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_flood_is_whole_or_says_that_it_is_not, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(what_nobody_reads_in_time_is_dropped_and_counted, make_dir,
                                        remove_dir),
    };
    const struct CMUnitTest stale[] = {
        cmocka_unit_test_setup_teardown(a_stale_socket_is_removed_and_does_not_disturb, make_dir,
                                        remove_dir),
    };
    /* A group per process that forks: each child of this main is fresh. */
    pid_t first = fork();
    if (first == 0)
        _exit(cmocka_run_group_tests(stale, NULL, NULL) ? 1 : 0);
    int status = 1;
    waitpid(first, &status, 0);
    return cmocka_run_group_tests(tests, NULL, NULL) || status;
}
