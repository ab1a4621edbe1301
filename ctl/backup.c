/* Backups: made, put in place, and checked. */
#include "base/base.h"

#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "commands.h"
#include "domain/address.h"
#include "store/restore.h"
#include "store/verify.h"
#include "wire/json.h"

#define QUICK_S  2  /* store/backup.h: longer than the clock of any file system is coarse */
#define NICE     10 /* those who are served come first */
#define RATE     32 /* MiB a second: the disk is theirs too */
#define RATE_MAX 1000000

static void append_member(struct buf *out, const char *name, struct str text)
{
    buf_appendf(out, ",\"%s\":", name);
    json_append_string(out, text);
}

int backup_run(struct ctl *c)
{
    const char *given = ctl_option(c, "rate");
    struct str message = STR_NULL;
    struct backup_result r;
    int64_t rate = RATE;
    if (given && !str_to_i64(str_from_c(given), 0, RATE_MAX, &rate))
        return ctl_fail(c, "--rate takes MiB a second, 0 to %d", RATE_MAX);
    if (!ctl_load_data(c))
        return CTL_FAILED;
    setpriority(PRIO_PROCESS, 0, NICE);
    const struct backup_order order = {
        .data_dir = ctl_data_dir(c),
        .to = c->words[0],
        .full = ctl_option(c, "full") != NULL,
        .busy_ms = (int)c->conf.busy_timeout,
        .quick_s = QUICK_S,
        .bytes_per_s = rate * (1024 * 1024),
        .progress = ctl_progress(c, "backup"),
    };
    enum err e = backup_make(&order, &c->mem, &r, &message);
    ctl_progress_end(c);
    if (e)
        return ctl_fail(c, "%.*s", STR_ARG(message.p ? message : err_text(e)));
    if (!c->json) {
        printf("%.*s: %zu files, %.*s, of which %.*s are new\n", STR_ARG(r.path), r.files,
               STR_ARG(ctl_bytes(c, r.bytes)), STR_ARG(ctl_bytes(c, r.written)));
        return CTL_DONE;
    }
    struct buf json = BUF_INIT;
    buf_appendf(&json, "{\"ok\":true,\"files\":%zu,\"linked\":%zu,\"bytes\":%lld,\"written\":%lld",
                r.files, r.linked, (long long)r.bytes, (long long)r.written);
    append_member(&json, "path", r.path);
    buf_append_ch(&json, '}');
    ctl_print(buf_str(&json));
    buf_release(&json);
    return CTL_DONE;
}

/* --- restore ---------------------------------------------------------------------------------- */

static int restored(struct ctl *c, const struct restore_order *o, const struct restore_result *r)
{
    struct buf json = BUF_INIT;
    ctl_progress_end(c);
    if (!c->json) {
        printf("%s: %zu files restored\n", o->from, r->files);
        if (r->kept.p)
            printf("What was there before is in %.*s\n", STR_ARG(r->kept));
        return CTL_DONE;
    }
    buf_appendf(&json, "{\"ok\":true,\"files\":%zu", r->files);
    append_member(&json, "from", str_from_c(o->from));
    if (r->kept.p)
        append_member(&json, "kept", r->kept);
    buf_append_ch(&json, '}');
    ctl_print(buf_str(&json));
    buf_release(&json);
    return CTL_DONE;
}

static int restore_one(struct ctl *c, const struct restore_order *o, const char *user)
{
    struct str message = STR_NULL;
    struct restore_result r;
    struct account a;
    if (!ctl_open(c, false))
        return CTL_FAILED;
    enum err e = restore_user(c->store, o, address_normal(str_from_c(user), &c->mem), &c->mem, &a,
                              &r, &message);
    if (e)
        return ctl_fail(c, "%.*s", STR_ARG(message));
    nanosleep(&(struct timespec){.tv_nsec = 2 * SPACE_LOOK_MS * 1000000L}, NULL);
    ctl_tell_revoked(c, a.id); /* once everyone who looks sees the new file */
    return restored(c, o, &r);
}

int restore_run(struct ctl *c)
{
    const char *at = ctl_option(c, "at"), *user = ctl_option(c, "user");
    struct str message = STR_NULL, folder;
    struct restore_result r;
    int64_t not_after = 0;
    if (at && !clock_from_iso(str_from_c(at), &not_after))
        return ctl_fail(c, "%s: not a time like 2026-01-31T23:59:59.000Z", at);
    if (!ctl_load_data(c))
        return CTL_FAILED;
    enum err e = backup_find(c->words[0], not_after, &c->mem, &folder, &message);
    if (e)
        return ctl_fail(c, "%.*s", STR_ARG(message));
    const struct restore_order order = {
        .from = folder.p,
        .data_dir = ctl_data_dir(c),
        .force = ctl_option(c, "force") != NULL,
        .progress = ctl_progress(c, "restore"),
    };
    if (user)
        return restore_one(c, &order, user);
    e = restore_all(&order, &c->mem, &r, &message);
    return e ? ctl_fail(c, "%.*s", STR_ARG(message)) : restored(c, &order, &r);
}

/* --- verify ----------------------------------------------------------------------------------- */

struct problems_shown {
    struct ctl *ctl;
    struct buf json;
    size_t count;
};

static void show_problem(void *arg, struct str path, struct str what)
{
    struct problems_shown *shown = arg;
    ctl_progress_end(shown->ctl);
    if (!shown->ctl->json) {
        printf("%.*s: %.*s\n", STR_ARG(path), STR_ARG(what));
        return;
    }
    buf_appendf(&shown->json, "%s{\"file\":", shown->count++ ? "," : "");
    json_append_string(&shown->json, path);
    append_member(&shown->json, "problem", what);
    buf_append_ch(&shown->json, '}');
}

int verify_run(struct ctl *c)
{
    struct problems_shown shown = {.ctl = c, .json = BUF_INIT};
    struct str message = STR_NULL, folder;
    struct verify_result r;
    if (!ctl_load_data(c))
        return CTL_FAILED;
    folder = str_from_c(ctl_data_dir(c));
    if (c->word_count && backup_find(c->words[0], 0, &c->mem, &folder, &message) != OK)
        return ctl_fail(c, "%.*s", STR_ARG(message));
    const struct verify_order order = {
        .folder = folder.p,
        .is_backup = c->word_count > 0,
        .busy_ms = (int)c->conf.busy_timeout,
        .on_problem = show_problem,
        .arg = &shown,
        .progress = ctl_progress(c, "verify"),
    };
    enum err e = verify_all(&order, &c->mem, &r, &message);
    ctl_progress_end(c);
    if (e)
        ctl_fail(c, "%.*s", STR_ARG(message.p ? message : err_text(e)));
    else if (c->json)
        printf("{\"ok\":%s,\"files\":%zu,\"rows\":%lld,\"events\":%lld,\"problems\":[%.*s]}\n",
               r.problems ? "false" : "true", r.files, (long long)r.rows, (long long)r.events,
               STR_ARG(buf_str(&shown.json)));
    else
        printf("%.*s: %zu files, %lld rows, %lld events, %zu problems\n", STR_ARG(folder), r.files,
               (long long)r.rows, (long long)r.events, r.problems);
    buf_release(&shown.json);
    return e || r.problems ? CTL_FAILED : CTL_DONE;
}
