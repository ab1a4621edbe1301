/* What an ID token must say to count. */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "domain/oidc_token.h"
#include "wire/jws.h"

#define REFUSE(reason) (*why = (reason), ERR_INVALID_TOKEN)

/* --- who signed it ---------------------------------------------------------------------------- */

struct header {
    enum signature_alg alg;
    struct str kid; /* p == NULL: none */
};

static enum err read_header(struct header *out, struct str part, struct arena *mem,
                            const char **why)
{
    struct json doc;
    if (!jws_object(&doc, part, mem))
        return REFUSE("the ID token's header is not JSON");
    struct json_value header = json_root(&doc), kid = json_get(header, STR("kid"));
    struct json_value typ = json_get(header, STR("typ"));
    struct str alg = jws_string(header, STR("alg"), mem);
    if (!str_eq(alg, STR("RS256")) && !str_eq(alg, STR("ES256")))
        return REFUSE("the ID token is not signed with RS256 or ES256");
    if (!json_is_absent(json_get(header, STR("crit"))))
        return REFUSE("the ID token's header asks for what we do not know");
    if (!json_is_absent(kid) && !json_is(kid, JSON_STRING))
        return REFUSE("the ID token's kid is no string");
    if (!json_is_absent(typ) && !str_eq_nocase(jws_string(header, STR("typ"), mem), STR("JWT")))
        return REFUSE("the token is not of the type JWT");
    out->alg = str_eq(alg, STR("RS256")) ? SIGNATURE_RS256 : SIGNATURE_ES256;
    out->kid = jws_string(header, STR("kid"), mem);
    return OK;
}

static enum err check_signature(const struct jws *parts, const struct jwks *keys, struct arena *mem,
                                const char **why)
{
    char signature[SIGNATURE_MAX];
    struct header header;
    size_t n;
    enum err e = read_header(&header, parts->header, mem, why);
    if (e)
        return e;
    if (!base64url_decode(parts->signature, signature, sizeof signature, &n))
        return REFUSE("the ID token's signature is no base64url");
    const struct jwk *key = jwks_find(keys, header.kid, header.alg);
    *why = "the ID token is signed with none of the provider's keys";
    if (!key ||
        signature_verify(&key->key, SIGNATURE_RAW, parts->signed_text, str_make(signature, n)))
        return ERR_NOT_FOUND;
    return OK;
}

/* --- what it says ----------------------------------------------------------------------------- */

static bool is_issuer(const struct oidc_provider *p, struct str iss)
{
    return iss.n && (str_eq(iss, p->issuer) || str_eq(iss, p->issuer_also));
}

/* For us; for others too only when azp says that we asked (3.1.3.7, 3 to 5). */
static bool is_for_us(struct json_value claims, struct str client_id, struct arena *mem)
{
    struct json_value aud = json_get(claims, STR("aud")), azp = json_get(claims, STR("azp"));
    bool found = false, others = false;
    if (!json_is_absent(azp) && !str_eq(jws_string(claims, STR("azp"), mem), client_id))
        return false;
    if (json_is(aud, JSON_STRING))
        return str_eq(json_string(aud, mem), client_id);
    if (!json_is(aud, JSON_ARRAY))
        return false;
    for (struct json_value v = json_first(aud); !json_is_absent(v); v = json_next(aud, v)) {
        bool own = json_is(v, JSON_STRING) && str_eq(json_string(v, mem), client_id);
        found = found || own;
        others = others || !own;
    }
    return found && (!others || !json_is_absent(azp));
}

static enum err check_times(struct json_value claims, int64_t now, const char **why)
{
    int64_t exp = INT64_MIN, iat = INT64_MIN, nbf = INT64_MIN;
    if (!jws_time(claims, STR("exp"), &exp) || exp <= now - OIDC_SKEW_S)
        return REFUSE("the ID token has expired, or does not say when it will");
    if (!jws_time(claims, STR("iat"), &iat) || iat < now - OIDC_TOKEN_AGE_S ||
        iat > now + OIDC_SKEW_S)
        return REFUSE("the ID token was not made just now");
    if (!jws_time(claims, STR("nbf"), &nbf) || nbf > now + OIDC_SKEW_S)
        return REFUSE("the ID token is not good yet");
    return OK;
}

/* Some write booleans as strings. */
static bool is_true(struct json_value v, struct arena *mem)
{
    return json_is(v, JSON_TRUE) ||
           (json_is(v, JSON_STRING) && str_eq(json_string(v, mem), STR("true")));
}

void oidc_token_read_person(struct oidc_person *out, struct json_value claims, struct arena *mem)
{
    *out = (struct oidc_person){
        .subject = jws_string(claims, STR("sub"), mem),
        .email = jws_string(claims, STR("email"), mem),
        .email_verified = is_true(json_get(claims, STR("email_verified")), mem),
    };
}

enum err oidc_token_verify(struct oidc_person *out, struct str token, const struct jwks *keys,
                           const struct oidc_provider *p, struct str nonce, int64_t now_s,
                           struct arena *mem, const char **why)
{
    struct jws parts;
    struct json doc;
    if (token.n > OIDC_TOKEN_MAX || !jws_split(&parts, token))
        return REFUSE("the ID token is not three parts, or too long");
    enum err e = check_signature(&parts, keys, mem, why);
    if (e)
        return e;
    if (!jws_object(&doc, parts.payload, mem))
        return REFUSE("the ID token's claims are not JSON");
    struct json_value claims = json_root(&doc);
    if (!is_issuer(p, jws_string(claims, STR("iss"), mem)))
        return REFUSE("the ID token has another issuer");
    if (!is_for_us(claims, p->client_id, mem))
        return REFUSE("the ID token is for another client");
    if (!nonce.n || !digest_equal(jws_string(claims, STR("nonce"), mem), nonce))
        return REFUSE("the ID token has another nonce");
    e = check_times(claims, now_s, why);
    if (e)
        return e;
    oidc_token_read_person(out, claims, mem);
    if (!out->subject.n || out->subject.n > OIDC_SUBJECT_MAX)
        return REFUSE("the ID token names nobody");
    return OK;
}
