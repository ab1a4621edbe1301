/* Passkeys: when one may be made, when one is good, and the last way into an account. What a
 * hostile browser sends is tests/stack/passkeys.mjs's and tests/unit/domain/webauthn.c's. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/clock.h"
#include "lib/app/app.h"
#include "lib/authenticator.h"
#include "store/accounts.h"
#include "store/identities.h"

#define NOW       INT64_C(1800000000000)
#define MINUTE_MS INT64_C(60000)
#define EMAIL     "a@example.org"
#define PASSWORD  "{\"password\":\"" TEST_PASSWORD "\"}"

struct fixture {
    struct test_app *t;
    struct authenticator device;
    const char *user_id;
};

static int set_up(void **state)
{
    static struct fixture f;
    clock_set_for_test(NOW);
    int rc = test_app_set_up_user(state);
    f.t = *state;
    f.t->conf.limit_auth_per_address = f.t->conf.limit_auth_per_ip = 0;
    f.t->conf.public_url = STR("https://cubby.example");
    f.device = authenticator_new("cubby.example", "https://cubby.example");
    struct test_reply r =
        test_call(f.t, (struct test_call){.target = "/api/me", .token = f.t->token});
    f.user_id = test_string(f.t, &r, "user.id");
    *state = &f;
    return rc;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *app = f->t;
    signer_free(f->device.key);
    return test_app_tear_down(&app);
}

static void wait(int64_t ms)
{
    clock_set_for_test(clock_wall_ms() + ms);
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct test_reply post(struct fixture *f, const char *target, const char *token,
                              const char *body)
{
    return test_call(f->t, (struct test_call){.target = target, .token = token, .body = body});
}

static struct test_reply get(struct fixture *f, const char *target)
{
    return test_call(f->t, (struct test_call){.target = target, .token = f->t->token});
}

static struct test_reply ask_options(struct fixture *f, const char *body)
{
    return post(f, "/api/passkeys/options", f->t->token, body);
}

static const char *challenge_to_add(struct fixture *f, const char *body)
{
    struct test_reply r = ask_options(f, body);
    assert_int_equal(r.status, 200);
    return test_string(f->t, &r, "options.challenge");
}

static const char *challenge_to_sign_in(struct fixture *f)
{
    struct test_reply r = post(f, "/api/login/passkey/options", NULL, "");
    assert_int_equal(r.status, 200);
    return test_string(f->t, &r, "options.challenge");
}

/* {"credential":…} of what `append` wrote. */
static const char *in_body(struct fixture *f, struct buf *credential)
{
    struct str body =
        arena_printf(&f->t->mem, "{\"credential\":%.*s}", STR_ARG(buf_str(credential)));
    buf_release(credential);
    return body.p;
}

static struct test_reply add_with(struct fixture *f, const char *token, const char *challenge)
{
    struct buf credential = BUF_INIT;
    authenticator_append_created(&credential, &f->device, str_from_c(challenge));
    return post(f, "/api/passkeys", token, in_body(f, &credential));
}

/* Its id. */
static const char *add(struct fixture *f, const char *proof)
{
    struct test_reply r = add_with(f, f->t->token, challenge_to_add(f, proof));
    assert_int_equal(r.status, 200);
    return test_string(f->t, &r, "passkey.id");
}

static struct test_reply sign_in_with(struct fixture *f, const char *challenge)
{
    struct buf credential = BUF_INIT;
    authenticator_append_answer(&credential, &f->device, str_from_c(challenge),
                                str_from_c(f->user_id));
    return post(f, "/api/login/passkey", NULL, in_body(f, &credential));
}

static struct test_reply sign_in(struct fixture *f)
{
    return sign_in_with(f, challenge_to_sign_in(f));
}

static struct test_reply drop(struct fixture *f, const char *target)
{
    return test_call(
        f->t, (struct test_call){.method = METHOD_DELETE, .target = target, .token = f->t->token});
}

static struct test_reply remove_passkey(struct fixture *f, const char *id)
{
    return drop(f, arena_printf(&f->t->mem, "/api/passkeys/%s", id).p);
}

static void take_password(struct fixture *f)
{
    assert_int_equal(accounts_set_password(f->t->store.store, str_from_c(f->user_id), STR("")), OK);
}

static void link_provider(struct fixture *f)
{
    const struct identity i = {STR("op"), STR("subject"), str_from_c(f->user_id), STR(""), NOW};
    enum identity_added result;
    struct space *main;
    assert_int_equal(space_acquire(f->t->store.store, SPACE_MAIN, STR_NULL, &main), OK);
    assert_int_equal(space_begin_write(main), OK);
    assert_int_equal(identities_add(main, &i, &result), OK);
    assert_int_equal(space_commit(main), OK);
    space_release(main);
}

