/*
 * Passkeys, with what Chromium's own authenticator made and answered for a page of
 * http://localhost:18765 and the challenge "sixteen bytes of": every byte of it counts.
 */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/enc.h"
#include "domain/webauthn.h"
#include "lib/guard.h"

#define SITE      "http://localhost:18765"
#define CHALLENGE "c2l4dGVlbiBieXRlcyBvZg"

/* Attestation "none", "packed" with a certificate, "none". */
static const struct {
    int64_t algorithm;
    const char *id, *attestation, *data, *signature;
} vectors[] = {
    {.algorithm = WEBAUTHN_ES256,
     .id = "m3CFlv8qF9jvD9FdwH2StkNzDNFKpjx4f3UubOUrzJ8",
     .attestation =
         "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVikSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NF"
         "AAAAAQECAwQFBgcIAQIDBAUGBwgAIJtwhZb_KhfY7w_RXcB9krZDcwzRSqY8eH91LmzlK8yfpQECAyYgASFY"
         "IBpsx3Cat-_aan7GeE5Ex3W9T6cNnhlw-D97zpb4Inq3IlgggpOhGXx84OFwtKgiB1J_VdvkGfOEBmrwSK2_"
         "DoKUBYE",
     .data = "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAg",
     .signature =
         "MEUCIB8bconasyUdwyZOPNGM78fXaB8ZRrFmbH9MUpnxP_pNAiEArgwx6Itih300fuXcMo9Cu7MfQY9yEg20"
         "6vUwEM6PE04"},
    {.algorithm = WEBAUTHN_ES256,
     .id = "xYSeZc5as_ppW0PAPpkAf0WZ2JEyNe0zJela0p8BBAE",
     .attestation =
         "o2NmbXRmcGFja2VkZ2F0dFN0bXSjY2FsZyZjc2lnWEgwRgIhAKsHkwnNbiomhUnfphghKjC3Ra5ri7EJSe4w"
         "-C_oy0__AiEA2ki8HyVfoX3cokoLMlmwf0tE7htfx0_3U99Fkt-X5m9jeDVjgVkB1zCCAdMwggF6oAMCAQIC"
         "AQEwCgYIKoZIzj0EAwIwYDELMAkGA1UEBhMCVVMxETAPBgNVBAoMCENocm9taXVtMSIwIAYDVQQLDBlBdXRo"
         "ZW50aWNhdG9yIEF0dGVzdGF0aW9uMRowGAYDVQQDDBFCYXRjaCBDZXJ0aWZpY2F0ZTAeFw0xNzA3MTQwMjQw"
         "MDBaFw00NjExMTYwNzIyMTRaMGAxCzAJBgNVBAYTAlVTMREwDwYDVQQKDAhDaHJvbWl1bTEiMCAGA1UECwwZ"
         "QXV0aGVudGljYXRvciBBdHRlc3RhdGlvbjEaMBgGA1UEAwwRQmF0Y2ggQ2VydGlmaWNhdGUwWTATBgcqhkjO"
         "PQIBBggqhkjOPQMBBwNCAASNYX5lyVCOZLzFZzrIKmeZ2jwURmgsJYxGP__fWN_S-j5sN4tT15XEpN_7QZnt"
         "14YvI6uvAgO0uJEboFaZlOEBoyUwIzAMBgNVHRMBAf8EAjAAMBMGCysGAQQBguUcAgEBBAQDAgMIMAoGCCqG"
         "SM49BAMCA0cAMEQCIFVznoo0s4Wthlks25FYxJ65r192HzmQEaamFMlH7oopAiBCG_GDa0T9yMc0hfv2IDcs"
         "ZfeZS-TNVjt6NpDdvt5FXmhhdXRoRGF0YVikSZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2NFAAAA"
         "AQECAwQFBgcIAQIDBAUGBwgAIMWEnmXOWrP6aVtDwD6ZAH9FmdiRMjXtMyXpWtKfAQQBpQECAyYgASFYIKkK"
         "_daI1SHfs1Rs6s7p7Aa8qQjo-hWMohA9jD0cdvLVIlgg84rKX1qM0D85cm3DDFbpu4SnH0Acq0hHdmZbgJsg"
         "mKw",
     .data = "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAg",
     .signature =
         "MEUCIQDASHGmrCr6y-cHH8njKA6W3tJf40uSs-Gwb2DdP44HCAIgC_fWQvBxBUMhWcuyuXEeDz688nMGwwTO"
         "nQkz1uvsIH0"},
    {.algorithm = WEBAUTHN_RS256,
     .id = "SokPS3cRxCpGJPGhq1t7--wNM51EHxEf18GBYdNn2MA",
     .attestation =
         "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVkBZ0mWDeWIDoxodDQXD2R2YFuP5K65ooYyx5lc87qDHZdj"
         "RQAAAAEBAgMEBQYHCAECAwQFBgcIACBKiQ9LdxHEKkYk8aGrW3v77A0znUQfER_XwYFh02fYwKQBAwM5AQAg"
         "WQEAq_wJXwOuzo5EbjwgOtlbJf2aQOPhxzTMolUPxApChoYrwKJSsRFYT_aUHjLP99yvsob6-WvIRTGJJ783"
         "3jkCvYdsANAyFdo2mUFlI2LhgqcAj31uJD1-353-F9MGFawhltvjf-qZem9-Jiva8t71PeJY2ctSANgO-fPl"
         "-HsPG85fnk10S8lSTxQVHXBuz5qzve6amdR9RbYMMzNT8IZbz35bzvvry350Rp9Uo2BCqjZRsMWaH5kA8WSC"
         "VJoO3q_d_oXIuY1H7H-idzqsmPsB1uQNM6DVbGQpQFH30sLSGqElvwqeDQplA80C-6aJ1Hf6jXMtYbqcTDGC"
         "vrFr4YXOByFDAQAB",
     .data = "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAg",
     .signature =
         "qlghRHN9sCoYCketbiwp387RCf1cIilhkWCCFcCWb0UTFMfgmE11-ydb8DGE9DeAVWdpDu6gpJdMdRrHtH-E"
         "xu4VzTr4vhFoLELKGtSnUhxpnZ5kBjJS53v_MIE2aU4DIMOPyUsWDuxsRh5T0G0tFZL3EHaCzGm-m21VEcFt"
         "svtQovcGx4Wpv_6ySsybS1a7epu-f8Ro-GEYxRT5wJYatUrvM3zVBQ_DWDq8an0oq-WmHiNdnO-ocOeLsBeE"
         "asQ7jZn8XHyDO_21QulT0MSP-wKgyFqIAK8bR9t52e4t1351kFMNGvKNOxmIxyZ5jyGZ4m1YKSj_ixDpF4hF"
         "DJmGqg"},
};

