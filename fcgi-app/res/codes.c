/* Signing in without a password: by a code that was mailed to the account's verified address. */
#include "base/base.h"

#include "attempts.h"
#include "audit.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/rand.h"
#include "credentials.h"
#include "mail.h"
#include "res/res.h"
#include "signin.h"
#include "store/login_codes.h"
#include "store/mailbox.h"

#define CODE_DIGITS 6
#define CODE_VALUES 1000000
#define CODE_MS     (10 * 60 * 1000)

/* A million codes are quickly tried: only who has the server's secret can tell one by its hash. */
static struct str hash_of(struct req *r, struct str email, struct str code)
{
    unsigned char hash[SHA256_LEN];
    char *hex = arena_alloc(r->mem, 2 * SHA256_LEN + 1);
    struct str text = arena_printf(r->mem, "login code\n%.*s\n%.*s", STR_ARG(email), STR_ARG(code));
    hmac_sha256(r->app->keys.key[0].secret, text, hash);
    hex_encode(hash, sizeof hash, hex);
    return str_make(hex, 2 * SHA256_LEN);
}

/* --- a code is asked for ---------------------------------------------------------------------- */

static enum err queue_code(struct req *r, struct space *main, const struct account *a,
                           struct str code)
{
    const struct mail_field field = {STR("code"), code};
    (void)r;
    return mail_enqueue(
        main, &(struct mail){
                  .to = a->email, .template = STR("login_code"), .fields = &field, .count = 1});
}

/* Every address has a code from now on, whether or not anybody gets to know it: then a guess costs
 * the same for all. */
static enum err make_code(struct req *r, struct str email, struct str code)
{
    int64_t now = clock_wall_ms();
    struct space *main;
    enum err e = space_enter(r->app->store, SPACE_MAIN, STR_NULL, &main);
    if (e == OK)
        e = attempts_take_within(r, main, "mail", email);
    if (e == OK)
        e = login_codes_set(main, email, hash_of(r, email, code), now + CODE_MS, now);
    return space_leave(main, e);
}

enum err login_code_request(struct req *r)
{
    struct str email, code;
    struct account a;
    if (!r->app->conf->login_codes)
        return ERR_NOT_FOUND;
    enum err e = credentials_read_address(r, STR("email"), &email);
    if (e)
        return e;
    code = arena_printf(r->mem, "%0*u", CODE_DIGITS, (unsigned)rand_below(CODE_VALUES));
    e = make_code(r, email, code);
    if (e)
        return e;
    e = accounts_by_email(r->app->store, email, r->mem, &a);
    if (e && e != ERR_NOT_FOUND)
        return e;
    if (e == OK && a.email_verified)
        mail_later(r, &a, ACTIVITY_LOGIN_CODE_REQUESTED, code, queue_code);
    buf_append_lit(&r->body_out, "{\"ok\":true,\"message\":\"If that address is the verified one "
                                 "of an account, a code is on its way\"}");
    return OK;
}

/* --- and used --------------------------------------------------------------------------------- */

/* A wrong one is committed too: it counts. */
static enum err use_code(struct req *r, struct str email, struct str code)
{
    struct space *main;
    enum err e = space_acquire(r->app->store, SPACE_MAIN, STR_NULL, &main), used;
    if (e)
        return e;
    e = space_begin_write(main);
    used = e ? e : login_codes_use(main, email, hash_of(r, email, code), clock_wall_ms());
    if (used == OK || used == ERR_INVALID_CREDENTIALS)
        e = space_commit(main);
    space_release(main);
    return e ? e : used;
}

static enum err check_code(struct req *r, struct str email, struct str code, struct account *a)
{
    enum err e = accounts_by_email(r->app->store, email, r->mem, a);
    if (e && e != ERR_NOT_FOUND)
        return e;
    bool known = e == OK;
    e = use_code(r, email, code);
    if (e == OK && !(known && a->email_verified))
        e = ERR_INVALID_CREDENTIALS;
    if (e == ERR_INVALID_CREDENTIALS && known)
        audit_later(r, ACTIVITY_LOGIN_FAILED, a->id, STR("code"));
    return e == ERR_INVALID_CREDENTIALS ? req_fail(r, e, "The code is wrong, too old or was used")
                                        : e;
}

enum err login_code(struct req *r)
{
    struct auth_tokens tokens;
    struct account a;
    struct str email, code;
    if (!r->app->conf->login_codes)
        return ERR_NOT_FOUND;
    enum err e = credentials_read_address(r, STR("email"), &email);
    if (e == OK)
        e = credentials_read_code(r, &code);
    if (e == OK)
        e = attempts_begin_code(r, email);
    if (e == OK)
        e = check_code(r, email, code, &a);
    if (e == OK)
        e = signin_open(r, &a, STR("code"), &tokens);
    if (e == OK)
        account_answer_signed_in(r, &a, &tokens);
    return e;
}