/* --- making one ------------------------------------------------------------------------------- */

static void one_is_made_with_the_password_and_signs_in(void **state)
{
    struct fixture *f = *state;
    const char *id = add(f, PASSWORD);
    struct test_reply r = get(f, "/api/passkeys");
    assert_string_equal(r.body.p,
                        arena_printf(&f->t->mem,
                                     "{\"ok\":true,\"data\":[{\"id\":\"%s\",\"name\":"
                                     "\"Passkey\",\"createdAt\":"
                                     "\"2027-01-15T08:00:00.000Z\",\"lastUsedAt\":null}]}",
                                     id)
                            .p);
    wait(MINUTE_MS);
    r = sign_in(f);
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(f->t, &r, "user.id"), f->user_id);
    assert_non_null(test_cookie(f->t, &r, "refreshToken"));
    r = get(f, "/api/passkeys");
    assert_non_null(strstr(r.body.p, "\"lastUsedAt\":\"2027-01-15T08:01:00.000Z\""));
}

static void without_a_password_it_takes_a_fresh_sign_in(void **state)
{
    struct fixture *f = *state;
    take_password(f);
    const char *challenge = challenge_to_add(f, "");
    wait(5 * MINUTE_MS);
    struct test_reply r = ask_options(f, "");
    test_expect_error(&r, 401, "invalid_credentials");
    r = add_with(f, f->t->token, challenge); /* its own time is over too */
    test_expect_error(&r, 400, "invalid_token");
}

static void a_challenge_is_good_for_five_minutes(void **state)
{
    struct fixture *f = *state;
    const char *challenge = challenge_to_add(f, PASSWORD);
    wait(5 * MINUTE_MS - 1000);
    assert_int_equal(add_with(f, f->t->token, challenge).status, 200);
    const char *early = challenge_to_sign_in(f), *late = challenge_to_sign_in(f);
    wait(5 * MINUTE_MS - 1000);
    assert_int_equal(sign_in_with(f, early).status, 200);
    wait(1000);
    struct test_reply r = sign_in_with(f, late);
    test_expect_error(&r, 400, "invalid_token");
}

static void what_one_session_has_proven_is_not_anothers(void **state)
{
    struct fixture *f = *state;
    const char *challenge = challenge_to_add(f, PASSWORD);
    struct test_reply r =
        post(f, "/api/login", NULL, "{\"email\":\"" EMAIL "\",\"password\":\"" TEST_PASSWORD "\"}");
    const char *other = test_string(f->t, &r, "token");
    r = add_with(f, other, challenge);
    test_expect_error(&r, 400, "invalid_token");
    r = add_with(f, test_sign_up(f->t, "b@example.org"), challenge);
    test_expect_error(&r, 400, "invalid_token");
    assert_int_equal(add_with(f, f->t->token, challenge).status, 200);
}

/* --- signing in ------------------------------------------------------------------------------- */

static void of_one_answer_two_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buf credential = BUF_INIT;
    add(f, PASSWORD);
    authenticator_append_answer(&credential, &f->device, str_from_c(challenge_to_sign_in(f)),
                                str_from_c(f->user_id));
    const char *body = in_body(f, &credential);
    assert_int_equal(post(f, "/api/login/passkey", NULL, body).status, 200);
    struct test_reply r = post(f, "/api/login/passkey", NULL, body);
    test_expect_error(&r, 400, "invalid_token");
}

static void passkeys_are_for_the_site_that_they_were_made_for(void **state)
{
    struct fixture *f = *state;
    add(f, PASSWORD);
    f->t->conf.public_url = STR("https://elsewhere.example");
    struct test_reply r = sign_in(f);
    test_expect_error(&r, 401, "invalid_credentials");
    const char *challenge = challenge_to_sign_in(f);
    f->t->conf.public_url = STR("");
    r = sign_in_with(f, challenge);
    test_expect_error(&r, 404, "not_found");
    f->t->conf.public_url = STR("https://cubby.example");
    assert_int_equal(sign_in_with(f, challenge).status, 200);
}

