/* The passkeys of an account: added after a fresh proof, listed, removed. */
#include "base/base.h"

#include "audit.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/utf8.h"
#include "ceremony.h"
#include "credentials.h"
#include "domain/account_json.h"
#include "notice.h"
#include "res/res.h"
#include "store/once.h"
#include "store/rows.h"

#define NAME_MAX_CHARS      64
#define TRANSPORTS_MAX      8
#define TRANSPORT_MAX_CHARS 20

/* --- answers ---------------------------------------------------------------------------------- */

/* A comma before all but a list's first element. */
static void separate(struct buf *out)
{
    if (out->p[out->n - 1] != '[')
        buf_append_ch(out, ',');
}

static void append_passkey(void *arg, const struct passkey *k)
{
    struct buf *out = arg;
    separate(out);
    buf_append_ch(out, '{');
    passkey_append_members(out, k);
    buf_append_ch(out, '}');
}

enum err passkeys_show(struct req *r)
{
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":[");
    enum err e = passkeys_list(r->space, append_passkey, &r->body_out);
    buf_append_lit(&r->body_out, "]}");
    return e;
}

/* --- what the browser needs to make one ------------------------------------------------------- */

/* An authenticator that has one of these makes no second. */
static void append_excluded(void *arg, const struct passkey *k)
{
    struct buf *out = arg;
    separate(out);
    buf_append_lit(out, "{\"type\":\"public-key\",\"id\":");
    json_append_string(out, k->id);
    buf_append_ch(out, ',');
    passkey_append_transports(out, k);
    buf_append_ch(out, '}');
}

static void append_person(struct buf *out, const struct account *a)
{
    buf_append_lit(out, ",\"user\":{\"id\":\"");
    base64url_append(out, a->id.p, a->id.n);
    buf_append_lit(out, "\",\"name\":");
    json_append_string(out, a->email);
    buf_append_lit(out, ",\"displayName\":");
    json_append_string(out, a->email);
    buf_append_lit(out, "},");
}

/* Bound to the session: what one of the account's sessions has proven is not another's. */
static enum err answer_options(struct req *r, const struct webauthn_site *site,
                               const struct account *a)
{
    struct buf *out = &r->body_out;
    buf_append_lit(out, "{\"ok\":true,\"options\":{\"rp\":{\"id\":");
    json_append_string(out, site->rp_id);
    buf_append_lit(out, ",\"name\":");
    json_append_string(out, site->rp_id);
    buf_append_ch(out, '}');
    append_person(out, a);
    ceremony_append_challenge(r, WHO_PASSKEY_ADD, a->id, r->who.sid);
    buf_appendf(out,
                ",\"pubKeyCredParams\":[{\"type\":\"public-key\",\"alg\":%d},"
                "{\"type\":\"public-key\",\"alg\":%d}]",
                WEBAUTHN_ES256, WEBAUTHN_RS256);
    buf_append_lit(out, ",\"authenticatorSelection\":{\"residentKey\":\"required\","
                        "\"requireResidentKey\":true,\"userVerification\":\"required\"},"
                        "\"attestation\":\"none\",\"excludeCredentials\":[");
    enum err e = passkeys_list(r->space, append_excluded, out);
    buf_append_lit(out, "]}}");
    return e;
}

static enum err refuse_more(struct req *r)
{
    return req_fail(r, ERR_QUOTA, "An account has at most %d passkeys", PASSKEYS_MAX);
}

enum err passkeys_begin(struct req *r)
{
    struct webauthn_site site;
    struct account a;
    int64_t count = 0;
    enum err e = ceremony_site(r, &site);
    if (e == OK)
        e = credentials_confirm(r, STR("password"), &a);
    if (e == OK)
        e = req_resume(r);
    if (e == OK)
        e = passkeys_count(r->space, &count);
    if (e == OK && count >= PASSKEYS_MAX)
        return refuse_more(r);
    return e ? e : answer_options(r, &site, &a);
}

/* --- one is added ----------------------------------------------------------------------------- */

static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 127)
            return false;
    return true;
}

static enum err read_name(struct req *r, struct str *out)
{
    *out = STR("Passkey");
    if (json_is_absent(json_get(req_json(r), STR("name"))))
        return OK;
    bool is_string = req_json_string(r, STR("name"), out);
    *out = str_trim(*out);
    if (!is_string || !out->n || utf8_count(*out) > NAME_MAX_CHARS || !is_one_line(*out))
        return req_fail(r, ERR_INVALID, "name is a text of 1 to %d characters, on one line",
                        NAME_MAX_CHARS);
    return OK;
}

static bool is_transport(struct str word)
{
    for (size_t i = 0; i < word.n; i++)
        if ((word.p[i] < 'a' || word.p[i] > 'z') && word.p[i] != '-')
            return false;
    return word.n && word.n <= TRANSPORT_MAX_CHARS;
}

