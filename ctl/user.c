/* Accounts: listed, made, ended, and spoken for. */
#include "base/base.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "commands.h"
#include "domain/account.h"
#include "domain/account_json.h"
#include "domain/address.h"
#include "domain/who.h"
#include "store/activity.h"
#include "store/sessions.h"
#include "wire/json.h"

#define PAGE          500
#define EXPIRES_S     900
#define EXPIRES_MAX_S 86400

/* --- showing ---------------------------------------------------------------------------------- */

static void print_line(const struct account *a)
{
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(a->created_at, iso);
    printf("%.*s  %.10s  %-9s %.*s\n", STR_ARG(a->id), iso,
           a->disabled_at      ? "disabled"
           : a->email_verified ? "verified"
                               : "-",
           STR_ARG(a->email));
}

static void print_account(struct ctl *c, const struct account *a, bool first)
{
    struct buf json = BUF_INIT;
    if (!c->json) {
        print_line(a);
        return;
    }
    buf_appendf(&json, "%s{", first ? "" : ",\n");
    account_append_members(&json, a);
    printf("%.*s}", STR_ARG(buf_str(&json)));
    buf_release(&json);
}

int user_list(struct ctl *c)
{
    if (!ctl_open(c, false))
        return CTL_FAILED;
    struct arena mem = ARENA_INIT;
    struct account *page = mem_zalloc(PAGE, sizeof *page);
    char after[RAND_ID_LEN + 1] = "";
    size_t count, all = 0;
    enum err e;
    if (c->json)
        fputs("{\"ok\":true,\"users\":[", stdout);
    do {
        arena_reset(&mem);
        e = accounts_page(c->store, str_from_c(after), PAGE, &mem, page, &count);
        for (size_t i = 0; !e && i < count; i++)
            print_account(c, &page[i], all++ == 0);
        if (!e && count)
            snprintf(after, sizeof after, "%.*s", STR_ARG(page[count - 1].id));
    } while (!e && count == PAGE);
    if (c->json)
        puts("]}");
    mem_free(page);
    arena_release(&mem);
    return e ? ctl_fail_with(c, e, "main.db") : CTL_DONE;
}

struct sessions_shown {
    struct ctl *ctl;
    struct buf json;
    size_t count;
};

static void show_session(void *arg, const struct session *s)
{
    struct sessions_shown *shown = arg;
    char iso[CLOCK_ISO_LEN + 1];
    clock_iso(s->last_seen_at, iso);
    if (!shown->ctl->json)
        printf("session   %s  %.*s  %.*s\n", iso, STR_ARG(s->ip), STR_ARG(s->user_agent));
    buf_appendf(&shown->json, "%s{\"lastSeenAt\":\"%s\",\"ip\":", shown->count++ ? "," : "", iso);
    json_append_string(&shown->json, s->ip);
    buf_append_lit(&shown->json, ",\"userAgent\":");
    json_append_string(&shown->json, s->user_agent);
    buf_append_ch(&shown->json, '}');
}

static enum err show(struct ctl *c, const struct account *a, struct space *sp)
{
    struct sessions_shown shown = {.ctl = c, .json = BUF_INIT};
    struct buf json = BUF_INIT;
    int64_t bytes = 0;
    uint64_t oldest, newest = 0;
    enum err e = db_used_bytes(sp->db, &bytes);
    if (!e)
        e = event_bounds(sp, &oldest, &newest);
    if (!c->json && !e) {
        print_line(a);
        printf("size      %.*s\nevents    %llu, epoch %s\n", STR_ARG(ctl_bytes(c, bytes)),
               (unsigned long long)newest, sp->epoch);
    }
    if (!e)
        e = sessions_list(sp, clock_wall_ms(), show_session, &shown);
    if (c->json && !e) {
        buf_append_lit(&json, "{\"ok\":true,\"user\":{");
        account_append_members(&json, a);
        buf_appendf(&json, ",\"bytes\":%lld,\"events\":%llu,\"epoch\":\"%s\",\"sessions\":[%.*s]}}",
                    (long long)bytes, (unsigned long long)newest, sp->epoch,
                    STR_ARG(buf_str(&shown.json)));
        ctl_print(buf_str(&json));
    }
    buf_release(&shown.json);
    buf_release(&json);
    return e;
}

