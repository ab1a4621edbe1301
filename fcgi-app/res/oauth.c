/* Signing in with OpenID Connect providers: the redirect there, and the answer that comes back. No
 * space is held while a provider is asked. */
#include "base/base.h"

#include "audit.h"
#include "auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "credentials.h"
#include "notice.h"
#include "oauth_state.h"
#include "res/res.h"
#include "signin.h"
#include "store/identities.h"

/* --- answers ---------------------------------------------------------------------------------- */

/* Fail with a code of one's own, which pages show in their own words. */
static enum err fail(struct req *r, enum err e, struct str code, const char *sentence)
{
    r->code = code;
    return req_fail(r, e, "%s", sentence);
}

static enum err provider_failed(const struct oidc_provider *p, enum err e, const char *why)
{
    if (e == ERR_PROVIDER)
        log_warn("provider=%.*s failed why=\"%s\"", STR_ARG(p->name), why);
    return e;
}

static bool is_browser(const struct req *r)
{
    struct str rest = r->headers.accept, type;
    while (str_next(&rest, ',', &type))
        if (str_eq_nocase(str_trim(str_make(type.p, str_find(type, ';'))), STR("text/html")))
            return true;
    return false;
}

/* These calls are pages that a browser goes to: it is sent on, with the code, to one of ours. */
static enum err answer(struct req *r, enum err e)
{
    if (e == OK || !is_browser(r))
        return e;
    if (r->login_token.p)
        return req_redirect(r, account_second_page(r));
    struct str code = r->code.p ? r->code : err_code(e);
    return req_redirect(r, arena_printf(r->mem, "/?error=%.*s", STR_ARG(code)));
}

/* For the buttons of a page: who there is, and nothing of how we are known to them. */
enum err oauth_providers(struct req *r)
{
    size_t count;
    const struct oidc_provider *list = oidc_list(r->app->oidc, &count);
    buf_append_lit(&r->body_out, "{\"ok\":true,\"data\":[");
    for (size_t i = 0; i < count; i++) {
        buf_append_str(&r->body_out, i ? STR(",{\"name\":") : STR("{\"name\":"));
        json_append_string(&r->body_out, list[i].name);
        buf_append_lit(&r->body_out, ",\"label\":");
        json_append_string(&r->body_out, list[i].label);
        buf_append_ch(&r->body_out, '}');
    }
    buf_append_lit(&r->body_out, "]}");
    return OK;
}

/* --- to the provider -------------------------------------------------------------------------- */

/* Where the browser is to go; s->link_to is given. */
static enum err begin(struct req *r, const struct oidc_provider *p, struct oauth_state *s,
                      struct str *url)
{
    const char *why;
    enum err e = oauth_state_begin(r, p, s);
    if (e)
        return e;
    e = oidc_authorize(r->app->oidc, p, &s->attempt, r->mem, url, &why);
    return e ? provider_failed(p, e, why) : OK;
}

static void go_there(struct req *r, struct str url)
{
    r->status = 303;
    req_header(r, STR("Location"), url);
}

enum err oauth_begin(struct req *r)
{
    struct oauth_state s = {.link_to = STR_NULL};
    struct str url;
    const struct oidc_provider *p = oidc_find(r->app->oidc, r->args[0]);
    enum err e = p ? begin(r, p, &s, &url) : ERR_NOT_FOUND;
    if (e == OK)
        go_there(r, url);
    return answer(r, e);
}

/* A way in that lasts: who finds a browser signed in must not leave one. */
static enum err begin_link(struct req *r, struct str *url)
{
    struct account a;
    const struct oidc_provider *p = oidc_find(r->app->oidc, r->args[0]);
    enum err e = p ? credentials_confirm(r, STR("password"), &a) : ERR_NOT_FOUND;
    return e ? e : begin(r, p, &(struct oauth_state){.link_to = a.id}, url);
}

enum err oauth_link(struct req *r)
{
    struct str url;
    enum err e = begin_link(r, &url);
    if (e)
        return answer(r, e);
    if (r->form) {
        go_there(r, url);
        return OK;
    }
    buf_append_lit(&r->body_out, "{\"ok\":true,\"url\":");
    json_append_string(&r->body_out, url);
    buf_append_ch(&r->body_out, '}');
    return OK;
}

