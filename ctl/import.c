/*
 * Rows and pairs of files put into an account: first all of them are looked at, then, where none is
 * refused, written like anyone's: checked, with their events, some at a time. What is there already
 * is passed over, so an import that was cut short is done again and goes on.
 */
#include "base/base.h"

#include <sys/stat.h>

#include "base/buf.h"
#include "base/map.h"
#include "commands.h"
#include "domain/change.h"
#include "import.h"
#include "store/folder.h"
#include "store/kv.h"
#include "store/tables.h"

#define BATCH_ITEMS    500 /* of a transaction, */
#define BATCH_BYTES    (1024 * 1024)
#define PROBLEMS_SHOWN 20

enum conflict { CONFLICT_REFUSE, CONFLICT_SKIP, CONFLICT_UPDATE };

struct import {
    struct ctl *ctl;
    struct str user_id;
    enum conflict on_conflict;
    bool is_csv;
    struct folder_names files;
    const char *path; /* of them, the one that is read */
    bool writing;     /* the second time */
    struct space *space;
    struct change change;
    bool changing; /* a transaction is open */
    bool changed;  /* one was committed */
    size_t batch_items, batch_bytes;
    struct arena batch_mem, mem; /* of the transaction, and of an item */
    struct map seen;             /* ids and keys of the files */
    struct arena seen_mem;
    int64_t added, updated, skipped, same, bytes;
    size_t problems;
    struct buf json; /* of the problems */
};

/* --- what is wrong ---------------------------------------------------------------------------- */

static void show_problem(struct import *im, const struct incoming *item, const struct problem *p)
{
    struct str name = item->collection ? item->collection->name : STR(IMPORT_PAIRS);
    struct str path = str_starts_with(p->path, STR("$.")) ? str_from(p->path, 2) : p->path;
    struct str place = arena_printf(&im->mem, "%s, %.*s, %s %lld", im->path, STR_ARG(name),
                                    im->is_csv ? "line" : "row", (long long)item->number);
    ctl_progress_end(im->ctl);
    if (!im->ctl->json)
        fprintf(stderr, "%.*s: %.*s: %.*s\n", STR_ARG(place), STR_ARG(path), STR_ARG(p->message));
    buf_append_str(&im->json, im->problems++ ? STR(",{\"place\":") : STR("{\"place\":"));
    json_append_string(&im->json, place);
    buf_append_lit(&im->json, ",\"field\":");
    json_append_string(&im->json, path);
    buf_append_lit(&im->json, ",\"problem\":");
    json_append_string(&im->json, p->message);
    buf_append_ch(&im->json, '}');
}

/* Further ones are looked for, up to a number. */
static enum err refuse(struct import *im, const struct incoming *item,
                       const struct problems *problems)
{
    for (size_t i = 0; i < problems->count && im->problems < PROBLEMS_SHOWN; i++)
        show_problem(im, item, &problems->list[i]);
    return im->writing || im->problems >= PROBLEMS_SHOWN ? ERR_VALIDATION : OK;
}

static enum err refuse_for(struct import *im, const struct incoming *item, const char *message)
{
    struct problems problems = {.mem = &im->mem};
    import_add_problem(&problems, item->collection ? "id" : "key", message);
    return refuse(im, item, &problems);
}

/* --- what is there ---------------------------------------------------------------------------- */

static bool is_equal(struct str a, struct str b, struct arena *mem)
{
    struct json x, y;
    return str_eq(a, b) || (json_parse(&x, a, JSON_WITH_NUL, mem) == OK &&
                            json_parse(&y, b, JSON_WITH_NUL, mem) == OK &&
                            json_equal(json_root(&x), json_root(&y)));
}

