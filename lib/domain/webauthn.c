/* From the bytes of authenticators and browsers to a passkey, or to yes or no. */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "domain/origin.h"
#include "domain/webauthn.h"
#include "wire/cbor.h"
#include "wire/json.h"

/* Flags of authenticator data, section 6.1. */
#define USER_PRESENT    0x01u
#define USER_VERIFIED   0x04u
#define BACKUP_ELIGIBLE 0x08u
#define BACKED_UP       0x10u
#define HAS_CREDENTIAL  0x40u
#define HAS_EXTENSIONS  0x80u

#define AAGUID_LEN 16

/* Members of a COSE_Key (RFC 9052 7, RFC 9053 7.1.1, RFC 8230 4) and what they say. */
#define KEY_TYPE      1
#define KEY_ALGORITHM 3
#define KEY_CURVE     (-1) /* of EC2 */
#define KEY_X         (-2)
#define KEY_Y         (-3)
#define KEY_N         (-1) /* of RSA */
#define KEY_E         (-2)

#define TYPE_EC2   2
#define TYPE_RSA   3
#define CURVE_P256 1

/* --- the site --------------------------------------------------------------------------------- */

static struct str lower(struct str s, struct arena *mem)
{
    struct str copy = arena_dup(mem, s);
    for (char *p = (char *)copy.p; p < copy.p + copy.n; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 'a' - 'A');
    return copy;
}

bool webauthn_site(struct webauthn_site *out, struct str public_url, struct arena *mem)
{
    struct origin_address address;
    struct str origin = lower(public_url, mem);
    bool https = str_starts_with(origin, STR("https://"));
    struct str host = str_from(origin, https ? strlen("https://") : strlen("http://"));
    struct str own_port = https ? STR(":443") : STR(":80");
    if (!host.n || host.p[0] == '[')
        return false;
    if (str_ends_with(origin, own_port)) /* browsers leave it out */
        origin.n -= own_port.n;
    host.n = str_find(host, ':');
    *out = (struct webauthn_site){.rp_id = host, .origin = origin};
    return !origin_address_parse(&address, host);
}

/* --- what the browser says -------------------------------------------------------------------- */

static bool read_string(struct json_value object, struct str name, struct arena *mem,
                        struct str *out)
{
    struct json_value v = json_get(object, name);
    if (!json_is(v, JSON_STRING))
        return false;
    *out = json_string(v, mem);
    return true;
}

static bool read_challenge(struct json_value object, struct arena *mem, struct str *out)
{
    struct str text;
    size_t n;
    if (!read_string(object, STR("challenge"), mem, &text))
        return false;
    char *bytes = arena_alloc(mem, text.n + 1);
    if (!base64url_decode(text, bytes, text.n, &n))
        return false;
    *out = str_make(bytes, n);
    return true;
}

enum err webauthn_read_client(struct webauthn_client *out, struct str json, struct arena *mem)
{
    struct json *doc = arena_zalloc(mem, 1, sizeof *doc);
    *out = (struct webauthn_client){.json = json};
    if (json.n > WEBAUTHN_CLIENT_MAX || json_parse(doc, json, JSON_STRICT, mem))
        return ERR_INVALID;
    struct json_value root = json_root(doc), framed = json_get(root, STR("crossOrigin"));
    if (!read_string(root, STR("type"), mem, &out->type) ||
        !read_string(root, STR("origin"), mem, &out->origin) ||
        !read_challenge(root, mem, &out->challenge) ||
        !(json_is_absent(framed) || json_is(framed, JSON_FALSE) || json_is(framed, JSON_TRUE)))
        return ERR_INVALID;
    out->is_framed =
        json_is(framed, JSON_TRUE) || !json_is_absent(json_get(root, STR("topOrigin")));
    return OK;
}

/* NULL: the call was what it should be. */
static const char *problem_of_client(const struct webauthn_client *client,
                                     const struct webauthn_site *site, struct str type)
{
    if (!str_eq(client->type, type))
        return "it is of another kind";
    if (!str_eq(client->origin, site->origin))
        return "it is of another origin";
    return client->is_framed ? "the page was in another site's" : NULL;
}

