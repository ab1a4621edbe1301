/* The redirect to a provider, and the code that comes back redeemed. */
#include "base/base.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/mem.h"
#include "domain/oidc_document.h"
#include "domain/oidc_provider.h"
#include "domain/oidc_token.h"
#include "wire/jws.h"

#define WELL_KNOWN "/.well-known/openid-configuration"

/* What a provider has published. */
struct source {
    struct oidc_document configuration, keys;
};

struct oidc {
    struct fetch_options fetch;
    const struct oidc_provider *providers; /* sorted by name */
    size_t count;
    struct source *sources; /* in the same order */
};

enum err oidc_open(struct oidc **out, const char *dir, const struct fetch_options *options,
                   struct arena *mem, struct str *message)
{
    struct oidc *o = mem_zalloc(1, sizeof *o);
    enum err e = OK;
    *out = NULL;
    o->fetch = *options;
    if (dir)
        e = oidc_providers_load(dir, options, mem, &o->providers, &o->count, message);
    if (e) {
        mem_free(o);
        return e;
    }
    o->sources = mem_zalloc(o->count, sizeof *o->sources);
    for (size_t i = 0; i < o->count; i++) {
        oidc_document_init(&o->sources[i].configuration);
        oidc_document_init(&o->sources[i].keys);
    }
    *out = o;
    return OK;
}

void oidc_close(struct oidc *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->count; i++) {
        oidc_document_release(&o->sources[i].configuration);
        oidc_document_release(&o->sources[i].keys);
    }
    mem_free(o->sources);
    mem_free(o);
}

const struct oidc_provider *oidc_list(const struct oidc *o, size_t *count)
{
    *count = o->count;
    return o->providers;
}

const struct oidc_provider *oidc_find(const struct oidc *o, struct str name)
{
    for (size_t i = 0; i < o->count; i++)
        if (str_eq(o->providers[i].name, name))
            return &o->providers[i];
    return NULL;
}

static struct source *source_of(struct oidc *o, const struct oidc_provider *p)
{
    return &o->sources[p - o->providers];
}

/* --- what is published ------------------------------------------------------------------------ */

/* OpenID Connect Discovery 1.0 section 3. */
struct configuration {
    struct str authorization, token, keys; /* endpoints */
    struct str userinfo;                   /* the same, p == NULL: there is none */
    bool secret_in_body;                   /* client_secret_post, where that is the only way */
    bool sends_iss;                        /* RFC 9207 */
};

static bool has_string(struct json_value array, struct str wanted, struct arena *mem)
{
    if (!json_is(array, JSON_ARRAY))
        return false;
    for (struct json_value v = json_first(array); !json_is_absent(v); v = json_next(array, v))
        if (json_is(v, JSON_STRING) && str_eq(json_string(v, mem), wanted))
            return true;
    return false;
}

/* What the files of a provider are checked against. */
struct reader {
    const struct oidc *oidc;
    const struct oidc_provider *provider;
};

static bool read_configuration(const struct reader *r, struct str text, struct arena *mem,
                               struct configuration *out)
{
    struct json doc;
    const struct fetch_options *f = &r->oidc->fetch;
    if (json_parse(&doc, text, JSON_STRICT, mem))
        return false;
    struct json_value root = json_root(&doc);
    struct json_value methods = json_get(root, STR("token_endpoint_auth_methods_supported"));
    *out = (struct configuration){
        .authorization = jws_string(root, STR("authorization_endpoint"), mem),
        .token = jws_string(root, STR("token_endpoint"), mem),
        .keys = jws_string(root, STR("jwks_uri"), mem),
        .userinfo = jws_string(root, STR("userinfo_endpoint"), mem),
        .secret_in_body = has_string(methods, STR("client_secret_post"), mem) &&
                          !has_string(methods, STR("client_secret_basic"), mem),
        .sends_iss = json_is(json_get(root, STR("authorization_response_iss_parameter_supported")),
                             JSON_TRUE),
    };
    return str_eq(jws_string(root, STR("issuer"), mem), r->provider->issuer) &&
           fetch_is_allowed(f, out->authorization) && fetch_is_allowed(f, out->token) &&
           fetch_is_allowed(f, out->keys) &&
           (!out->userinfo.p || fetch_is_allowed(f, out->userinfo));
}

