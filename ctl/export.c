/*
 * Accounts as files: one document each, or folders of CSV. What is written has another name until
 * it is whole and durable.
 */
#include "base/base.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "commands.h"
#include "domain/export.h"
#include "export.h"
#include "store/folder.h"

#define PAGE    500
#define PARTIAL ".partial"

struct exporting {
    struct ctl *ctl;
    bool is_csv;
    bool force;
    const char *to;
    const char *made; /* what gets the name `to` */
    struct progress progress;
    size_t done, total;
};

bool ctl_read_format(struct ctl *c, bool *is_csv)
{
    const char *format = ctl_option(c, "format");
    if (!format)
        return true;
    *is_csv = strcmp(format, "csv") == 0;
    if (*is_csv || strcmp(format, "json") == 0)
        return true;
    ctl_fail(c, "--format is json or csv");
    return false;
}

/* --- one account ------------------------------------------------------------------------------ */

static enum err write_document(struct exporting *x, struct space *sp, const char *path)
{
    struct arena mem = ARENA_INIT;
    struct output out;
    const struct export_order order = {x->ctl->store, &x->ctl->collections, str_from_c(sp->id),
                                       STR_NULL};
    bool more = true;
    enum err e = output_create(&out, path);
    if (e)
        return e;
    struct export *document = export_new(&order, &mem);
    while (!e && more) {
        e = export_part(document, sp, &out.text, &more);
        if (!e)
            e = output_flush(&out);
    }
    if (!e)
        buf_append_ch(&out.text, '\n');
    arena_release(&mem);
    return output_close(&out, x->total == 0, e);
}

/* All of it is of one moment. `path` is a file, or a folder that is made. */
static enum err write_account(struct exporting *x, struct str id, const char *path)
{
    struct space *sp;
    enum err e = space_acquire(x->ctl->store, SPACE_USER, id, &sp);
    if (e)
        return e;
    e = space_begin_read(sp);
    if (!e && x->is_csv && mkdir(path, 0700) < 0)
        e = folder_errno(errno);
    if (!e)
        e = x->is_csv ? export_csv(x->ctl, sp, path) : write_document(x, sp, path);
    space_release(sp);
    return e;
}

/* --- all of them ------------------------------------------------------------------------------ */

static enum err write_one_of_all(struct exporting *x, const struct account *a)
{
    struct arena mem = ARENA_INIT;
    const char *path =
        arena_printf(&mem, "%s/%.*s%s", x->made, STR_ARG(a->id), x->is_csv ? "" : ".json").p;
    enum err e = write_account(x, a->id, path);
    x->done += e == OK;
    if (e == ERR_NOT_FOUND) /* deleted meanwhile */
        e = OK;
    if (x->progress.on_step)
        x->progress.on_step(x->progress.arg, x->done, x->total);
    arena_release(&mem);
    return e;
}

static enum err each_account(struct exporting *x,
                             enum err (*on_account)(struct exporting *x, const struct account *a))
{
    struct arena mem = ARENA_INIT;
    struct account *page = mem_zalloc(PAGE, sizeof *page);
    char after[RAND_ID_LEN + 1] = "";
    size_t count;
    enum err e;
    do {
        arena_reset(&mem);
        e = accounts_page(x->ctl->store, str_from_c(after), PAGE, &mem, page, &count);
        for (size_t i = 0; !e && i < count; i++)
            e = on_account(x, &page[i]);
        if (!e && count)
            snprintf(after, sizeof after, "%.*s", STR_ARG(page[count - 1].id));
    } while (!e && count == PAGE);
    mem_free(page);
    arena_release(&mem);
    return e;
}

static enum err count_account(struct exporting *x, const struct account *a)
{
    (void)a;
    x->total++;
    return OK;
}

static enum err write_all(struct exporting *x)
{
    if (mkdir(x->made, 0700) < 0)
        return folder_errno(errno);
    enum err e = each_account(x, count_account);
    return e ? e : each_account(x, write_one_of_all);
}

/* --- the command ------------------------------------------------------------------------------ */

static int fail(struct exporting *x, enum err e)
{
    ctl_progress_end(x->ctl);
    if (e == ERR_FULL)
        return ctl_fail(x->ctl, "%s: its disk is full: make room, and try again", x->to);
    if (e == ERR_CONFLICT)
        return ctl_fail(x->ctl, "%s: it is there already: --force replaces it", x->to);
    if (e == ERR_FORBIDDEN)
        return ctl_fail(x->ctl, "%s: this user cannot write there", x->to);
    return ctl_fail_with(x->ctl, e, x->to);
}

static enum err finish(struct exporting *x, bool is_folder)
{
    struct str to = str_from_c(x->to);
    while (to.n && to.p[to.n - 1] != '/')
        to.n--;
    enum err e = is_folder ? folder_sync(x->made) : OK;
    if (!e)
        e = output_publish(x->made, x->to, x->force, &x->ctl->mem);
    return e ? e : folder_sync(to.n ? arena_dup(&x->ctl->mem, to).p : ".");
}

static void remove_made(const struct exporting *x, bool is_folder)
{
    enum err ignored = OK;
    if (is_folder)
        ignored = folder_remove(x->made);
    else
        unlink(x->made);
    (void)ignored; /* its name says that it is not whole */
}

static int run(struct exporting *x, struct str id)
{
    bool is_folder = x->is_csv || !id.p;
    if (!x->force && access(x->to, F_OK) == 0)
        return ctl_fail(x->ctl, "%s: it is there already: --force replaces it", x->to);
    if (access(x->made, F_OK) == 0)
        return ctl_fail(x->ctl, "%s: an export that was cut short left it: delete it", x->made);
    enum err e = id.p ? write_account(x, id, x->made) : write_all(x);
    if (!e)
        e = finish(x, is_folder);
    if (e) {
        remove_made(x, is_folder);
        return fail(x, e);
    }
    ctl_progress_end(x->ctl);
    if (x->ctl->json)
        printf("{\"ok\":true,\"accounts\":%zu}\n", id.p ? (size_t)1 : x->done);
    else
        printf("%s\n", x->to);
    return CTL_DONE;
}

int export_run(struct ctl *c)
{
    bool all = ctl_option(c, "all") != NULL;
    struct account a = {.id = STR_NULL};
    struct exporting x = {.ctl = c, .force = ctl_option(c, "force") != NULL};
    if (c->word_count != (all ? 1 : 2))
        return ctl_fail(c, "it takes an account, or --all, and where to write");
    struct str to = arena_dup(&c->mem, str_from_c(c->words[c->word_count - 1]));
    while (to.n > 1 && to.p[to.n - 1] == '/')
        to.n--;
    x.to = arena_dup(&c->mem, to).p;
    x.made = arena_printf(&c->mem, "%s" PARTIAL, x.to).p;
    if (!ctl_read_format(c, &x.is_csv) || !ctl_open(c, false))
        return CTL_FAILED;
    if (!all && !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    x.progress = ctl_progress(c, "export");
    return run(&x, a.id);
}
