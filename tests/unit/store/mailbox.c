/* mailbox: queued in a transaction, paced by address, claimed by one at a time. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/store/space.h"
#include "store/backlog.h"
#include "store/mailbox.h"

#define START   INT64_C(1800000000000)
#define HOUR    INT64_C(3600000)
#define ADDRESS STR("a@example.org")

static int queued; /* calls of on_mail */

static void on_mail(void *arg)
{
    (void)arg;
    queued++;
}

static const struct mailbox box = {.per_address = 3, .on_mail = on_mail};

static int set_up(void **state)
{
    static struct test_store t;
    struct store_options o = test_store_options();
    o.mail = &box;
    queued = 0;
    clock_set_for_test(START);
    test_store_open(&t, o);
    *state = &t;
    return 0;
}

static int tear_down(void **state)
{
    test_store_close(*state);
    clock_set_for_test(-1);
    return 0;
}

static struct space *begin(struct test_store *t)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

static enum err enqueue(struct test_store *t, const struct mail *m)
{
    struct space *sp = begin(t);
    enum err e = mail_enqueue(sp, m);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    return e;
}

static enum err enqueue_to(struct test_store *t, struct str to)
{
    struct mail_field link = {STR("link"), STR("/?a=\"b\"")};
    return enqueue(t, &(struct mail){.to = to,
                                     .template = STR("verify_email"),
                                     .language = STR("de"),
                                     .fields = &link,
                                     .count = 1});
}

static int64_t waiting(struct test_store *t)
{
    struct backlog queues[BACKLOGS];
    assert_int_equal(backlog_read(t->store, queues), OK);
    return queues[BACKLOG_MAIL].count;
}

static void what_was_queued_is_claimed(void **state)
{
    struct test_store *t = *state;
    struct mail_claim c;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(queued, 1);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &c), OK);
    assert_true(str_eq(c.to, ADDRESS));
    assert_true(str_eq(c.template, STR("verify_email")));
    assert_true(str_eq(c.language, STR("de")));
    assert_true(str_eq(c.fields, STR("{\"link\":\"/?a=\\\"b\\\"\"}")));
    assert_int_equal(c.created_at, START);
    assert_int_equal(c.attempts, 0);
    assert_int_equal(c.lease, START + 1000);
}

static void a_transaction_that_fails_queues_nothing(void **state)
{
    struct test_store *t = *state;
    struct space *sp = begin(t);
    assert_int_equal(mail_enqueue(sp, &(struct mail){.to = ADDRESS, .template = STR("x")}), OK);
    space_rollback(sp);
    space_release(sp);
    assert_int_equal(waiting(t), 0);
}

static void without_mail_configured_nothing_is_queued(void **state)
{
    struct test_store *t = *state;
    test_store_reopen(t, test_store_options());
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(waiting(t), 0);
}

static void an_address_gets_its_share_of_an_hour_and_no_answer_tells(void **state)
{
    struct test_store *t = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(waiting(t), 3);
    assert_int_equal(queued, 3);
    assert_int_equal(enqueue_to(t, STR("b@example.org")), OK);
    assert_int_equal(waiting(t), 4);
    clock_set_for_test(START + HOUR);
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(waiting(t), 5);
}

static void mails_that_were_sent_count_in_the_share(void **state)
{
    struct test_store *t = *state;
    for (int i = 0; i < 4; i++) {
        struct mail_claim c;
        assert_int_equal(enqueue_to(t, ADDRESS), OK);
        assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &c),
                         i < 3 ? OK : ERR_NOT_FOUND);
        if (i < 3)
            assert_int_equal(mailbox_remove(t->store, &c), OK);
    }
}

static void a_notice_is_not_kept_back_by_other_mails(void **state)
{
    struct test_store *t = *state;
    struct mail notice = {.to = ADDRESS, .template = STR("email_changed"), .notice = true};
    for (int i = 0; i < 4; i++)
        assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(enqueue(t, &notice), OK);
    assert_int_equal(waiting(t), 4);
}

static void notices_have_a_share_of_their_own(void **state)
{
    struct test_store *t = *state;
    struct mail notice = {.to = ADDRESS, .template = STR("email_changed"), .notice = true};
    for (int i = 0; i < MAILBOX_NOTICES + 1; i++)
        assert_int_equal(enqueue(t, &notice), OK);
    assert_int_equal(waiting(t), MAILBOX_NOTICES);
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(waiting(t), MAILBOX_NOTICES + 1);
}