/* Words for the browser's later use, also those that are not known yet; what is none is left out.
 */
static struct str read_transports(struct req *r, const struct ceremony_answer *a)
{
    struct json_value list = json_get(a->response, STR("transports"));
    struct str out = STR("");
    size_t count = 0;
    if (!json_is(list, JSON_ARRAY))
        return out;
    for (struct json_value v = json_first(list); !json_is_absent(v) && count < TRANSPORTS_MAX;
         v = json_next(list, v)) {
        struct str word = json_is(v, JSON_STRING) ? json_string(v, r->mem) : STR_NULL;
        if (is_transport(word))
            out =
                arena_printf(r->mem, "%.*s%s%.*s", STR_ARG(out), count++ ? " " : "", STR_ARG(word));
    }
    return out;
}

static struct str as_text(struct req *r, struct str bytes)
{
    struct buf text = BUF_INIT;
    base64url_append(&text, bytes.p, bytes.n);
    struct str copy = arena_dup(r->mem, buf_str(&text));
    buf_release(&text);
    return copy;
}

static enum err verify(struct req *r, const struct ceremony_answer *a, struct passkey *out)
{
    struct webauthn_site site;
    struct webauthn_credential c;
    struct str attestation;
    const char *why;
    enum err e = ceremony_site(r, &site);
    if (e == OK)
        e = ceremony_read_bytes(r, a, "attestationObject", WEBAUTHN_ATTESTATION_MAX, &attestation);
    if (e)
        return e;
    if (webauthn_register(&c, &site, &a->client, attestation, &why))
        return req_fail(r, ERR_INVALID, "The passkey is not accepted: %s", why);
    *out = (struct passkey){.id = as_text(r, c.id),
                            .public_key = as_text(r, c.public_key),
                            .algorithm = c.algorithm,
                            .sign_count = c.sign_count,
                            .backup_eligible = c.backup_eligible,
                            .transports = read_transports(r, a),
                            .created_at = clock_wall_ms()};
    if (!str_eq(out->id, a->id))
        return req_fail(r, ERR_INVALID, "The passkey is not accepted: it has another id");
    return OK;
}

/* The challenge is the proof that was given before it; it is used up with what it leads to. */
static enum err use_challenge(struct req *r, const struct ceremony_answer *a)
{
    struct who_once t;
    enum err e = ceremony_check_challenge(r, a, WHO_PASSKEY_ADD, &t);
    if (e == OK && !(str_eq(t.user_id, r->who.user_id) && str_eq(t.value, r->who.sid)))
        e = ERR_INVALID_TOKEN;
    if (e == OK)
        e = once_use(r->space, t.jti, t.exp, clock_wall_ms() / 1000);
    return e == ERR_INVALID_TOKEN ? audit_refused(r, "passkey", r->who.user_id) : e;
}

/* Another account may have one of this id without harm: a sign-in names the account, too, and is
 * looked at in that one's file alone. */
static enum err store(struct req *r, const struct passkey *k)
{
    struct activity_from from = audit_from(r);
    enum err e = passkeys_add(r->space, k);
    if (e == ERR_QUOTA)
        return refuse_more(r);
    if (e == ERR_CONFLICT)
        return req_fail(r, e, "The account has this passkey already");
    if (e == OK)
        e = activity_add(r->space, ACTIVITY_PASSKEY_ADDED, &from, k->name);
    return e ? e : notice_mail(r, r->who.user_id, NOTICE_PASSKEY_ADDED, STR_NULL);
}

enum err passkeys_post(struct req *r)
{
    struct ceremony_answer a;
    struct passkey k;
    struct str name;
    enum err e = read_name(r, &name);
    if (e == OK)
        e = ceremony_read(r, &a);
    if (e == OK)
        e = use_challenge(r, &a);
    if (e == OK)
        e = verify(r, &a, &k);
    if (e)
        return e;
    k.name = name;
    e = store(r, &k);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true,\"passkey\":{");
    passkey_append_members(&r->body_out, &k);
    buf_append_lit(&r->body_out, "}}");
    return OK;
}

/* --- one is removed --------------------------------------------------------------------------- */

static enum err check_way_in(struct req *r)
{
    struct space *main;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e)
        return e;
    e = credentials_check_way_in(r, main);
    space_release(main);
    return e;
}

enum err passkeys_drop(struct req *r)
{
    struct activity_from from = audit_from(r);
    struct passkey k;
    enum err e = passkeys_get(r->space, r->args[0], r->mem, &k);
    if (e == OK)
        e = passkeys_remove(r->space, k.id);
    if (e == OK)
        e = check_way_in(r);
    if (e == OK)
        e = activity_add(r->space, ACTIVITY_PASSKEY_REMOVED, &from, k.name);
    if (e == OK)
        e = notice_mail(r, r->who.user_id, NOTICE_PASSKEY_REMOVED, STR_NULL);
    if (e == OK)
        req_ok(r);
    return e;
}
