/* Where spaces are: the tree of folders, paths, deletion. Every new name is durable when it
 * returns. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/handle.h"

static const char *const folders[SPACE_KINDS] = {
    [SPACE_MAIN] = "", [SPACE_USER] = "users", [SPACE_ORG] = "orgs", [SPACE_SHARED] = "shared"};

bool files_is_sharded(enum space_kind kind)
{
    return kind == SPACE_USER || kind == SPACE_ORG;
}

size_t files_key(char out[SPACE_ID_MAX + 2], enum space_kind kind, struct str id)
{
    out[0] = "muos"[kind];
    if (id.n) /* main has none */
        memcpy(out + 1, id.p, id.n);
    out[1 + id.n] = '\0';
    return 1 + id.n;
}

/* The folder of a space's file. */
static void folder_path(struct buf *out, const struct space *sp)
{
    buf_appendf(out, "%s", sp->store->data_dir);
    if (sp->kind != SPACE_MAIN)
        buf_appendf(out, "/%s", folders[sp->kind]);
    if (files_is_sharded(sp->kind))
        buf_appendf(out, "/%.2s", sp->id);
}

void files_path(struct buf *out, const struct space *sp)
{
    folder_path(out, sp);
    buf_appendf(out, "/%s.db", sp->kind == SPACE_MAIN ? "main" : sp->id);
}

static enum err sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE ? ERR_BUSY : ERR_INTERNAL;
    int rc = fsync(fd);
    close(fd);
    return rc < 0 ? ERR_INTERNAL : OK;
}

/* Make the folder if need be, durably. */
static enum err make_folder(const char *path, const char *parent)
{
    if (mkdir(path, 0700) == 0)
        return sync_folder(parent);
    return errno == EEXIST ? OK : errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_INVALID;
}

enum err files_make_shard(const struct space *sp)
{
    struct buf path = BUF_INIT, parent = BUF_INIT;
    folder_path(&path, sp);
    buf_appendf(&parent, "%s/%s", sp->store->data_dir, folders[sp->kind]);
    enum err e = make_folder(path.p, parent.p);
    buf_release(&parent);
    buf_release(&path);
    return e;
}

enum err files_sync_shard(const struct space *sp)
{
    struct buf path = BUF_INIT;
    folder_path(&path, sp);
    enum err e = sync_folder(path.p);
    buf_release(&path);
    return e;
}

enum err files_keep(const struct space *sp, const char *keep)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct buf path = BUF_INIT, kept = BUF_INIT;
    enum err e = OK;
    files_path(&path, sp);
    size_t n = path.n;
    for (size_t i = 0; !e && i < ARRAY_LEN(suffixes); i++) {
        path.n = n;
        buf_appendf(&path, "%s", suffixes[i]);
        buf_reset(&kept);
        buf_appendf(&kept, "%s%s", keep, suffixes[i]);
        if (i < 2 && link(path.p, kept.p) < 0 && errno != ENOENT)
            e = ERR_INTERNAL;
        else if (i > 0 && unlink(path.p) < 0 && errno != ENOENT)
            e = ERR_INTERNAL;
    }
    buf_release(&kept);
    buf_release(&path);
    return e;
}

enum err files_delete(const struct space *sp)
{
    /* The file last: a WAL that outlived it would be taken for that of its successor. */
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    struct buf path = BUF_INIT;
    enum err e = OK;
    files_path(&path, sp);
    size_t n = path.n;
    for (size_t i = 0; !e && i < ARRAY_LEN(suffixes); i++) {
        path.n = n;
        buf_appendf(&path, "%s", suffixes[i]);
        if (unlink(path.p) < 0 && errno != ENOENT)
            e = ERR_INTERNAL;
    }
    buf_release(&path);
    return e ? e : files_sync_shard(sp);
}

enum err files_make_tree(const char *data_dir)
{
    struct buf path = BUF_INIT;
    enum err e = mkdir(data_dir, 0700) == 0 || errno == EEXIST ? OK : ERR_INVALID;
    for (size_t kind = SPACE_MAIN + 1; !e && kind < SPACE_KINDS; kind++) {
        buf_reset(&path);
        buf_appendf(&path, "%s/%s", data_dir, folders[kind]);
        e = make_folder(path.p, data_dir);
    }
    if (!e && access(data_dir, R_OK | W_OK | X_OK) < 0)
        e = ERR_INVALID;
    buf_release(&path);
    return e;
}
