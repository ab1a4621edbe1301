/*
 * Any bytes are read safely as what a browser and an authenticator send; nothing passes as signed.
 * The first byte says what the rest is: client data, an attestation object, or authenticator data.
 */
#include "base/base.h"

#include "domain/webauthn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct webauthn_site site = {{"localhost", 9}, {"http://localhost:18765", 22}};

static void fuzz_client(struct str input, struct arena *mem)
{
    struct webauthn_client client;
    if (webauthn_read_client(&client, input, mem) == OK)
        assert(client.type.p && client.origin.p && client.challenge.n < input.n);
}

static void fuzz_registration(struct str input)
{
    const struct webauthn_client client = {.type = STR("webauthn.create"), .origin = site.origin};
    struct webauthn_credential c;
    const char *why = NULL;
    if (webauthn_register(&c, &site, &client, input, &why) == OK) {
        assert(c.id.n > 0 && c.id.n <= WEBAUTHN_ID_MAX && c.public_key.n > 0);
        assert(c.algorithm == WEBAUTHN_ES256 || c.algorithm == WEBAUTHN_RS256);
        assert(c.sign_count >= 0 && c.sign_count <= UINT32_MAX);
    } else {
        assert(why);
    }
}

static void fuzz_answer(struct str input)
{
    const struct webauthn_client client = {
        .type = STR("webauthn.get"), .origin = site.origin, .json = STR("{}")};
    const struct webauthn_credential c = {.public_key = input, .algorithm = WEBAUTHN_ES256};
    const struct webauthn_assertion a = {&client, input, str_from(input, input.n / 2)};
    const char *why = NULL;
    int64_t sign_count;
    enum err e = webauthn_verify(&c, &site, &a, &sign_count, &why);
    assert(e == ERR_INVALID_CREDENTIALS && why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena mem = ARENA_INIT;
    struct str input = str_from(str_make((const char *)data, size), 1);
    unsigned kind = size ? data[0] % 3 : 0;
    if (kind == 0)
        fuzz_client(input, &mem);
    else if (kind == 1)
        fuzz_registration(input);
    else
        fuzz_answer(input);
    arena_release(&mem);
    return 0;
}