/* --- what the authenticator says -------------------------------------------------------------- */

struct authenticator {
    struct str rp_hash;
    unsigned flags;
    int64_t sign_count;
    struct str id, key; /* HAS_CREDENTIAL */
};

/* The first n bytes of *rest, which moves behind them. */
static bool take(struct str *rest, size_t n, struct str *out)
{
    if (rest->n < n)
        return false;
    *out = str_make(rest->p, n);
    *rest = str_from(*rest, n);
    return true;
}

static bool take_number(struct str *rest, size_t n, int64_t *out)
{
    struct str bytes;
    if (!take(rest, n, &bytes))
        return false;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out << 8 | (unsigned char)bytes.p[i];
    return true;
}

static bool take_map(struct str *rest, struct str *out)
{
    struct cbor map;
    if (cbor_read(rest, &map) || map.type != CBOR_MAP)
        return false;
    *out = map.raw;
    return true;
}

static bool take_credential(struct str *rest, struct authenticator *out)
{
    struct str aaguid;
    int64_t id_len;
    return take(rest, AAGUID_LEN, &aaguid) && take_number(rest, 2, &id_len) && id_len > 0 &&
           id_len <= WEBAUTHN_ID_MAX && take(rest, (size_t)id_len, &out->id) &&
           take_map(rest, &out->key);
}

static bool read_authenticator(struct str bytes, struct authenticator *out)
{
    struct str flags, extensions;
    *out = (struct authenticator){.flags = 0};
    if (bytes.n > WEBAUTHN_AUTHENTICATOR_MAX || !take(&bytes, SHA256_LEN, &out->rp_hash) ||
        !take(&bytes, 1, &flags) || !take_number(&bytes, 4, &out->sign_count))
        return false;
    out->flags = (unsigned char)flags.p[0];
    if ((out->flags & HAS_CREDENTIAL) && !take_credential(&bytes, out))
        return false;
    if ((out->flags & HAS_EXTENSIONS) && !take_map(&bytes, &extensions))
        return false;
    return bytes.n == 0;
}