static struct arena mem = ARENA_INIT;
static struct webauthn_site site;

static int set_up(void **state)
{
    (void)state;
    assert_true(webauthn_site(&site, STR(SITE), &mem));
    return 0;
}

static int release(void **state)
{
    (void)state;
    arena_release(&mem);
    return 0;
}

static struct str bytes_of(const char *text)
{
    size_t n, max = strlen(text);
    char *bytes = arena_alloc(&mem, max);
    assert_true(base64url_decode(str_from_c(text), bytes, max, &n));
    return str_make(bytes, n);
}

/* As Chromium writes them. */
static struct str client_json(const char *type, const char *origin)
{
    return arena_printf(&mem,
                        "{\"type\":\"%s\",\"challenge\":\"" CHALLENGE
                        "\",\"origin\":\"%s\",\"crossOrigin\":false}",
                        type, origin);
}

static struct webauthn_client read_client(struct str json)
{
    struct webauthn_client client;
    assert_int_equal(webauthn_read_client(&client, json, &mem), OK);
    return client;
}

static enum err do_register(struct webauthn_credential *c, struct str json, struct str attestation)
{
    struct webauthn_client client = read_client(json);
    const char *why = NULL;
    enum err e = webauthn_register(c, &site, &client, guard_copy(attestation), &why);
    if (e)
        assert_non_null(why);
    return e;
}

/* The passkey of a vector, as it is kept. */
static struct webauthn_credential credential_of(size_t i)
{
    struct webauthn_credential c;
    assert_int_equal(
        do_register(&c, client_json("webauthn.create", SITE), bytes_of(vectors[i].attestation)),
        OK);
    c.public_key = arena_dup(&mem, c.public_key);
    c.id = arena_dup(&mem, c.id);
    return c;
}

static enum err do_verify(const struct webauthn_credential *c, struct str json, struct str data,
                          struct str signature, const char **why)
{
    struct webauthn_client client = read_client(json);
    struct webauthn_assertion a = {&client, arena_dup(&mem, data), arena_dup(&mem, signature)};
    int64_t sign_count = -1;
    enum err e = webauthn_verify(c, &site, &a, &sign_count, why);
    if (e == OK)
        assert_int_equal(sign_count, 2);
    return e;
}

