/* JSON Web Tokens: JWS compact serialisation (RFC 7515) with HS256, claims of RFC 7519. The
 * signature is checked before a byte of the claims is looked at. */
#include "base/base.h"

#include <math.h>

#include "base/digest.h"
#include "base/enc.h"
#include "wire/json.h"
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

/* The three parts and what the signature covers. */
struct parts {
    struct str header, claims, signature, signed_text;
};

static bool split(struct str token, struct parts *p)
{
    struct str rest = token;
    if (token.n > JWT_MAX || !str_next(&rest, '.', &p->header) ||
        !str_next(&rest, '.', &p->claims) || !rest.p)
        return false;
    p->signature = rest; /* a fourth part's dot fails as base64url */
    p->signed_text = str_make(token.p, p->header.n + 1 + p->claims.n);
    return p->signature.n == SIGNATURE_TEXT_LEN;
}

/* Decode a part and parse it as a JSON object. */
static bool read_object(struct json *doc, struct str part, struct arena *mem)
{
    size_t n;
    char *text = arena_alloc(mem, part.n);
    return base64url_decode(part, text, part.n, &n) &&
           json_parse(doc, str_make(text, n), JSON_STRICT, mem) == OK &&
           json_is(json_root(doc), JSON_OBJECT);
}

/* The string member of that name, or STR_NULL when there is none or it is no string. */
static struct str string_claim(struct json_value obj, struct str name, struct arena *mem)
{
    struct json_value v = json_get(obj, name);
    return json_is(v, JSON_STRING) ? json_string(v, mem) : STR_NULL;
}

/* A sid of another type than string names no session, which is not the same as naming none. */
static struct str sid_claim(struct json_value claims, struct arena *mem)
{
    struct json_value v = json_get(claims, STR("sid"));
    return json_is_absent(v) || json_is(v, JSON_STRING) ? string_claim(claims, STR("sid"), mem)
                                                        : STR("");
}

/* alg is HS256, nothing critical is asked for (RFC 7515 4.1.11), kid is a string or absent. */
static bool read_header(struct jwt *out, struct str part, struct arena *mem)
{
    struct json doc;
    if (!read_object(&doc, part, mem))
        return false;
    struct json_value header = json_root(&doc), kid = json_get(header, STR("kid"));
    out->kid = string_claim(header, STR("kid"), mem);
    return str_eq(string_claim(header, STR("alg"), mem), STR("HS256")) &&
           json_is_absent(json_get(header, STR("crit"))) &&
           (json_is_absent(kid) || json_is(kid, JSON_STRING));
}

static bool is_signed(const struct parts *p, struct str kid, const struct jwt_key *keys, size_t n)
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

/*
 * A NumericDate (RFC 7519 section 2), rounded up: against a whole `now`, both "exp > now" and
 * "now >= nbf" keep their answer. False for another type; absent leaves *out alone.
 */
static bool read_time(struct json_value claims, struct str name, int64_t *out)
{
    struct json_value v = json_get(claims, name);
    double seconds;
    if (json_is_absent(v) || json_to_i64(v, out))
        return true;
    if (!json_to_double(v, &seconds))
        return false;
    if (seconds >= 0x1p63)
        *out = INT64_MAX;
    else
        *out = seconds <= -0x1p63 ? INT64_MIN : (int64_t)ceil(seconds);
    return true;
}

static bool read_claims(struct jwt *out, struct str part, int64_t now, struct arena *mem)
{
    struct json doc;
    int64_t exp = INT64_MAX, nbf = INT64_MIN;
    if (!read_object(&doc, part, mem))
        return false;
    struct json_value claims = json_root(&doc);
    if (!read_time(claims, STR("exp"), &exp) || !read_time(claims, STR("nbf"), &nbf) ||
        exp <= now || nbf > now)
        return false;
    out->exp = json_is_absent(json_get(claims, STR("exp"))) ? 0 : exp;
    out->nbf = json_is_absent(json_get(claims, STR("nbf"))) ? 0 : nbf;
    if (!read_time(claims, STR("iat"), &out->iat))
        out->iat = 0; /* informative only */
    if (!read_time(claims, STR("until"), &out->until))
        out->until = INT64_MIN; /* long over */
    out->has_type = !json_is_absent(json_get(claims, STR("type")));
    out->type = string_claim(claims, STR("type"), mem);
    out->sub = string_claim(claims, STR("sub"), mem);
    out->user_id = string_claim(claims, STR("userId"), mem);
    out->email = string_claim(claims, STR("email"), mem);
    out->sid = sid_claim(claims, mem);
    out->jti = string_claim(claims, STR("jti"), mem);
    out->value = string_claim(claims, STR("value"), mem);
    return true;
}

enum err jwt_verify(struct jwt *out, struct str token, const struct jwt_key *keys, size_t key_count,
                    int64_t now, struct arena *mem)
{
    struct parts p;
    *out = (struct jwt){0};
    if (!split(token, &p) || !read_header(out, p.header, mem) ||
        !is_signed(&p, out->kid, keys, key_count) || !read_claims(out, p.claims, now, mem))
        return ERR_UNAUTHORIZED;
    return OK;
}
