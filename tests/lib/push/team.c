/* An organization, for tests. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lib/push/team.h"
#include "store/organizations.h"

static struct space *main_writing(struct test_push *t)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    return sp;
}

static void commit(struct space *sp)
{
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

void test_team_open(struct test_push *t)
{
    const struct organization o = {STR(TEST_TEAM), STR("Birds"), STR(TEST_USER), TEST_NOW_MS};
    const struct member ann = {.id = STR("d0000000000000000000000000000000"),
                               .organization_id = o.id,
                               .email = STR(TEST_ANN "@example.org"),
                               .user_id = STR(TEST_ANN),
                               .role = ROLE_MEMBER,
                               .active = true};
    struct space *sp;
    test_v1_user(t, TEST_ANN);
    test_v1_user(t, TEST_BOB);
    assert_int_equal(space_create(t->store.store, SPACE_ORG, o.id, &sp), OK);
    space_release(sp);
    sp = main_writing(t);
    assert_int_equal(organizations_insert(sp, &o), OK);
    assert_int_equal(members_insert(sp, &ann), OK);
    commit(sp);
}

uint64_t test_team_event(struct test_push *t, const char *name, const char *data)
{
    struct event e;
    struct space *sp;
    assert_int_equal(space_acquire(t->store.store, SPACE_ORG, STR(TEST_TEAM), &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(event_append(sp, str_from_c(name), str_from_c(data), &e), OK);
    commit(sp);
    return e.seq;
}

void test_team_change(struct test_push *t, const char *name, const char *data)
{
    uint64_t seq = test_team_event(t, name, data);
    struct event e = {seq, t->now_ms, str_from_c(name), str_from_c(data)};
    struct bus_message m = {.kind = BUS_EVENTS,
                            .space_kind = SPACE_ORG,
                            .space_id = STR(TEST_TEAM),
                            .epoch = str_make(test_team_event_id(t, 0), EPOCH_LEN),
                            .first = seq,
                            .last = seq,
                            .events = &e,
                            .event_count = 1};
    feed_hint(t->server.feed, &m);
}

void test_team_remove(struct test_push *t, const char *user_id)
{
    struct member m;
    struct space *sp = main_writing(t);
    assert_int_equal(members_get(sp, STR(TEST_TEAM), str_from_c(user_id), &t->mem, &m), OK);
    assert_int_equal(members_remove(sp, m.id), OK);
    commit(sp);
}

void test_team_delete(struct test_push *t)
{
    struct space *sp = main_writing(t);
    assert_int_equal(organizations_remove(sp, STR(TEST_TEAM)), OK);
    commit(sp);
    assert_int_equal(space_delete(t->store.store, SPACE_ORG, STR(TEST_TEAM)), OK);
}

void test_team_hint_members(struct test_push *t)
{
    const struct bus_message m = {
        .kind = BUS_SESSIONS, .space_kind = SPACE_ORG, .space_id = STR(TEST_TEAM)};
    feed_hint(t->server.feed, &m);
}

const char *test_team_event_id(struct test_push *t, uint64_t seq)
{
    struct space *sp;
    assert_int_equal(space_acquire(t->store.store, SPACE_ORG, STR(TEST_TEAM), &sp), OK);
    const char *id = arena_printf(&t->mem, "%s.%llu", sp->epoch, (unsigned long long)seq).p;
    space_release(sp);
    return id;
}