static void nobody_else_gets_a_claimed_mail_until_its_lease_ends(void **state)
{
    struct test_store *t = *state;
    struct mail_claim first, second, none;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(enqueue_to(t, STR("b@example.org")), OK);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &first), OK);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &second), OK);
    assert_int_not_equal(first.id, second.id);
    assert_int_equal(mailbox_claim(t->store, START + 999, 1000, &t->mem, &none), ERR_NOT_FOUND);
    assert_int_equal(mailbox_claim(t->store, START + 1000, 1000, &t->mem, &none), OK);
    assert_int_equal(none.id, first.id);
}

static void a_retry_waits_until_it_is_due(void **state)
{
    struct test_store *t = *state;
    struct mail_claim c, again;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &c), OK);
    assert_int_equal(mailbox_retry(t->store, &c, START + 60000), OK);
    assert_int_equal(mailbox_claim(t->store, START + 59999, 1000, &t->mem, &again), ERR_NOT_FOUND);
    assert_int_equal(mailbox_claim(t->store, START + 60000, 1000, &t->mem, &again), OK);
    assert_int_equal(again.attempts, 1);
}

static void what_is_given_back_is_had_at_once(void **state)
{
    struct test_store *t = *state;
    struct mail_claim c, again;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &c), OK);
    assert_int_equal(mailbox_give_back(t->store, &c), OK);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &again), OK);
    assert_int_equal(again.attempts, 0);
}

static void who_lost_his_lease_changes_nothing(void **state)
{
    struct test_store *t = *state;
    struct mail_claim late, now, none;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &late), OK);
    assert_int_equal(mailbox_claim(t->store, START + 1000, 1000, &t->mem, &now), OK);
    assert_int_equal(mailbox_give_back(t->store, &late), OK);
    assert_int_equal(mailbox_retry(t->store, &late, START), OK);
    assert_int_equal(mailbox_claim(t->store, START + 1500, 1000, &t->mem, &none), ERR_NOT_FOUND);
    /* But it was sent: nobody needs to send it again. */
    assert_int_equal(mailbox_remove(t->store, &late), OK);
    assert_int_equal(waiting(t), 0);
}

static void the_queue_survives_a_restart(void **state)
{
    struct test_store *t = *state;
    struct mail_claim c;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    test_store_reopen(t, t->options);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &c), OK);
}

static void a_full_queue_is_busy_and_the_transaction_goes_on(void **state)
{
    struct test_store *t = *state;
    struct space *sp = begin(t);
    for (int i = 0; i < MAILBOX_MAX; i++) {
        struct str to = arena_printf(&t->mem, "%d@example.org", i);
        struct mail m = {.to = to, .template = STR("x")};
        assert_int_equal(mail_enqueue(sp, &m), OK);
    }
    assert_int_equal(mail_enqueue(sp, &(struct mail){.to = ADDRESS, .template = STR("x")}),
                     ERR_BUSY);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_int_equal(waiting(t), MAILBOX_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void what_waits_for_an_address_can_be_dropped(void **state)
{
    struct test_store *t = *state;
    struct mail_claim c;
    assert_int_equal(enqueue_to(t, ADDRESS), OK);
    assert_int_equal(enqueue_to(t, STR("b@example.org")), OK);
    struct space *sp = begin(t);
    assert_int_equal(mail_drop(sp, ADDRESS), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    assert_int_equal(waiting(t), 1);
    assert_int_equal(mailbox_claim(t->store, START, 1000, &t->mem, &c), OK);
    assert_true(str_eq(c.to, STR("b@example.org")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_queued_is_claimed),
        T(a_transaction_that_fails_queues_nothing),
        T(without_mail_configured_nothing_is_queued),
        T(an_address_gets_its_share_of_an_hour_and_no_answer_tells),
        T(mails_that_were_sent_count_in_the_share),
        T(a_notice_is_not_kept_back_by_other_mails),
        T(notices_have_a_share_of_their_own),
        T(nobody_else_gets_a_claimed_mail_until_its_lease_ends),
        T(a_retry_waits_until_it_is_due),
        T(what_is_given_back_is_had_at_once),
        T(who_lost_his_lease_changes_nothing),
        T(the_queue_survives_a_restart),
        T(a_full_queue_is_busy_and_the_transaction_goes_on),
        T(what_waits_for_an_address_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
