/* The rules of organizations: what a transaction leaves in tables, outbox and mailbox. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "domain/organization.h"
#include "lib/store/space.h"
#include "store/mailbox.h"
#include "store/outbox.h"

#define NOW INT64_C(1800000000000)
#define ANN STR("a0000000000000000000000000000000")
#define BOB STR("b0000000000000000000000000000000")
#define CAT STR("ca000000000000000000000000000000")
#define ORG STR("c0000000000000000000000000000000")

struct fixture {
    struct test_store t;
    struct space *sp; /* main.db, in a write transaction */
    struct organization_call ann, bob, cat;
};

static struct organization_call call_of(struct fixture *f, struct str user_id)
{
    return (struct organization_call){.main_db = f->sp,
                                      .rules = {.auto_accept = true},
                                      .user_id = user_id,
                                      .now = NOW,
                                      .mem = &f->t.mem};
}

static void make_account(struct fixture *f, struct str id, const char *email)
{
    const struct account a = {.id = id, .email = str_from_c(email), .password_hash = STR("-")};
    assert_int_equal(accounts_create_within(f->sp, &a), OK);
}

static int set_up(void **state)
{
    static const struct mailbox mailbox = {.per_address = 0};
    static struct fixture f;
    struct store_options o = test_store_options();
    struct organization made;
    o.mail = &mailbox;
    clock_set_for_test(NOW);
    test_store_open(&f.t, o);
    assert_int_equal(space_acquire(f.t.store, SPACE_MAIN, STR_NULL, &f.sp), OK);
    assert_int_equal(space_begin_write(f.sp), OK);
    f.ann = call_of(&f, ANN);
    f.bob = call_of(&f, BOB);
    f.cat = call_of(&f, CAT);
    make_account(&f, ANN, "ann@x.org");
    make_account(&f, BOB, "bob@x.org");
    assert_int_equal(organization_create(&f.ann, ORG, STR("Birds"), &made), OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    space_release(f->sp);
    test_store_close(&f->t);
    clock_set_for_test(-1);
    return 0;
}

/* By ann. */
static struct member invite(struct fixture *f, const char *email)
{
    struct member m;
    assert_int_equal(organization_invite(&f->ann, ORG, str_from_c(email), ROLE_MEMBER, &m), OK);
    return m;
}

/* The names of what waits for a space, without "organization:". */
static const char *waiting(struct fixture *f, enum space_kind kind, struct str id)
{
    const struct outbox_space to = {kind, id};
    struct outbox_event *list;
    struct str all = STR("");
    size_t count;
    assert_int_equal(outbox_read(f->sp, &to, 0, 99, &f->t.mem, &list, &count), OK);
    for (size_t i = 0; i < count; i++)
        all = arena_printf(&f->t.mem, "%.*s%s%.*s", STR_ARG(all), i ? " " : "",
                           STR_ARG(str_from(list[i].name, strlen("organization:"))));
    return all.p;
}

static enum role role_of(struct fixture *f, struct str user_id)
{
    enum role role;
    assert_int_equal(organizations_role(f->sp, ORG, user_id, &role), OK);
    return role;
}

static struct members members_of(struct fixture *f)
{
    struct members all;
    assert_int_equal(members_list(f->sp, ORG, &f->t.mem, &all), OK);
    return all;
}

/* --- names ------------------------------------------------------------------------------------ */

static void a_name_is_one_trimmed_line_of_text(void **state)
{
    (void)state;
    assert_true(organization_name_is_valid(STR("Birds & Co. ✓")));
    const struct str bad[] = {STR(""),     STR(" a"),   STR("a "),       STR("a\nb"),
                              STR("a\tb"), STR("\x7f"), STR("a\xff\xfe")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(organization_name_is_valid(bad[i]));
    char text[2 * ORGANIZATION_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof text; i += 2)
        memcpy(text + i, "é", 2);
    assert_true(organization_name_is_valid(str_make(text, 2 * ORGANIZATION_NAME_MAX)));
    assert_false(organization_name_is_valid(str_make(text, sizeof text)));
}

/* --- who hears of it -------------------------------------------------------------------------- */

static void the_owner_the_one_concerned_and_all_members_hear(void **state)
{
    struct fixture *f = *state;
    invite(f, "bob@x.org");
    make_account(f, CAT, "cat@x.org");
    struct member cat = invite(f, "cat@x.org");
    assert_int_equal(organization_remove(&f->ann, ORG, cat.id), OK);
    assert_string_equal(waiting(f, SPACE_USER, ANN),
                        "created member_added member_added member_removed");
    assert_string_equal(waiting(f, SPACE_USER, BOB), "member_added member_added member_removed");
    assert_string_equal(waiting(f, SPACE_USER, CAT), "member_added member_removed");
    assert_string_equal(waiting(f, SPACE_ORG, ORG),
                        "created member_added member_added member_removed");
}

static void who_is_only_invited_hears_of_his_own_invitation_and_its_end(void **state)
{
    struct fixture *f = *state;
    f->ann.rules.auto_accept = false;
    make_account(f, CAT, "cat@x.org");
    invite(f, "bob@x.org");
    invite(f, "cat@x.org");
    assert_string_equal(waiting(f, SPACE_USER, BOB), "member_added");
    assert_int_equal(organization_delete(&f->ann, ORG), OK);
    assert_string_equal(waiting(f, SPACE_USER, BOB), "member_added deleted");
    assert_string_equal(waiting(f, SPACE_USER, CAT), "member_added deleted");
}

static void an_invitation_is_mailed_with_who_invites_and_where_to(void **state)
{
    struct fixture *f = *state;
    struct mail_claim mail;
    invite(f, "new@x.org");
    assert_int_equal(space_commit(f->sp), OK);
    space_release(f->sp);
    f->sp = NULL;
    assert_int_equal(mailbox_claim(f->t.store, NOW + 1, 1000, &f->t.mem, &mail), OK);
    assert_true(str_eq(mail.to, STR("new@x.org")));
    assert_true(str_eq(mail.template, STR("invitation")));
    assert_true(str_eq(mail.fields, STR("{\"link\":\"/organizations\",\"organization\":\"Birds\","
                                        "\"inviter\":\"ann@x.org\"}")));
    assert_int_equal(mailbox_claim(f->t.store, NOW + 1, 1000, &f->t.mem, &mail), ERR_NOT_FOUND);
}

/* --- accounts come, move and go --------------------------------------------------------------- */

static void an_invited_address_that_gets_an_account_is_a_member(void **state)
{
    struct fixture *f = *state;
    struct member m = invite(f, "cat@x.org");
    assert_false(m.active);
    make_account(f, CAT, "cat@x.org");
    assert_int_equal(role_of(f, CAT), ROLE_NONE);
    assert_int_equal(organization_take_address(&f->cat, STR("cat@x.org")), OK);
    assert_int_equal(role_of(f, CAT), ROLE_MEMBER);
    assert_string_equal(waiting(f, SPACE_USER, CAT), "member_added");
    assert_int_equal(organization_take_address(&f->cat, STR("cat@x.org")), OK); /* nothing new */
    assert_string_equal(waiting(f, SPACE_USER, CAT), "member_added");
}

static void with_auto_accept_off_it_is_invited_still(void **state)
{
    struct fixture *f = *state;
    struct member m;
    invite(f, "cat@x.org");
    make_account(f, CAT, "cat@x.org");
    f->cat.rules.auto_accept = false;
    assert_int_equal(organization_take_address(&f->cat, STR("cat@x.org")), OK);
    assert_int_equal(role_of(f, CAT), ROLE_NONE);
    assert_int_equal(organization_accept(&f->cat, ORG, &m), ERR_FORBIDDEN);
    assert_int_equal(accounts_set_email_within(f->sp, CAT, STR("cat@x.org")), OK); /* verified */
    assert_int_equal(organization_accept(&f->cat, ORG, &m), OK);
    assert_int_equal(role_of(f, CAT), ROLE_MEMBER);
}

static void a_new_address_is_shown_and_meets_its_invitations(void **state)
{
    struct fixture *f = *state;
    struct members all;
    invite(f, "bob@x.org");
    invite(f, "robert@x.org"); /* the same person, as it turns out */
    assert_int_equal(accounts_set_email_within(f->sp, BOB, STR("robert@x.org")), OK);
    assert_int_equal(organization_take_address(&f->bob, STR("robert@x.org")), OK);
    all = members_of(f);
    assert_int_equal(all.count, 1);
    assert_true(str_eq(all.list[0].email, STR("robert@x.org")));
    assert_true(str_eq(all.list[0].user_id, BOB) && all.list[0].active);
    invite(f, "bob@x.org"); /* the old one is free again */
}

/* Else whoever signed up with the address of another, and then moved to one of his own that he can
 * verify, would accept what was meant for the other. */
static void an_invitation_stays_with_its_address_until_it_is_accepted(void **state)
{
    struct fixture *f = *state;
    struct member m;
    f->ann.rules.auto_accept = f->bob.rules.auto_accept = f->cat.rules.auto_accept = false;
    assert_true(str_eq(invite(f, "bob@x.org").user_id, BOB));
    assert_int_equal(accounts_set_email_within(f->sp, BOB, STR("mallory@x.org")), OK);
    assert_int_equal(organization_take_address(&f->bob, STR("mallory@x.org")), OK);
    assert_int_equal(organization_accept(&f->bob, ORG, &m), ERR_NOT_FOUND);
    assert_string_equal(waiting(f, SPACE_USER, BOB), "member_added member_removed");
    assert_string_equal(waiting(f, SPACE_USER, ANN),
                        "created member_added member_removed member_added");

    make_account(f, CAT, "bob@x.org");
    assert_int_equal(accounts_set_email_within(f->sp, CAT, STR("bob@x.org")), OK);
    assert_int_equal(organization_take_address(&f->cat, STR("bob@x.org")), OK);
    assert_int_equal(organization_accept(&f->cat, ORG, &m), OK);
    assert_int_equal(members_of(f).count, 1);
}

static void an_invitation_left_behind_does_not_meet_that_of_the_new_address(void **state)
{
    struct fixture *f = *state;
    struct member m;
    f->ann.rules.auto_accept = f->bob.rules.auto_accept = false;
    invite(f, "bob@x.org");
    invite(f, "robert@x.org");
    assert_int_equal(accounts_set_email_within(f->sp, BOB, STR("robert@x.org")), OK);
    assert_int_equal(organization_take_address(&f->bob, STR("robert@x.org")), OK);
    assert_int_equal(organization_accept(&f->bob, ORG, &m), OK);
    assert_true(str_eq(m.email, STR("robert@x.org")));
    assert_int_equal(members_of(f).count, 2);
}

static void an_owner_does_not_become_a_member_of_his_own(void **state)
{
    struct fixture *f = *state;
    invite(f, "anna@x.org");
    assert_int_equal(organization_take_address(&f->ann, STR("anna@x.org")), OK);
    assert_int_equal(members_of(f).count, 0);
    assert_int_equal(role_of(f, ANN), ROLE_OWNER);
}

static void a_user_who_goes_leaves_all_and_takes_what_is_his_alone(void **state)
{
    struct fixture *f = *state;
    struct organization made;
    const struct str own = STR("cb000000000000000000000000000000");
    invite(f, "bob@x.org");
    assert_int_equal(organization_create(&f->bob, own, STR("Bob's"), &made), OK);
    assert_int_equal(organization_forget_user(&f->bob), OK);
    assert_int_equal(members_of(f).count, 0);
    assert_int_equal(organizations_get(f->sp, own, &f->t.mem, &made), ERR_NOT_FOUND);
    assert_string_equal(waiting(f, SPACE_USER, ANN), "created member_added member_removed");
}

static void an_owner_of_members_cannot_go(void **state)
{
    struct fixture *f = *state;
    invite(f, "bob@x.org");
    assert_int_equal(organization_forget_user(&f->ann), ERR_CONFLICT);
    assert_int_equal(members_of(f).count, 1);
    assert_int_equal(role_of(f, ANN), ROLE_OWNER);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_trimmed_line_of_text),
        TEST(the_owner_the_one_concerned_and_all_members_hear),
        TEST(who_is_only_invited_hears_of_his_own_invitation_and_its_end),
        TEST(an_invitation_is_mailed_with_who_invites_and_where_to),
        TEST(an_invited_address_that_gets_an_account_is_a_member),
        TEST(with_auto_accept_off_it_is_invited_still),
        TEST(a_new_address_is_shown_and_meets_its_invitations),
        TEST(an_invitation_stays_with_its_address_until_it_is_accepted),
        TEST(an_invitation_left_behind_does_not_meet_that_of_the_new_address),
        TEST(an_owner_does_not_become_a_member_of_his_own),
        TEST(a_user_who_goes_leaves_all_and_takes_what_is_his_alone),
        TEST(an_owner_of_members_cannot_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
