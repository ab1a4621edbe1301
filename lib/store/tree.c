/* The tree of folders of store/space.h, read by name. */
#include "base/base.h"

#include <sys/stat.h>

#include "store/folder.h"
#include "store/tree.h"

static const char *const folders[SPACE_KINDS] = {
    [SPACE_MAIN] = "", [SPACE_USER] = "users/", [SPACE_ORG] = "orgs/", [SPACE_SHARED] = "shared/"};

struct walk {
    const char *root;
    enum err (*on_entry)(void *arg, const struct tree_entry *t);
    void *arg;
};

struct str tree_path(enum space_kind kind, struct str id, struct arena *mem)
{
    if (kind == SPACE_MAIN)
        return STR("main.db");
    if (kind == SPACE_SHARED)
        return arena_printf(mem, "shared/%.*s.db", STR_ARG(id));
    return arena_printf(mem, "%s%.2s/%.*s.db", folders[kind], id.p, STR_ARG(id));
}

static bool is_folder(const char *root, const char *path)
{
    struct stat st;
    struct arena mem = ARENA_INIT;
    bool is = stat(arena_printf(&mem, "%s/%s", root, path).p, &st) == 0 && S_ISDIR(st.st_mode);
    arena_release(&mem);
    return is;
}

static bool belongs_to_space(struct str name)
{
    return str_ends_with(name, STR(".db-wal")) || str_ends_with(name, STR(".db-shm"));
}

/* The space whose file would be called so, in that place. */
static void find_space(struct tree_entry *t, enum space_kind kind, struct str name)
{
    struct arena mem = ARENA_INIT;
    if (str_ends_with(name, STR(".db"))) {
        t->kind = kind;
        t->id = kind == SPACE_MAIN ? STR("") : str_make(name.p, name.n - 3);
        t->is_space =
            space_id_is_valid(kind, t->id) && str_eq(t->path, tree_path(kind, t->id, &mem));
    }
    arena_release(&mem);
}

static enum err walk_folder(const struct walk *w, enum space_kind kind, struct str folder,
                            int depth);

static enum err visit(const struct walk *w, enum space_kind kind, struct str path, struct str name,
                      int depth, struct arena *mem)
{
    struct tree_entry t = {.path = path};
    if (belongs_to_space(name) || (kind == SPACE_MAIN && str_eq(name, STR("locks"))))
        return OK;
    if (!is_folder(w->root, path.p)) {
        find_space(&t, kind, name);
        return w->on_entry(w->arg, &t);
    }
    return depth ? walk_folder(w, kind, arena_printf(mem, "%s/", path.p), depth - 1) : OK;
}

/* folder: "", or with its '/'; depth: folders within it that count. */
static enum err walk_folder(const struct walk *w, enum space_kind kind, struct str folder,
                            int depth)
{
    struct arena mem = ARENA_INIT;
    struct folder_names names;
    enum err e =
        folder_read(arena_printf(&mem, "%s/%.*s", w->root, STR_ARG(folder)).p, &mem, &names);
    if (e == ERR_NOT_FOUND && folder.n)
        e = OK;
    for (size_t i = 0; !e && i < names.count; i++) {
        struct str path = arena_printf(&mem, "%.*s%.*s", STR_ARG(folder), STR_ARG(names.list[i]));
        e = visit(w, kind, path, names.list[i], depth, &mem);
    }
    arena_release(&mem);
    return e;
}

enum err tree_walk(const char *root, enum err (*on_entry)(void *arg, const struct tree_entry *t),
                   void *arg)
{
    const struct walk w = {root, on_entry, arg};
    enum err e = OK;
    for (size_t kind = SPACE_MAIN; !e && kind < SPACE_KINDS; kind++)
        e = walk_folder(&w, (enum space_kind)kind, str_from_c(folders[kind]),
                        kind == SPACE_USER || kind == SPACE_ORG ? 1 : 0);
    return e;
}

enum err tree_walk_part(const char *root, enum space_kind kind, unsigned part,
                        enum err (*on_entry)(void *arg, const struct tree_entry *t), void *arg)
{
    const struct walk w = {root, on_entry, arg};
    char folder[16];
    bool is_spread = kind == SPACE_USER || kind == SPACE_ORG;
    assert(part < (is_spread ? TREE_PARTS : 1));
    snprintf(folder, sizeof folder, is_spread ? "%s%02x/" : "%s", folders[kind], part);
    return walk_folder(&w, kind, str_from_c(folder), 0);
}
