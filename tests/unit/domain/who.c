/* Tokens: which are access, backend and refresh tokens, and which are nothing. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "domain/who.h"

#define NOW 1800000000

struct fixture {
    struct conf conf;
    struct who_keys keys;
    struct arena mem;
    struct buf token;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.conf = {.jwt_secret = STR("a secret of tests, thirty-two bytes")}};
    who_keys_init(&f.keys, &f.conf);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    buf_release(&f->token);
    arena_release(&f->mem);
    return 0;
}

static struct str mint(struct fixture *f, const char *claims)
{
    buf_reset(&f->token);
    jwt_sign(&f->token, &f->keys.key[0], str_from_c(claims));
    return buf_str(&f->token);
}

static enum err verify(struct fixture *f, const char *claims, struct who *who)
{
    return who_verify(who, mint(f, claims), &f->keys, NOW, &f->mem);
}

static void access_tokens_come_back_whole(void **state)
{
    struct fixture *f = *state;
    struct who who;
    who_sign_access(&f->token, &f->keys, STR("u1"), STR("\"ann\"@example.org"), STR("s1"), NOW);
    assert_int_equal(who_verify(&who, buf_str(&f->token), &f->keys, NOW, &f->mem), OK);
    assert_int_equal(who.kind, WHO_ACCESS);
    assert_true(str_eq(who.user_id, STR("u1")));
    assert_true(str_eq(who.email, STR("\"ann\"@example.org")));
    assert_true(str_eq(who.sid, STR("s1")));
    assert_int_equal(who.exp, NOW + ACCESS_TOKEN_S);
    assert_int_equal(who_verify(&who, buf_str(&f->token), &f->keys, NOW + ACCESS_TOKEN_S, &f->mem),
                     ERR_UNAUTHORIZED);
}

static void refresh_tokens_come_back_whole_and_are_no_access_tokens(void **state)
{
    struct fixture *f = *state;
    struct who_refresh refresh;
    struct who who;
    struct str kid = f->keys.key[0].kid;
    assert_int_equal(
        who_sign_refresh(&f->token, &f->keys, STR("u1"), STR("s1"), STR("j1"), NOW, NOW + 60, kid),
        OK);
    struct str token = buf_str(&f->token);
    assert_int_equal(who_verify_refresh(&refresh, token, &f->keys, NOW, &f->mem), OK);
    assert_true(str_eq(refresh.user_id, STR("u1")) && str_eq(refresh.sid, STR("s1")) &&
                str_eq(refresh.jti, STR("j1")));
    assert_int_equal(refresh.exp, NOW + 60);
    assert_int_equal(who_verify(&who, token, &f->keys, NOW, &f->mem), ERR_UNAUTHORIZED);
}

static void the_same_refresh_claims_give_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct buf again = BUF_INIT;
    struct str kid = f->keys.key[0].kid;
    for (int i = 0; i < 2; i++)
        assert_int_equal(who_sign_refresh(i ? &again : &f->token, &f->keys, STR("u"), STR("s"),
                                          STR("j"), NOW, NOW + 60, kid),
                         OK);
    assert_true(str_eq(buf_str(&again), buf_str(&f->token)));
    assert_int_equal(who_sign_refresh(&again, &f->keys, STR("u"), STR("s"), STR("j"), NOW, NOW + 60,
                                      STR("unknown")),
                     ERR_UNAUTHORIZED);
    buf_release(&again);
}

static void access_tokens_are_no_refresh_tokens(void **state)
{
    struct fixture *f = *state;
    struct who_refresh refresh;
    static const char *const claims[] = {
        "{\"sub\":\"u\",\"sid\":\"s\",\"jti\":\"j\",\"exp\":1900000000}",
        "{\"sub\":\"u\",\"sid\":\"s\",\"jti\":\"j\",\"type\":\"other\",\"exp\":1900000000}",
        "{\"sub\":\"u\",\"sid\":\"s\",\"jti\":\"j\",\"type\":\"refresh\"}",
        "{\"sub\":\"u\",\"jti\":\"j\",\"type\":\"refresh\",\"exp\":1900000000}",
        "{\"sub\":\"u\",\"sid\":\"s\",\"type\":\"refresh\",\"exp\":1900000000}",
        "{\"sid\":\"s\",\"jti\":\"j\",\"type\":\"refresh\",\"exp\":1900000000}",
    };
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        if (!who_verify_refresh(&refresh, mint(f, claims[i]), &f->keys, NOW, &f->mem))
            fail_msg("accepted %s", claims[i]);
}

static void backend_tokens_name_the_one_they_act_for(void **state)
{
    struct fixture *f = *state;
    struct who who;
    assert_int_equal(verify(f, "{\"sub\":\"u1\"}", &who), OK);
    assert_int_equal(who.kind, WHO_BACKEND);
    assert_int_equal(who.exp, 0);
    assert_true(str_eq(who.user_id, STR("u1")));
    assert_int_equal(verify(f, "{\"sub\":\"shop\",\"userId\":\" u2 \"}", &who), OK);
    assert_true(str_eq(who.user_id, STR("u2")));
}

static void tokens_without_a_person_or_with_a_type_are_nothing(void **state)
{
    struct fixture *f = *state;
    struct who who;
    static const char *const claims[] = {
        "{}",
        "{\"sub\":\"\"}",
        "{\"userId\":\"  \"}",
        "{\"sub\":7}",
        "{\"sub\":\"u\",\"type\":\"password_reset\"}",
        "{\"sub\":\"u\",\"type\":null}",
        "{\"sub\":\"u\",\"exp\":1799999999}",
        "{\"sub\":\"u\",\"nbf\":1800000001}",
    };
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        if (!verify(f, claims[i], &who))
            fail_msg("accepted %s", claims[i]);
}

static enum err verify_ticket(struct fixture *f, struct who_ticket *t, int64_t now_s)
{
    return who_verify_ticket(t, buf_str(&f->token), &f->keys, now_s, &f->mem);
}

static void a_ticket_of_a_session_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    const struct who w = {WHO_ACCESS, STR("u1"), STR("e"), STR("s1"), NOW + 5};
    struct who_ticket t, other;
    who_sign_ticket(&f->token, &f->keys, &w, NOW);
    assert_int_equal(verify_ticket(f, &t, NOW + TICKET_S - 1), OK);
    assert_true(str_eq(t.user_id, STR("u1")) && str_eq(t.sid, STR("s1")));
    assert_int_equal(t.jti.n, TICKET_JTI_LEN);
    assert_int_equal(t.iat, NOW);
    assert_int_equal(t.exp, NOW + TICKET_S);
    assert_int_equal(t.until, 0);
    assert_int_equal(verify_ticket(f, &other, NOW + TICKET_S), ERR_UNAUTHORIZED);
    buf_reset(&f->token);
    who_sign_ticket(&f->token, &f->keys, &w, NOW);
    assert_int_equal(verify_ticket(f, &other, NOW), OK);
    assert_false(str_eq(t.jti, other.jti));
}

static void a_ticket_of_a_backend_token_ends_with_that(void **state)
{
    struct fixture *f = *state;
    struct who_ticket t;
    who_sign_ticket(&f->token, &f->keys, &(struct who){.kind = WHO_BACKEND, .user_id = STR("u1")},
                    NOW);
    assert_int_equal(verify_ticket(f, &t, NOW), OK);
    assert_null(t.sid.p);
    assert_int_equal(t.until, 0);
    buf_reset(&f->token);
    who_sign_ticket(&f->token, &f->keys,
                    &(struct who){.kind = WHO_BACKEND, .user_id = STR("u1"), .exp = NOW + 9}, NOW);
    assert_int_equal(verify_ticket(f, &t, NOW + 8), OK);
    assert_int_equal(t.until, NOW + 9);
    assert_int_equal(verify_ticket(f, &t, NOW + 9), ERR_UNAUTHORIZED);
}

static void tickets_are_no_other_token_and_no_other_token_is_a_ticket(void **state)
{
    struct fixture *f = *state;
    const struct who w = {WHO_ACCESS, STR("u1"), STR("e"), STR("s1"), NOW + 5};
    struct who who;
    struct who_refresh refresh;
    struct who_ticket t;
    static const char jti[] = "\"jti\":\"0123456789abcdef0123456789abcdef\"";
    static const char *const claims[] = {
        "{\"sub\":\"u\",%s,\"exp\":1800000030}",
        "{\"sub\":\"u\",%s,\"type\":\"refresh\",\"exp\":1800000030}",
        "{\"sub\":\"u\",%s,\"type\":[\"ticket\"],\"exp\":1800000030}",
        "{\"sub\":\"u\",%s,\"type\":\"ticket\"}",
        "{\"sub\":\"u\",%s,\"type\":\"ticket\",\"exp\":1800000031}",
        "{\"sub\":\"u\",%s,\"type\":\"ticket\",\"exp\":1800000030,\"sid\":7}",
        "{\"sub\":\"u\",%s,\"type\":\"ticket\",\"exp\":1800000030,\"until\":\"x\"}",
        "{\"userId\":\"u\",%s,\"type\":\"ticket\",\"exp\":1800000030}",
        "{\"sub\":\"u\",\"x%.0s\":1,\"type\":\"ticket\",\"exp\":1800000030}",
        "{\"sub\":\"u\",\"jti%.0s\":\"short\",\"type\":\"ticket\",\"exp\":1800000030}",
    };
    who_sign_ticket(&f->token, &f->keys, &w, NOW);
    assert_int_equal(who_verify(&who, buf_str(&f->token), &f->keys, NOW, &f->mem),
                     ERR_UNAUTHORIZED);
    assert_int_equal(who_verify_refresh(&refresh, buf_str(&f->token), &f->keys, NOW, &f->mem),
                     ERR_UNAUTHORIZED);
    mint(f,
         arena_printf(&f->mem, "{\"sub\":\"u\",%s,\"type\":\"ticket\",\"exp\":1800000030}", jti).p);
    assert_int_equal(verify_ticket(f, &t, NOW), OK);
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        char text[256];
        snprintf(text, sizeof text, claims[i], jti);
        mint(f, text);
        if (!verify_ticket(f, &t, NOW))
            fail_msg("accepted %s", text);
    }
}

static enum err verify_once(struct fixture *f, struct who_once *t, struct str type, int64_t now_s)
{
    return who_verify_once(t, buf_str(&f->token), type, &f->keys, now_s, &f->mem);
}

static void a_one_time_token_comes_back_whole_as_its_own_type_only(void **state)
{
    struct fixture *f = *state;
    const struct who_once made = {
        .type = WHO_PASSWORD_RESET, .user_id = STR("u1"), .value = STR("a \"b\"")};
    struct who_once t;
    struct who who;
    who_sign_once(&f->token, &f->keys, &made, NOW, 60);
    assert_int_equal(verify_once(f, &t, WHO_PASSWORD_RESET, NOW + 59), OK);
    assert_true(str_eq(t.user_id, STR("u1")));
    assert_true(str_eq(t.value, STR("a \"b\"")));
    assert_int_equal(t.jti.n, RAND_ID_LEN);
    assert_int_equal(t.iat, NOW);
    assert_int_equal(t.exp, NOW + 60);
    assert_int_equal(verify_once(f, &t, WHO_PASSWORD_RESET, NOW + 60), ERR_INVALID_TOKEN);
    assert_int_equal(verify_once(f, &t, WHO_EMAIL_VERIFY, NOW), ERR_INVALID_TOKEN);
    assert_int_equal(who_verify(&who, buf_str(&f->token), &f->keys, NOW, &f->mem),
                     ERR_UNAUTHORIZED);
}

static void a_one_time_token_without_its_claims_is_nothing(void **state)
{
    struct fixture *f = *state;
    struct who_once t;
    static const char *const bad[] = {
        "{}",
        "{\"type\":\"login\",\"exp\":1800000060}",
        "{\"type\":\"login\",\"jti\":\"short\",\"exp\":1800000060}",
        "{\"type\":\"login\",\"jti\":\"00112233445566778899aabbccddeeff\"}",
        "{\"type\":[\"login\"],\"jti\":\"00112233445566778899aabbccddeeff\","
        "\"exp\":1800000060}",
        "{\"jti\":\"00112233445566778899aabbccddeeff\",\"exp\":1800000060}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        mint(f, bad[i]);
        assert_int_equal(verify_once(f, &t, WHO_LOGIN, NOW), ERR_INVALID_TOKEN);
    }
}

static enum err mint_backend(struct fixture *f, const char *claims, int64_t lasts_s)
{
    const char *problem;
    buf_reset(&f->token);
    enum err e =
        who_mint_backend(&f->token, &f->keys, str_from_c(claims), NOW, lasts_s, &f->mem, &problem);
    assert_int_equal(problem != NULL, e != OK);
    return e;
}

static void minted_tokens_are_backend_tokens(void **state)
{
    struct fixture *f = *state;
    struct who who;
    assert_int_equal(mint_backend(f, " {\"userId\":\"u1\",\"x\":{\"y\":1}} ", 60), OK);
    assert_int_equal(who_verify(&who, buf_str(&f->token), &f->keys, NOW + 59, &f->mem), OK);
    assert_int_equal(who.kind, WHO_BACKEND);
    assert_true(str_eq(who.user_id, STR("u1")));
    assert_int_equal(who.exp, NOW + 60);
    assert_int_equal(mint_backend(f, "{\"sub\":\"u2\"}", 0), OK);
    assert_int_equal(who_verify(&who, buf_str(&f->token), &f->keys, NOW, &f->mem), OK);
    assert_int_equal(who.exp, 0);
}

static void claims_that_no_backend_token_has_are_not_minted(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        "[]",
        "\"u1\"",
        "{\"userId\":\"u1\"",
        "{}",
        "{\"userId\":\" \"}",
        "{\"userId\":7}",
        "{\"sub\":\"u1\",\"sid\":\"s\"}",
        "{\"sub\":\"u1\",\"type\":\"refresh\"}",
        "{\"sub\":\"u1\",\"exp\":1}",
        "{\"sub\":\"u1\",\"sub\":\"u2\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(mint_backend(f, bad[i], 60), ERR_INVALID);
        assert_int_equal(f->token.n, 0);
    }
}

static void the_previous_secret_verifies_and_the_new_one_signs(void **state)
{
    struct fixture *f = *state;
    struct who who;
    struct str old = arena_dup(&f->mem, mint(f, "{\"sub\":\"u\"}"));
    struct str first = f->conf.jwt_secret;
    f->conf.jwt_secret = STR("another secret, thirty-two bytes long");
    who_keys_init(&f->keys, &f->conf);
    assert_int_equal(who_verify(&who, old, &f->keys, NOW, &f->mem), ERR_UNAUTHORIZED);
    f->conf.jwt_secret_previous = first;
    who_keys_init(&f->keys, &f->conf);
    assert_int_equal(who_verify(&who, old, &f->keys, NOW, &f->mem), OK);
    assert_int_equal(f->keys.key[0].kid.n, 8);
    assert_false(str_eq(f->keys.key[0].kid, f->keys.key[1].kid));
    assert_true(str_eq(f->keys.key[0].secret, f->conf.jwt_secret));
}

static void bearer_is_read_in_any_case_and_nothing_else(void **state)
{
    (void)state;
    assert_true(str_eq(who_bearer(STR("Bearer abc")), STR("abc")));
    assert_true(str_eq(who_bearer(STR("bEARER   abc ")), STR("abc")));
    assert_null(who_bearer(STR("Basic abc")).p);
    assert_null(who_bearer(STR("Bearerabc")).p);
    assert_null(who_bearer(STR("Bearer")).p);
    assert_null(who_bearer(STR_NULL).p);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(access_tokens_come_back_whole),
        TEST(refresh_tokens_come_back_whole_and_are_no_access_tokens),
        TEST(the_same_refresh_claims_give_the_same_bytes),
        TEST(access_tokens_are_no_refresh_tokens),
        TEST(backend_tokens_name_the_one_they_act_for),
        TEST(tokens_without_a_person_or_with_a_type_are_nothing),
        TEST(a_ticket_of_a_session_comes_back_whole),
        TEST(a_ticket_of_a_backend_token_ends_with_that),
        TEST(tickets_are_no_other_token_and_no_other_token_is_a_ticket),
        TEST(a_one_time_token_comes_back_whole_as_its_own_type_only),
        TEST(a_one_time_token_without_its_claims_is_nothing),
        TEST(minted_tokens_are_backend_tokens),
        TEST(claims_that_no_backend_token_has_are_not_minted),
        TEST(the_previous_secret_verifies_and_the_new_one_signs),
        TEST(bearer_is_read_in_any_case_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
