/* From one process to the next: both ends in one process, and ends that do not keep to the rules.
 */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "conn.h"
#include "handover.h"
#include "lib/push/push.h"
#include "listen.h"

struct fixture {
    struct test_push push;
    struct str dir;
    struct listener listeners[LISTEN_KINDS];
    struct handover old;
    struct takeover new;
    enum err asked; /* what takeover_begin said */
    int taken;      /* calls of on_taken */
    bool gives;     /* on_taken gives the connections that wait */
};

static void on_taken(struct handover *h)
{
    struct fixture *f = container_of(h, struct fixture, old);
    f->taken++;
    if (f->gives)
        server_retire(&f->push.server, h);
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.taken = 0};
    test_push_open(&f.push);
    f.dir = str_from_c(f.push.store.dir);
    handover_init(&f.old);
    takeover_init(&f.new);
    f.old.on_taken = on_taken;
    assert_int_equal(listener_open(&f.listeners[LISTEN_PUBLIC], &f.push.server, LISTEN_PUBLIC,
                                   STR("127.0.0.1:0")),
                     OK);
    assert_int_equal(handover_open(&f.old, f.push.loop, f.dir, f.listeners, false), OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    takeover_release(&f->new);
    handover_close(&f->old);
    for (size_t i = 0; i < LISTEN_KINDS; i++)
        listener_close(&f->listeners[i]);
    f->push.server.retiring = false;
    test_push_close(&f->push);
    return 0;
}

static void *ask_thread(void *arg)
{
    struct fixture *f = arg;
    f->asked = takeover_begin(&f->new, f->dir);
    return NULL;
}

/* takeover_begin waits for an answer that this loop gives. */
static enum err ask(struct fixture *f)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_thread, f), 0);
    while (pthread_tryjoin_np(thread, NULL) != 0)
        loop_round(f->push.loop, 1);
    return f->asked;
}

static struct sockaddr_un address(struct fixture *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%.*s/handover", STR_ARG(f->dir));
    return a;
}

/* A connection to the old one that keeps to no rules. */
static int knock(struct fixture *f)
{
    struct sockaddr_un a = address(f);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    test_push_rounds(&f->push);
    return fd;
}

static void assert_goes_on(struct fixture *f)
{
    test_push_rounds(&f->push);
    assert_int_equal(f->taken, 0);
    assert_true(f->old.peer.fd < 0);
    assert_true(f->listeners[LISTEN_PUBLIC].is_open);
}

static void the_new_one_gets_the_sockets(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f), OK);
    int fd = f->new.fds[LISTEN_PUBLIC];
    assert_true(fd >= 0);
    assert_true(f->new.fds[LISTEN_TLS] < 0 && f->new.fds[LISTEN_LOCAL] < 0);
    assert_true(listener_fits(fd, STR("127.0.0.1:0")));
    assert_false(listener_fits(fd, STR("127.0.0.2:0")));
    assert_false(listener_fits(fd, STR("127.0.0.1:1")));
    assert_false(listener_fits(fd, STR("unix:/tmp/x")));
    assert_int_equal(f->taken, 0);
    assert_int_equal(takeover_finish(&f->new, &f->push.server), OK);
    test_push_rounds(&f->push);
    assert_int_equal(f->taken, 1);
    assert_true(f->new.peer.fd < 0);
}

