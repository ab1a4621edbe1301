/* Organizations and members in main.db. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/store/space.h"
#include "store/accounts.h"
#include "store/organizations.h"

#define ORG STR("c0000000000000000000000000000000")
#define ANN STR("a0000000000000000000000000000000")
#define BOB STR("b0000000000000000000000000000000")

struct fixture {
    struct test_store t;
    struct space *sp; /* main.db, in a write transaction */
};

static void insert(struct fixture *f, struct str id, const char *name, int64_t at)
{
    const struct organization o = {id, str_from_c(name), ANN, at};
    assert_int_equal(organizations_insert(f->sp, &o), OK);
}

static int set_up(void **state)
{
    static struct fixture f;
    const struct account ann = {.id = ANN, .email = STR("ann@x.org"), .password_hash = STR("-")};
    test_store_open(&f.t, test_store_options());
    assert_int_equal(accounts_create(f.t.store, &ann), OK);
    assert_int_equal(space_acquire(f.t.store, SPACE_MAIN, STR_NULL, &f.sp), OK);
    assert_int_equal(space_begin_write(f.sp), OK);
    insert(&f, ORG, "Birds", 5);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    space_release(f->sp);
    test_store_close(&f->t);
    return 0;
}

static struct member bob(void)
{
    return (struct member){.id = STR("d1"),
                           .organization_id = ORG,
                           .email = STR("bob@x.org"),
                           .user_id = BOB,
                           .role = ROLE_ADMIN,
                           .active = true,
                           .created_at = 7,
                           .joined_at = 8};
}

static void add(struct fixture *f, struct member m)
{
    assert_int_equal(members_insert(f->sp, &m), OK);
}

static enum role role_of(struct fixture *f, struct str user_id)
{
    enum role role;
    assert_int_equal(organizations_role(f->sp, ORG, user_id, &role), OK);
    return role;
}

static void an_organization_is_found_by_id_and_owner(void **state)
{
    struct fixture *f = *state;
    struct organization o, *list;
    size_t count;
    insert(f, STR("c1"), "Fish", 1);
    assert_int_equal(organizations_get(f->sp, ORG, &f->t.mem, &o), OK);
    assert_true(str_eq(o.name, STR("Birds")) && str_eq(o.owner_id, ANN) && o.created_at == 5);
    assert_int_equal(organizations_get(f->sp, STR("x"), &f->t.mem, &o), ERR_NOT_FOUND);
    assert_int_equal(organizations_owned(f->sp, ANN, &f->t.mem, &list, &count), OK);
    assert_int_equal(count, 2);
    assert_true(str_eq(list[0].name, STR("Fish")) && str_eq(list[1].name, STR("Birds")));
    assert_int_equal(organizations_owned(f->sp, BOB, &f->t.mem, &list, &count), OK);
    assert_int_equal(count, 0);
}

static void a_role_is_the_owners_or_an_active_members(void **state)
{
    struct fixture *f = *state;
    struct member m = bob();
    m.active = false;
    add(f, m);
    assert_int_equal(role_of(f, ANN), ROLE_OWNER);
    assert_int_equal(role_of(f, BOB), ROLE_NONE);
    m.active = true;
    assert_int_equal(members_update(f->sp, &m), OK);
    assert_int_equal(role_of(f, BOB), ROLE_ADMIN);
    assert_int_equal(role_of(f, STR("")), ROLE_NONE);
    assert_int_equal(members_remove(f->sp, m.id), OK);
    assert_int_equal(role_of(f, BOB), ROLE_NONE);
}

static void a_member_is_kept_as_it_was_given(void **state)
{
    struct fixture *f = *state;
    struct member m;
    add(f, bob());
    const struct str names[] = {STR("d1"), BOB};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(members_get(f->sp, ORG, names[i], &f->t.mem, &m), OK);
        assert_true(str_eq(m.id, STR("d1")) && str_eq(m.email, STR("bob@x.org")));
        assert_true(str_eq(m.user_id, BOB) && m.role == ROLE_ADMIN && m.active);
        assert_true(m.created_at == 7 && m.joined_at == 8);
    }
    assert_int_equal(members_get(f->sp, STR("c1"), BOB, &f->t.mem, &m), ERR_NOT_FOUND);
    assert_int_equal(members_get(f->sp, ORG, STR("bob@x.org"), &f->t.mem, &m), ERR_NOT_FOUND);
}

