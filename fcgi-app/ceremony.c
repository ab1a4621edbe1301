/* Challenges out, credentials in. */
#include "base/base.h"

#include "auth.h"
#include "base/clock.h"
#include "base/enc.h"
#include "ceremony.h"
#include "domain/origin.h"

/* Characters that n bytes become in base64url. */
#define TEXT_LEN(n) (((n)*4 + 2) / 3)

/* A request may say that it is for localhost, but nothing else: no other site can be called so. */
enum err ceremony_site(struct req *r, struct webauthn_site *out)
{
    struct str url = r->app->conf->public_url;
    struct origin_request o = auth_origin(r);
    if (webauthn_site(out, url.n ? url : origin_own(r->app->conf, &o, r->mem), r->mem) &&
        (url.n || str_eq(out->rp_id, STR("localhost"))))
        return OK;
    return req_fail(r, ERR_NOT_FOUND,
                    "There are no passkeys here: they need a public_url with a host's name");
}

void ceremony_append_challenge(struct req *r, struct str type, struct str user_id, struct str value)
{
    struct buf token = BUF_INIT;
    const struct who_once t = {.type = type, .user_id = user_id, .value = value};
    who_sign_once(&token, &r->app->keys, &t, clock_wall_ms() / 1000, CEREMONY_S);
    buf_append_lit(&r->body_out, "\"challenge\":\"");
    base64url_append(&r->body_out, token.p, token.n);
    buf_appendf(&r->body_out, "\",\"timeout\":%d", CEREMONY_S * 1000);
    buf_release(&token);
}

/* --- the credential --------------------------------------------------------------------------- */

static enum err refuse(struct req *r, const char *what)
{
    return req_fail(r, ERR_INVALID, "credential is not valid: %s", what);
}

static bool is_string(struct req *r, struct json_value object, struct str name, struct str wanted)
{
    struct json_value v = json_get(object, name);
    return json_is(v, JSON_STRING) && str_eq(json_string(v, r->mem), wanted);
}

/* Base64url that says the same in no other way: what it stands for can be compared as text. */
static bool read_id(struct req *r, struct json_value credential, struct str *out)
{
    unsigned char bytes[WEBAUTHN_ID_MAX];
    struct json_value v = json_get(credential, STR("id"));
    size_t n;
    if (!json_is(v, JSON_STRING))
        return false;
    *out = json_string(v, r->mem);
    return base64url_decode(*out, bytes, sizeof bytes, &n) && n > 0 &&
           (json_is_absent(json_get(credential, STR("rawId"))) ||
            is_string(r, credential, STR("rawId"), *out));
}

enum err ceremony_read_bytes(struct req *r, const struct ceremony_answer *a, const char *name,
                             size_t max, struct str *out)
{
    struct json_value v = json_get(a->response, str_from_c(name));
    struct str text = json_is(v, JSON_STRING) ? json_string(v, r->mem) : STR_NULL;
    size_t n = 0;
    char *bytes = arena_alloc(r->mem, max);
    if (text.n > TEXT_LEN(max) || !base64url_decode(text, bytes, max, &n) || n == 0)
        return req_fail(r, ERR_INVALID,
                        "credential.response.%s must be base64url of 1 to %zu bytes", name, max);
    *out = str_make(bytes, n);
    return OK;
}

enum err ceremony_read(struct req *r, struct ceremony_answer *out)
{
    struct json_value credential = json_get(req_json(r), STR("credential"));
    struct str client;
    if (!json_is(credential, JSON_OBJECT))
        return req_fail(r, ERR_INVALID, "credential must be an object");
    if (!is_string(r, credential, STR("type"), STR("public-key")))
        return refuse(r, "its type must be public-key");
    if (!read_id(r, credential, &out->id))
        return refuse(r, "its id must be base64url, and rawId the same");
    out->response = json_get(credential, STR("response"));
    enum err e = ceremony_read_bytes(r, out, "clientDataJSON", WEBAUTHN_CLIENT_MAX, &client);
    if (e == OK && webauthn_read_client(&out->client, client, r->mem))
        return refuse(r, "clientDataJSON is not what browsers write");
    return e;
}

enum err ceremony_check_challenge(struct req *r, const struct ceremony_answer *a, struct str type,
                                  struct who_once *out)
{
    return who_verify_once(out, a->client.challenge, type, &r->app->keys, clock_wall_ms() / 1000,
                           r->mem);
}