static bool is_configuration(const void *arg, struct str text, struct arena *mem)
{
    struct configuration ignored;
    return read_configuration(arg, text, mem, &ignored);
}

static bool is_key_set(const void *arg, struct str text, struct arena *mem)
{
    struct jwks *set = arena_alloc(mem, sizeof *set);
    (void)arg;
    return jwks_parse(set, text, mem) == OK;
}

static enum err get_configuration(struct oidc *o, const struct oidc_provider *p, struct arena *mem,
                                  struct configuration *out, const char **why)
{
    const struct reader reader = {o, p};
    struct str issuer = p->issuer, text;
    uint64_t edition;
    if (str_ends_with(issuer, STR("/")))
        issuer.n--;
    const struct oidc_wish wish = {
        .url = arena_printf(mem, "%.*s" WELL_KNOWN, STR_ARG(issuer)),
        .is_good = is_configuration,
        .arg = &reader,
    };
    enum err e = oidc_document_get(&source_of(o, p)->configuration, &o->fetch, &wish, mem, &text,
                                   &edition, why);
    if (e)
        return e;
    bool good = read_configuration(&reader, text, mem, out);
    assert(good);
    return OK;
}

/* *edition: in, the one that would not do (0: none); out, the one that this is. */
static enum err get_keys(struct oidc *o, const struct oidc_provider *p, struct str url,
                         struct arena *mem, uint64_t *edition, const struct jwks **out,
                         const char **why)
{
    const struct oidc_wish wish = {.url = url, .is_good = is_key_set, .newer_than = *edition};
    struct jwks *set = arena_alloc(mem, sizeof *set);
    struct str text;
    enum err e =
        oidc_document_get(&source_of(o, p)->keys, &o->fetch, &wish, mem, &text, edition, why);
    *out = set;
    return e ? e : jwks_parse(set, text, mem);
}

/* --- to the provider -------------------------------------------------------------------------- */

/* "&name=value", encoded. */
static void add(struct buf *out, const char *name, struct str value)
{
    buf_appendf(out, "&%s=", name);
    percent_append(out, value);
}

/* RFC 7636 4.2. */
static void add_challenge(struct buf *out, struct str verifier)
{
    unsigned char hash[SHA256_LEN];
    sha256(verifier, hash);
    buf_append_lit(out, "&code_challenge_method=S256&code_challenge=");
    base64url_append(out, hash, sizeof hash);
}

enum err oidc_authorize(struct oidc *o, const struct oidc_provider *p, const struct oidc_attempt *a,
                        struct arena *mem, struct str *url, const char **why)
{
    struct configuration c;
    struct buf text = BUF_INIT;
    enum err e = get_configuration(o, p, mem, &c, why);
    if (e)
        return e;
    bool has_query = str_find(c.authorization, '?') < c.authorization.n;
    buf_append_str(&text, str_make(c.authorization.p, str_find(c.authorization, '#')));
    buf_append_str(&text, has_query ? STR("&response_type=code") : STR("?response_type=code"));
    add(&text, "client_id", p->client_id);
    add(&text, "redirect_uri", a->redirect_uri);
    add(&text, "scope", p->scope);
    add(&text, "state", a->state);
    add(&text, "nonce", a->nonce);
    add_challenge(&text, a->verifier);
    *url = arena_dup(mem, buf_str(&text));
    buf_release(&text);
    return OK;
}

/* --- and back --------------------------------------------------------------------------------- */

static struct str encoded(struct str s, struct arena *mem)
{
    struct buf text = BUF_INIT;
    percent_append(&text, s);
    struct str copy = arena_dup(mem, buf_str(&text));
    buf_release(&text);
    return copy;
}

/* RFC 6749 4.1.3, 2.3.1. */
static enum err ask_for_token(const struct oidc *o, const struct oidc_provider *p,
                              const struct configuration *c, const struct oidc_attempt *a,
                              struct str code, struct arena *mem, struct fetch_answer *answer,
                              const char **why)
{
    struct buf body = BUF_INIT;
    bool by_header = p->client_secret.n && !c->secret_in_body;
    struct fetch_request q = {.url = c->token, .type = STR("application/x-www-form-urlencoded")};
    buf_append_lit(&body, "grant_type=authorization_code");
    add(&body, "code", code);
    add(&body, "redirect_uri", a->redirect_uri);
    add(&body, "code_verifier", a->verifier);
    if (by_header) {
        q.user = encoded(p->client_id, mem);
        q.password = encoded(p->client_secret, mem);
    } else {
        add(&body, "client_id", p->client_id);
        if (p->client_secret.n)
            add(&body, "client_secret", p->client_secret);
    }
    q.body = buf_str(&body);
    enum err e = fetch(&o->fetch, &q, mem, answer, why);
    buf_release(&body);
    return e ? ERR_PROVIDER : OK;
}