int user_show(struct ctl *c)
{
    struct account a;
    struct space *sp;
    if (!ctl_open(c, false) || !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    enum err e = space_acquire(c->store, SPACE_USER, a.id, &sp);
    if (e == OK) {
        e = show(c, &a, sp);
        space_release(sp);
    }
    return e ? ctl_fail_with(c, e, "the account's file") : CTL_DONE;
}

/* What was done to an account. */
static int done(struct ctl *c, const struct account *a, const char *what)
{
    struct buf json = BUF_INIT;
    if (!c->json) {
        printf("%.*s %s\n", STR_ARG(a->email), what);
        return CTL_DONE;
    }
    buf_append_lit(&json, "{\"ok\":true,\"user\":{");
    account_append_members(&json, a);
    buf_append_lit(&json, "}}");
    ctl_print(buf_str(&json));
    buf_release(&json);
    return CTL_DONE;
}

/* Empty where the account has none. */
static bool read_password_hash(struct ctl *c, struct str *hash)
{
    *hash = STR("");
    return ctl_option(c, "no-password") || ctl_password_hash(c, hash);
}

/* --- making ----------------------------------------------------------------------------------- */

int user_create(struct ctl *c)
{
    char id[RAND_ID_LEN + 1];
    struct account a = {.email = address_normal(str_from_c(c->words[0]), &c->mem),
                        .email_verified = ctl_option(c, "verified") != NULL,
                        .created_at = clock_wall_ms()};
    if (!address_is_valid(a.email))
        return ctl_fail(c, "%s: that is not a valid email address", c->words[0]);
    if (!ctl_open(c, false) || !read_password_hash(c, &a.password_hash))
        return CTL_FAILED;
    rand_id(id);
    a.id = str_make(id, RAND_ID_LEN);
    enum err e = ctl_account_make(c, &a);
    return e ? ctl_fail_with(c, e, c->words[0]) : done(c, &a, "is an account now");
}

/* --- ending ----------------------------------------------------------------------------------- */

static enum err set_disabled(struct ctl *c, struct account *a, int64_t now)
{
    struct space *main_db;
    a->disabled_at = now;
    enum err e = space_enter(c->store, SPACE_MAIN, STR_NULL, &main_db);
    if (e == OK)
        e = accounts_set_disabled_within(main_db, a->id, now);
    return space_leave(main_db, e);
}

/* First the flag: a sign-in that begins later sees it, one that began before is ended here. */
int user_disable(struct ctl *c)
{
    struct account a;
    if (!ctl_open(c, false) || !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    enum err e = set_disabled(c, &a, clock_wall_ms());
    if (e == OK)
        e = ctl_account_end_sessions(c, a.id, ACTIVITY_ACCOUNT_DISABLED);
    return e ? ctl_fail_with(c, e, c->words[0]) : done(c, &a, "is disabled");
}

int user_enable(struct ctl *c)
{
    struct account a;
    struct space *sp;
    if (!ctl_open(c, false) || !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    enum err e = set_disabled(c, &a, 0);
    if (e == OK)
        e = space_enter(c->store, SPACE_USER, a.id, &sp);
    if (e == OK)
        e = space_leave(sp, ctl_account_note(sp, ACTIVITY_ACCOUNT_ENABLED, STR_NULL));
    return e ? ctl_fail_with(c, e, c->words[0]) : done(c, &a, "may sign in again");
}

int user_delete(struct ctl *c)
{
    struct account a;
    if (!ctl_option(c, "yes"))
        return ctl_fail(c, "this deletes the account and its data for good: say so with --yes");
    if (!ctl_open(c, false) || !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    enum err e = ctl_account_drop(c, a.id);
    if (e == ERR_CONFLICT)
        return ctl_fail(c,
                        "%s owns an organization that has members: they have to be removed, or "
                        "it deleted, first",
                        c->words[0]);
    return e ? ctl_fail_with(c, e, c->words[0]) : done(c, &a, "is deleted");
}

/* --- speaking for one ------------------------------------------------------------------------- */

static enum err note_impersonation(struct ctl *c, struct str id)
{
    struct space *sp;
    enum err e = space_enter(c->store, SPACE_USER, id, &sp);
    if (e == OK)
        e = ctl_account_note(sp, ACTIVITY_IMPERSONATED, STR_NULL);
    return space_leave(sp, e);
}

int user_impersonate(struct ctl *c)
{
    const char *expires = ctl_option(c, "expires"), *problem = NULL;
    int64_t lasts_s = EXPIRES_S;
    struct buf token = BUF_INIT;
    struct who_keys keys;
    struct account a;
    if (expires && !str_to_i64(str_from_c(expires), 1, EXPIRES_MAX_S, &lasts_s))
        return ctl_fail(c, "--expires takes 1 to %d seconds", EXPIRES_MAX_S);
    if (!ctl_open(c, false) || !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    enum err e = note_impersonation(c, a.id);
    if (e)
        return ctl_fail_with(c, e, c->words[0]);
    who_keys_init(&keys, &c->conf);
    struct str claims = arena_printf(&c->mem, "{\"userId\":\"%.*s\"}", STR_ARG(a.id));
    e = who_mint_backend(&token, &keys, claims, clock_wall_ms() / 1000, lasts_s, &c->mem, &problem);
    int code = CTL_DONE;
    if (e)
        code = ctl_fail(c, "%s", problem);
    else if (c->json)
        printf("{\"ok\":true,\"token\":\"%.*s\",\"expiresIn\":%lld}\n", STR_ARG(buf_str(&token)),
               (long long)lasts_s);
    else
        ctl_print(buf_str(&token));
    buf_release(&token);
    return code;
}
