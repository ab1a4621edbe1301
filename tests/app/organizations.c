/* Organizations: who may what, who hears of it, and rows that belong to one. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "lib/app/app.h"
#include "store/accounts.h"
#include "store/outbox.h"

#define NOW      INT64_C(1800000000000)
#define NOW_TEXT "2027-01-15T08:00:00.000Z"

/* --- people ----------------------------------------------------------------------------------- */

struct person {
    struct test_app *t;
    const char *email, *token, *id;
};

static struct person sign_up(struct test_app *t, const char *email)
{
    struct person p = {t, email, test_sign_up(t, email), NULL};
    struct test_reply r = test_call(t, (struct test_call){.target = "/api/me", .token = p.token});
    p.id = test_string(t, &r, "user.id");
    return p;
}

static int set_up(void **state)
{
    clock_set_for_test(NOW);
    test_app_set_up(state);
    ((struct test_app *)*state)->conf.limit_auth_per_ip = 0;
    return 0;
}

static struct test_reply call(const struct person *p, enum method method, const char *target,
                              const char *body)
{
    return test_call(
        p->t,
        (struct test_call){.method = method, .target = target, .body = body, .token = p->token});
}

/* A text in the fixture's memory. */
#define format(person, ...) (arena_printf(&(person)->t->mem, __VA_ARGS__).p)

static void expect_body(const struct test_reply *r, struct str body)
{
    if (r->status != 200 || !str_eq(r->body, body))
        fail_msg("expected %.*s, got %d %.*s", STR_ARG(body), r->status, STR_ARG(r->body));
}

static void expect_ok(const struct test_reply *r)
{
    if (r->status != 200)
        fail_msg("%d %.*s", r->status, STR_ARG(r->body));
}

/* Its id. */
static const char *make(const struct person *p, const char *name)
{
    struct test_reply r =
        call(p, METHOD_POST, "/api/organizations", format(p, "{\"name\":\"%s\"}", name));
    expect_ok(&r);
    return test_string(p->t, &r, "organization.id");
}

static struct test_reply invite(const struct person *p, const char *org, const char *email,
                                const char *role)
{
    struct str body = arena_printf(&p->t->mem, "{\"email\":\"%s\",\"role\":\"%s\"}", email, role);
    return call(p, METHOD_POST, format(p, "/api/organizations/%s/members", org), body.p);
}

static const char *add(const struct person *p, const char *org, const char *email, const char *role)
{
    struct test_reply r = invite(p, org, email, role);
    expect_ok(&r);
    return test_string(p->t, &r, "member.id");
}

static struct test_reply expel(const struct person *p, const char *org, const char *who)
{
    return call(p, METHOD_DELETE, format(p, "/api/organizations/%s/members/%s", org, who), NULL);
}

static struct test_reply show(const struct person *p, const char *org)
{
    return call(p, METHOD_GET, format(p, "/api/organizations/%s", org), NULL);
}

static struct test_reply accept(const struct person *p, const char *org)
{
    return call(p, METHOD_POST, format(p, "/api/organizations/%s/accept", org), NULL);
}

/* The names of all events in a log, joined by spaces; of an organization's with its id. */
static const char *heard(const struct person *p, const char *org)
{
    struct str all = STR("");
    struct space *sp;
    char epoch[EPOCH_LEN + 1];
    assert_int_equal(space_acquire(p->t->app.store, org ? SPACE_ORG : SPACE_USER,
                                   str_from_c(org ? org : p->id), &sp),
                     OK);
    memcpy(epoch, sp->epoch, sizeof epoch);
    space_release(sp);
    struct str target = org ? arena_printf(&p->t->mem, "/api/changes?org=%s&since=%s.0", org, epoch)
                            : arena_printf(&p->t->mem, "/api/changes?since=%s.0", epoch);
    struct test_reply r = call(p, METHOD_GET, target.p, NULL);
    expect_ok(&r);
    struct json_value list = json_get(json_root(&r.json), STR("events"));
    for (struct json_value v = json_first(list); !json_is_absent(v); v = json_next(list, v)) {
        struct str name = json_string(json_get(v, STR("event")), &p->t->mem);
        all = arena_printf(&p->t->mem, "%.*s%s%.*s", STR_ARG(all), all.n ? " " : "", STR_ARG(name));
    }
    return all.p;
}