/* NULL: it was here, with its owner. */
static const char *problem_of_authenticator(const struct authenticator *a,
                                            const struct webauthn_site *site)
{
    unsigned char hash[SHA256_LEN];
    sha256(site->rp_id, hash);
    if (!str_eq(a->rp_hash, str_make((const char *)hash, sizeof hash)))
        return "it is of another site";
    if (!(a->flags & USER_PRESENT) || !(a->flags & USER_VERIFIED))
        return "the user was not verified";
    return (a->flags & BACKED_UP) && !(a->flags & BACKUP_ELIGIBLE) ? "its flags do not fit" : NULL;
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool find_number(const struct cbor *map, int64_t name, int64_t *out)
{
    struct cbor item;
    if (!cbor_find_number(map, name, &item) || item.type != CBOR_NUMBER)
        return false;
    *out = item.number;
    return true;
}

static bool find_bytes(const struct cbor *map, int64_t name, struct str *out)
{
    struct cbor item;
    if (!cbor_find_number(map, name, &item) || item.type != CBOR_BYTES)
        return false;
    *out = item.text;
    return true;
}

static bool read_p256(const struct cbor *map, struct signature_key *out)
{
    int64_t curve;
    out->alg = SIGNATURE_ES256;
    return map->count == 5 && find_number(map, KEY_CURVE, &curve) && curve == CURVE_P256 &&
           find_bytes(map, KEY_X, &out->x) && find_bytes(map, KEY_Y, &out->y);
}

static bool read_rsa(const struct cbor *map, struct signature_key *out)
{
    out->alg = SIGNATURE_RS256;
    return map->count == 4 && find_bytes(map, KEY_N, &out->n) && find_bytes(map, KEY_E, &out->e);
}

/* A COSE_Key, whole, of an algorithm that is taken, with no member more than that needs. */
static bool read_key(struct str bytes, int64_t *algorithm, struct signature_key *out)
{
    struct cbor map;
    int64_t type;
    *out = (struct signature_key){.alg = SIGNATURE_ES256};
    if (cbor_read(&bytes, &map) || bytes.n || !find_number(&map, KEY_TYPE, &type) ||
        !find_number(&map, KEY_ALGORITHM, algorithm))
        return false;
    if (type == TYPE_EC2 && *algorithm == WEBAUTHN_ES256)
        return read_p256(&map, out);
    return type == TYPE_RSA && *algorithm == WEBAUTHN_RS256 && read_rsa(&map, out);
}

/* --- a new passkey ---------------------------------------------------------------------------- */

/* "none" says nothing, all others something that is not looked at. */
static bool read_attestation(struct str bytes, struct str *authenticator_data)
{
    struct cbor map, format, statement, data;
    if (bytes.n > WEBAUTHN_ATTESTATION_MAX || cbor_read(&bytes, &map) || bytes.n ||
        !cbor_find_text(&map, STR("fmt"), &format) || format.type != CBOR_TEXT ||
        !cbor_find_text(&map, STR("attStmt"), &statement) ||
        !cbor_find_text(&map, STR("authData"), &data) || data.type != CBOR_BYTES)
        return false;
    *authenticator_data = data.text;
    return !str_eq(format.text, STR("none")) ||
           (statement.type == CBOR_MAP && statement.count == 0);
}

enum err webauthn_register(struct webauthn_credential *out, const struct webauthn_site *site,
                           const struct webauthn_client *client, struct str attestation,
                           const char **why)
{
    struct authenticator a;
    struct signature_key key;
    struct str data;
    *why = problem_of_client(client, site, STR("webauthn.create"));
    if (*why)
        return ERR_INVALID;
    *why = "its data is not valid";
    if (!read_attestation(attestation, &data) || !read_authenticator(data, &a) ||
        !(a.flags & HAS_CREDENTIAL))
        return ERR_INVALID;
    *why = problem_of_authenticator(&a, site);
    if (*why)
        return ERR_INVALID;
    *why = "its key is of no kind that was asked for";
    *out = (struct webauthn_credential){.id = a.id,
                                        .public_key = a.key,
                                        .sign_count = a.sign_count,
                                        .backup_eligible = a.flags & BACKUP_ELIGIBLE};
    return read_key(a.key, &out->algorithm, &key) ? signature_check_key(&key) : ERR_INVALID;
}

/* --- signing in ------------------------------------------------------------------------------- */

static bool is_signed(const struct webauthn_credential *c, const struct webauthn_assertion *a)
{
    unsigned char hash[SHA256_LEN];
    struct signature_key key;
    struct buf message = BUF_INIT;
    int64_t algorithm;
    if (!read_key(c->public_key, &algorithm, &key) || algorithm != c->algorithm)
        return false;
    sha256(a->client->json, hash);
    buf_append_str(&message, a->authenticator_data);
    buf_append(&message, hash, sizeof hash);
    enum err e = signature_verify(&key, SIGNATURE_DER, buf_str(&message), a->signature);
    buf_release(&message);
    return e == OK;
}

/* NULL: it is what it seems. */
static const char *problem_of(const struct webauthn_credential *c, const struct webauthn_site *site,
                              const struct webauthn_assertion *a, int64_t *sign_count)
{
    struct authenticator data;
    const char *why = problem_of_client(a->client, site, STR("webauthn.get"));
    if (why)
        return why;
    if (!read_authenticator(a->authenticator_data, &data))
        return "its data is not valid";
    why = problem_of_authenticator(&data, site);
    if (why)
        return why;
    if (!is_signed(c, a))
        return "the signature is wrong";
    if (!(data.flags & BACKUP_ELIGIBLE) != !c->backup_eligible)
        return "its flags do not fit";
    *sign_count = data.sign_count;
    return (data.sign_count || c->sign_count) && data.sign_count <= c->sign_count
               ? "the counter went back"
               : NULL;
}

enum err webauthn_verify(const struct webauthn_credential *c, const struct webauthn_site *site,
                         const struct webauthn_assertion *a, int64_t *sign_count, const char **why)
{
    *why = problem_of(c, site, a, sign_count);
    return *why ? ERR_INVALID_CREDENTIALS : OK;
}
