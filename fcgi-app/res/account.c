/* Accounts: sign up, log in, log out, who am I, refresh. Passwords are hashed while no space is
 * held. */
#include "base/base.h"

#include "auth.h"
#include "base/clock.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "res/res.h"
#include "store/accounts.h"
#include "store/limits.h"

#define EMAIL_MAX   254
#define LOCAL_MAX   64
#define ATTEMPTS_MS 60000

struct credentials {
    struct str email; /* trimmed, lower-case */
    struct str password;
};

/* --- what was sent ---------------------------------------------------------------------------- */

static struct str lower(struct str s, struct arena *mem)
{
    struct str copy = arena_dup(mem, s);
    char *p = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 'a' - 'A');
    return copy;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits and inner hyphens, between dots. */
static bool is_domain(struct str s)
{
    struct str label;
    while (str_next(&s, '.', &label)) {
        if (!label.n || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (!is_alphanumeric(label.p[i]) && label.p[i] != '-')
                return false;
    }
    return true;
}

/* What HTML's <input type=email> takes, lower-cased. */
static bool is_email(struct str s)
{
    static const char also[] = ".!#$%&'*+/=?^_`{|}~-";
    size_t at = str_find(s, '@');
    if (at == 0 || at == s.n || at > LOCAL_MAX || s.n > EMAIL_MAX)
        return false;
    for (size_t i = 0; i < at; i++)
        if (!is_alphanumeric(s.p[i]) && !memchr(also, s.p[i], sizeof also - 1))
            return false;
    return is_domain(str_from(s, at + 1));
}

static enum err read_credentials(struct req *r, struct credentials *out)
{
    if (!req_json_string(r, STR("email"), &out->email))
        return req_fail(r, ERR_INVALID, "email must be a string");
    if (!req_json_string(r, STR("password"), &out->password))
        return req_fail(r, ERR_INVALID, "password must be a string");
    out->email = lower(str_trim(out->email), r->mem);
    return OK;
}

static enum err check_new(struct req *r, const struct credentials *c)
{
    if (!is_email(c->email))
        return req_fail(r, ERR_INVALID, "That is not a valid email address");
    if (utf8_count(c->password) < PASSWORD_MIN)
        return req_fail(r, ERR_INVALID, "The password must be at least %d characters long",
                        PASSWORD_MIN);
    if (c->password.n > PASSWORD_MAX)
        return req_fail(r, ERR_INVALID, "The password must be at most %d bytes long", PASSWORD_MAX);
    return OK;
}

/* Sign-ups and log-ins count together, the successful ones too. */
static enum err take_attempt(struct req *r, struct str email)
{
    const struct conf *c = r->app->conf;
    if (email.n > EMAIL_MAX) /* no account's: not worth the room of a whole body */
        email.n = EMAIL_MAX;
    const struct limit limits[] = {
        {STR("auth-address"), email, c->limit_auth_per_address, ATTEMPTS_MS},
        {STR("auth-ip"), r->remote_addr, c->limit_auth_per_ip, ATTEMPTS_MS},
    };
    int64_t retry_ms = 0;
    enum err e = limits_take(r->app->store, limits, ARRAY_LEN(limits), clock_wall_ms(), &retry_ms);
    r->retry_after_s = (retry_ms + 999) / 1000;
    return e;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void append_user(struct buf *out, const struct account *a)
{
    char created[CLOCK_ISO_LEN + 1];
    clock_iso(a->created_at, created);
    buf_append_lit(out, "\"user\":{\"id\":");
    json_append_string(out, a->id);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, a->email);
    buf_append_lit(out, ",\"createdAt\":\"");
    buf_append(out, created, CLOCK_ISO_LEN);
    buf_append_ch(out, '"');
}

static void append_tokens(struct buf *out, const struct auth_tokens *t)
{
    buf_append_lit(out, ",\"token\":");
    json_append_string(out, t->access);
    buf_append_lit(out, ",\"refreshToken\":");
    json_append_string(out, t->refresh);
    buf_append_ch(out, '}');
}

static enum err redirect_signed_in(struct req *r, const struct auth_tokens *t)
{
    auth_set_cookies(r, t);
    return req_redirect(r, STR("/"));
}

static void answer_signed_in(struct req *r, const struct account *a, const struct auth_tokens *t)
{
    auth_set_cookies(r, t);
    buf_append_lit(&r->body_out, "{\"ok\":true,");
    append_user(&r->body_out, a);
    buf_append_ch(&r->body_out, '}');
    append_tokens(&r->body_out, t);
}

/* --- sign up ---------------------------------------------------------------------------------- */

/* A session in the space, committed; gives the space back. */
static enum err open_session(struct req *r, struct space *sp, const struct account *a,
                             struct auth_tokens *tokens)
{
    enum err e = space_begin_write(sp);
    if (e == OK)
        e = auth_open_session(r, sp, a->id, a->email, tokens);
    if (e == OK)
        e = space_commit(sp);
    space_release(sp);
    return e;
}

/* First the file, then the row that names it: an account without a file cannot be. */
static enum err make_account(struct req *r, const struct account *a, struct auth_tokens *tokens)
{
    struct store *store = r->app->store;
    struct space *sp;
    enum err e = space_create(store, SPACE_USER, a->id, &sp);
    if (e)
        return e;
    e = open_session(r, sp, a, tokens);
    if (e == OK)
        e = accounts_create(store, a);
    if (e) {
        /* No one knows this id: a file that cannot be deleted now is only some lost bytes. */
        enum err ignored = space_delete(store, SPACE_USER, a->id);
        (void)ignored;
    }
    return e;
}

static enum err sign_up(struct req *r, struct account *a, struct auth_tokens *tokens)
{
    struct credentials c;
    char *id = arena_alloc(r->mem, RAND_ID_LEN + 1);
    enum err e = read_credentials(r, &c);
    if (e == OK)
        e = check_new(r, &c);
    if (e == OK)
        e = take_attempt(r, c.email);
    if (e)
        return e;
    e = accounts_by_email(r->app->store, c.email, r->mem, a);
    if (e != ERR_NOT_FOUND)
        return e ? e : ERR_EMAIL_TAKEN;

    rand_id(id);
    *a = (struct account){
        .id = str_make(id, RAND_ID_LEN), .email = c.email, .created_at = clock_wall_ms()};
    e = password_hash(r->app->passwords, c.password, r->mem, &a->password_hash);
    return e ? e : make_account(r, a, tokens);
}

enum err account_signup(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = sign_up(r, &a, &tokens);
    if (e == OK)
        answer_signed_in(r, &a, &tokens);
    return e;
}

enum err account_signup_form(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = sign_up(r, &a, &tokens);
    return e ? e : redirect_signed_in(r, &tokens);
}

/* --- log in ----------------------------------------------------------------------------------- */

/* The same text and time whether the address or the password is wrong. */
static enum err check_password(struct req *r, const struct credentials *c, struct account *a)
{
    bool same;
    struct str password = c->password;
    enum err e = accounts_by_email(r->app->store, c->email, r->mem, a);
    if (e && e != ERR_NOT_FOUND)
        return e;
    bool known = e == OK && password.n <= PASSWORD_MAX;
    if (password.n > PASSWORD_MAX)
        password.n = PASSWORD_MAX;
    e = password_verify(r->app->passwords, password, known ? a->password_hash : STR_NULL, &same);
    return e ? e : same ? OK : ERR_INVALID_CREDENTIALS;
}

static enum err log_in(struct req *r, struct account *a, struct auth_tokens *tokens)
{
    struct credentials c;
    struct space *sp;
    enum err e = read_credentials(r, &c);
    if (e == OK)
        e = take_attempt(r, c.email);
    if (e == OK)
        e = check_password(r, &c, a);
    if (e)
        return e;
    e = space_acquire(r->app->store, SPACE_USER, a->id, &sp);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
    return open_session(r, sp, a, tokens);
}

enum err account_login(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = log_in(r, &a, &tokens);
    if (e == OK)
        answer_signed_in(r, &a, &tokens);
    return e;
}

enum err account_login_form(struct req *r)
{
    struct account a;
    struct auth_tokens tokens;
    enum err e = log_in(r, &a, &tokens);
    return e ? e : redirect_signed_in(r, &tokens);
}

/* --- the rest --------------------------------------------------------------------------------- */

static enum err log_out(struct req *r)
{
    return auth_end_session(r, str_eq(form_get(&r->params, STR("all")), STR("1")));
}

enum err account_logout(struct req *r)
{
    enum err e = log_out(r);
    if (e == OK)
        req_ok(r);
    return e;
}

enum err account_logout_form(struct req *r)
{
    enum err e = log_out(r);
    return e ? e : req_redirect(r, STR("/"));
}

enum err account_me(struct req *r)
{
    struct account a;
    enum err e = accounts_by_id(r->app->store, r->who.user_id, r->mem, &a);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : e;
    buf_append_lit(&r->body_out, "{\"ok\":true,");
    append_user(&r->body_out, &a);
    buf_append_str(&r->body_out, a.email_verified ? STR(",\"emailVerified\":true}}")
                                                  : STR(",\"emailVerified\":false}}"));
    return OK;
}

enum err account_profile(struct req *r)
{
    return account_me(r);
}

enum err account_refresh(struct req *r)
{
    struct auth_tokens tokens;
    struct str token;
    if (!req_json_string(r, STR("refreshToken"), &token))
        token = auth_refresh_cookie(r);
    enum err e = auth_refresh(r, token, &tokens);
    if (e)
        return e;
    buf_append_lit(&r->body_out, "{\"ok\":true");
    append_tokens(&r->body_out, &tokens);
    return OK;
}
