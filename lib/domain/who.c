/* Tokens to people and back: which claims make an access, a backend and a refresh token. */
#include "base/base.h"

#include "base/digest.h"
#include "base/enc.h"
#include "domain/who.h"
#include "wire/json.h"

static void add_key(struct who_keys *k, struct str secret)
{
    unsigned char hash[SHA256_LEN];
    struct buf text = BUF_INIT;
    char *kid = k->kid[k->count];

    if (!secret.n)
        return;
    buf_append_lit(&text, "kid:");
    buf_append_str(&text, secret);
    sha256(buf_str(&text), hash);
    buf_release(&text);
    hex_encode(hash, (sizeof k->kid[0] - 1) / 2, kid);
    k->key[k->count++] = (struct jwt_key){str_from_c(kid), secret};
}

void who_keys_init(struct who_keys *k, const struct conf *c)
{
    *k = (struct who_keys){0};
    add_key(k, c->jwt_secret);
    add_key(k, c->jwt_secret_previous);
}

enum err who_verify(struct who *out, struct str token, const struct who_keys *keys, int64_t now_s,
                    struct arena *mem)
{
    struct jwt jwt;
    if (jwt_verify(&jwt, token, keys->key, keys->count, now_s, mem) || jwt.has_type)
        return ERR_UNAUTHORIZED;
    if (jwt.sid.p && !jwt.sid.n) /* a session is named, and none is called so */
        return ERR_UNAUTHORIZED;

    /* A backend may name itself in `sub` and the one it acts for in `userId`. */
    struct str user_id = str_trim(jwt.user_id);
    if (!user_id.n)
        user_id = str_trim(jwt.sub);
    if (!user_id.n)
        return ERR_UNAUTHORIZED;
    *out = (struct who){
        .kind = jwt.sid.p ? WHO_ACCESS : WHO_BACKEND,
        .user_id = user_id,
        .email = jwt.email,
        .sid = jwt.sid,
        .exp = jwt.exp,
    };
    return OK;
}

enum err who_verify_refresh(struct who_refresh *out, struct str token, const struct who_keys *keys,
                            int64_t now_s, struct arena *mem)
{
    struct jwt jwt;
    if (jwt_verify(&jwt, token, keys->key, keys->count, now_s, mem))
        return ERR_UNAUTHORIZED;
    if (!str_eq(jwt.type, STR("refresh")) || !jwt.sub.n || !jwt.sid.n || !jwt.jti.n || !jwt.exp)
        return ERR_UNAUTHORIZED;
    *out = (struct who_refresh){jwt.sub, jwt.sid, jwt.jti, jwt.exp};
    return OK;
}

void who_sign_access(struct buf *out, const struct who_keys *keys, struct str user_id,
                     struct str email, struct str sid, int64_t now_s)
{
    struct buf claims = BUF_INIT;
    buf_append_lit(&claims, "{\"sub\":");
    json_append_string(&claims, user_id);
    buf_append_lit(&claims, ",\"userId\":");
    json_append_string(&claims, user_id);
    buf_append_lit(&claims, ",\"email\":");
    json_append_string(&claims, email);
    buf_append_lit(&claims, ",\"sid\":");
    json_append_string(&claims, sid);
    buf_appendf(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)now_s,
                (long long)(now_s + ACCESS_TOKEN_S));
    jwt_sign(out, &keys->key[0], buf_str(&claims));
    buf_release(&claims);
}

static const struct jwt_key *key_of(const struct who_keys *keys, struct str kid)
{
    for (size_t i = 0; i < keys->count; i++)
        if (str_eq(keys->key[i].kid, kid))
            return &keys->key[i];
    return NULL;
}

enum err who_sign_refresh(struct buf *out, const struct who_keys *keys, struct str user_id,
                          struct str sid, struct str jti, int64_t iat, int64_t exp, struct str kid)
{
    const struct jwt_key *key = key_of(keys, kid);
    struct buf claims = BUF_INIT;

    if (!key)
        return ERR_UNAUTHORIZED;
    buf_append_lit(&claims, "{\"sub\":");
    json_append_string(&claims, user_id);
    buf_append_lit(&claims, ",\"sid\":");
    json_append_string(&claims, sid);
    buf_append_lit(&claims, ",\"jti\":");
    json_append_string(&claims, jti);
    buf_appendf(&claims, ",\"type\":\"refresh\",\"iat\":%lld,\"exp\":%lld}", (long long)iat,
                (long long)exp);
    jwt_sign(out, key, buf_str(&claims));
    buf_release(&claims);
    return OK;
}

enum err who_verify_ticket(struct who_ticket *out, struct str token, const struct who_keys *keys,
                           int64_t now_s, struct arena *mem)
{
    struct jwt jwt;
    if (jwt_verify(&jwt, token, keys->key, keys->count, now_s, mem))
        return ERR_UNAUTHORIZED;
    if (!str_eq(jwt.type, STR("ticket")) || !jwt.sub.n || jwt.jti.n != TICKET_JTI_LEN)
        return ERR_UNAUTHORIZED;
    if ((jwt.sid.p && !jwt.sid.n) || !jwt.exp || jwt.exp > now_s + TICKET_S ||
        (jwt.until && jwt.until <= now_s))
        return ERR_UNAUTHORIZED;
    *out = (struct who_ticket){jwt.sub, jwt.sid, jwt.jti, jwt.iat, jwt.exp, jwt.until};
    return OK;
}