/* --- the identity ----------------------------------------------------------------------------- */

static enum err explain(struct req *r, enum identity_added result)
{
    if (result == IDENTITY_TAKEN)
        return fail(r, ERR_CONFLICT, STR("identity_taken"),
                    "This identity belongs to another account");
    if (result == IDENTITY_SECOND)
        return fail(r, ERR_CONFLICT, STR("already_linked"),
                    "The account has another identity of this provider");
    return OK;
}

/* An identity to be added, and what becomes of it. */
struct addition {
    struct identity identity;
    struct str proven; /* the address that the provider vouches for to who is signed in */
    enum identity_added result;
    bool verified; /* the account's address was not, and is now */
};

/*
 * An account whose address was never verified gets no identity: whoever signed up with the address
 * of another would keep a way in when its owner sets a new password by mail. Who is signed in and
 * for whose address the provider vouches has verified it with that.
 */
static enum err check_verified(struct req *r, struct space *sp, struct addition *n)
{
    struct account a;
    enum err e = accounts_by_id_within(sp, n->identity.user_id, r->mem, &a);
    if (e || a.email_verified)
        return e;
    if (!str_eq(n->proven, a.email))
        return fail(r, ERR_CONFLICT, STR("account_unverified"),
                    "The address of the account was never verified: do that first, or set a new "
                    "password by mail");
    n->verified = true;
    return accounts_set_email_within(sp, a.id, a.email);
}

static enum err add_identity(struct req *r, struct addition *n)
{
    struct space *sp;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e == OK)
        e = check_verified(r, sp, n);
    if (e == OK)
        e = identities_add(sp, &n->identity, &n->result);
    if (e == OK)
        e = explain(r, n->result);
    return space_leave(sp, e);
}

static enum err note_linked(struct req *r, struct space *sp, const struct addition *n)
{
    struct activity_from from = audit_from(r);
    enum err e = activity_add(sp, ACTIVITY_PROVIDER_LINKED, &from, n->identity.provider);
    if (e == OK && n->verified)
        e = activity_add(sp, ACTIVITY_EMAIL_VERIFIED, &from, n->identity.provider);
    return e;
}

/* From now on this person is user_id. */
static enum err link_identity(struct req *r, const struct oidc_provider *p,
                              const struct oidc_person *person, struct str user_id,
                              bool is_signed_in)
{
    struct addition n = {.identity = {p->name, person->subject, user_id, STR(""), clock_wall_ms()}};
    struct space *sp;
    struct str email;
    if (credentials_is_address(r, person->email, &email))
        n.identity.email = email;
    if (is_signed_in && person->email_verified && n.identity.email.n)
        n.proven = n.identity.email;
    enum err e = space_enter(r->app->store, SPACE_USER, user_id, &sp);
    if (e == OK)
        e = add_identity(r, &n);
    if (e == OK)
        e = note_linked(r, sp, &n);
    return space_leave(sp, e);
}

/* --- signing in ------------------------------------------------------------------------------- */

static enum err find_account(struct req *r, const struct oidc_provider *p,
                             const struct oidc_person *person, struct account *a)
{
    struct str user_id;
    struct space *sp;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &sp);
    if (e)
        return e;
    e = identities_find(sp, p->name, person->subject, r->mem, &user_id);
    if (e == OK)
        e = accounts_by_id_within(sp, user_id, r->mem, a);
    space_release(sp);
    return e;
}

/* An account of the same address, for which both sides vouch. */
static enum err join(struct req *r, const struct oidc_provider *p, const struct oidc_person *person,
                     const struct account *a, struct auth_tokens *tokens)
{
    enum err e = link_identity(r, p, person, a->id, false);
    if (e == OK)
        e = notice_mail(r, a->id, NOTICE_PROVIDER_LINKED, p->name);
    return e ? e : signin_open(r, a, p->name, tokens);
}