static const char *hash_of(struct test_app *t, const char *email)
{
    unsigned char digest[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    sha256(str_from_c(email), digest);
    hex_encode(digest, sizeof digest, hex);
    return arena_dup(&t->mem, str_from_c(hex)).p;
}

static void verify(const struct person *p)
{
    struct space *sp;
    assert_int_equal(space_acquire(p->t->app.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(accounts_set_email_within(sp, str_from_c(p->id), str_from_c(p->email)), OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
}

/* --- organizations ---------------------------------------------------------------------------- */

static void its_maker_owns_it(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    struct test_reply r =
        call(&ann, METHOD_POST, "/api/organizations", "{\"name\":\" Bird \\\"Club\\\" \"}");
    expect_ok(&r);
    const char *id = test_string(t, &r, "organization.id");
    struct str o = arena_printf(&t->mem,
                                "{\"id\":\"%s\",\"name\":\"Bird \\\"Club\\\"\",\"ownerId\":\"%s\","
                                "\"createdAt\":\"" NOW_TEXT "\"}",
                                id, ann.id);
    expect_body(&r, arena_printf(&t->mem, "{\"ok\":true,\"organization\":%s}", o.p));
    assert_true(test_header(&r, "X-Event-Id", 0).n > 0);
    r = call(&ann, METHOD_GET, "/api/organizations", NULL);
    expect_body(&r, arena_printf(&t->mem,
                                 "{\"ok\":true,\"organizations\":[%s],\"memberOrganizations\":[]}",
                                 o.p));
    assert_true(test_header(&r, "X-As-Of", 0).n > 0);
    r = show(&ann, id);
    expect_body(
        &r, arena_printf(&t->mem,
                         "{\"ok\":true,\"organization\":%s,\"members\":[],\"isOwner\":true}", o.p));
    assert_string_equal(heard(&ann, NULL), "organization:created");
    assert_string_equal(heard(&ann, id), "organization:created");
}

static void a_form_is_redirected_to_the_page(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    struct test_reply r = test_call(
        t, (struct test_call){.target = "/api/organizations",
                              .body = "name=Birds",
                              .token = ann.token,
                              .headers.content_type = STR("application/x-www-form-urlencoded")});
    assert_int_equal(r.status, 303);
    assert_true(str_eq(test_header(&r, "Location", 0), STR("/organizations")));
}

static void what_is_no_name_is_refused(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *bad[] = {"{}",
                         "{\"name\":1}",
                         "{\"name\":\"\"}",
                         "{\"name\":\"  \"}",
                         "{\"name\":\"a\\nSubject: b\"}",
                         "{\"name\":\"a\\u007fb\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = call(&ann, METHOD_POST, "/api/organizations", bad[i]);
        test_expect_error(&r, 400, "invalid");
    }
    char long_name[128] = {0};
    memset(long_name, 'a', 101);
    struct test_reply r =
        call(&ann, METHOD_POST, "/api/organizations", format(&ann, "{\"name\":\"%s\"}", long_name));
    test_expect_error(&r, 400, "invalid");
    make(&ann, long_name + 1);
}

static void one_owns_no_more_than_orgs_max(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    t->conf.orgs_max = 2;
    make(&ann, "a");
    make(&ann, "b");
    struct test_reply r = call(&ann, METHOD_POST, "/api/organizations", "{\"name\":\"c\"}");
    test_expect_error(&r, 507, "quota_exceeded");
}

static void the_same_key_makes_one_organization(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org");
    struct test_call c = {.target = "/api/organizations",
                          .body = "{\"name\":\"a\"}",
                          .token = ann.token,
                          .headers.idempotency_key = STR("k")};
    struct test_reply first = test_call(t, c), again = test_call(t, c);
    expect_ok(&first);
    expect_body(&again, first.body);
    assert_true(str_eq(test_header(&again, "Idempotent-Replayed", 0), STR("true")));
    c.body = "{\"name\":\"b\"}";
    again = test_call(t, c);
    test_expect_error(&again, 422, "idempotency_key_reused");
    c.token = bob.token;
    again = test_call(t, c);
    expect_ok(&again);
    assert_null(test_header(&again, "Idempotent-Replayed", 0).p);
    assert_string_equal(heard(&ann, NULL), "organization:created");
}

static void only_its_owner_deletes_it_and_everybody_hears(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org"),
                  eve = sign_up(t, "eve@example.org");
    const char *id = make(&ann, "Birds"), *path = format(&ann, "/api/organizations/%s", id);
    add(&ann, id, bob.email, "admin");
    struct test_reply r = call(&bob, METHOD_DELETE, path, NULL);
    test_expect_error(&r, 403, "forbidden");
    r = call(&eve, METHOD_DELETE, path, NULL);
    test_expect_error(&r, 404, "not_found");
    r = call(&ann, METHOD_DELETE, path, NULL);
    expect_body(&r, STR("{\"ok\":true}"));
    struct space *sp;
    assert_int_equal(space_acquire(t->app.store, SPACE_ORG, str_from_c(id), &sp), ERR_NOT_FOUND);
    const struct person *all[] = {&ann, &bob, &eve};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        r = call(all[i], METHOD_DELETE, path, NULL);
        test_expect_error(&r, 404, "not_found");
        r = show(all[i], id);
        test_expect_error(&r, 404, "not_found");
    }
    assert_string_equal(heard(&ann, NULL),
                        "organization:created organization:member_added organization:deleted");
    assert_string_equal(heard(&bob, NULL), "organization:member_added organization:deleted");
    assert_string_equal(heard(&eve, NULL), "");
}

/* --- members ---------------------------------------------------------------------------------- */

static void an_account_is_a_member_at_once(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org");
    const char *id = make(&ann, "Birds");
    struct test_reply r = call(&ann, METHOD_POST, format(&ann, "/api/organizations/%s/members", id),
                               "{\"email\":\" Bob@Example.org \"}");
    expect_ok(&r);
    struct str m = arena_printf(
        &t->mem,
        "{\"id\":\"%s\",\"organizationId\":\"%s\",\"userId\":\"%s\",\"email\":\"bob@example.org\","
        "\"role\":\"member\",\"createdAt\":\"" NOW_TEXT "\",\"status\":\"active\"}",
        test_string(t, &r, "member.id"), id, bob.id);
    expect_body(&r, arena_printf(&t->mem, "{\"ok\":true,\"member\":%s}", m.p));
    r = show(&bob, id);
    expect_body(&r, arena_printf(&t->mem,
                                 "{\"ok\":true,\"organization\":{\"id\":\"%s\",\"name\":\"Birds\","
                                 "\"ownerId\":\"%s\",\"createdAt\":\"" NOW_TEXT "\"},"
                                 "\"members\":[%s],\"isOwner\":false}",
                                 id, ann.id, m.p));
    r = call(&bob, METHOD_GET, "/api/organizations", NULL);
    expect_body(&r, arena_printf(&t->mem,
                                 "{\"ok\":true,\"organizations\":[],\"memberOrganizations\":["
                                 "{\"organizationId\":\"%s\",\"organizationName\":\"Birds\","
                                 "\"ownerEmail\":\"ann@example.org\",\"role\":\"member\","
                                 "\"joinedAt\":\"" NOW_TEXT "\",\"status\":\"active\"}]}",
                                 id));
    assert_string_equal(heard(&ann, NULL), "organization:created organization:member_added");
    assert_string_equal(heard(&bob, NULL), "organization:member_added");
    assert_string_equal(heard(&bob, id), "organization:created organization:member_added");
}

static void an_address_without_an_account_becomes_a_member_as_it_signs_up(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *id = make(&ann, "Birds");
    struct test_reply r = invite(&ann, id, "zoe@example.org", "admin");
    expect_ok(&r);
    assert_string_equal(test_string(t, &r, "member.userId"), hash_of(t, "zoe@example.org"));
    assert_string_equal(test_string(t, &r, "member.status"), "invited");
    struct person zoe = sign_up(t, "Zoe@example.org");
    r = show(&zoe, id);
    expect_ok(&r);
    r = call(&zoe, METHOD_GET, "/api/organizations", NULL);
    assert_true(str_find(r.body, '[') < r.body.n);
    assert_non_null(
        strstr(r.body.p, "\"role\":\"admin\",\"joinedAt\":\"" NOW_TEXT "\",\"status\":\"active\""));
    assert_string_equal(heard(&zoe, NULL), "organization:member_added");
    assert_string_equal(heard(&ann, NULL),
                        "organization:created organization:member_added organization:member_added");
}

static void with_auto_accept_off_a_verified_address_accepts(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org");
    const char *id = make(&ann, "Birds");
    t->conf.org_auto_accept = false;
    struct test_reply r = invite(&ann, id, bob.email, "member");
    assert_string_equal(test_string(t, &r, "member.status"), "invited");
    assert_string_equal(test_string(t, &r, "member.userId"), bob.id);
    invite(&ann, id, "zoe@example.org", "member");
    struct person zoe = sign_up(t, "zoe@example.org");
    const struct person *invited[] = {&bob, &zoe};
    for (size_t i = 0; i < ARRAY_LEN(invited); i++) {
        r = show(invited[i], id);
        test_expect_error(&r, 404, "not_found");
        r = call(invited[i], METHOD_GET, format(&bob, "/api/tasks?org=%s", id), NULL);
        test_expect_error(&r, 404, "not_found");
        r = accept(invited[i], id);
        test_expect_error(&r, 403, "forbidden");
        verify(invited[i]);
        r = accept(invited[i], id);
        expect_ok(&r);
        assert_string_equal(test_string(t, &r, "member.status"), "active");
        r = accept(invited[i], id);
        expect_ok(&r);
        r = show(invited[i], id);
        expect_ok(&r);
    }
    r = accept(&ann, id);
    test_expect_error(&r, 404, "not_found");
    r = accept(&bob, "ffffffffffffffffffffffffffffffff");
    test_expect_error(&r, 404, "not_found");
    assert_string_equal(heard(&bob, NULL), "organization:member_added organization:member_added "
                                           "organization:member_added");
}

static void nobody_is_a_member_twice(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org");
    const char *id = make(&ann, "Birds");
    add(&ann, id, bob.email, "member");
    add(&ann, id, "new@example.org", "member");
    const char *there[] = {"bob@example.org", "BOB@example.org", "new@example.org",
                           "ann@example.org"};
    for (size_t i = 0; i < ARRAY_LEN(there); i++) {
        struct test_reply r = invite(&ann, id, there[i], "member");
        test_expect_error(&r, 409, "conflict");
    }
}

static void what_is_no_address_and_no_role_is_refused(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *id = make(&ann, "Birds"), *path = format(&ann, "/api/organizations/%s/members", id);
    const char *bad[] = {"{}",
                         "{\"email\":7}",
                         "{\"email\":\"bob\"}",
                         "{\"email\":\"b@example.org\",\"role\":\"owner\"}",
                         "{\"email\":\"b@example.org\",\"role\":\"\"}",
                         "{\"email\":\"b@example.org\",\"role\":null}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct test_reply r = call(&ann, METHOD_POST, path, bad[i]);
        test_expect_error(&r, 400, "invalid");
    }
}

static void members_and_invitations_are_bounded(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *id = make(&ann, "Birds");
    t->conf.org_members_max = 1;
    add(&ann, id, "b@example.org", "member");
    struct test_reply r = invite(&ann, id, "c@example.org", "member");
    test_expect_error(&r, 507, "quota_exceeded");
    t->conf.org_members_max = 0;
    t->conf.limit_invitations = 2;
    add(&ann, id, "c@example.org", "member");
    r = invite(&ann, id, "d@example.org", "member");
    test_expect_error(&r, 429, "rate_limited");
    assert_true(test_header(&r, "Retry-After", 0).n > 0);
}

static void owner_and_admins_invite_and_remove_and_others_only_leave(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org"),
                  cat = sign_up(t, "cat@example.org"), eve = sign_up(t, "eve@example.org");
    const char *id = make(&ann, "Birds");
    add(&ann, id, bob.email, "admin");
    const char *cat_member = add(&bob, id, cat.email, "member");
    struct test_reply r = invite(&cat, id, "x@example.org", "member");
    test_expect_error(&r, 403, "forbidden");
    r = invite(&eve, id, "x@example.org", "member");
    test_expect_error(&r, 404, "not_found");
    r = expel(&cat, id, bob.id);
    test_expect_error(&r, 403, "forbidden");
    r = expel(&eve, id, cat.id);
    test_expect_error(&r, 404, "not_found");
    r = expel(&bob, id, ann.id);
    test_expect_error(&r, 404, "not_found");
    r = expel(&bob, id, cat_member);
    expect_body(&r, STR("{\"ok\":true}"));
    r = show(&cat, id);
    test_expect_error(&r, 404, "not_found");
    r = expel(&bob, id, bob.id);
    expect_ok(&r);
    r = expel(&bob, id, bob.id);
    test_expect_error(&r, 404, "not_found");
    assert_string_equal(heard(&cat, NULL), "organization:member_added organization:member_removed");
    add(&ann, id, cat.email, "member");
    r = show(&cat, id);
    expect_ok(&r);
}

static void an_invitation_is_taken_back_by_what_stands_for_the_account(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *id = make(&ann, "Birds");
    add(&ann, id, "new@example.org", "member");
    struct test_reply r = expel(&ann, id, hash_of(t, "other@example.org"));
    test_expect_error(&r, 404, "not_found");
    r = expel(&ann, id, hash_of(t, "new@example.org"));
    expect_ok(&r);
    struct person new = sign_up(t, "new@example.org");
    r = show(&new, id);
    test_expect_error(&r, 404, "not_found");
}

/* --- rows ------------------------------------------------------------------------------------- */

static void members_share_rows_that_outsiders_do_not_see(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org"),
                  eve = sign_up(t, "eve@example.org");
    const char *id = make(&ann, "Birds"), *list = format(&ann, "/api/tasks?org=%s", id);
    add(&ann, id, bob.email, "member");
    struct test_reply r = call(&bob, METHOD_POST, list, "{\"title\":\"Feed them\"}");
    expect_ok(&r);
    assert_string_equal(test_string(t, &r, "data.userId"), id);
    const char *row = test_string(t, &r, "data.id");
    const char *one = format(&ann, "/api/tasks/%s?org=%s", row, id);
    r = call(&ann, METHOD_PUT, one, "{\"done\":true}");
    expect_ok(&r);
    r = call(&bob, METHOD_GET, one, NULL);
    assert_non_null(strstr(r.body.p, "\"done\":true"));
    assert_true(str_eq(test_header(&r, "ETag", 0), STR("\"2\"")));
    r = call(&bob, METHOD_GET, format(&ann, "/api/tasks/count?org=%s", id), NULL);
    expect_body(&r, STR("{\"ok\":true,\"count\":1}"));
    assert_string_equal(heard(&ann, id), "organization:created organization:member_added "
                                         "table:tasks:create table:tasks:update");
    const struct {
        enum method method;
        const char *target, *body;
    } calls[] = {
        {METHOD_GET, list, NULL},
        {METHOD_POST, list, "{\"title\":\"t\"}"},
        {METHOD_DELETE, list, NULL},
        {METHOD_GET, one, NULL},
        {METHOD_PUT, one, "{\"done\":false}"},
        {METHOD_PATCH, one, "{\"done\":false}"},
        {METHOD_DELETE, one, NULL},
        {METHOD_GET, format(&ann, "/api/tasks/count?org=%s", id), NULL},
        {METHOD_GET, format(&ann, "/api/changes?org=%s", id), NULL},
        {METHOD_POST, format(&ann, "/api/batch?org=%s", id), "{\"operations\":[]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        r = call(&eve, calls[i].method, calls[i].target, calls[i].body);
        test_expect_error(&r, 404, "not_found");
    }
    r = expel(&ann, id, bob.id);
    expect_ok(&r);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        r = call(&bob, calls[i].method, calls[i].target, calls[i].body);
        test_expect_error(&r, 404, "not_found");
    }
    r = call(&ann, METHOD_GET, one, NULL);
    expect_ok(&r);
}

static void users_and_organizations_have_each_their_own_collections(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *id = make(&ann, "Birds");
    struct test_reply r = call(&ann, METHOD_GET, "/api/tasks", NULL);
    test_expect_error(&r, 404, "not_found");
    const char *targets[] = {"/api/posts", "/api/posts/1",       "/data",     "/posts",
                             "/api/me",    "/api/organizations", "/api/notes"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        r = call(&ann, METHOD_GET, format(&ann, "%s?org=%s", targets[i], id), NULL);
        assert_int_equal(r.status, 404);
    }
}

static void a_batch_works_in_one_organization(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org");
    const char *id = make(&ann, "Birds"), *path = format(&ann, "/api/batch?org=%s", id);
    struct test_reply r = call(&ann, METHOD_POST, path,
                               "{\"operations\":[{\"method\":\"POST\",\"path\":\"/api/tasks\","
                               "\"body\":{\"title\":\"a\"}},{\"method\":\"GET\",\"path\":"
                               "\"/api/tasks/count\"}]}");
    expect_ok(&r);
    assert_non_null(strstr(r.body.p, "{\"ok\":true,\"count\":1}"));
    const char *others[] = {"/api/posts", "/data?key=a", "/api/notes"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        r = call(
            &ann, METHOD_POST, path,
            format(&ann, "{\"operations\":[{\"method\":\"GET\",\"path\":\"%s\"}]}", others[i]));
        test_expect_error(&r, 404, "not_found");
    }
}

static void the_same_key_of_two_members_is_two_keys(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org");
    const char *id = make(&ann, "Birds");
    add(&ann, id, bob.email, "member");
    struct test_call c = {.target = format(&ann, "/api/tasks?org=%s", id),
                          .body = "{\"title\":\"a\"}",
                          .headers.idempotency_key = STR("k")};
    const char *tokens[] = {ann.token, bob.token, ann.token};
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        c.token = tokens[i];
        struct test_reply r = test_call(t, c);
        expect_ok(&r);
        assert_int_equal(test_header(&r, "Idempotent-Replayed", 0).p != NULL, i == 2);
    }
}

static void what_a_crash_left_is_delivered_by_the_next(void **state)
{
    struct test_app *t = *state;
    struct person ann = sign_up(t, "ann@example.org"), bob = sign_up(t, "bob@example.org");
    const char *id = make(&ann, "Birds");
    struct space *sp;
    assert_int_equal(space_acquire(t->app.store, SPACE_MAIN, STR_NULL, &sp), OK);
    assert_int_equal(space_begin_write(sp), OK);
    assert_int_equal(
        outbox_add(sp, SPACE_USER, str_from_c(bob.id), STR("organization:left"), STR("{}"), NOW),
        OK);
    assert_int_equal(space_commit(sp), OK);
    space_release(sp);
    add(&ann, id, bob.email, "member");
    assert_string_equal(heard(&bob, NULL), "organization:left organization:member_added");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, test_app_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(its_maker_owns_it),
        TEST(a_form_is_redirected_to_the_page),
        TEST(what_is_no_name_is_refused),
        TEST(one_owns_no_more_than_orgs_max),
        TEST(the_same_key_makes_one_organization),
        TEST(only_its_owner_deletes_it_and_everybody_hears),
        TEST(an_account_is_a_member_at_once),
        TEST(an_address_without_an_account_becomes_a_member_as_it_signs_up),
        TEST(with_auto_accept_off_a_verified_address_accepts),
        TEST(nobody_is_a_member_twice),
        TEST(what_is_no_address_and_no_role_is_refused),
        TEST(members_and_invitations_are_bounded),
        TEST(owner_and_admins_invite_and_remove_and_others_only_leave),
        TEST(an_invitation_is_taken_back_by_what_stands_for_the_account),
        TEST(members_share_rows_that_outsiders_do_not_see),
        TEST(users_and_organizations_have_each_their_own_collections),
        TEST(a_batch_works_in_one_organization),
        TEST(the_same_key_of_two_members_is_two_keys),
        TEST(what_a_crash_left_is_delivered_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
