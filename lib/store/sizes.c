/* A walk over the files of a data folder. */
#include "base/base.h"

#include <sys/stat.h>

#include "store/sizes.h"
#include "store/tree.h"

static const char *const names[SPACE_KINDS] = {"main", "users", "organizations", "shared"};

struct walk {
    struct sizes *sizes;
    const char *root;
};

struct str sizes_name(enum space_kind kind)
{
    return str_from_c(names[kind]);
}

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static enum err on_entry(void *arg, const struct tree_entry *t)
{
    const struct walk *w = arg;
    struct arena mem = ARENA_INIT;
    if (!t->is_space)
        return OK;
    const char *path = arena_printf(&mem, "%s/%.*s", w->root, STR_ARG(t->path)).p;
    w->sizes->of[t->kind].files++;
    w->sizes->of[t->kind].bytes += size_of(path);
    w->sizes->of[t->kind].wal += size_of(arena_printf(&mem, "%s-wal", path).p);
    arena_release(&mem);
    return OK;
}

enum err sizes_measure(const char *root, struct sizes *out)
{
    *out = (struct sizes){.of = {{0}}};
    return tree_walk(root, on_entry, &(struct walk){out, root});
}