static void connections_that_wait_change_hands(void **state)
{
    struct fixture *f = *state;
    struct test_client *silent = test_client_new(&f->push);
    struct test_client *half = test_client_new(&f->push);
    struct test_client *stream = test_get(&f->push, "/api/events", "", "200");
    test_client_send(half, STR("GET /push/hea"));
    f->gives = true;
    assert_int_equal(ask(f), OK);
    assert_int_equal(takeover_finish(&f->new, &f->push.server), OK);
    test_push_rounds(&f->push);
    f->push.server.retiring = false; /* from here on it is the new one */
    test_client_expect_end(stream);
    test_client_send(half, STR("lthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_client_expect(half, "{\"ok\":true}");
    test_client_send(silent, STR("GET /push/healthz HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_client_expect(silent, "{\"ok\":true}");
    test_client_free(silent);
    test_client_free(half);
    test_client_free(stream);
}

static void one_that_gives_up_changes_nothing(void **state)
{
    struct fixture *f = *state;
    close(knock(f));
    assert_goes_on(f);
    assert_int_equal(ask(f), OK);
}

static void a_wrong_word_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const struct str words[] = {STR("r"), STR("Ready"), STR("RR"), STR("\0")};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        int fd = knock(f);
        assert_int_equal(send(fd, words[i].p, words[i].n, 0), words[i].n);
        assert_goes_on(f);
        close(fd);
    }
}

static void there_is_one_successor_at_a_time(void **state)
{
    struct fixture *f = *state;
    int first = knock(f);
    assert_int_equal(ask(f), ERR_INTERNAL);
    takeover_release(&f->new);
    close(first);
    test_push_rounds(&f->push);
    assert_int_equal(ask(f), OK);
}

static void nobody_to_ask_is_said_so(void **state)
{
    struct fixture *f = *state;
    handover_close(&f->old);
    assert_int_equal(ask(f), ERR_NOT_FOUND);
    f->dir = STR("/nonexistent");
    assert_int_equal(ask(f), ERR_NOT_FOUND);
}

/* In the place of the old one: something that sends this. */
static enum err ask_impostor(struct fixture *f, struct str text)
{
    struct sockaddr_un a = address(f);
    pthread_t thread;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    unlink(a.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, ask_thread, f), 0);
    int peer = accept(fd, NULL, NULL);
    assert_int_equal(send(peer, text.p, text.n, MSG_NOSIGNAL), text.n);
    close(peer);
    pthread_join(thread, NULL);
    close(fd);
    takeover_release(&f->new);
    return f->asked;
}

static void offers_that_are_none_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask_impostor(f, STR("CP2")), ERR_INTERNAL);
    assert_int_equal(ask_impostor(f, STR("CP1\0")), ERR_INTERNAL);
    assert_int_equal(ask_impostor(f, STR("CP1\7")), ERR_INTERNAL);
    assert_int_equal(ask_impostor(f, STR("CP1 and much more than this")), ERR_INTERNAL);
    assert_int_equal(ask_impostor(f, STR("")), ERR_INTERNAL);
    assert_int_equal(ask_impostor(f, STR("CP1")), OK);
}

static void the_place_is_private_and_taken_once(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un a = address(f);
    struct stat st;
    struct handover other;
    assert_int_equal(stat(a.sun_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    handover_init(&other);
    assert_int_equal(handover_open(&other, f->push.loop, f->dir, f->listeners, false),
                     ERR_CONFLICT);
    handover_close(&other);
    test_push_rounds(&f->push);
    assert_int_equal(stat(a.sun_path, &st), 0);
}

static void a_place_left_behind_is_taken(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un a = address(f);
    handover_close(&f->old);
    assert_int_equal(access(a.sun_path, F_OK), -1);
    int stale = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&a, sizeof(a)), 0);
    close(stale);
    assert_int_equal(handover_open(&f->old, f->push.loop, f->dir, f->listeners, false), OK);
    assert_int_equal(ask(f), OK);
}

static void the_old_one_leaves_the_name_to_the_new(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un a = address(f);
    struct handover new;
    handover_init(&new);
    assert_int_equal(handover_open(&new, f->push.loop, f->dir, f->listeners, true), OK);
    handover_close(&f->old);
    assert_int_equal(access(a.sun_path, F_OK), 0);
    handover_close(&new);
    assert_int_equal(access(a.sun_path, F_OK), -1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_new_one_gets_the_sockets),      TEST(connections_that_wait_change_hands),
        TEST(one_that_gives_up_changes_nothing), TEST(a_wrong_word_changes_nothing),
        TEST(there_is_one_successor_at_a_time),  TEST(nobody_to_ask_is_said_so),
        TEST(offers_that_are_none_are_refused),  TEST(the_place_is_private_and_taken_once),
        TEST(a_place_left_behind_is_taken),      TEST(the_old_one_leaves_the_name_to_the_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