static void an_address_is_there_once(void **state)
{
    struct fixture *f = *state;
    struct member m = bob();
    add(f, m);
    m.id = STR("d2");
    assert_int_equal(members_insert(f->sp, &m), ERR_CONFLICT);
    m.email = STR("other@x.org");
    m.user_id = STR("");
    add(f, m);
    m.email = STR("bob@x.org");
    assert_int_equal(members_update(f->sp, &m), ERR_CONFLICT);
}

static void addresses_without_an_account_are_found_by_address_alone(void **state)
{
    struct fixture *f = *state;
    struct members found;
    struct member m = bob();
    m.user_id = STR("");
    m.active = false;
    m.joined_at = 0;
    add(f, m);
    assert_int_equal(members_of_address(f->sp, m.email, &f->t.mem, &found), OK);
    assert_int_equal(found.count, 1);
    assert_true(found.list[0].user_id.n == 0 && !found.list[0].active && !found.list[0].joined_at);
    assert_int_equal(members_of_user(f->sp, STR(""), &f->t.mem, &found), OK);
    assert_int_equal(found.count, 0);
    m.user_id = BOB;
    assert_int_equal(members_update(f->sp, &m), OK);
    assert_int_equal(members_of_address(f->sp, m.email, &f->t.mem, &found), OK);
    assert_int_equal(found.count, 0);
    assert_int_equal(members_of_user(f->sp, BOB, &f->t.mem, &found), OK);
    assert_int_equal(found.count, 1);
}

static void members_go_with_their_organization(void **state)
{
    struct fixture *f = *state;
    struct members found;
    int64_t count;
    add(f, bob());
    assert_int_equal(members_count(f->sp, ORG, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(organizations_remove(f->sp, ORG), OK);
    assert_int_equal(members_of_user(f->sp, BOB, &f->t.mem, &found), OK);
    assert_int_equal(found.count, 0);
    assert_int_equal(role_of(f, ANN), ROLE_NONE);
}

static void a_member_sees_whose_the_organization_is(void **state)
{
    struct fixture *f = *state;
    struct membership *list;
    size_t count;
    add(f, bob());
    assert_int_equal(memberships_of_user(f->sp, BOB, &f->t.mem, &list, &count), OK);
    assert_int_equal(count, 1);
    assert_true(str_eq(list[0].organization_name, STR("Birds")));
    assert_true(str_eq(list[0].owner_email, STR("ann@x.org")));
    assert_true(list[0].role == ROLE_ADMIN && list[0].active && list[0].joined_at == 8);
}

static void roles_have_names(void **state)
{
    (void)state;
    assert_int_equal(role_parse(STR("admin")), ROLE_ADMIN);
    assert_int_equal(role_parse(STR("member")), ROLE_MEMBER);
    assert_int_equal(role_parse(STR("owner")), ROLE_NONE);
    assert_int_equal(role_parse(STR("Admin")), ROLE_NONE);
    assert_int_equal(role_parse(STR("")), ROLE_NONE);
    assert_true(str_eq(role_name(ROLE_ADMIN), STR("admin")));
    assert_true(str_eq(role_name(ROLE_MEMBER), STR("member")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_organization_is_found_by_id_and_owner),
        TEST(a_role_is_the_owners_or_an_active_members),
        TEST(a_member_is_kept_as_it_was_given),
        TEST(an_address_is_there_once),
        TEST(addresses_without_an_account_are_found_by_address_alone),
        TEST(members_go_with_their_organization),
        TEST(a_member_sees_whose_the_organization_is),
        cmocka_unit_test(roles_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
