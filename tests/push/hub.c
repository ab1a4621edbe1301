/* Topics, lanes, coalescing, and the shared messages of slow connections. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "conn.h"
#include "hub.h"
#include "lib/push/push.h"
#include "msg.h"

/* --- messages and queues --- */

static void expect_queue(const struct msg_queue *q, const char *text)
{
    struct iovec v[8];
    char all[64];
    size_t n = 0, count = msg_queue_vectors(q, v, ARRAY_LEN(v));
    for (size_t i = 0; i < count; n += v[i++].iov_len)
        memcpy(all + n, v[i].iov_base, v[i].iov_len);
    assert_true(str_eq(str_make(all, n), str_from_c(text)));
    assert_true(n == 0 || msg_queue_memory(q) >= n + count * sizeof(struct msg));
}

static void a_queue_gives_its_parts_in_order(void **state)
{
    struct msg_queue *q = NULL;
    struct msg *a = msg_new(STR("abcdef")), *b = msg_new(STR("12345"));
    (void)state;
    msg_queue_push(&q, a, 2, 3);
    msg_queue_push(&q, b, 0, 0); /* nothing */
    msg_queue_push(&q, b, 0, 5);
    msg_queue_push(&q, a, 5, 1);
    expect_queue(q, "cde12345f");
    assert_int_equal(msg_queue_waiting(q), 6);
    msg_queue_consume(&q, 2);
    expect_queue(q, "e12345f");
    msg_queue_consume(&q, 3);
    expect_queue(q, "345f");
    for (int i = 0; i < 5; i++) /* around the ring */
        msg_queue_push(&q, a, 0, 1);
    expect_queue(q, "345faaaaa");
    msg_queue_cut(q);
    expect_queue(q, "345");
    msg_queue_consume(&q, 3);
    assert_null(q);
    assert_int_equal(a->refs, 1);
    assert_int_equal(b->refs, 1);
    msg_unref(a);
    msg_unref(b);
}

static void a_freed_queue_lets_go_of_its_messages(void **state)
{
    struct msg_queue *q = NULL;
    struct msg *m = msg_new(STR("abc"));
    (void)state;
    for (int i = 0; i < 9; i++)
        msg_queue_push(&q, m, 0, 3);
    assert_int_equal(m->refs, 10);
    msg_queue_free(q);
    assert_int_equal(m->refs, 1);
    msg_unref(m);
}

/* --- topics --- */

struct hearer {
    struct test_client *client;
    struct conn *conn;
    struct sub sub;
};

struct fixture {
    struct test_push push;
    struct topic topic;
    struct hearer all[6];
    size_t count;
};

static void append_plain(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    (void)scratch;
    buf_append_str(out, e->data);
    buf_append_lit(out, ";");
}

static void append_loud(struct buf *out, const struct hub_event *e, struct arena *scratch)
{
    append_plain(out, e, scratch);
    buf_append_lit(out, "!");
}

static const struct format plain = {.append = append_plain}, loud = {.append = append_loud};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    test_push_open(&f.push);
    topic_init(&f.topic, f.push.server.hub);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->count; i++) {
        hub_leave(&f->all[i].sub);
        test_client_free(f->all[i].client);
    }
    topic_release(&f->topic);
    test_push_close(&f->push);
    return 0;
}

/* An open stream (of the echo, which says nothing itself) in the topic. */
static struct hearer *join(struct fixture *f, const struct format *format,
                           const struct filter *filter)
{
    struct hearer *l = &f->all[f->count++];
    l->client = test_upgrade(&f->push, "/push/echo", "");
    l->conn = list_entry(f->push.server.strangers.prev, struct conn, peers);
    l->sub = (struct sub){.conn = l->conn, .filter = filter};
    hub_join(&f->topic, &l->sub, format);
    return l;
}

static void publish(struct fixture *f, const char *name, const char *data)
{
    const struct hub_event e = {.name = str_from_c(name), .data = str_from_c(data)};
    hub_publish(&f->topic, &e, 0);
}

static void expect_bytes(struct hearer *l, const char *text)
{
    test_client_receive(l->client);
    assert_true(str_eq(buf_str(&l->client->in), str_from_c(text)));
    buf_reset(&l->client->in);
}

static void a_round_is_one_send_for_each_connection(void **state)
{
    struct fixture *f = *state;
    struct hearer *a = join(f, &plain, NULL), *b = join(f, &plain, NULL);
    uint64_t before = f->push.server.stats.sent;
    publish(f, "x", "1");
    publish(f, "x", "2");
    publish(f, "x", "3");
    expect_bytes(a, "");
    hub_flush(f->push.server.hub);
    expect_bytes(a, "1;2;3;");
    expect_bytes(b, "1;2;3;");
    assert_int_equal(f->push.server.stats.sent - before, 2);
}

