/* JSON Web Keys (RFC 7517; RFC 7518 6) to numbers. */
#include "base/base.h"

#include "base/enc.h"
#include "wire/jwk.h"
#include "wire/jws.h"

/* The bytes of a base64url member; false when it is absent, empty or longer than any we use. */
static bool read_number(struct json_value key, struct str name, struct arena *mem, struct str *out)
{
    struct str text = jws_string(key, name, mem);
    size_t n, max = 2 * SIGNATURE_MAX;
    if (!text.n || text.n > max)
        return false;
    char *bytes = arena_alloc(mem, text.n);
    if (!base64url_decode(text, bytes, text.n, &n))
        return false;
    *out = str_make(bytes, n);
    return true;
}

/* Absent, or this string. */
static bool may_be(struct json_value key, struct str name, struct str wanted, struct arena *mem)
{
    return json_is_absent(json_get(key, name)) || str_eq(jws_string(key, name, mem), wanted);
}

/* RFC 7517 4.3: absent, or "verify" is among them. */
static bool may_verify(struct json_value key, struct arena *mem)
{
    struct json_value ops = json_get(key, STR("key_ops"));
    if (json_is_absent(ops))
        return true;
    if (!json_is(ops, JSON_ARRAY))
        return false;
    for (struct json_value v = json_first(ops); !json_is_absent(v); v = json_next(ops, v))
        if (json_is(v, JSON_STRING) && str_eq(json_string(v, mem), STR("verify")))
            return true;
    return false;
}

static bool read_rsa(struct json_value key, struct arena *mem, struct signature_key *out)
{
    out->alg = SIGNATURE_RS256;
    return may_be(key, STR("alg"), STR("RS256"), mem) && read_number(key, STR("n"), mem, &out->n) &&
           read_number(key, STR("e"), mem, &out->e);
}

static bool read_p256(struct json_value key, struct arena *mem, struct signature_key *out)
{
    out->alg = SIGNATURE_ES256;
    return may_be(key, STR("alg"), STR("ES256"), mem) &&
           str_eq(jws_string(key, STR("crv"), mem), STR("P-256")) &&
           read_number(key, STR("x"), mem, &out->x) && read_number(key, STR("y"), mem, &out->y);
}

static bool read_key(struct json_value key, struct arena *mem, struct jwk *out)
{
    struct json_value kid = json_get(key, STR("kid"));
    struct str type = jws_string(key, STR("kty"), mem);
    *out = (struct jwk){.kid = jws_string(key, STR("kid"), mem)};
    if (!may_be(key, STR("use"), STR("sig"), mem) || !may_verify(key, mem) ||
        !(json_is_absent(kid) || json_is(kid, JSON_STRING)))
        return false;
    if (str_eq(type, STR("RSA")))
        return read_rsa(key, mem, &out->key);
    return str_eq(type, STR("EC")) && read_p256(key, mem, &out->key);
}

enum err jwks_parse(struct jwks *out, struct str text, struct arena *mem)
{
    struct json doc;
    out->count = 0;
    if (json_parse(&doc, text, JSON_STRICT, mem))
        return ERR_INVALID;
    struct json_value keys = json_get(json_root(&doc), STR("keys"));
    if (!json_is(keys, JSON_ARRAY))
        return ERR_INVALID;
    for (struct json_value v = json_first(keys); !json_is_absent(v) && out->count < JWKS_MAX;
         v = json_next(keys, v))
        out->count += read_key(v, mem, &out->list[out->count]);
    return OK;
}

const struct jwk *jwks_find(const struct jwks *set, struct str kid, enum signature_alg alg)
{
    const struct jwk *found = NULL;
    for (size_t i = 0; i < set->count; i++) {
        const struct jwk *k = &set->list[i];
        if (k->key.alg != alg || (kid.p && !(k->kid.p && str_eq(k->kid, kid))))
            continue;
        if (found) /* which of the two is meant is not for us to guess */
            return NULL;
        found = k;
    }
    return found;
}