/* A new account that has no password; the provider vouches for its address. */
static enum err make(struct req *r, const struct oidc_provider *p, const struct oidc_person *person,
                     struct str email, struct auth_tokens *tokens)
{
    struct account a = {.email = email, .password_hash = STR(""), .email_verified = true};
    enum err e = signin_make(r, &a, p->name, tokens);
    return e ? e : link_identity(r, p, person, a.id, false);
}

static enum err sign_in(struct req *r, const struct oidc_provider *p,
                        const struct oidc_person *person, struct auth_tokens *tokens)
{
    struct account a;
    struct str email;
    enum err e = find_account(r, p, person, &a);
    if (e != ERR_NOT_FOUND)
        return e ? e : signin_open(r, &a, p->name, tokens);
    if (!person->email_verified || !credentials_is_address(r, person->email, &email))
        return fail(r, ERR_FORBIDDEN, STR("email_unverified"),
                    "The provider does not vouch for an email address");
    e = accounts_by_email(r->app->store, email, r->mem, &a);
    if (e == ERR_NOT_FOUND)
        return make(r, p, person, email, tokens);
    return e ? e : join(r, p, person, &a, tokens);
}

/* --- and back --------------------------------------------------------------------------------- */

/* RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6: no one but the person can help it, or the provider
 * is at fault, or our registration there. */
static enum err read_error(struct req *r, const struct oidc_provider *p, struct str error)
{
    static const char *const of_person[] = {"access_denied", "consent_required", "login_required",
                                            "interaction_required", "account_selection_required"};
    for (size_t i = 0; i < ARRAY_LEN(of_person); i++)
        if (str_eq(error, str_from_c(of_person[i])))
            return fail(r, ERR_FORBIDDEN, STR("access_denied"),
                        "The sign-in was ended at the provider");
    return provider_failed(p, ERR_PROVIDER, "it sends the browser back with an error");
}

static enum err redeem(struct req *r, const struct oidc_provider *p, const struct oauth_state *s,
                       struct oidc_person *person)
{
    const char *why;
    struct str code = form_get(&r->params, STR("code"));
    if (!code.n || code.n > OIDC_CODE_MAX)
        return audit_refused(r, "oauth_code", s->link_to);
    enum err e = oidc_redeem(r->app->oidc, p, &s->attempt, code, form_get(&r->params, STR("iss")),
                             r->mem, person, &why);
    if (e == ERR_INVALID_TOKEN) {
        log_info("refused provider=%.*s why=\"%s\"", STR_ARG(p->name), why);
        return audit_refused(r, "oauth_answer", s->link_to);
    }
    return e ? provider_failed(p, e, why) : OK;
}

/* The one who began it must be the one who is signed in still. */
static enum err link_signed_in(struct req *r, const struct oidc_provider *p,
                               const struct oidc_person *person, struct str user_id)
{
    enum err e = auth_identify(r);
    if (e == OK)
        e = auth_enter(r, false);
    if (e)
        return e;
    req_pause(r);
    if (!str_eq(r->who.user_id, user_id))
        return audit_refused(r, "oauth_state", user_id);
    e = link_identity(r, p, person, user_id, true);
    if (e == OK)
        e = notice_mail(r, user_id, NOTICE_PROVIDER_LINKED, p->name);
    return e ? e : req_redirect(r, arena_printf(r->mem, "/?linked=%.*s", STR_ARG(p->name)));
}

static enum err finish(struct req *r)
{
    struct oauth_state s;
    struct oidc_person person;
    struct auth_tokens tokens;
    struct str error = form_get(&r->params, STR("error"));
    const struct oidc_provider *p = oidc_find(r->app->oidc, r->args[0]);
    if (!p)
        return ERR_NOT_FOUND;
    enum err e = oauth_state_end(r, p, form_get(&r->params, STR("state")), &s);
    if (e)
        return e;
    if (error.p)
        return read_error(r, p, error);
    e = redeem(r, p, &s, &person);
    if (e)
        return e;
    if (s.link_to.n)
        return link_signed_in(r, p, &person, s.link_to);
    e = sign_in(r, p, &person, &tokens);
    if (e)
        return e;
    auth_set_cookies(r, &tokens);
    return req_redirect(r, STR("/"));
}

enum err oauth_callback(struct req *r)
{
    return answer(r, finish(r));
}