void who_sign_ticket(struct buf *out, const struct who_keys *keys, const struct who *w,
                     int64_t now_s)
{
    char jti[RAND_ID_LEN + 1];
    struct buf claims = BUF_INIT;
    rand_id(jti);
    buf_append_lit(&claims, "{\"sub\":");
    json_append_string(&claims, w->user_id);
    if (w->sid.p) {
        buf_append_lit(&claims, ",\"sid\":");
        json_append_string(&claims, w->sid);
    } else if (w->exp) {
        buf_append_lit(&claims, ",\"until\":");
        buf_append_i64(&claims, w->exp);
    }
    buf_appendf(&claims, ",\"jti\":\"%s\",\"type\":\"ticket\",\"iat\":%lld,\"exp\":%lld}", jti,
                (long long)now_s, (long long)(now_s + TICKET_S));
    jwt_sign(out, &keys->key[0], buf_str(&claims));
    buf_release(&claims);
}

enum err who_verify_once(struct who_once *out, struct str token, struct str type,
                         const struct who_keys *keys, int64_t now_s, struct arena *mem)
{
    struct jwt jwt;
    if (jwt_verify(&jwt, token, keys->key, keys->count, now_s, mem) || !str_eq(jwt.type, type) ||
        jwt.jti.n != RAND_ID_LEN || !jwt.exp)
        return ERR_INVALID_TOKEN;
    *out = (struct who_once){
        .type = jwt.type,
        .user_id = jwt.sub,
        .value = jwt.value,
        .jti = jwt.jti,
        .iat = jwt.iat,
        .exp = jwt.exp,
    };
    return OK;
}

void who_sign_once(struct buf *out, const struct who_keys *keys, const struct who_once *t,
                   int64_t now_s, int64_t lasts_s)
{
    char jti[RAND_ID_LEN + 1];
    struct buf claims = BUF_INIT;
    rand_id(jti);
    buf_append_lit(&claims, "{\"type\":");
    json_append_string(&claims, t->type);
    if (t->user_id.n) {
        buf_append_lit(&claims, ",\"sub\":");
        json_append_string(&claims, t->user_id);
    }
    if (t->value.p) {
        buf_append_lit(&claims, ",\"value\":");
        json_append_string(&claims, t->value);
    }
    buf_appendf(&claims, ",\"jti\":\"%s\",\"iat\":%lld,\"exp\":%lld}", jti, (long long)now_s,
                (long long)(now_s + lasts_s));
    jwt_sign(out, &keys->key[0], buf_str(&claims));
    buf_release(&claims);
}

/* Is the member a string with something in it? */
static bool names_somebody(struct json_value claims, struct str name, struct arena *mem)
{
    struct json_value v = json_get(claims, name);
    return json_is(v, JSON_STRING) && str_trim(json_string(v, mem)).n;
}

/* NULL: nothing. */
static const char *problem_of(struct json_value claims, struct arena *mem)
{
    static const char *const ours[] = {"sid", "type", "iat", "exp", "nbf"};
    if (!json_is(claims, JSON_OBJECT))
        return "the claims must be a JSON object";
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (!json_is_absent(json_get(claims, str_from_c(ours[i]))))
            return "the claims of a backend token have no sid, type, iat, exp or nbf";
    if (!names_somebody(claims, STR("userId"), mem) && !names_somebody(claims, STR("sub"), mem))
        return "the claims need a userId or a sub";
    return NULL;
}

enum err who_mint_backend(struct buf *out, const struct who_keys *keys, struct str claims,
                          int64_t now_s, int64_t lasts_s, struct arena *mem, const char **problem)
{
    struct buf text = BUF_INIT;
    struct json doc;
    enum err e = json_parse(&doc, claims, JSON_STRICT, mem);
    *problem = e ? "the claims are not valid JSON" : problem_of(json_root(&doc), mem);
    if (*problem)
        return ERR_INVALID;
    struct str object = json_raw(json_root(&doc));
    buf_append(&text, object.p, object.n - 1);
    buf_appendf(&text, ",\"iat\":%lld", (long long)now_s);
    if (lasts_s)
        buf_appendf(&text, ",\"exp\":%lld", (long long)(now_s + lasts_s));
    buf_append_ch(&text, '}');
    jwt_sign(out, &keys->key[0], buf_str(&text));
    buf_release(&text);
    return OK;
}

struct str who_bearer(struct str authorization)
{
    struct str scheme = str_make(authorization.p, str_find(authorization, ' '));
    if (!authorization.p || scheme.n == authorization.n || !str_eq_nocase(scheme, STR("Bearer")))
        return STR_NULL;
    return str_trim(str_from(authorization, scheme.n));
}
