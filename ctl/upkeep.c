/* Work on every file: migrations, and space given back. */
#include "base/base.h"

#include <sys/stat.h>

#include "commands.h"
#include "store/tree.h"

/* What is done to each file. */
struct round {
    struct ctl *ctl;
    enum err (*work)(struct space *sp);
    struct progress progress;
    size_t done, total, failed;
    int64_t bytes_before, bytes_after;
};

static int64_t size_of(struct round *r, struct str path)
{
    struct arena mem = ARENA_INIT;
    struct stat st;
    const char *full = arena_printf(&mem, "%s/%.*s", ctl_data_dir(r->ctl), STR_ARG(path)).p;
    int64_t size = stat(full, &st) == 0 ? st.st_size : 0;
    arena_release(&mem);
    return size;
}

static enum err count_space(void *arg, const struct tree_entry *t)
{
    *(size_t *)arg += t->is_space;
    return OK;
}

/* A file that fails is told of, and the others are worked on. */
static enum err on_space(void *arg, const struct tree_entry *t)
{
    struct round *r = arg;
    struct space *sp;
    if (!t->is_space)
        return OK;
    r->bytes_before += size_of(r, t->path);
    enum err e = space_acquire(r->ctl->store, t->kind, t->id, &sp);
    if (e == OK) {
        e = r->work ? r->work(sp) : OK;
        space_release(sp);
    }
    if (e && e != ERR_NOT_FOUND) { /* deleted meanwhile */
        r->failed++;
        ctl_progress_end(r->ctl);
        fprintf(stderr, "%.*s: %.*s\n", STR_ARG(t->path), STR_ARG(err_text(e)));
    }
    r->bytes_after += size_of(r, t->path);
    if (r->progress.on_step)
        r->progress.on_step(r->progress.arg, ++r->done, r->total);
    return OK;
}

static int finish(struct ctl *c, const struct round *r, enum err e, size_t files)
{
    ctl_progress_end(c);
    if (e)
        return ctl_fail_with(c, e, ctl_data_dir(c));
    if (r->failed)
        return ctl_fail(c, "%zu of %zu files failed", r->failed, files);
    if (c->json)
        printf("{\"ok\":true,\"files\":%zu,\"bytesBefore\":%lld,\"bytesAfter\":%lld}\n", files,
               (long long)r->bytes_before, (long long)r->bytes_after);
    else
        printf("%zu files, %.*s before, %.*s now\n", files, STR_ARG(ctl_bytes(c, r->bytes_before)),
               STR_ARG(ctl_bytes(c, r->bytes_after)));
    return CTL_DONE;
}

static int work_on_all(struct ctl *c, struct round *r)
{
    enum err e = tree_walk(ctl_data_dir(c), count_space, &r->total);
    if (!e)
        e = tree_walk(ctl_data_dir(c), on_space, r);
    return finish(c, r, e, r->total);
}

/* To take a space is to bring its file up to date. */
int upkeep_migrate(struct ctl *c)
{
    struct round r = {.ctl = c, .progress = ctl_progress(c, "migrate")};
    return ctl_open(c, false) ? work_on_all(c, &r) : CTL_FAILED;
}

int upkeep_vacuum(struct ctl *c)
{
    struct round r = {.ctl = c, .work = space_vacuum, .progress = ctl_progress(c, "vacuum")};
    struct account a;
    if (!ctl_open(c, false))
        return CTL_FAILED;
    if (!c->word_count)
        return work_on_all(c, &r);
    if (!ctl_find_user(c, c->words[0], &a))
        return CTL_FAILED;
    enum err e = on_space(&r, &(struct tree_entry){.path = tree_path(SPACE_USER, a.id, &c->mem),
                                                   .is_space = true,
                                                   .kind = SPACE_USER,
                                                   .id = a.id});
    return finish(c, &r, e, 1);
}