/* --- the site --------------------------------------------------------------------------------- */

static void the_site_is_host_and_origin_of_public_url(void **state)
{
    static const char *const cases[][3] = {
        {"https://cubby.example", "cubby.example", "https://cubby.example"},
        {"https://Cubby.Example:443", "cubby.example", "https://cubby.example"},
        {"https://cubby.example:8443", "cubby.example", "https://cubby.example:8443"},
        {"http://localhost:80", "localhost", "http://localhost"},
        {"http://localhost:8080", "localhost", "http://localhost:8080"},
    };
    static const char *const none[] = {"", "http://127.0.0.1:8080", "https://[::1]",
                                       "https://10.1.2.3"};
    struct webauthn_site s;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(webauthn_site(&s, str_from_c(cases[i][0]), &mem));
        assert_true(str_eq(s.rp_id, str_from_c(cases[i][1])));
        assert_true(str_eq(s.origin, str_from_c(cases[i][2])));
    }
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_false(webauthn_site(&s, str_from_c(none[i]), &mem));
}

/* --- what the browser says -------------------------------------------------------------------- */

static void client_data_is_read(void **state)
{
    (void)state;
    struct webauthn_client c = read_client(client_json("webauthn.get", SITE));
    assert_true(str_eq(c.type, STR("webauthn.get")) && str_eq(c.origin, STR(SITE)));
    assert_true(str_eq(c.challenge, STR("sixteen bytes of")));
    assert_false(c.is_framed);
    c = read_client(
        STR("{\"challenge\":\"\",\"type\":\"x\",\"origin\":\"y\",\"tokenBinding\":{}}"));
    assert_false(c.is_framed);
    c = read_client(
        STR("{\"challenge\":\"\",\"type\":\"x\",\"origin\":\"y\",\"crossOrigin\":true}"));
    assert_true(c.is_framed);
    c = read_client(
        STR("{\"challenge\":\"\",\"type\":\"x\",\"origin\":\"y\",\"topOrigin\":\"z\"}"));
    assert_true(c.is_framed);
}

static void client_data_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"type\":\"x\",\"challenge\":\"\"}",
        "{\"type\":\"x\",\"origin\":\"y\"}",
        "{\"challenge\":\"\",\"origin\":\"y\"}",
        "{\"type\":1,\"challenge\":\"\",\"origin\":\"y\"}",
        "{\"type\":\"x\",\"challenge\":\"=\",\"origin\":\"y\"}",
        "{\"type\":\"x\",\"challenge\":\"A\",\"origin\":\"y\"}",
        "{\"type\":\"x\",\"challenge\":\"\",\"origin\":\"y\",\"crossOrigin\":\"false\"}",
        "{\"type\":\"x\",\"type\":\"x\",\"challenge\":\"\",\"origin\":\"y\"}",
        "{\"type\":\"x\",\"challenge\":\"\",\"origin\":\"y\"}x",
        "{\"type\":\"\\ud800\",\"challenge\":\"\",\"origin\":\"y\"}",
    };
    struct webauthn_client c;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(webauthn_read_client(&c, str_from_c(bad[i]), &mem), ERR_INVALID);
    struct str good = client_json("webauthn.get", SITE);
    for (size_t n = 0; n < good.n; n++)
        assert_int_equal(webauthn_read_client(&c, guard_copy(str_make(good.p, n)), &mem),
                         ERR_INVALID);
    char *large = arena_alloc(&mem, WEBAUTHN_CLIENT_MAX + 1);
    memset(large, ' ', WEBAUTHN_CLIENT_MAX + 1);
    memcpy(large, good.p, good.n);
    assert_int_equal(webauthn_read_client(&c, str_make(large, WEBAUTHN_CLIENT_MAX), &mem), OK);
    assert_int_equal(webauthn_read_client(&c, str_make(large, WEBAUTHN_CLIENT_MAX + 1), &mem),
                     ERR_INVALID);
}

/* --- a new passkey ---------------------------------------------------------------------------- */

static void what_a_browser_makes_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct webauthn_credential c = credential_of(i);
        assert_true(str_eq(c.id, bytes_of(vectors[i].id)));
        assert_int_equal(c.algorithm, vectors[i].algorithm);
        assert_int_equal(c.sign_count, 1);
        assert_false(c.backup_eligible);
    }
}

