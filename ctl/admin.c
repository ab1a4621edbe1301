/* Administrators of the admin page: made, listed, given new credentials, removed. */
#include "base/base.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/rand.h"
#include "commands.h"
#include "domain/address.h"
#include "domain/totp.h"
#include "store/admins.h"
#include "store/rows.h"
#include "wire/json.h"

#define ISSUER STR("Cubby admin")

/* --- showing ---------------------------------------------------------------------------------- */

static void append_admin(struct buf *out, const struct admin *a)
{
    buf_append_lit(out, "{\"id\":");
    json_append_string(out, a->id);
    buf_append_lit(out, ",\"email\":");
    json_append_string(out, a->email);
    buf_append_lit(out, ",\"createdAt\":");
    row_append_time(out, a->created_at);
    buf_append_lit(out, ",\"lastLoginAt\":");
    row_append_time_or_null(out, a->last_login_at);
    buf_append_ch(out, '}');
}

struct listing {
    struct ctl *ctl;
    struct buf json;
};

static void list_one(void *arg, const struct admin *a)
{
    struct listing *l = arg;
    char created[CLOCK_ISO_LEN + 1], last[CLOCK_ISO_LEN + 1] = "never";
    clock_iso(a->created_at, created);
    if (a->last_login_at)
        clock_iso(a->last_login_at, last);
    if (!l->ctl->json) {
        printf("%.10s  %-24s %.*s\n", created, last, STR_ARG(a->email));
        return;
    }
    if (l->json.n)
        buf_append_ch(&l->json, ',');
    append_admin(&l->json, a);
}

int admin_list(struct ctl *c)
{
    struct listing l = {c, BUF_INIT};
    if (!ctl_open(c, false))
        return CTL_FAILED;
    enum err e = admins_list(c->store, list_one, &l);
    if (e == OK && c->json)
        printf("{\"ok\":true,\"admins\":[%.*s]}\n", STR_ARG(buf_str(&l.json)));
    buf_release(&l.json);
    return e ? ctl_fail_with(c, e, "main.db") : CTL_DONE;
}

/* The one time that the secret is shown. */
static int show_secret(struct ctl *c, const struct admin *a, const char *what)
{
    struct buf uri = BUF_INIT, json = BUF_INIT;
    totp_append_uri(&uri, ISSUER, a->email, a->totp_secret);
    if (c->json) {
        buf_append_lit(&json, "{\"ok\":true,\"admin\":");
        append_admin(&json, a);
        buf_append_lit(&json, ",\"secret\":");
        json_append_string(&json, a->totp_secret);
        buf_append_lit(&json, ",\"uri\":");
        json_append_string(&json, buf_str(&uri));
        buf_append_ch(&json, '}');
        ctl_print(buf_str(&json));
    } else {
        printf("%.*s %s. For the authenticator app, shown this once:\n\n  %.*s\n  %.*s\n",
               STR_ARG(a->email), what, STR_ARG(a->totp_secret), STR_ARG(buf_str(&uri)));
        if (!c->conf.admin)
            puts("\nThe page answers once the setting admin is on.");
    }
    buf_release(&uri);
    buf_release(&json);
    return CTL_DONE;
}

/* --- changing --------------------------------------------------------------------------------- */

/* What one proves oneself by from now on: both are new. */
static bool make_credentials(struct ctl *c, struct admin *a)
{
    char secret[TOTP_SECRET_LEN + 1];
    if (!ctl_password_hash(c, &a->password_hash))
        return false;
    totp_make_secret(secret);
    a->totp_secret = arena_dup(&c->mem, str_make(secret, TOTP_SECRET_LEN));
    return true;
}

static enum err insert(struct ctl *c, const struct admin *a)
{
    struct space *main_db;
    enum err e = space_enter(c->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = admins_create_within(main_db, a);
    return space_leave(main_db, e);
}

int admin_create(struct ctl *c)
{
    char id[RAND_ID_LEN + 1];
    struct admin a = {.email = address_normal(str_from_c(c->words[0]), &c->mem),
                      .created_at = clock_wall_ms()};
    if (!address_is_valid(a.email))
        return ctl_fail(c, "%s: that is not a valid email address", c->words[0]);
    if (!ctl_open(c, false) || !make_credentials(c, &a))
        return CTL_FAILED;
    rand_id(id);
    a.id = str_make(id, RAND_ID_LEN);
    enum err e = insert(c, &a);
    if (e == ERR_EMAIL_TAKEN)
        return ctl_fail(c, "%s is an administrator already: cubbyctl admin reset", c->words[0]);
    return e ? ctl_fail_with(c, e, c->words[0]) : show_secret(c, &a, "is an administrator now");
}

static bool find(struct ctl *c, struct admin *out)
{
    struct str email = address_normal(str_from_c(c->words[0]), &c->mem);
    enum err e = admins_by_email(c->store, email, &c->mem, out);
    if (e == ERR_NOT_FOUND)
        ctl_fail(c, "%s: no administrator has this address", c->words[0]);
    else if (e)
        ctl_fail_with(c, e, "main.db");
    return e == OK;
}

int admin_reset(struct ctl *c)
{
    struct admin a;
    struct space *main_db;
    if (!ctl_open(c, false) || !find(c, &a) || !make_credentials(c, &a))
        return CTL_FAILED;
    enum err e = space_enter(c->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = admins_reset_within(main_db, a.id, a.password_hash, a.totp_secret);
    e = space_leave(main_db, e);
    return e ? ctl_fail_with(c, e, c->words[0]) : show_secret(c, &a, "has a new password");
}

int admin_delete(struct ctl *c)
{
    struct admin a;
    struct space *main_db;
    if (!ctl_open(c, false) || !find(c, &a))
        return CTL_FAILED;
    enum err e = space_enter(c->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = admins_remove_within(main_db, a.id);
    e = space_leave(main_db, e);
    if (e)
        return ctl_fail_with(c, e, c->words[0]);
    if (c->json)
        puts("{\"ok\":true}");
    else
        printf("%.*s is no administrator any more\n", STR_ARG(a.email));
    return CTL_DONE;
}
