/* An account of the run's own, so that its requests are like anybody's; gone when it ends. */
#include "base/base.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "doctor.h"
#include "domain/password.h"
#include "domain/who.h"
#include "store/sessions.h"

#define ADDRESS   STR("doctor@cubby.invalid")
#define EXPIRES_S 600

/* What a run that was killed has left; one that goes on is left alone. */
static bool clear_place(struct doctor *d)
{
    struct account old;
    struct ctl *c = d->ctl;
    enum err e = accounts_by_email(c->store, ADDRESS, d->mem, &old);
    if (e == ERR_NOT_FOUND)
        return true;
    if (e == OK && clock_wall_ms() - old.created_at < INT64_C(1000) * EXPIRES_S &&
        clock_wall_ms() >= old.created_at) {
        d->no_account = "another doctor is at work, or one was killed within the last ten minutes: "
                        "`cubbyctl user delete doctor@cubby.invalid --yes`";
        return false;
    }
    return e == OK && ctl_account_drop(c, old.id) == OK;
}

static enum err make(struct doctor *d)
{
    struct account a = {.email = ADDRESS, .email_verified = true, .created_at = clock_wall_ms()};
    struct password_pool *pool = password_pool_new(1, 1);
    rand_id(d->account_id);
    rand_id(d->password);
    a.id = str_make(d->account_id, RAND_ID_LEN);
    enum err e = password_hash(pool, str_make(d->password, RAND_ID_LEN), d->mem, &a.password_hash);
    password_pool_free(pool);
    return e ? e : ctl_account_make(d->ctl, &a);
}

static enum err sign(struct doctor *d)
{
    struct buf token = BUF_INIT;
    struct who_keys keys;
    const char *problem = NULL;
    who_keys_init(&keys, &d->ctl->conf);
    struct str claims = arena_printf(d->mem, "{\"userId\":\"%s\"}", d->account_id);
    enum err e = who_mint_backend(&token, &keys, claims, clock_wall_ms() / 1000, EXPIRES_S, d->mem,
                                  &problem);
    d->token = arena_dup(d->mem, buf_str(&token));
    buf_release(&token);
    return e;
}

void doctor_account_begin(struct doctor *d)
{
    bool json = d->ctl->json;
    if (d->has_account || d->no_account)
        return;
    struct stat st;
    d->no_account = !d->has_settings ? "the settings are not good: nobody can sign in"
                    : !d->has_data   ? "the data folder is not good: no account can be made in it"
                                     : NULL;
    if (!d->no_account && stat(ctl_data_dir(d->ctl), &st) == 0 && st.st_uid != geteuid())
        d->no_account = "the data folder is another user's: no account can be made in it";
    if (d->no_account)
        return;
    d->ctl->json = false; /* what it says goes to standard error */
    bool open = ctl_open(d->ctl, false);
    d->ctl->json = json;
    if (!open) {
        d->no_account = "the data folder cannot be opened: no account can be made in it";
        return;
    }
    if (!clear_place(d))
        return;
    enum err e = make(d);
    if (e == OK)
        e = sign(d);
    d->has_account = e == OK;
    if (e)
        d->no_account =
            TEXT(d, "no account can be made in the data folder: %.*s", STR_ARG(err_text(e)));
}

void doctor_account_end(struct doctor *d)
{
    if (!d->has_account)
        return;
    enum err e = ctl_account_drop(d->ctl, str_make(d->account_id, RAND_ID_LEN));
    if (e)
        fprintf(stderr, "cubbyctl doctor: the account doctor@cubby.invalid is left: %.*s\n",
                STR_ARG(err_text(e)));
}

struct newest {
    struct doctor *doctor;
    int64_t at;
    const char *address;
};

static void on_session(void *arg, const struct session *s)
{
    struct newest *n = arg;
    if (s->last_seen_at < n->at)
        return;
    n->at = s->last_seen_at;
    n->address = arena_dup(n->doctor->mem, s->ip).p;
}

const char *doctor_account_address(struct doctor *d)
{
    struct newest n = {.doctor = d, .address = ""};
    struct space *sp;
    if (space_acquire(d->ctl->store, SPACE_USER, str_make(d->account_id, RAND_ID_LEN), &sp))
        return "";
    enum err e = sessions_list(sp, clock_wall_ms(), on_session, &n);
    space_release(sp);
    return e ? "" : n.address;
}