static void a_registration_is_of_this_site_and_a_registration(void **state)
{
    struct str attestation = bytes_of(vectors[0].attestation);
    struct webauthn_credential c;
    struct webauthn_site own = site;
    (void)state;
    assert_int_equal(do_register(&c, client_json("webauthn.get", SITE), attestation), ERR_INVALID);
    assert_int_equal(
        do_register(&c, client_json("webauthn.create", "https://localhost:18765"), attestation),
        ERR_INVALID);
    assert_int_equal(do_register(&c, client_json("webauthn.create", SITE "/"), attestation),
                     ERR_INVALID);
    site.rp_id = STR("localhos");
    assert_int_equal(do_register(&c, client_json("webauthn.create", SITE), attestation),
                     ERR_INVALID);
    site = own;
}

static void a_registration_cut_short_or_longer_is_refused(void **state)
{
    struct str json = client_json("webauthn.create", SITE);
    struct webauthn_credential c;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct str whole = bytes_of(vectors[i].attestation);
        for (size_t n = 0; n < whole.n; n++)
            assert_int_equal(do_register(&c, json, str_make(whole.p, n)), ERR_INVALID);
        char *bytes = arena_alloc(&mem, whole.n + 1);
        memcpy(bytes, whole.p, whole.n);
        bytes[whole.n] = 0;
        struct str longer = str_make(bytes, whole.n + 1);
        assert_int_equal(do_register(&c, json, longer), ERR_INVALID);
    }
}

/* Where the authenticator data of the first vector begin in its attestation object. */
#define DATA_AT  30
#define FLAGS_AT (DATA_AT + 32)
#define ID_AT    (FLAGS_AT + 1 + 4 + 16 + 2)
#define KEY_AT   (ID_AT + 32)

/* One bit of another byte each time: what is left is refused, or says what was changed: counter,
 * model, id. The key is a point of the curve no more. */
static void every_byte_of_a_registration_counts(void **state)
{
    struct str json = client_json("webauthn.create", SITE),
               whole = bytes_of(vectors[0].attestation);
    (void)state;
    assert_int_equal(whole.p[FLAGS_AT], 0x45);
    for (size_t at = 0; at < whole.n; at++) {
        struct webauthn_credential c;
        char *bytes = (char *)arena_dup(&mem, whole).p;
        bytes[at] = (char)(bytes[at] ^ 1);
        bool is_named = at > FLAGS_AT && at < KEY_AT && at != ID_AT - 1 && at != ID_AT - 2;
        bool is_fmt = at > 5 && at < 10; /* of another format nothing is known */
        assert_int_equal(do_register(&c, json, str_make(bytes, whole.n)),
                         is_named || is_fmt ? OK : ERR_INVALID);
    }
}

static void flags_that_are_missing_or_do_not_fit(void **state)
{
    static const unsigned char bad[] = {0x44, 0x41, 0x40, 0x05, 0x00, 0x55, 0xc5, 0x85, 0x51};
    static const unsigned char good[] = {0x45, 0x4d, 0x5d, 0x47, 0x65};
    struct str json = client_json("webauthn.create", SITE);
    struct webauthn_credential c;
    (void)state;
    char *bytes = (char *)bytes_of(vectors[0].attestation).p;
    size_t n = bytes_of(vectors[0].attestation).n;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        bytes[FLAGS_AT] = (char)bad[i];
        assert_int_equal(do_register(&c, json, str_make(bytes, n)), ERR_INVALID);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        bytes[FLAGS_AT] = (char)good[i];
        assert_int_equal(do_register(&c, json, str_make(bytes, n)), OK);
        assert_true(c.backup_eligible == ((good[i] & 8) != 0));
    }
}

/* --- signing in ------------------------------------------------------------------------------- */

static void what_a_passkey_answers_is_taken(void **state)
{
    const char *why = NULL;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct webauthn_credential c = credential_of(i);
        assert_int_equal(do_verify(&c, client_json("webauthn.get", SITE), bytes_of(vectors[i].data),
                                   bytes_of(vectors[i].signature), &why),
                         OK);
        assert_null(why);
    }
}

/* Each byte of all that is signed, and of the signature, changed; and each of the key. */
static void every_byte_of_an_answer_counts(void **state)
{
    struct str json = client_json("webauthn.get", SITE);
    const char *why;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct webauthn_credential c = credential_of(i);
        const struct str parts[] = {bytes_of(vectors[i].data), bytes_of(vectors[i].signature),
                                    c.public_key};
        for (size_t part = 0; part < ARRAY_LEN(parts); part++)
            for (size_t at = 0; at < parts[part].n; at++) {
                struct str changed[] = {parts[0], parts[1], parts[2]};
                changed[part] = arena_dup(&mem, parts[part]);
                ((char *)changed[part].p)[at] ^= (char)(1 << at % 8);
                c.public_key = changed[2];
                assert_int_equal(do_verify(&c, json, changed[0], changed[1], &why),
                                 ERR_INVALID_CREDENTIALS);
                assert_non_null(why);
            }
    }
}