/* Where nothing is set up: a page that is called so is on the browser's own machine. */
static void without_a_public_url_they_are_for_localhost_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {"localhost.example",   "127.0.0.1:8080", "example.org",
                                         "evil.localhost:8080", "localhostx",     ""};
    struct test_call c = {.method = METHOD_POST, .target = "/api/login/passkey/options"};
    f->t->conf.public_url = STR("");
    c.headers.host = STR("localhost:8080");
    struct test_reply r = test_call(f->t, c);
    assert_int_equal(r.status, 200);
    assert_string_equal(test_string(f->t, &r, "options.rpId"), "localhost");
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        c.headers.host = str_from_c(others[i]);
        r = test_call(f->t, c);
        test_expect_error(&r, 404, "not_found");
    }
}

/* What the request says of host and origin counts for nothing. */
static void the_site_is_not_the_requests(void **state)
{
    struct fixture *f = *state;
    struct test_call c = {.method = METHOD_POST, .target = "/api/login/passkey/options"};
    c.headers.host = STR("elsewhere.example");
    c.headers.forwarded_host = STR("elsewhere.example");
    struct test_reply r = test_call(f->t, c);
    assert_string_equal(test_string(f->t, &r, "options.rpId"), "cubby.example");
}

/* --- the last way in -------------------------------------------------------------------------- */

static void the_last_way_in_stays(void **state)
{
    struct fixture *f = *state;
    take_password(f);
    const char *id = add(f, "");
    struct test_reply r = remove_passkey(f, id);
    test_expect_error(&r, 409, "last_sign_in");
    assert_int_equal(sign_in(f).status, 200);
    link_provider(f);
    assert_int_equal(remove_passkey(f, id).status, 200);
    r = drop(f, "/api/account/identities/op");
    test_expect_error(&r, 409, "last_sign_in");
    f->device.id[0]++;
    add(f, "");
    assert_int_equal(drop(f, "/api/account/identities/op").status, 200);
}

static void of_two_one_can_go(void **state)
{
    struct fixture *f = *state;
    take_password(f);
    const char *first = add(f, "");
    f->device.id[0]++;
    const char *second = add(f, "");
    assert_int_equal(remove_passkey(f, first).status, 200);
    struct test_reply r = remove_passkey(f, first);
    test_expect_error(&r, 404, "not_found");
    r = remove_passkey(f, second);
    test_expect_error(&r, 409, "last_sign_in");
}

static void the_owner_hears_of_what_comes_and_goes(void **state)
{
    struct fixture *f = *state;
    test_verify(f->t, EMAIL);
    const char *id = add(f, PASSWORD);
    assert_non_null(test_mailed(f->t, EMAIL, "notice_passkey_added", "ip"));
    assert_int_equal(remove_passkey(f, id).status, 200);
    assert_non_null(test_mailed(f->t, EMAIL, "notice_passkey_removed", "ip"));
}

/* --- a reset of the password ------------------------------------------------------------------ */

static void reset_password(struct fixture *f)
{
    assert_int_equal(
        post(f, "/api/password-reset/request", NULL, "{\"email\":\"" EMAIL "\"}").status, 200);
    const char *token = test_mailed_token(f->t, EMAIL, "reset_password");
    assert_int_equal(
        post(f, "/api/password-reset/confirm", NULL,
             arena_printf(&f->t->mem, "{\"resetToken\":\"%s\",\"newPassword\":\"another one\"}",
                          token)
                 .p)
            .status,
        200);
}

/* Whoever signed up with the address of another keeps no way in. */
static void a_reset_takes_those_of_an_account_never_verified(void **state)
{
    struct fixture *f = *state;
    add(f, PASSWORD);
    reset_password(f);
    struct test_reply r = sign_in(f);
    test_expect_error(&r, 401, "invalid_credentials");
}

static void a_reset_leaves_those_of_a_verified_account(void **state)
{
    struct fixture *f = *state;
    test_verify(f->t, EMAIL);
    add(f, PASSWORD);
    reset_password(f);
    assert_int_equal(sign_in(f).status, 200);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(one_is_made_with_the_password_and_signs_in),
        TEST(without_a_password_it_takes_a_fresh_sign_in),
        TEST(a_challenge_is_good_for_five_minutes),
        TEST(what_one_session_has_proven_is_not_anothers),
        TEST(of_one_answer_two_are_refused),
        TEST(passkeys_are_for_the_site_that_they_were_made_for),
        TEST(without_a_public_url_they_are_for_localhost_alone),
        TEST(the_site_is_not_the_requests),
        TEST(the_last_way_in_stays),
        TEST(of_two_one_can_go),
        TEST(the_owner_hears_of_what_comes_and_goes),
        TEST(a_reset_takes_those_of_an_account_never_verified),
        TEST(a_reset_leaves_those_of_a_verified_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
