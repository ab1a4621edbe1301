/* CBOR by hand: everything but id and key is always the same. */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "base/rand.h"
#include "lib/authenticator.h"

#define USER_PRESENT   0x01u
#define USER_VERIFIED  0x04u
#define HAS_CREDENTIAL 0x40u
#define AAGUID_LEN     16

struct authenticator authenticator_new(const char *rp_id, const char *origin)
{
    struct authenticator a = {.key = signer_new(SIGNATURE_ES256),
                              .rp_id = rp_id,
                              .origin = origin,
                              .flags = USER_PRESENT | USER_VERIFIED};
    rand_bytes(a.id, sizeof a.id);
    return a;
}

/* ,"name":"base64url" */
static void append_member(struct buf *out, const char *name, struct str bytes)
{
    buf_appendf(out, ",\"%s\":\"", name);
    base64url_append(out, bytes.p, bytes.n);
    buf_append_ch(out, '"');
}

static void append_client(struct buf *out, const struct authenticator *a, const char *type,
                          struct str challenge)
{
    buf_appendf(out, "{\"type\":\"%s\",\"challenge\":\"%.*s\",\"origin\":\"%s\"}", type,
                STR_ARG(challenge), a->origin);
}

static void append_data(struct buf *out, const struct authenticator *a, unsigned flags)
{
    unsigned char hash[SHA256_LEN];
    sha256(str_from_c(a->rp_id), hash);
    buf_append(out, hash, sizeof hash);
    buf_append_ch(out, (char)flags);
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_ch(out, (char)(a->count >> shift));
}

static void append_credential(struct buf *out, const struct authenticator *a)
{
    static const char aaguid[AAGUID_LEN];
    struct buf point = BUF_INIT;
    signer_append_point(&point, a->key);
    buf_append(out, aaguid, sizeof aaguid);
    buf_append_ch(out, 0);
    buf_append_ch(out, sizeof a->id);
    buf_append(out, a->id, sizeof a->id);
    buf_append_lit(out, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20");
    buf_append(out, point.p, SIGNATURE_P256_LEN);
    buf_append_lit(out, "\x22\x58\x20");
    buf_append(out, point.p + SIGNATURE_P256_LEN, SIGNATURE_P256_LEN);
    buf_release(&point);
}

static void begin(struct buf *out, const struct authenticator *a, struct buf *client)
{
    buf_append_lit(out, "{\"type\":\"public-key\"");
    append_member(out, "id", str_make(a->id, sizeof a->id));
    buf_append_lit(out, ",\"response\":{\"clientExtensionResults\":{}");
    append_member(out, "clientDataJSON", buf_str(client));
}

void authenticator_append_created(struct buf *out, const struct authenticator *a,
                                  struct str challenge)
{
    struct buf client = BUF_INIT, data = BUF_INIT, object = BUF_INIT;
    append_client(&client, a, "webauthn.create", challenge);
    append_data(&data, a, a->flags | HAS_CREDENTIAL);
    append_credential(&data, a);
    buf_append_lit(&object, "\xa3"
                            "cfmtdnonegattStmt\xa0hauthData\x58");
    buf_append_ch(&object, (char)data.n);
    buf_append_str(&object, buf_str(&data));
    begin(out, a, &client);
    append_member(out, "attestationObject", buf_str(&object));
    buf_append_lit(out, ",\"transports\":[\"usb\"]}}");
    buf_release(&client);
    buf_release(&data);
    buf_release(&object);
}

void authenticator_append_answer(struct buf *out, struct authenticator *a, struct str challenge,
                                 struct str user_id)
{
    struct buf client = BUF_INIT, data = BUF_INIT, signature = BUF_INIT;
    unsigned char hash[SHA256_LEN];
    a->count++;
    append_client(&client, a, "webauthn.get", challenge);
    append_data(&data, a, a->flags);
    begin(out, a, &client);
    append_member(out, "authenticatorData", buf_str(&data));
    sha256(buf_str(&client), hash);
    buf_append(&data, hash, sizeof hash);
    signer_append_signature(&signature, a->key, buf_str(&data));
    append_member(out, "signature", buf_str(&signature));
    append_member(out, "userHandle", user_id);
    buf_append_lit(out, "}}");
    buf_release(&client);
    buf_release(&data);
    buf_release(&signature);
}
