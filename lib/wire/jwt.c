/* JSON Web Tokens: JWS compact serialisation (RFC 7515) with HS256, claims of RFC 7519. The
 * signature is checked before a byte of the claims is looked at. */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "wire/jws.h"
#include "wire/jwt.h"

/* Characters of a 32-byte signature in base64url. */
#define SIGNATURE_TEXT_LEN 43

void jwt_sign(struct buf *out, const struct jwt_key *key, struct str claims)
{
    struct buf header = BUF_INIT;
    unsigned char mac[SHA256_LEN];
    size_t start = out->n;
    buf_append_lit(&header, "{\"alg\":\"HS256\",\"typ\":\"JWT\"");
    if (key->kid.n) {
        buf_append_lit(&header, ",\"kid\":");
        json_append_string(&header, key->kid);
    }
    buf_append_ch(&header, '}');
    base64url_append(out, header.p, header.n);
    buf_append_ch(out, '.');
    base64url_append(out, claims.p, claims.n);
    hmac_sha256(key->secret, str_from(buf_str(out), start), mac);
    buf_append_ch(out, '.');
    base64url_append(out, mac, sizeof mac);
    buf_release(&header);
}

static bool split(struct str token, struct jws *p)
{
    return token.n <= JWT_MAX && jws_split(p, token) && p->signature.n == SIGNATURE_TEXT_LEN;
}

/* A sid of another type than string names no session, which is not the same as naming none. */
static struct str sid_claim(struct json_value claims, struct arena *mem)
{
    struct json_value v = json_get(claims, STR("sid"));
    return json_is_absent(v) || json_is(v, JSON_STRING) ? jws_string(claims, STR("sid"), mem)
                                                        : STR("");
}

/* alg is HS256, nothing critical is asked for (RFC 7515 4.1.11), kid is a string or absent. */
static bool read_header(struct jwt *out, struct str part, struct arena *mem)
{
    struct json doc;
    if (!jws_object(&doc, part, mem))
        return false;
    struct json_value header = json_root(&doc), kid = json_get(header, STR("kid"));
    out->kid = jws_string(header, STR("kid"), mem);
    return str_eq(jws_string(header, STR("alg"), mem), STR("HS256")) &&
           json_is_absent(json_get(header, STR("crit"))) &&
           (json_is_absent(kid) || json_is(kid, JSON_STRING));
}

static bool is_signed(const struct jws *p, struct str kid, const struct jwt_key *keys, size_t n)
{
    unsigned char mac[SHA256_LEN], claimed[SHA256_LEN];
    size_t len;
    bool good = false;
    if (!base64url_decode(p->signature, claimed, sizeof claimed, &len) || len != sizeof claimed)
        return false;
    for (size_t i = 0; i < n && !good; i++) {
        if (keys[i].secret.n == 0 || (kid.p && !str_eq(kid, keys[i].kid)))
            continue;
        hmac_sha256(keys[i].secret, p->signed_text, mac);
        good = digest_equal(str_make((char *)mac, sizeof mac),
                            str_make((char *)claimed, sizeof claimed));
    }
    return good;
}

static bool read_claims(struct jwt *out, struct str part, int64_t now, struct arena *mem)
{
    struct json doc;
    int64_t exp = INT64_MAX, nbf = INT64_MIN;
    if (!jws_object(&doc, part, mem))
        return false;
    struct json_value claims = json_root(&doc);
    if (!jws_time(claims, STR("exp"), &exp) || !jws_time(claims, STR("nbf"), &nbf) || exp <= now ||
        nbf > now)
        return false;
    out->exp = json_is_absent(json_get(claims, STR("exp"))) ? 0 : exp;
    out->nbf = json_is_absent(json_get(claims, STR("nbf"))) ? 0 : nbf;
    if (!jws_time(claims, STR("iat"), &out->iat))
        out->iat = 0; /* informative only */
    if (!jws_time(claims, STR("until"), &out->until))
        out->until = INT64_MIN; /* long over */
    out->has_type = !json_is_absent(json_get(claims, STR("type")));
    out->type = jws_string(claims, STR("type"), mem);
    out->sub = jws_string(claims, STR("sub"), mem);
    out->user_id = jws_string(claims, STR("userId"), mem);
    out->email = jws_string(claims, STR("email"), mem);
    out->sid = sid_claim(claims, mem);
    out->jti = jws_string(claims, STR("jti"), mem);
    out->value = jws_string(claims, STR("value"), mem);
    return true;
}

enum err jwt_verify(struct jwt *out, struct str token, const struct jwt_key *keys, size_t key_count,
                    int64_t now, struct arena *mem)
{
    struct jws p;
    *out = (struct jwt){0};
    if (!split(token, &p) || !read_header(out, p.header, mem) ||
        !is_signed(&p, out->kid, keys, key_count) || !read_claims(out, p.payload, now, mem))
        return ERR_UNAUTHORIZED;
    return OK;
}