/* What a code is redeemed for. */
struct tokens {
    struct str id, access;
};

/* The answer of the token endpoint; RFC 6749 5.2 for what else it can be. */
static enum err read_answer(const struct fetch_answer *answer, struct arena *mem,
                            struct tokens *out, const char **why)
{
    struct json doc;
    bool is_json = json_parse(&doc, answer->body, JSON_STRICT, mem) == OK;
    struct json_value root = is_json ? json_root(&doc) : JSON_ABSENT;
    out->id = jws_string(root, STR("id_token"), mem);
    out->access = jws_string(root, STR("access_token"), mem);
    if (answer->status == 200 && out->id.n)
        return OK;
    if (answer->status == 400 &&
        str_eq(jws_string(root, STR("error"), mem), STR("invalid_grant"))) {
        *why = "the provider does not know the code";
        return ERR_INVALID_TOKEN;
    }
    *why = answer->status == 200 ? "the provider's answer to the code has no ID token"
                                 : "the provider refuses to redeem a code: is the client's secret "
                                   "right, and the redirect URI registered?";
    return ERR_PROVIDER;
}

/* With the keys at hand, or with newer ones: providers change theirs. */
static enum err verify(struct oidc *o, const struct oidc_provider *p, struct str keys_url,
                       struct str token, struct str nonce, struct arena *mem,
                       struct oidc_person *out, const char **why)
{
    const struct jwks *keys;
    uint64_t edition = 0;
    enum err e;
    for (int attempt = 0; attempt < 2; attempt++) {
        e = get_keys(o, p, keys_url, mem, &edition, &keys, why);
        if (e)
            return ERR_PROVIDER;
        e = oidc_token_verify(out, token, keys, p, nonce, clock_wall_ms() / 1000, mem, why);
        if (e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_INVALID_TOKEN;
}

/*
 * The address of an ID token that tells none: asked for by scope it is here, unless the provider
 * puts it into both (OpenID Connect Core 5.3, 5.4).
 */
static enum err ask_for_email(const struct oidc *o, const struct configuration *c,
                              struct str access_token, struct arena *mem, struct oidc_person *out,
                              const char **why)
{
    struct fetch_answer answer;
    struct json doc;
    struct str subject = out->subject;
    if (out->email.n || !c->userinfo.n || !access_token.n)
        return OK;
    const struct fetch_request q = {.url = c->userinfo, .bearer = access_token};
    if (fetch(&o->fetch, &q, mem, &answer, why))
        return ERR_PROVIDER;
    *why = "it does not say who the person is";
    if (answer.status != 200 || json_parse(&doc, answer.body, JSON_STRICT, mem))
        return ERR_PROVIDER;
    oidc_token_read_person(out, json_root(&doc), mem);
    return str_eq(out->subject, subject) ? OK : ERR_PROVIDER;
}

enum err oidc_redeem(struct oidc *o, const struct oidc_provider *p, const struct oidc_attempt *a,
                     struct str code, struct str iss, struct arena *mem, struct oidc_person *out,
                     const char **why)
{
    struct configuration c;
    struct fetch_answer answer;
    struct tokens tokens;
    enum err e = get_configuration(o, p, mem, &c, why);
    if (e)
        return e;
    if ((iss.p || c.sends_iss) && !str_eq(iss, p->issuer)) {
        *why = "the answer is of another issuer";
        return ERR_INVALID_TOKEN;
    }
    e = ask_for_token(o, p, &c, a, code, mem, &answer, why);
    if (e == OK)
        e = read_answer(&answer, mem, &tokens, why);
    if (e == OK)
        e = verify(o, p, c.keys, tokens.id, a->nonce, mem, out, why);
    return e ? e : ask_for_email(o, &c, tokens.access, mem, out, why);
}