/* The text as it was signed, but for one character: no JSON any more, or of another hash. */
static void every_byte_of_the_client_data_counts(void **state)
{
    struct str json = client_json("webauthn.get", SITE);
    struct webauthn_credential c = credential_of(0);
    const char *why;
    (void)state;
    for (size_t at = 0; at < json.n; at++) {
        struct webauthn_client client;
        struct str changed = arena_dup(&mem, json);
        ((char *)changed.p)[at] ^= 1;
        if (webauthn_read_client(&client, changed, &mem) == OK)
            assert_int_equal(do_verify(&c, changed, bytes_of(vectors[0].data),
                                       bytes_of(vectors[0].signature), &why),
                             ERR_INVALID_CREDENTIALS);
    }
}

static void an_answer_cut_short_is_refused(void **state)
{
    struct str json = client_json("webauthn.get", SITE), data = bytes_of(vectors[0].data),
               signature = bytes_of(vectors[0].signature);
    struct webauthn_credential c = credential_of(0);
    const char *why;
    (void)state;
    for (size_t n = 0; n < data.n; n++)
        assert_int_equal(do_verify(&c, json, str_make(data.p, n), signature, &why),
                         ERR_INVALID_CREDENTIALS);
    for (size_t n = 0; n < signature.n; n++)
        assert_int_equal(do_verify(&c, json, data, str_make(signature.p, n), &why),
                         ERR_INVALID_CREDENTIALS);
}

static const char *why_refused(const struct webauthn_credential *c, const char *type,
                               const char *origin)
{
    const char *why = NULL;
    assert_int_equal(do_verify(c, client_json(type, origin), bytes_of(vectors[0].data),
                               bytes_of(vectors[0].signature), &why),
                     ERR_INVALID_CREDENTIALS);
    return why;
}

static void an_answer_is_of_this_site_and_passkey(void **state)
{
    struct webauthn_credential c = credential_of(0), other = credential_of(1);
    struct webauthn_site own = site;
    (void)state;
    assert_string_equal(why_refused(&c, "webauthn.create", SITE), "it is of another kind");
    assert_string_equal(why_refused(&c, "webauthn.get", "http://localhost"),
                        "it is of another origin");
    assert_string_equal(why_refused(&other, "webauthn.get", SITE), "the signature is wrong");
    c.backup_eligible = true;
    assert_string_equal(why_refused(&c, "webauthn.get", SITE), "its flags do not fit");
    c.backup_eligible = false;
    c.algorithm = WEBAUTHN_RS256;
    assert_string_equal(why_refused(&c, "webauthn.get", SITE), "the signature is wrong");
    site.rp_id = STR("example.org");
    assert_string_equal(why_refused(&c, "webauthn.get", SITE), "it is of another site");
    site = own;
}

/* Its counter is 2. */
static void a_counter_has_to_go_up(void **state)
{
    struct webauthn_credential c = credential_of(0);
    const char *why = NULL;
    (void)state;
    for (c.sign_count = 0; c.sign_count < 2; c.sign_count++)
        assert_int_equal(do_verify(&c, client_json("webauthn.get", SITE), bytes_of(vectors[0].data),
                                   bytes_of(vectors[0].signature), &why),
                         OK);
    for (; c.sign_count < 4; c.sign_count++)
        assert_string_equal(why_refused(&c, "webauthn.get", SITE), "the counter went back");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, release)
    static const struct CMUnitTest tests[] = {
        TEST(the_site_is_host_and_origin_of_public_url),
        TEST(client_data_is_read),
        TEST(client_data_that_is_none_is_refused),
        TEST(what_a_browser_makes_is_taken),
        TEST(a_registration_is_of_this_site_and_a_registration),
        TEST(a_registration_cut_short_or_longer_is_refused),
        TEST(every_byte_of_a_registration_counts),
        TEST(flags_that_are_missing_or_do_not_fit),
        TEST(what_a_passkey_answers_is_taken),
        TEST(every_byte_of_an_answer_counts),
        TEST(every_byte_of_the_client_data_counts),
        TEST(an_answer_cut_short_is_refused),
        TEST(an_answer_is_of_this_site_and_passkey),
        TEST(a_counter_has_to_go_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