static void each_reads_its_own_format_through_its_own_filter(void **state)
{
    struct fixture *f = *state;
    struct filter *filter;
    assert_int_equal(filter_parse(&filter, STR("b*")), OK);
    struct hearer *a = join(f, &plain, NULL), *b = join(f, &loud, NULL);
    struct hearer *c = join(f, &plain, filter);
    publish(f, "a1", "1");
    publish(f, "b1", "2");
    publish(f, "a2", "3");
    publish(f, "b2", "4");
    hub_flush(f->push.server.hub);
    expect_bytes(a, "1;2;3;4;");
    expect_bytes(b, "1;!2;!3;!4;!");
    expect_bytes(c, "2;4;");
    publish(f, "a1", "5");
    hub_flush(f->push.server.hub);
    expect_bytes(c, "");
    hub_leave(&c->sub);
    filter_free(filter);
}

static void who_joins_in_the_middle_of_a_round_hears_what_comes_after(void **state)
{
    struct fixture *f = *state;
    struct hearer *a = join(f, &plain, NULL);
    publish(f, "x", "1");
    struct hearer *b = join(f, &plain, NULL);
    publish(f, "x", "2");
    hub_flush(f->push.server.hub);
    expect_bytes(a, "1;2;");
    expect_bytes(b, "2;");
}

static void who_left_hears_nothing_and_the_others_everything(void **state)
{
    struct fixture *f = *state;
    struct hearer *a = join(f, &plain, NULL), *b = join(f, &plain, NULL);
    struct hearer *c = join(f, &plain, NULL);
    publish(f, "x", "1");
    hub_leave(&a->sub);
    hub_leave(&a->sub); /* again is harmless */
    hub_flush(f->push.server.hub);
    expect_bytes(a, "");
    expect_bytes(b, "1;");
    expect_bytes(c, "1;");
    hub_leave(&c->sub);
    publish(f, "x", "2");
    hub_flush(f->push.server.hub);
    expect_bytes(b, "2;");
    expect_bytes(c, "");
}

static void a_long_round_is_sent_before_its_end(void **state)
{
    struct fixture *f = *state;
    struct hearer *a = join(f, &plain, NULL);
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    for (int i = 0; i < 70; i++)
        publish(f, "x", text);
    test_client_receive(a->client);
    assert_true(a->client->in.n > 64000);
    buf_reset(&a->client->in);
}

static void the_slow_share_what_waits_for_them(void **state)
{
    struct fixture *f = *state;
    struct hearer *a = join(f, &plain, NULL), *b = join(f, &plain, NULL);
    char text[30001];
    memset(text, 'x', 30000);
    text[30000] = '\0';
    while (!a->conn->out || !b->conn->out) {
        publish(f, "x", text);
        hub_flush(f->push.server.hub);
    }
    publish(f, "x", text);
    hub_flush(f->push.server.hub);
    struct iovec va[8], vb[8];
    size_t na = msg_queue_vectors(a->conn->out, va, 8), nb = msg_queue_vectors(b->conn->out, vb, 8);
    assert_true(na > 1 && nb > 1);
    assert_ptr_equal(va[na - 1].iov_base, vb[nb - 1].iov_base);
    test_client_expect(a->client, ";x");
    test_client_expect(b->client, ";x");
}

static void who_is_too_slow_is_closed(void **state)
{
    struct fixture *f = *state;
    struct hearer *a = join(f, &plain, NULL), *reads = join(f, &plain, NULL);
    char text[30001];
    memset(text, 'x', 30000);
    text[30000] = '\0';
    for (int i = 0; i < 40 && a->conn->state == CONN_OPEN; i++) {
        publish(f, "x", text);
        hub_flush(f->push.server.hub);
        test_client_receive(reads->client);
    }
    assert_int_equal(a->conn->state, CONN_DRAIN);
    assert_int_equal(a->conn->end, END_SLOW);
    assert_int_equal(f->push.server.stats.slow, 1);
    assert_int_equal(reads->conn->state, CONN_OPEN);
    hub_leave(&a->sub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_gives_its_parts_in_order),
        cmocka_unit_test(a_freed_queue_lets_go_of_its_messages),
        TEST(a_round_is_one_send_for_each_connection),
        TEST(each_reads_its_own_format_through_its_own_filter),
        TEST(who_joins_in_the_middle_of_a_round_hears_what_comes_after),
        TEST(who_left_hears_nothing_and_the_others_everything),
        TEST(a_long_round_is_sent_before_its_end),
        TEST(the_slow_share_what_waits_for_them),
        TEST(who_is_too_slow_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
