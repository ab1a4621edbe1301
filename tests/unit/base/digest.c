/* Digests against the published vectors, the kept keys, and threads. */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/enc.h"

static void assert_hex(const char *expected, const unsigned char *digest, size_t n)
{
    char hex[2 * SHA256_LEN + 1];
    hex_encode(digest, n, hex);
    assert_string_equal(expected, hex);
}

static void makes_sha_1(void **state)
{
    (void)state;
    unsigned char out[SHA1_LEN];
    sha1(STR("abc"), out);
    assert_hex("a9993e364706816aba3e25717850c26c9cd0d89d", out, sizeof out);
    sha1(STR_NULL, out);
    assert_hex("da39a3ee5e6b4b0d3255bfef95601890afd80709", out, sizeof out);
}

static void makes_sha_256(void **state)
{
    (void)state;
    unsigned char out[SHA256_LEN];
    sha256(STR("abc"), out);
    assert_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", out, sizeof out);
    sha256(STR_NULL, out);
    assert_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", out, sizeof out);
}

/* RFC 4231, cases 2, 3 and 6 (a key longer than a block). */
static void makes_hmac_sha_256(void **state)
{
    (void)state;
    unsigned char out[SHA256_LEN];
    char key[131], data[50];
    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", out, sizeof out);
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    hmac_sha256(str_make(key, 20), str_make(data, 50), out);
    assert_hex("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", out, sizeof out);
    hmac_sha256(str_make(key, 131), STR("Test Using Larger Than Block-Size Key - Hash Key First"),
                out);
    assert_hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", out, sizeof out);
}

/* RFC 2202, cases 2 and 6. */
static void makes_hmac_sha_1(void **state)
{
    (void)state;
    unsigned char out[SHA1_LEN];
    char key[80];
    hmac_sha1(STR("Jefe"), STR("what do ya want for nothing?"), out);
    assert_hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", out, sizeof out);
    memset(key, 0xaa, sizeof key);
    hmac_sha1(str_make(key, 80), STR("Test Using Larger Than Block-Size Key - Hash Key First"),
              out);
    assert_hex("aa4ae5e15272d00e95705637ce8a3b55ed402112", out, sizeof out);
}

static void takes_empty_keys_and_messages(void **state)
{
    (void)state;
    unsigned char out[SHA256_LEN];
    hmac_sha256(STR_NULL, STR_NULL, out);
    assert_hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", out, sizeof out);
}

/* More keys than are kept, one a prefix of another, and one too long to be kept. */
static void gives_the_same_whatever_keys_came_before(void **state)
{
    (void)state;
    static char key[300];
    static const size_t lengths[] = {1, 2, 31, 32, 64, 65, 255, 256, 257, 300};
    unsigned char first[ARRAY_LEN(lengths)][SHA256_LEN], again[SHA256_LEN];
    for (int round = 0; round < 5; round++)
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
            size_t at = round % 2 ? i : ARRAY_LEN(lengths) - 1 - i;
            hmac_sha256(str_make(key, lengths[at]), STR("message"), round ? again : first[at]);
            if (round)
                assert_memory_equal(first[at], again, SHA256_LEN);
        }
    /* HMAC pads short keys with zeros: keys of zeros up to a block are one key. */
    assert_memory_equal(first[0], first[4], SHA256_LEN);
    assert_memory_not_equal(first[0], first[5], SHA256_LEN);
}

static void *sign_many(void *expected)
{
    unsigned char out[SHA256_LEN];
    for (int i = 0; i < 200; i++) {
        char key[4] = {(char)(i % 6), 1, 2, 3};
        hmac_sha256(str_make(key, 4), STR("other"), out);
        hmac_sha256(STR("key"), STR("message"), out);
        if (memcmp(expected, out, SHA256_LEN) != 0)
            return expected;
    }
    return NULL;
}

static void works_in_several_threads(void **state)
{
    (void)state;
    unsigned char expected[SHA256_LEN];
    pthread_t threads[4];
    hmac_sha256(STR("key"), STR("message"), expected);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, sign_many, expected));
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        assert_int_equal(0, pthread_join(threads[i], &failed));
        assert_null(failed);
    }
}

static void compares_whole_secrets(void **state)
{
    (void)state;
    assert_true(digest_equal(STR("abc"), STR("abc")));
    assert_false(digest_equal(STR("abc"), STR("abd")));
    assert_false(digest_equal(STR("abc"), STR("xbc")));
    assert_false(digest_equal(STR("abc"), STR("ab")));
    assert_true(digest_equal(STR_NULL, STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_sha_1),
        cmocka_unit_test(makes_sha_256),
        cmocka_unit_test(makes_hmac_sha_256),
        cmocka_unit_test(makes_hmac_sha_1),
        cmocka_unit_test(takes_empty_keys_and_messages),
        cmocka_unit_test(gives_the_same_whatever_keys_came_before),
        cmocka_unit_test(works_in_several_threads),
        cmocka_unit_test(compares_whole_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