/* *version of what is there, 0: nothing is. */
static enum err look(struct import *im, const struct incoming *item, const struct row *row,
                     int64_t *version, bool *same)
{
    struct row old = {.version = 1};
    enum err e = item->collection
                     ? rows_get(im->space, &item->collection->table, row->id, &im->mem, &old)
                     : kv_get(im->space, row->id, &im->mem, &old.data);
    *version = e ? 0 : old.version;
    *same = !e && is_equal(old.data, row->data, &im->mem);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Does the file have it a second time? */
static bool is_twice(struct import *im, const struct incoming *item, struct str id)
{
    struct str name = item->collection ? item->collection->name : STR("");
    struct str key = arena_printf(&im->seen_mem, "%.*s/%.*s", STR_ARG(name), STR_ARG(id));
    return map_put(&im->seen, key, im) != NULL;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum err begin_batch(struct import *im)
{
    enum err e = OK;
    if (!im->space)
        e = space_acquire(im->ctl->store, SPACE_USER, im->user_id, &im->space);
    if (!e && im->writing && !im->changing) {
        e = change_begin(&im->change, im->space, &im->ctl->collections, ctl_relay(im->ctl).bus,
                         &im->batch_mem);
        im->changing = !e;
    }
    return e;
}

/* The space is given back, so that its log can be moved into the file. */
static enum err end_batch(struct import *im, enum err e)
{
    if (im->changing && !e)
        e = change_commit(&im->change);
    im->changed |= im->changing && !e;
    space_release(im->space);
    arena_reset(&im->batch_mem);
    im->space = NULL;
    im->changing = false;
    im->batch_items = im->batch_bytes = 0;
    return e;
}

static enum err put(struct import *im, const struct incoming *item, struct row *row,
                    int64_t old_version)
{
    enum err e = item->collection ? change_row_put(&im->change, item->collection, row, old_version)
                                  : change_kv_set(&im->change, row->id, row->data);
    im->batch_bytes += row->data.n;
    if (e || (++im->batch_items < BATCH_ITEMS && im->batch_bytes < BATCH_BYTES))
        return e;
    return end_batch(im, OK);
}

static enum err take(struct import *im, const struct incoming *item, struct row *row)
{
    int64_t old_version;
    bool same;
    enum err e = look(im, item, row, &old_version, &same);
    if (e)
        return e;
    if (old_version && !same && im->on_conflict == CONFLICT_REFUSE)
        return refuse_for(im, item, "there is another of it: --skip or --update, or take it out");
    if (same || (old_version && im->on_conflict == CONFLICT_SKIP)) {
        ++*(same ? &im->same : &im->skipped);
        return OK;
    }
    ++*(old_version ? &im->updated : &im->added);
    im->bytes += (int64_t)row->data.n;
    return im->writing ? put(im, item, row, old_version) : OK;
}

static enum err on_item(void *arg, const struct incoming *item)
{
    struct import *im = arg;
    struct problems problems;
    struct row row;
    arena_reset(&im->mem);
    enum err e = import_read_item(item, &im->mem, &problems, &row);
    if (e == ERR_VALIDATION)
        return refuse(im, item, &problems);
    if (!e && !im->writing && is_twice(im, item, row.id))
        return refuse_for(im, item, "the files have it twice");
    if (!e)
        e = begin_batch(im);
    return e ? e : take(im, item, &row);
}

/* --- the two times ---------------------------------------------------------------------------- */

static const char *what_was_done(const struct import *im)
{
    return im->changed ? "; part of it was imported: the same command goes on with the rest" : "";
}

static int fail_at(struct import *im, enum err e, const struct import_source *s)
{
    const char *begun = what_was_done(im);
    if (s->problem.p)
        return ctl_fail(im->ctl, "%.*s%s", STR_ARG(s->problem), begun);
    if (e == ERR_QUOTA)
        return ctl_fail(im->ctl, "%s: the account has no room for it (quota_rows, quota_bytes)%s",
                        s->path, begun);
    if (e == ERR_FULL)
        return ctl_fail(im->ctl, "%s: the disk is full: make room, and try again%s",
                        ctl_data_dir(im->ctl), begun);
    if (e == ERR_INVALID || e == ERR_NOT_FOUND || e == ERR_FORBIDDEN)
        return ctl_fail(im->ctl, "%s: it is no file that this user can read%s", s->path, begun);
    return ctl_fail(im->ctl, "%s: %.*s%s", s->path, STR_ARG(err_text(e)), begun);
}

static int refused(struct import *im)
{
    struct ctl *c = im->ctl;
    const char *more = im->problems >= PROBLEMS_SHOWN ? ", and maybe more" : "";
    const char *done = im->changed ? what_was_done(im) : ": nothing was imported";
    if (!c->json)
        return ctl_fail(c, "%zu problems%s%s", im->problems, more, done);
    printf("{\"ok\":false,\"error\":\"%zu problems%s%s\",\"problems\":[%.*s]}\n", im->problems,
           more, done, STR_ARG(buf_str(&im->json)));
    return CTL_FAILED;
}

static int read_file(struct import *im, const char *path)
{
    struct import_source s = {
        .ctl = im->ctl,
        .path = im->path = path,
        .only = ctl_option(im->ctl, "collection"),
        .on_item = on_item,
        .arg = im,
        .progress = ctl_progress(im->ctl, im->writing ? "import" : "check"),
    };
    enum err e = im->is_csv ? import_csv(&s) : import_json(&s);
    e = end_batch(im, e);
    ctl_progress_end(im->ctl);
    if (e && !(e == ERR_VALIDATION && im->problems))
        return fail_at(im, e, &s);
    return CTL_DONE;
}

static int read_files(struct import *im, bool writing)
{
    int code = CTL_DONE;
    im->writing = writing;
    im->added = im->updated = im->skipped = im->same = 0;
    for (size_t i = 0; !code && i < im->files.count && im->problems < PROBLEMS_SHOWN; i++)
        code = read_file(im, im->files.list[i].p);
    return code || !im->problems ? code : refused(im);
}

/* What quotas say before anything is written; of the file's size they say more when it is. */
static int check_room(struct import *im)
{
    const struct conf *conf = &im->ctl->conf;
    int64_t rows = 0, bytes = 0;
    struct space *sp;
    enum err e = space_acquire(im->ctl->store, SPACE_USER, im->user_id, &sp);
    if (e)
        return ctl_fail_with(im->ctl, e, "the account's file");
    e = tables_count(sp, &rows);
    if (!e)
        e = db_used_bytes(sp->db, &bytes);
    space_release(sp);
    if (e)
        return ctl_fail_with(im->ctl, e, "the account's file");
    if (rows >= 0 && conf->quota_rows && rows + im->added > conf->quota_rows)
        return ctl_fail(im->ctl, "the account has %lld of %lld rows: no room for %lld more",
                        (long long)rows, (long long)conf->quota_rows, (long long)im->added);
    if (conf->quota_bytes && im->added && bytes + im->bytes > conf->quota_bytes)
        return ctl_fail(im->ctl, "the account has %lld of %lld bytes: no room for %lld more",
                        (long long)bytes, (long long)conf->quota_bytes, (long long)im->bytes);
    return CTL_DONE;
}

static void print_result(const struct import *im, bool dry)
{
    if (im->ctl->json)
        printf("{\"ok\":true,\"added\":%lld,\"updated\":%lld,\"unchanged\":%lld,\"skipped\":%lld,"
               "\"dryRun\":%s}\n",
               (long long)im->added, (long long)im->updated, (long long)im->same,
               (long long)im->skipped, dry ? "true" : "false");
    else
        printf("%lld added, %lld updated, %lld unchanged, %lld skipped%s\n", (long long)im->added,
               (long long)im->updated, (long long)im->same, (long long)im->skipped,
               dry ? ": so it would be" : "");
}

static int run(struct import *im)
{
    bool dry = ctl_option(im->ctl, "dry-run") != NULL;
    int code = read_files(im, false);
    if (!code)
        code = check_room(im);
    if (!code && !dry)
        code = read_files(im, true);
    if (!code)
        print_result(im, dry);
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A folder stands for the files of CSV in it, or the one of --collection. */
static bool find_files(struct import *im, const char *from)
{
    struct arena *mem = &im->ctl->mem;
    const char *only = ctl_option(im->ctl, "collection");
    struct str wanted = only ? arena_printf(mem, "%s.csv", only) : STR_NULL;
    struct folder_names names;
    if (!is_folder(from)) {
        folder_add_name(&im->files, str_from_c(from), mem);
        return true;
    }
    enum err e = folder_read(from, mem, &names);
    for (size_t i = 0; !e && i < names.count; i++) {
        struct str name = names.list[i];
        if (only ? str_eq(name, wanted) : str_ends_with(name, STR(".csv")))
            folder_add_name(&im->files, arena_printf(mem, "%s/%.*s", from, STR_ARG(name)), mem);
    }
    if (!im->files.count)
        ctl_fail(im->ctl, "%s: there is no %s in it", from, only ? wanted.p : "file of CSV");
    return im->files.count > 0;
}

static bool check_collection(struct ctl *c)
{
    const char *name = ctl_option(c, "collection");
    const struct collection *found =
        name ? collections_find(&c->collections, str_from_c(name)) : NULL;
    if (!name || strcmp(name, IMPORT_PAIRS) == 0 || (found && found->table.scope == SPACE_USER))
        return true;
    ctl_fail(c, "%s: there is no such collection of users", name);
    return false;
}

int import_run(struct ctl *c)
{
    const char *from = c->words[1];
    struct account a;
    struct import im = {
        .ctl = c,
        .on_conflict = ctl_option(c, "update") ? CONFLICT_UPDATE
                       : ctl_option(c, "skip") ? CONFLICT_SKIP
                                               : CONFLICT_REFUSE,
        .is_csv = is_folder(from) || str_ends_with(str_from_c(from), STR(".csv")),
        .seen = MAP_INIT,
    };
    if (!ctl_read_format(c, &im.is_csv))
        return CTL_FAILED;
    if (ctl_option(c, "update") && ctl_option(c, "skip"))
        return ctl_fail(c, "--update and --skip exclude each other");
    if (!ctl_open(c, false) || !check_collection(c) || !ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    im.user_id = a.id;
    int code = find_files(&im, from) ? run(&im) : CTL_FAILED;
    map_release(&im.seen);
    arena_release(&im.seen_mem);
    arena_release(&im.batch_mem);
    arena_release(&im.mem);
    buf_release(&im.json);
    return code;
}
