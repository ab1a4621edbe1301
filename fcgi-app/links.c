/* Links by mail and their tokens. The token stands behind a '#': no server, proxy or log sees it.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/enc.h"
#include "base/log.h"
#include "links.h"
#include "store/mailbox.h"

#define STATE_LEN 16

/* Of the address and the password; neither can be found out from it. */
static void append_state(struct buf *out, const struct account *a)
{
    unsigned char hash[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    struct buf text = BUF_INIT;
    buf_append_str(&text, a->email);
    buf_append_ch(&text, '\n');
    buf_append_str(&text, a->password_hash);
    sha256(buf_str(&text), hash);
    buf_release(&text);
    hex_encode(hash, STATE_LEN / 2, hex);
    buf_append(out, hex, STATE_LEN);
}

/* The value is the account's state, and after a space `more` where there is that: an address, or
 * how a sign-in began. */
static struct str make_token(struct req *r, struct str type, const struct account *a,
                             struct str more, int64_t lasts_s)
{
    struct buf value = BUF_INIT, token = BUF_INIT;
    append_state(&value, a);
    if (more.p) {
        buf_append_ch(&value, ' ');
        buf_append_str(&value, more);
    }
    struct who_once t = {.type = type, .user_id = a->id, .value = buf_str(&value)};
    who_sign_once(&token, &r->app->keys, &t, clock_wall_ms() / 1000, lasts_s);
    struct str made = arena_dup(r->mem, buf_str(&token));
    buf_release(&token);
    buf_release(&value);
    return made;
}

static enum err enqueue(struct space *main, const struct mail *m)
{
    enum err e = mail_enqueue(main, m);
    if (e != ERR_BUSY)
        return e;
    log_warn("mail lost, too many wait template=%.*s", STR_ARG(m->template));
    return OK;
}

static enum err mail_link(struct req *r, struct space *main, struct str template, struct str to,
                          struct str page, struct str token)
{
    struct str link = arena_printf(r->mem, "%.*s#%.*s", STR_ARG(page), STR_ARG(token));
    const struct mail_field field = {STR("link"), link};
    return enqueue(main,
                   &(struct mail){.to = to, .template = template, .fields = &field, .count = 1});
}

enum err links_mail_verification(struct req *r, struct space *main, const struct account *a,
                                 struct str email)
{
    struct str token = make_token(r, WHO_EMAIL_VERIFY, a, email, LINK_VERIFY_S);
    return mail_link(r, main, STR("verify_email"), email, STR("/verify-email.html"), token);
}

struct str links_make_reset(struct req *r, const struct account *a)
{
    return make_token(r, WHO_PASSWORD_RESET, a, STR_NULL, LINK_RESET_S);
}

struct str links_make_login(struct req *r, const struct account *a, struct str how)
{
    return make_token(r, WHO_LOGIN, a, how, LINK_LOGIN_S);
}

enum err links_mail_reset(struct req *r, struct space *main, const struct account *a,
                          struct str token)
{
    return mail_link(r, main, STR("reset_password"), a->email, STR("/reset-password.html"), token);
}

enum err links_mail_changed(struct space *main, struct str old_email, struct str email)
{
    const struct mail_field field = {STR("email"), email};
    return enqueue(main, &(struct mail){.to = old_email,
                                        .template = STR("email_changed"),
                                        .fields = &field,
                                        .count = 1,
                                        .notice = true});
}

static enum err read_token(struct req *r, struct str token, struct str type, struct link *out)
{
    struct who_once t;
    enum err e = who_verify_once(&t, token, type, &r->app->keys, clock_wall_ms() / 1000, r->mem);
    if (e)
        return e;
    size_t space = str_find(t.value, ' ');
    if (!t.user_id.n || space != STATE_LEN)
        return ERR_INVALID_TOKEN;
    *out = (struct link){.user_id = t.user_id,
                         .email = STR_NULL,
                         .how = STR_NULL,
                         .jti = t.jti,
                         .exp = t.exp,
                         .state = str_make(t.value.p, STATE_LEN)};
    if (space < t.value.n)
        out->email = str_from(t.value, space + 1);
    return OK;
}

enum err links_read_verification(struct req *r, struct str token, struct link *out)
{
    enum err e = read_token(r, token, WHO_EMAIL_VERIFY, out);
    return e ? e : out->email.n ? OK : ERR_INVALID_TOKEN;
}

enum err links_read_reset(struct req *r, struct str token, struct link *out)
{
    return read_token(r, token, WHO_PASSWORD_RESET, out);
}

enum err links_read_login(struct req *r, struct str token, struct link *out)
{
    enum err e = read_token(r, token, WHO_LOGIN, out);
    if (e)
        return e;
    out->how = out->email;
    out->email = STR_NULL;
    return OK;
}

bool links_is_current(const struct link *l, const struct account *a)
{
    struct buf state = BUF_INIT;
    append_state(&state, a);
    bool same = str_eq(buf_str(&state), l->state);
    buf_release(&state);
    return same;
}
